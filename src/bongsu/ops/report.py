"""A report in the terminal, as the owner would get it on Telegram, or for machines."""

import json
import sys
from datetime import date

import msgspec

from bongsu.core.report import Report, Span
from bongsu.ledger.database import Database
from bongsu.ledger.reading import Reading
from bongsu.ledger.report_text import missing, report
from bongsu.ledger.reports import Missing
from bongsu.ledger.voice import Voice
from bongsu.settings import Settings


async def print_report(
    database: Database, settings: Settings, span: Span, day: date | None, *, as_json: bool
) -> int:
    """1 when there is none. Raises LedgerUnavailable."""
    await database.open()
    try:
        async with Reading(database).look() as view:
            found = await view.report(span, day, settings.trading_day_start)
    finally:
        await database.close()
    voice = Voice(settings.bongsu_lang, settings.bongsu_mode)
    if isinstance(found, Missing):
        print(missing(found, voice), file=sys.stderr)
        return 1
    text = report(found, None, voice).replace("**", "")
    print(json.dumps(as_shape(found), ensure_ascii=False, indent=2) if as_json else text)
    return 0


def as_shape(found: Report) -> dict[str, object]:
    """Amounts as text, so that no reader rounds them."""
    shape: dict[str, object] = msgspec.to_builtins(found)
    return shape | {
        "decisions": found.decisions,
        "trades": found.trades,
        "profit": f"{found.profit:f}",
        "ratio": None if found.ratio is None else f"{found.ratio:f}",
        "ended": found.ended,
    }
