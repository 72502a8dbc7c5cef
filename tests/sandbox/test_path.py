"""The price's way inside an hour, and the grid that quotes stand on."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.market import HOUR, Candle
from bongsu.core.money import Krw, Price, Volume, tick_size
from bongsu.sandbox.path import (
    corners,
    first_at_or_above,
    first_at_or_below,
    line_at,
    next_price_above,
    next_price_below,
    on_grid,
    price_at,
    prices_between,
)
from sandbox.worlds import ETH, FIRST

MICROSECOND = timedelta(microseconds=1)
prices = st.decimals("0.00000001", 200_000_000, places=8, allow_nan=False)
moments = st.integers(0, HOUR // MICROSECOND).map(lambda us: FIRST + us * MICROSECOND)


def candle(first: Decimal, high: Decimal, low: Decimal, last: Decimal) -> Candle:
    volume, value = Volume(Decimal(1)), Krw(Decimal(1))
    return Candle(ETH, HOUR, FIRST, Price(first), Price(high), Price(low), Price(last), volume, value)


@st.composite
def candles(draw: st.DrawFn) -> Candle:
    low, *inside, high = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
    first, last = draw(st.permutations(inside))
    return candle(first, high, low, last)


def test_the_nearer_extreme_comes_first() -> None:
    assert corners(candle(*map(Decimal, (100, 110, 95, 105)))) == (100, 95, 110, 105)
    assert corners(candle(*map(Decimal, (100, 103, 90, 95)))) == (100, 103, 90, 95)


def test_corners_are_reached_at_their_minutes() -> None:
    it = candle(*map(Decimal, (100, 110, 95, 105)))
    assert [line_at(it, FIRST + timedelta(minutes=m)) for m in (0, 10, 20, 40, 60)] == [
        100,
        97.5,
        95,
        110,
        105,
    ]


@given(candles(), moments)
def test_the_line_stays_inside_the_candle(it: Candle, at) -> None:
    assert it.low <= line_at(it, at) <= it.high


@given(candles(), moments)
def test_quotes_stand_on_the_grid(it: Candle, at) -> None:
    price = price_at(it, at)
    assert price > 0
    assert price % tick_size(price) == 0


@given(candles(), moments, moments)
def test_a_span_lies_between_its_listed_prices(it: Candle, one, other) -> None:
    start, end = min(one, other), max(one, other)
    listed = prices_between(it, start, end)
    assert min(listed) <= price_at(it, start + (end - start) / 3) <= max(listed)


@given(candles(), prices, moments, moments)
def test_a_crossing_is_the_first_moment_at_the_limit(it: Candle, limit: Decimal, one, other) -> None:
    start, end = min(one, other), max(one, other)
    for find, reached in (
        (first_at_or_below, lambda price: price <= limit),
        (first_at_or_above, lambda price: price >= limit),
    ):
        at = find(it, limit, start, end)
        if at is None:
            assert not reached(line_at(it, start))
            assert not reached(line_at(it, end))
        else:
            assert start <= at <= end
            assert reached(line_at(it, at))
            assert at == start or not reached(line_at(it, at - MICROSECOND))


@given(prices.map(on_grid))
def test_one_step_up_and_down_is_where_we_were(price: Price) -> None:
    above = next_price_above(price)
    assert above % tick_size(above) == 0
    assert next_price_below(above) == price


def test_below_a_band_of_the_tick_table_the_finer_tick_counts() -> None:
    assert next_price_below(Price(Decimal(1_000_000))) == 999_500
    assert next_price_above(Price(Decimal(999_500))) == 1_000_000
    assert next_price_below(Price(Decimal("0.00000001"))) == 0
