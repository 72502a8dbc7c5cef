from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.money import Krw
from bongsu.core.tradingday import (
    KST,
    breaker_due,
    breaker_until,
    loss_ratio,
    trading_day_start,
    trading_week_start,
)


def seoul(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """In June 2024; the 3rd is a Monday."""
    return datetime(2024, 6, day, hour, minute, second, tzinfo=KST)


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (seoul(5, 9), seoul(5, 9)),
        (seoul(5, 8, 59, 59), seoul(4, 9)),
        (seoul(6, 0), seoul(5, 9)),
        (seoul(5, 23, 59), seoul(5, 9)),
    ],
)
def test_the_day_turns_at_nine_in_seoul(at: datetime, day: datetime) -> None:
    assert trading_day_start(at) == day
    assert trading_day_start(at).tzinfo is UTC


@pytest.mark.parametrize(
    ("at", "week"),
    [
        (seoul(3, 9), seoul(3, 9)),
        (seoul(10, 8, 59), seoul(3, 9)),  # Monday before nine still belongs to the week before
        (seoul(9, 23), seoul(3, 9)),
        (seoul(10, 9), seoul(10, 9)),
    ],
)
def test_the_week_turns_on_monday_at_nine(at: datetime, week: datetime) -> None:
    assert trading_week_start(at) == week
    assert trading_week_start(at).tzinfo is UTC


def test_nine_in_seoul_is_midnight_in_greenwich() -> None:
    assert trading_day_start(datetime(2024, 6, 5, 1, tzinfo=UTC)) == datetime(2024, 6, 5, tzinfo=UTC)
    assert trading_week_start(datetime(2024, 6, 5, 1, tzinfo=UTC)) == datetime(2024, 6, 3, tzinfo=UTC)


def test_another_hour_can_begin_the_day() -> None:
    assert trading_day_start(seoul(5, 3), time(0)) == seoul(5, 0)
    assert trading_day_start(seoul(5, 3), time(6, 30)) == seoul(4, 6, 30)
    assert trading_week_start(seoul(3, 3), time(0)) == seoul(3, 0)


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, st.times().map(lambda t: t.replace(second=0, microsecond=0)))
def test_every_moment_lies_in_one_day_of_one_week(at: datetime, start: time) -> None:
    day, week = trading_day_start(at, start), trading_week_start(at, start)
    assert timedelta(0) <= at - day < timedelta(days=1)
    assert week <= day
    assert timedelta(0) <= at - week < timedelta(days=7)
    assert week.astimezone(KST).weekday() == 0
    assert trading_day_start(day, start) == day
    assert breaker_until("daily", at, start) == day + timedelta(days=1) > at
    assert breaker_until("weekly", at, start) == week + timedelta(days=7) > at


@pytest.mark.parametrize(
    ("equity", "start", "flows", "loss"),
    [
        (900_000, 1_000_000, 0, "0.1"),
        (1_100_000, 1_000_000, 0, "-0.1"),
        (1_400_000, 1_000_000, 500_000, "0.1"),  # a deposit is no profit
        (500_000, 1_000_000, -500_000, "0"),  # a withdrawal is no loss
        (450_000, 1_000_000, -500_000, "0.1"),  # … and what is left is what is at stake
        (900_000, 0, 1_000_000, "0.1"),
        (0, 0, 0, None),
        (50_000, 1_000_000, -1_000_000, None),
    ],
)
def test_loss_counts_what_was_at_stake(equity: int, start: int, flows: int, loss: str | None) -> None:
    ratio = loss_ratio(Krw(Decimal(equity)), Krw(Decimal(start)), Krw(Decimal(flows)))
    assert ratio == (None if loss is None else Decimal(loss))


@pytest.mark.parametrize(
    ("equity", "due"), [(900_001, False), (900_000, True), (1, True), (1_000_000, False)]
)
def test_the_breaker_trips_at_its_limit(equity: int, due: bool) -> None:
    start = Krw(Decimal(1_000_000))
    assert breaker_due(Krw(Decimal(equity)), start, Krw(Decimal(0)), Decimal("0.10")) is due


def test_no_breaker_without_anything_at_stake() -> None:
    nothing = Krw(Decimal(0))
    assert breaker_due(nothing, nothing, nothing, Decimal("0.10")) is False
