"""`bongsu trades export`: trades as CSV for a spreadsheet, exact to the last decimal the ledger holds."""

import csv
import io
import os
import sys
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from bongsu.core.figures import kst_text, signed_won_text, won_text
from bongsu.core.portfolio import FIRST_BALANCE
from bongsu.core.tradingday import KST
from bongsu.errors import CannotStart
from bongsu.ledger.database import Database
from bongsu.ledger.export import Account, Booked
from bongsu.ledger.reading import Reading
from bongsu.ops.language import say

_BOM = "\ufeff"  # without it Excel takes Korean for another encoding
_FORMULA = tuple("=+-@")  # what a spreadsheet computes
_TRADES = ("buy", "sell")
_COLUMNS = (
    ("주문 시각(KST)", "Ordered at (KST)"),
    ("체결 시각(KST)", "Filled at (KST)"),
    ("구분", "Kind"),
    ("출처", "Origin"),
    ("종목", "Asset"),
    ("수량", "Volume"),
    ("평균 단가(원)", "Average price (KRW)"),
    ("금액(원)", "Amount (KRW)"),
    ("수수료(원)", "Fee (KRW)"),
    ("취득원가(원)", "Cost of what was sold (KRW)"),
    ("실현손익(원)", "Realised profit (KRW)"),
    ("사유", "Reason"),
    ("모드", "Mode"),
    ("거래소 주문 UUID", "Exchange order UUID"),
)


async def export(database: Database, first: date, last: date, target: Path | None) -> int:
    """The days from `first` to `last` in Korea, both included; to the terminal where there is no target.

    Raises LedgerUnavailable and CannotStart; then nothing was written.
    """
    since, until = (datetime.combine(day, time(), KST) for day in (first, last + timedelta(days=1)))
    async with Reading(database).look() as view:
        account = await view.account(since, until)
    _write(render(account).encode(), target)
    print(_summary(account, target), file=sys.stderr)
    return 0


def render(account: Account) -> str:
    """CSV as Excel reads it in Korea and elsewhere: RFC 4180 after a byte-order mark."""
    page = io.StringIO()
    page.write(_BOM)
    rows = csv.writer(page, lineterminator="\r\n")
    rows.writerow(_head())
    rows.writerows(_cells(row, account.mode or "") for row in account.rows)
    return page.getvalue()


def _head() -> list[str]:
    return [say(korean, english) for korean, english in _COLUMNS]


def _cells(row: Booked, mode: str) -> list[str]:
    kinds = {
        "buy": say("매수", "buy"),
        "sell": say("매도", "sell"),
        "in": say("입금", "in"),
        "out": say("출금", "out"),
    }
    origins = {"bot": say("봇", "bot"), "external": say("외부", "external")}
    figures = (row.volume, row.price, row.amount, row.fee, row.cost_sold, row.realized)
    return [
        kst_text(row.at),
        kst_text(row.filled_at) if row.filled_at else "",
        kinds[row.kind],
        origins[row.origin],
        plain(row.asset),
        *map(_figure, figures),
        plain(_reason(row.note or "")),
        mode,
        str(row.uuid or ""),
    ]


def _reason(note: str) -> str:
    return say("처음 잔고", "first balance") if note == FIRST_BALANCE else note


def _figure(amount: Decimal | None) -> str:
    """No separators, no exponent, nothing rounded."""
    if amount is None:
        return ""
    text = f"{amount:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def plain(text: str) -> str:
    """On one line, and never a formula: behind an apostrophe a spreadsheet takes it for what it is."""
    line = "".join(" " if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp") else sign for sign in text)
    risky = unicodedata.normalize("NFKC", line).lstrip().startswith(_FORMULA)
    return f"'{line}" if risky else line


def _write(text: bytes, target: Path | None) -> None:
    if target is None:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
        return
    try:
        opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(opened, "wb") as file:
                file.write(text)
        except OSError:
            target.unlink(missing_ok=True)
            raise
    except FileExistsError:
        raise CannotStart(
            say(
                f"{target} 이(가) 이미 있습니다. 다른 이름을 주거나 먼저 옮기세요.",
                f"{target} exists already. Give another name, or move it first.",
            )
        ) from None
    except OSError as refused:
        because = refused.strerror
        raise CannotStart(
            say(f"{target} 에 쓸 수 없습니다: {because}", f"Cannot write {target}: {because}")
        ) from refused


def _summary(account: Account, target: Path | None) -> str:
    trades = [row for row in account.rows if row.kind in _TRADES]
    fees = won_text(_sum(row.fee for row in trades))
    profit = signed_won_text(_sum(row.realized for row in trades))
    moved = len(account.rows) - len(trades)
    lines = [
        say(
            f"거래 {len(trades)}건, 수수료 {fees}원, 실현손익 {profit}원 · 외부 입출금 {moved}건",
            f"{len(trades)} trades, fees {fees} KRW, realised {profit} KRW · {moved} movements from outside",
        )
    ]
    if account.mode != "live":
        lines.append(
            say(
                "⚠️ 모의거래의 기록입니다. 세금과 관계없습니다.",
                "⚠️ These are simulated trades. They have nothing to do with taxes.",
            )
        )
    if target is not None:
        lines.append(say(f"저장: {target}", f"written to {target}"))
    return "\n".join(lines)


def _sum(amounts: Iterable[Decimal | None]) -> Decimal:
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
