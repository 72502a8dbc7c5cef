"""Candles of every unit, made from the hours."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from bongsu.core.market import HOUR
from bongsu.sandbox.tape import DAY, MINUTE, Tape, merge
from bongsu.sandbox.world import World
from sandbox.worlds import ETH, START, Shape, options

RISE: Shape = (3_000_000, 3_090_000, 2_990_000, 3_060_000, "60")
FALL: Shape = (3_060_000, 3_070_000, 2_900_000, 2_910_000, "120")


@pytest.fixture
def tape(tmp_path: Path) -> Tape:
    """From START on: rise, silence, silence, fall."""
    return World(options(tmp_path, [RISE, None, None, FALL])).feed.tapes[ETH]


def test_newest_first_and_to_is_exclusive(tape: Tape) -> None:
    now = START + 4 * HOUR
    found = tape.candles(HOUR, START + 3 * HOUR, 3, now)
    assert [c.opened_at for c in found] == [START, START - HOUR, START - 2 * HOUR]
    assert tape.candles(HOUR, now, 1, now)[0].opened_at == START + 3 * HOUR


def test_silent_intervals_are_absent_in_every_unit(tape: Tape) -> None:
    now = START + 4 * HOUR
    assert [c.opened_at for c in tape.candles(HOUR, now, 2, now)] == [START + 3 * HOUR, START]
    minutes = tape.candles(MINUTE, now, 61, now)
    assert minutes[59].opened_at == START + 3 * HOUR
    assert minutes[60].opened_at == START + HOUR - MINUTE


def test_closed_hours_are_served_as_recorded(tape: Tape) -> None:
    (hour,) = tape.candles(HOUR, START + HOUR, 1, START + HOUR)
    assert (hour.open, hour.high, hour.low, hour.close, hour.volume) == tuple(map(Decimal, RISE))


def test_the_open_hour_goes_as_far_as_the_path(tape: Tape) -> None:
    (hour,) = tape.candles(HOUR, START + HOUR, 1, START + 30 * MINUTE)
    assert (hour.open, hour.high, hour.low, hour.close) == (3_000_000, 3_040_000, 2_990_000, 3_040_000)
    assert hour.volume == 30


def test_an_hour_that_has_just_opened_is_not_there_yet(tape: Tape) -> None:
    (newest,) = tape.candles(HOUR, START + HOUR, 1, START)
    assert newest.opened_at == START - HOUR


def test_what_comes_later_is_not_known(tape: Tape) -> None:
    (newest,) = tape.candles(HOUR, START + 4 * HOUR, 1, START + 2 * HOUR)
    assert newest.opened_at == START


@pytest.mark.parametrize("unit", [1, 3, 5, 10, 15, 30])
def test_minutes_add_up_to_their_hour(tape: Tape, unit: int) -> None:
    now = START + HOUR
    parts = tape.candles(timedelta(minutes=unit), now, 60 // unit, now)
    whole = merge(parts[::-1], START, HOUR)
    assert (whole.open, whole.high, whole.low, whole.close, whole.volume) == tuple(map(Decimal, RISE))
    assert all(after.open == before.close for before, after in pairwise(parts[::-1]))


def test_four_hours_and_days_start_where_upbit_starts_them(tape: Tape) -> None:
    now = START + 4 * HOUR
    (block,) = tape.candles(4 * HOUR, now, 1, now)
    assert block.opened_at == START  # 16:00 UTC
    assert (block.open, block.high, block.low, block.close) == (3_000_000, 3_090_000, 2_900_000, 2_910_000)
    (day,) = tape.candles(DAY, now, 1, now)
    assert day.opened_at == START.replace(hour=0)
    assert day.volume == 16 * 100 + 60 + 120


def test_the_price_stands_in_silence(tape: Tape) -> None:
    assert tape.price(START + 2 * HOUR) == 3_060_000
    assert tape.hour(START + 2 * HOUR) is None
    assert tape.trading(START + 2 * HOUR)
    assert not tape.trading(START + 4 * HOUR)
