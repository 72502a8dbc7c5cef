"""The generated market: what is known of real ones, on one long series, and what must hold for every seed."""

import random
import tracemalloc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from math import log
from pathlib import Path
from statistics import fmean, pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.market import HOUR, Candle, Market
from bongsu.core.money import Price, tick_size
from bongsu.sandbox.coins import COINS, NAMES
from bongsu.sandbox.generator import WARM_UP, generated_feed
from bongsu.sandbox.tape import DAY, MINUTE, Feed
from bongsu.sandbox.world import ExchangeOptions
from bongsu.settings import load_settings
from sandbox.worlds import serving

START = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = 365 * DAY
BTC, ETH, SMALL, STABLE, THIN = (Market(f"KRW-{coin}") for coin in ("BTC", "ETH", "PEPE", "USDT", "ARK"))
MARKETS = [coin.market for coin in COINS]
LOOKED_AT = [BTC, ETH, SMALL, STABLE, THIN]  # a year of all would take a while
COIN = {coin.market: coin for coin in COINS}


def feed(seed: int, reached: timedelta) -> Feed:
    made = generated_feed(seed, START)
    made.reach(START + reached)
    return made


@cache
def year(market: Market) -> list[Candle]:
    """Of one world; every figure below is of this one series."""
    return _world_of_a_year().tapes[market].hours(START - WARM_UP, START + YEAR)


@cache
def _world_of_a_year() -> Feed:
    return feed(1, YEAR)


def moves(candles: Sequence[Candle]) -> list[float]:
    return [log(candle.close / candle.open) for candle in candles]


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    mx, my = fmean(xs), fmean(ys)
    return fmean((x - mx) * (y - my) for x, y in zip(xs, ys, strict=True)) / (pstdev(xs) * pstdev(ys))


def echo(xs: Sequence[float], lag: int) -> float:
    return correlation(xs[:-lag], xs[lag:])


