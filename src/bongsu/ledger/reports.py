"""The ledger's figures of a trading day, week or month, and which of them the owner is still owed."""

from collections.abc import Iterator
from datetime import date, datetime, time
from enum import StrEnum

from bongsu.core.report import EquityPoint, Report, Span, span_bounds
from bongsu.core.risk import VetoReason
from bongsu.core.tradingday import DAY, KST
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = load("reports")


class Missing(StrEnum):
    """Why there is no report."""

    NOTHING_VALUED = "nothing_valued"
    NOT_YET = "not_yet"
    BEFORE_THE_LEDGER = "before_the_ledger"
    BOT_WAS_OFF = "bot_was_off"


async def read(tx: Tx, span: Span, start: datetime, end: datetime) -> Report | None:
    """None when nothing was valued in that time."""
    row = await (await tx.execute(_SQL["report"], {"start": start, "end": end})).fetchone()
    if row is None:
        return None
    blocked = {VetoReason(reason): number for reason, number in row.pop("blocked").items()}
    return Report(span=span, start=start, end=end, blocked=blocked, **row)


async def find(tx: Tx, span: Span, day: date | None, day_start: time) -> Report | Missing:
    """The one of the trading day that begins on `day`, or of the week or month it lies in.

    Without one: the last day that ended, the week or month that goes on.
    """
    row = await (await tx.execute(_SQL["first_and_last"])).fetchone()
    if row is None:
        return Missing.NOTHING_VALUED
    first, newest = row["first_day"], row["valued_at"]
    if day is not None:
        at = datetime.combine(day, day_start, KST)
    else:
        at = max(first, newest - DAY) if span is Span.DAY else newest
    start, end = span_bounds(span, at, day_start)
    if start > newest:
        return Missing.NOT_YET
    if end <= first:
        return Missing.BEFORE_THE_LEDGER
    return await read(tx, span, start, end) or Missing.BOT_WAS_OFF


async def owed(tx: Tx, today: datetime) -> list[datetime]:
    rows = await (await tx.execute(_SQL["owed_reports"], {"today": today})).fetchall()
    return [row["day"] for row in rows]


async def curve(tx: Tx, since: datetime, until: datetime) -> tuple[EquityPoint, ...]:
    rows = await (await tx.execute(_SQL["equity_curve"], {"since": since, "until": until})).fetchall()
    return tuple(EquityPoint(**row) for row in rows)


async def due_with(tx: Tx, day: datetime, today: datetime, day_start: time) -> tuple[Report, ...]:
    """The reports that are due with the one of `day`: its week's and month's where none of their days comes after it."""
    found = [await read(tx, Span.DAY, *span_bounds(Span.DAY, day, day_start))]
    for span, start, end in _over(day, today, day_start):
        row = await (await tx.execute(_SQL["last_valued_before"], {"end": end})).fetchone()
        if row is not None and row["day"] == day:
            found.append(await read(tx, span, start, end))
    return tuple(report for report in found if report is not None)


def _over(day: datetime, today: datetime, day_start: time) -> Iterator[tuple[Span, datetime, datetime]]:
    for span in (Span.WEEK, Span.MONTH):
        start, end = span_bounds(span, day, day_start)
        if end <= today:
            yield span, start, end
