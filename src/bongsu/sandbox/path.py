"""The way of the price inside an hour, which candles do not record.

Assumption, flagged wherever results are shown: the price visits open, the nearer extreme, the other one and close,
at minutes 0, 20, 40 and 60, in straight lines. What is quoted stands on the tick grid; the line itself does not.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from bongsu.core.market import Candle
from bongsu.core.money import Price, tick_size

LEG = timedelta(minutes=20)
_MICROSECOND = timedelta(microseconds=1)
_LEG_MICROSECONDS = LEG // _MICROSECOND


def corners(candle: Candle) -> tuple[Price, Price, Price, Price]:
    to_high, to_low = candle.high - candle.open, candle.open - candle.low
    high_first = to_high < to_low or (to_high == to_low and candle.close < candle.open)
    first, second = (candle.high, candle.low) if high_first else (candle.low, candle.high)
    return candle.open, first, second, candle.close


def line_at(candle: Candle, at: datetime) -> Decimal:
    """`at` lies in the candle, both ends included."""
    leg, inside = divmod(at - candle.opened_at, LEG)
    points = corners(candle)
    if leg == len(points) - 1:
        return points[-1]
    return points[leg] + (points[leg + 1] - points[leg]) * (inside // _MICROSECOND) / _LEG_MICROSECONDS


def price_at(candle: Candle, at: datetime) -> Price:
    """What the last trade cost."""
    return on_grid(line_at(candle, at))


def on_grid(price: Decimal) -> Price:
    tick = tick_size(Price(price))
    return Price(max((price / tick).to_integral_value(ROUND_HALF_EVEN) * tick, tick))


def next_price_above(price: Price) -> Price:
    return Price(price + tick_size(price))


def next_price_below(price: Price) -> Price:
    """Zero where the grid ends."""
    tick = tick_size(price)
    if price <= tick:
        return Price(Decimal(0))
    below = Price(price - tick)
    # Just below a band of the tick table the finer tick of the lower band is the step.
    return Price(price - min(tick, tick_size(below)))


def prices_between(candle: Candle, start: datetime, end: datetime) -> list[Price]:
    """Quoted prices at `start`, at each turn of the line, and at `end`: they hold the span's extremes."""
    turns = [
        on_grid(point)
        for leg, point in enumerate(corners(candle))
        if start < candle.opened_at + leg * LEG < end
    ]
    return [price_at(candle, start), *turns, price_at(candle, end)]


def first_at_or_below(candle: Candle, limit: Decimal, start: datetime, end: datetime) -> datetime | None:
    """When in [start, end] the line first stands at or below `limit`."""
    return _first_reaching(candle, limit, start, end, falling=True)


def first_at_or_above(candle: Candle, limit: Decimal, start: datetime, end: datetime) -> datetime | None:
    return _first_reaching(candle, limit, start, end, falling=False)


def _first_reaching(
    candle: Candle, limit: Decimal, start: datetime, end: datetime, *, falling: bool
) -> datetime | None:
    def reached(price: Decimal) -> bool:
        return price <= limit if falling else price >= limit

    if reached(line_at(candle, start)):
        return start
    for leg_start, leg_end, here, there in _legs(candle):
        if leg_end <= start or leg_start >= end or not reached(there):
            continue
        elapsed = (limit - here) * _LEG_MICROSECONDS / (there - here)
        at = leg_start + int(elapsed.to_integral_value("ROUND_CEILING")) * _MICROSECOND
        if at <= end:
            return at
    return None


def _legs(candle: Candle) -> Iterator[tuple[datetime, datetime, Price, Price]]:
    points = corners(candle)
    for leg in range(3):
        start = candle.opened_at + leg * LEG
        yield start, start + LEG, points[leg], points[leg + 1]
