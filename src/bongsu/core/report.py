"""The figures of a trading day, week or month, and what follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from bongsu.core.money import Krw
from bongsu.core.risk import VetoReason
from bongsu.core.tradingday import DAY, KST, NINE, WEEK, loss_ratio, trading_day_start, trading_week_start

LATE = timedelta(minutes=30)  # market time; the alarm of a missed report waits as long


class Span(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class EquityPoint:
    at: datetime
    equity: Krw


@dataclass(frozen=True, slots=True)
class Report:
    """Of all that happened from `start` until before `end`, by market time.

    `opened` is its first valuation, `closed` the first one after it, so that profits of days add up to those of weeks;
    where none came yet, the newest. `flows` is money that came in less money that went out in between.
    `blocked` counts decisions the risk gate refused, by reason; `alarms` counts by name.
    """

    span: Span
    start: datetime
    end: datetime
    opened: Krw
    opened_at: datetime
    closed: Krw
    closed_at: datetime
    flows: Krw
    buys: int
    sells: int
    holds: int
    rejected: int  # words of the advisor that validation refused
    bought: int
    sold: int
    volume: Krw
    fees: Krw
    realized: Krw
    stop_losses: int
    take_profits: int
    trailing_stops: int
    breaker_trips: int
    blocked: Mapping[VetoReason, int]
    ai_cost: Krw
    hours: int  # since the first valuation of all, where that lies within
    hours_awake: int  # those with a valuation
    alarms: Mapping[str, int]

    @property
    def decisions(self) -> int:
        return self.buys + self.sells + self.holds

    @property
    def trades(self) -> int:
        return self.bought + self.sold

    @property
    def profit(self) -> Krw:
        return Krw(self.closed - self.opened - self.flows)

    @property
    def ratio(self) -> Decimal | None:
        """Profit by what was at stake; None when nothing ever was."""
        loss = loss_ratio(self.closed, self.opened, self.flows)
        return None if loss is None else -loss

    @property
    def ended(self) -> bool:
        """Whether its end was valued; until then its figures are those so far."""
        return self.closed_at >= self.end


def span_bounds(span: Span, at: datetime, start: time = NINE) -> tuple[datetime, datetime]:
    """The trading day, week or month that `at` lies in, in UTC. A month begins with the day that begins on its first."""
    if span is Span.DAY:
        day = trading_day_start(at, start)
        return day, day + DAY
    if span is Span.WEEK:
        week = trading_week_start(at, start)
        return week, week + WEEK
    first = trading_day_start(at, start).astimezone(KST).replace(day=1)
    following = (first + 31 * DAY).replace(day=1)
    return first.astimezone(UTC), following.astimezone(UTC)
