"""Candles of every unit, made from the hours; and generated hours."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from bongsu.core.market import HOUR
from bongsu.sandbox.generator import generated_feed
from bongsu.sandbox.tape import DAY, MINUTE, Feed, Tape, merge
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


class TestGenerated:
    START = datetime(2025, 1, 1, tzinfo=UTC)

    def feed(self, seed: int, hours: int) -> Feed:
        feed = generated_feed(seed, self.START)
        feed.reach(self.START + hours * HOUR)
        return feed

    def hours(self, feed: Feed, market: str = ETH) -> list:
        tape = feed.tapes[market]
        return [tape[n] for n in range(len(tape))]

    def test_equal_seeds_equal_markets_however_they_are_reached(self) -> None:
        at_once, in_steps = self.feed(7, 200), generated_feed(7, self.START)
        for n in range(201):
            in_steps.reach(self.START + n * HOUR)
        assert self.hours(at_once) == self.hours(in_steps)
        assert self.hours(at_once) != self.hours(self.feed(8, 200))

    @pytest.mark.parametrize("seed", range(5))
    def test_it_starts_after_its_warm_up_and_has_silent_hours(self, seed: int) -> None:
        feed = self.feed(seed, 500)
        assert (list(feed.tapes), feed.start, feed.end) == (["KRW-ETH", "KRW-BTC"], self.START, None)
        for tape in feed.tapes.values():
            assert len(tape.hours(tape.first, self.START)) >= 400
            assert 0 < 981 - len(tape) < 60

    @pytest.mark.parametrize("seed", range(3))
    def test_a_year_of_it_is_plausible(self, seed: int) -> None:
        feed = self.feed(seed, 8_760)
        for market in feed.tapes:
            hours = self.hours(feed, market)
            assert all(h.low <= min(h.open, h.close) <= max(h.open, h.close) <= h.high for h in hours)
            assert all(h.low * h.volume <= h.value <= h.high * h.volume for h in hours)
            moves = [float(h.close / h.open - 1) for h in hours]
            squares = [move**2 for move in moves]
            mean = sum(squares) / len(squares)
            lagged = sum((a - mean) * (b - mean) for a, b in pairwise(squares))
            assert 0.003 < mean**0.5 < 0.015
            assert lagged / sum((s - mean) ** 2 for s in squares) > 0.05  # calm and wild times cluster
            assert max(h.high for h in hours) < 5 * min(h.low for h in hours)

    def test_old_hours_are_forgotten(self) -> None:
        feed = self.feed(1, 11_000)
        assert all(len(tape) <= 10_001 for tape in feed.tapes.values())
