"""The trading day, 09:00 to 09:00 KST like the exchange's own day candle, and the loss limits it bounds."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Literal

from bongsu.core.money import Krw

KST = timezone(timedelta(hours=9), "KST")  # no daylight saving since 1988
NINE = time(9)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)

Scope = Literal["daily", "weekly"]


@dataclass(frozen=True, slots=True)
class Period:
    """A trading day or week: `flows` is money that came in less money that went out since its start."""

    scope: Scope
    start_equity: Krw
    flows: Krw
    tripped_until: datetime | None  # when its breaker resets; None while it is off


def trading_day_start(at: datetime, start: time = NINE) -> datetime:
    """The last `start` o'clock KST at or before `at`, in UTC."""
    local = at.astimezone(KST)
    begin = datetime.combine(local.date(), start, KST)
    return (begin if begin <= local else begin - DAY).astimezone(UTC)


def day_offset(start: time = NINE) -> timedelta:
    """From midnight UTC to the start of the trading day."""
    return (
        timedelta(hours=start.hour, minutes=start.minute, seconds=start.second) - KST.utcoffset(None)
    ) % DAY


def trading_week_start(at: datetime, start: time = NINE) -> datetime:
    """The start of the trading day that began last on a Monday, in UTC."""
    day = trading_day_start(at, start)
    return day - DAY * day.astimezone(KST).weekday()


def loss_ratio(equity: Krw, start_equity: Krw, flows: Krw) -> Decimal | None:
    """What was lost since the period's start, as a fraction of what was at stake; negative when won.

    `flows` is money that came in less money that went out since then: nobody's profit or loss.
    At stake is the equity at the start less what was taken out, or what came in where there was nothing.
    None when nothing was ever at stake.
    """
    expected = start_equity + flows
    stake = min(start_equity, expected) if start_equity > 0 else expected
    return (expected - equity) / stake if stake > 0 else None


def breaker_due(equity: Krw, start_equity: Krw, flows: Krw, limit: Decimal) -> bool:
    loss = loss_ratio(equity, start_equity, flows)
    return loss is not None and loss >= limit


def breaker_until(scope: Scope, at: datetime, start: time = NINE) -> datetime:
    """When a breaker that trips at `at` resets by itself, in UTC."""
    if scope == "daily":
        return trading_day_start(at, start) + DAY
    return trading_week_start(at, start) + WEEK