class TestAYear:
    """Bounds leave room for another seed: no single draw stands close to one."""

    @pytest.mark.parametrize("market", LOOKED_AT)
    def test_tails_are_fat(self, market: Market) -> None:
        """A normal move has an excess kurtosis of 0; and about 24 of 9,000 hours beyond three deviations."""
        found = moves(year(market))
        mean, deviation = fmean(found), pstdev(found)
        assert fmean(((x - mean) / deviation) ** 4 for x in found) - 3 > 1.5
        assert sum(abs(x - mean) > 3 * deviation for x in found) > 60

    @pytest.mark.parametrize("market", [BTC, ETH, SMALL, THIN])
    def test_calm_and_wild_hours_cluster_and_their_direction_does_not(self, market: Market) -> None:
        found = moves(year(market))
        sizes = [abs(x) for x in found]
        assert [echo(sizes, lag) > 0.06 for lag in (1, 2, 6)] == [True] * 3
        assert echo(sizes, 1) > echo(sizes, 200)
        assert abs(echo(found, 1)) < 0.06

    @pytest.mark.parametrize("market", [ETH, SMALL, THIN])
    def test_coins_move_together_and_not_as_one(self, market: Market) -> None:
        hours = {candle.opened_at: candle for candle in year(BTC)}
        both = [(hours[c.opened_at], c) for c in year(market) if c.opened_at in hours]
        assert 0.3 < correlation(moves([b for b, _ in both]), moves([c for _, c in both])) < 0.9

    def test_a_stablecoin_stays_where_it_is(self) -> None:
        assert pstdev(moves(year(STABLE))) < 0.0015
        assert max(c.high for c in year(STABLE)) < min(c.low for c in year(STABLE)) * 12 / 10

    @pytest.mark.parametrize(("market", "low", "high"), [(BTC, 0.004, 0.008), (ETH, 0.006, 0.011)])
    def test_majors_are_as_restless_as_real_ones(self, market: Market, low: float, high: float) -> None:
        """Upbit's hours of 2024: ETH's moves deviate by about 0.007."""
        assert low < pstdev(moves(year(market))) < high

    def test_there_are_trends_a_calm_and_a_crash(self) -> None:
        closes = [log(candle.close) for candle in year(BTC)]
        day = [after - before for before, after in zip(closes, closes[24:], strict=False)]
        week = [after - before for before, after in zip(closes, closes[168:], strict=False)]
        assert min(day) < -0.08  # a crash
        assert min(week) < -0.10 < 0.10 < max(week)  # both trends
        restless = [pstdev(moves(year(BTC)[n : n + 72])) for n in range(0, len(closes) - 72, 72)]
        assert max(restless) > 2.5 * min(restless)

    def test_volume_comes_with_moves_and_with_the_evening(self) -> None:
        candles = year(ETH)
        assert correlation([abs(x) for x in moves(candles)], [float(c.value) for c in candles]) > 0.25
        evening, morning = (
            fmean(float(c.value) for c in candles if c.opened_at.hour == hour) for hour in (14, 2)
        )
        assert evening > 1.3 * morning

    def test_gaps_and_silence(self) -> None:
        """After silence a market opens elsewhere; a thin one is silent for hours, a major never for two."""
        silent = {
            m: [(b.opened_at - a.opened_at) // HOUR - 1 for a, b in pairwise(year(m))]
            for m in (BTC, ETH, THIN)
        }
        assert max(silent[THIN]) >= 4
        assert max(silent[BTC]) == max(silent[ETH]) == 1
        assert all(0.003 < sum(silent[m]) / len(silent[m]) < 0.03 for m in (BTC, ETH))
        gaps = [a.close != b.open for a, b in pairwise(year(THIN)) if b.opened_at > a.closed_at]
        assert sum(gaps) > 0.8 * len(gaps)
        jumped = [abs(log(b.open / a.close)) for a, b in pairwise(year(ETH)) if b.opened_at == a.closed_at]
        assert 0 < sum(gap > 0.005 for gap in jumped) < 40

    def test_a_scanner_finds_something_and_refuses_something(self) -> None:
        tapes = _world_of_a_year().tapes
        values = [sum(c.value for c in tapes[m].hours(START + YEAR - DAY, START + YEAR)) for m in MARKETS]
        rich = [value >= 10_000_000_000 for value in values]
        assert rich.count(True) >= 10
        assert rich.count(False) >= 2

    def test_prices_reach_from_millions_to_fractions_of_a_won(self) -> None:
        closes = [tape.price(START + YEAR) for tape in _world_of_a_year().tapes.values()]
        assert max(closes) > 50_000_000
        assert sum(close < 1 for close in closes) >= 3
        assert min(closes) < Price(1) / 100


def consistent(candle: Candle) -> bool:
    low, high = candle.low, candle.high
    inside = low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= high
    prices = (candle.open, high, low, candle.close)
    on_grid = low > 0 and all(price % tick_size(price) == 0 for price in prices)
    average = (candle.value / candle.volume).quantize(low / 1_000_000)  # values are rounded
    return inside and on_grid and low <= average <= high


def test_a_year_is_on_the_grid_and_consistent() -> None:
    assert [candle for market in LOOKED_AT for candle in year(market) if not consistent(candle)] == []


SEEDS = st.integers(0, 2**31 - 1)


class TestAnySeed:
    @settings(max_examples=25, deadline=None)
    @given(seed=SEEDS, hours=st.integers(0, 100), market=st.sampled_from(MARKETS))
    def test_candles_are_consistent_and_stay_within_what_an_hour_can_do(
        self, seed: int, hours: int, market: Market
    ) -> None:
        made = feed(seed, hours * HOUR)
        candles = made.tapes[market].hours(START - WARM_UP, START + hours * HOUR + MINUTE)
        assert all(map(consistent, candles))
        assert candles[0].opened_at == START - WARM_UP
        assert all(a.opened_at < b.opened_at for a, b in pairwise(candles))
        if COIN[market].stays_silent == 0:
            assert all(c.high <= c.low * 117 / 100 for c in candles)  # what is further off is a wrong price
            assert len([c for c in candles if c.opened_at < START]) >= 400

    @settings(max_examples=15, deadline=None)
    @given(seed=SEEDS, order=st.randoms(use_true_random=False), hours=st.integers(1, 300))
    def test_neither_the_order_of_questions_nor_the_steps_of_time_change_anything(
        self, seed: int, order: random.Random, hours: int
    ) -> None:
        once, stepwise = feed(seed, hours * HOUR), generated_feed(seed, START)
        asked = order.sample(MARKETS, 4)
        for _ in range(5):
            step = START + order.randint(0, hours) * HOUR
            stepwise.reach(step)
            stepwise.tapes[order.choice(asked)].last(step)
        stepwise.reach(START + hours * HOUR)
        end = START + (hours + 1) * HOUR
        assert [stepwise.tapes[m].hours(START - DAY, end) for m in asked] == [
            once.tapes[m].hours(START - DAY, end) for m in asked
        ]

    @settings(max_examples=25, deadline=None)
    @given(seed=SEEDS, minutes=st.integers(-500 * 60, 200 * 60), market=st.sampled_from(MARKETS))
    def test_every_question_agrees_with_the_list_of_hours(
        self, seed: int, minutes: int, market: Market
    ) -> None:
        tape = feed(seed, 100 * HOUR).tapes[market]
        at, candles = START + minutes * MINUTE, tape.hours(START - YEAR, START + YEAR)
        opened = [candle for candle in candles if candle.opened_at <= at]
        assert tape.last(at) == (opened[-1] if opened else None)
        assert tape.hour(at) == next((c for c in opened if at < c.closed_at), None)
        assert tape.listed(at) == tape.trading(at) == bool(opened)
        assert tape.first == candles[0].opened_at
        assert tape.hours(at, START + YEAR) == [c for c in candles if c.opened_at >= at]

    def test_seeds_differ(self) -> None:
        one, other = (feed(seed, DAY).tapes[ETH].hours(START, START + DAY) for seed in (1, 2))
        assert one != other


class TestCost:
    def test_nothing_is_made_before_it_is_asked_for(self) -> None:
        tracemalloc.start()
        try:
            made = feed(3, YEAR)
            assert tracemalloc.get_traced_memory()[0] < 400_000
            made.tapes[ETH].hours(START + YEAR - 450 * HOUR, START + YEAR)
            assert tracemalloc.get_traced_memory()[0] < 2_500_000
        finally:
            tracemalloc.stop()

    def test_old_hours_are_forgotten_and_the_rest_stays(self) -> None:
        old, young = feed(1, 11_000 * HOUR), _world_of_a_year()
        for market in (BTC, THIN):
            kept = old.tapes[market].hours(START - WARM_UP, START + 20_000 * HOUR)
            assert 9_000 * (1 if market == BTC else 0.7) < len(kept) <= 10_501
            assert old.tapes[market].first == kept[0].opened_at > START
            assert old.tapes[market].last(START) is None
            span = (START + 2_000 * HOUR, START + 2_400 * HOUR)
            assert old.tapes[market].hours(*span) == young.tapes[market].hours(*span)


async def test_the_exchange_offers_them_all_and_the_bot_still_trades_its_two(tmp_path: Path) -> None:
    async with serving(ExchangeOptions(world_dir=tmp_path, speed="max")) as client:
        listed = await client.seen("/v1/market/all")
        tickers = await client.seen("/v1/ticker/all", quote_currencies="KRW")
        world = await client.seen("/sandbox/world")
    assert {row["market"] for row in listed} == set(MARKETS) == set(world["markets"])
    assert [row["market"] for row in tickers] == [row["market"] for row in listed]
    assert all((row["korean_name"], row["english_name"]) == NAMES[row["market"][4:]] for row in listed)
    assert load_settings(tmp_path / "no.env").markets == (ETH, BTC)
