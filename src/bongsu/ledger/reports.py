"""The ledger's figures of a trading day, week or month, and which of them the owner is still owed."""

from collections.abc import Iterator
from datetime import datetime, time

from bongsu.core.report import Report, Span, span_bounds
from bongsu.core.risk import VetoReason
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = load("reports")


async def read(tx: Tx, span: Span, start: datetime, end: datetime) -> Report | None:
    """None when nothing was valued in that time."""
    row = await (await tx.execute(_SQL["report"], {"start": start, "end": end})).fetchone()
    if row is None:
        return None
    blocked = {VetoReason(reason): number for reason, number in row.pop("blocked").items()}
    return Report(span=span, start=start, end=end, blocked=blocked, **row)


async def first_and_last(tx: Tx) -> tuple[datetime, datetime] | None:
    """The first trading day on record, and the newest valuation."""
    row = await (await tx.execute(_SQL["first_and_last"])).fetchone()
    return None if row is None else (row["first_day"], row["valued_at"])


async def owed(tx: Tx, today: datetime) -> list[datetime]:
    rows = await (await tx.execute(_SQL["owed_reports"], {"today": today})).fetchall()
    return [row["day"] for row in rows]


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
