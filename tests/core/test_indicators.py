"""TA-Lib's figures against a second reckoning in exact arithmetic, and what happens at the edges."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.indicators import WINDOW, fill_gaps, indicators
from bongsu.core.market import HOUR, Candle
from bongsu.core.money import Price, Volume
from core.samples import BTC, NOON, candle, candles_of, recorded_candles, wandering_candles


def wilder(values: list[Decimal], period: int) -> Decimal:
    average = sum(values[:period], Decimal(0)) / period
    for value in values[period:]:
        average = (average * (period - 1) + value) / period
    return average


def rsi(closes: list[Decimal]) -> Decimal:
    moves = [b - a for a, b in pairwise(closes)]
    gain = wilder([max(m, Decimal(0)) for m in moves], 14)
    loss = wilder([max(-m, Decimal(0)) for m in moves], 14)
    return 100 * gain / (gain + loss)


def ema(values: list[Decimal], period: int) -> list[Decimal]:
    series = [sum(values[:period], Decimal(0)) / period]
    for value in values[period:]:
        series.append(series[-1] + (value - series[-1]) * 2 / (period + 1))
    return series


def atr(candles: list[Candle]) -> Decimal:
    ranges = [max(b.high, a.close) - min(b.low, a.close) for a, b in pairwise(candles)]
    return wilder([Decimal(r) for r in ranges], 14)


def adx(candles: list[Candle]) -> Decimal:
    """Wilder's own order: sums of 14, then DX, then the average of 14 DX, then smoothing."""
    plus, minus, ranges = [], [], []
    for a, b in pairwise(candles):
        up, down = b.high - a.high, a.low - b.low
        plus.append(up if up > down and up > 0 else Decimal(0))
        minus.append(down if down > up and down > 0 else Decimal(0))
        ranges.append(max(b.high, a.close) - min(b.low, a.close))
    p, m, r = (sum(x[:13], Decimal(0)) for x in (plus, minus, ranges))
    dx = []
    for i in range(13, len(ranges)):
        p, m, r = (s - s / 14 + x[i] for s, x in ((p, plus), (m, minus), (r, ranges)))
        dx.append(100 * abs(p - m) / (p + m))
    return wilder(dx, 14)


@pytest.mark.parametrize("seed", range(5))
def test_figures_equal_an_exact_reckoning(seed: int) -> None:
    candles = wandering_candles(seed=seed)
    window = candles[-WINDOW:]
    closes = [Decimal(c.close) for c in window]
    shown = indicators(candles)
    expected = {
        "rsi_14": rsi(closes),
        "rsi_14_previous": rsi(closes[:-1]),
        "ema_20": ema(closes, 20)[-1],
        "ema_50": ema(closes, 50)[-1],
        "ema_200": ema(closes, 200)[-1],
        "atr_14": atr(window),
        "atr_percent": 100 * atr(window) / closes[-1],
        "adx_14": adx(window),
        "close": closes[-1],
    }
    for name, value in expected.items():
        assert shown[name] == pytest.approx(float(value), rel=1e-9), name


def test_macd_is_the_difference_of_two_averages_and_its_own_average() -> None:
    candles = wandering_candles()
    closes = [Decimal(c.close) for c in candles[-WINDOW:]]
    # The fast average begins where the slow one can: 26 prices in, over the 12 before it.
    slow, fast = ema(closes, 26), ema(closes[14:], 12)
    macd = [f - s for f, s in zip(fast, slow, strict=True)]
    signal = ema(macd, 9)
    shown = indicators(candles)
    assert shown["macd"] == pytest.approx(float(macd[-1]), rel=1e-9)
    assert shown["macd_signal"] == pytest.approx(float(signal[-1]), rel=1e-9)
    assert shown["macd_hist"] == pytest.approx(float(macd[-1] - signal[-1]), rel=1e-6)
    assert shown["macd_hist_previous"] == pytest.approx(float(macd[-2] - signal[-2]), rel=1e-6)


def test_bollinger_bands_are_two_population_deviations_wide() -> None:
    candles = wandering_candles()
    closes = [Fraction(c.close) for c in candles[-20:]]
    mean = sum(closes) / 20
    deviation = math.sqrt(sum((c - mean) ** 2 for c in closes) / 20)
    shown = indicators(candles)
    assert shown["bollinger_middle"] == pytest.approx(float(mean))
    assert shown["bollinger_upper"] == pytest.approx(float(mean) + 2 * deviation)
    assert shown["bollinger_lower"] == pytest.approx(float(mean) - 2 * deviation)
    place = (float(closes[-1] - mean) + 2 * deviation) / (4 * deviation)
    assert shown["bollinger_percent_b"] == pytest.approx(place)


def test_volume_ratio_counts_the_last_candle_in() -> None:
    candles = [replace(c, volume=Volume(Decimal(1))) for c in wandering_candles(400)]
    candles[-1] = replace(candles[-1], volume=Volume(Decimal(21)))
    assert indicators(candles)["volume_ratio_20"] == pytest.approx(21 / 2)


def test_what_came_before_the_window_changes_nothing() -> None:
    candles = wandering_candles(700)
    assert indicators(candles) == indicators(candles[-400:])


def test_a_price_that_never_moved_is_neither_oversold_nor_overbought() -> None:
    shown = indicators(candles_of([1000] * 400))
    assert (shown["rsi_14"], shown["bollinger_percent_b"], shown["macd_hist"]) == (50.0, 0.5, 0.0)
    assert (shown["adx_14"], shown["atr_percent"]) == (0.0, 0.0)


@pytest.mark.parametrize("step", [1, -1])
def test_a_market_that_fell_silent_long_ago_reads_neutral(step: int) -> None:
    closes = [1000 + step * i for i in range(100)] + [1000 + step * 100] * 300
    assert indicators(candles_of(closes))["rsi_14"] == 50.0


def test_the_last_rise_of_a_very_cheap_coin_is_not_taken_for_nothing() -> None:
    """Some builds of TA-Lib take a sum below 1e-14 for zero, and would answer "oversold"."""
    assert indicators(candles_of(["0.000001"] * 210 + ["0.00000101"] * 190))["rsi_14"] == 100.0


@pytest.mark.parametrize(("step", "expected"), [(1, 100.0), (-1, 0.0)])
def test_rsi_of_a_price_that_only_rose_or_fell(step: int, expected: float) -> None:
    assert indicators(candles_of([1000 + step * i for i in range(400)]))["rsi_14"] == expected


@pytest.mark.parametrize("scale", ["1e-9", "1e-5", "1", "1e8"])
def test_strength_does_not_depend_on_the_coins_price(scale: str) -> None:
    base = wandering_candles(400, price=1.0)
    factor = Decimal(scale)
    scaled = [
        replace(
            c,
            open=Price(c.open * factor),
            high=Price(c.high * factor),
            low=Price(c.low * factor),
            close=Price(c.close * factor),
        )
        for c in base
    ]
    one, other = indicators(base), indicators(scaled)
    for name in ("rsi_14", "adx_14", "bollinger_percent_b", "atr_percent"):
        assert other[name] == pytest.approx(one[name], rel=1e-6), name


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([-3, -1, 0, 0, 0, 1, 3]), min_size=400, max_size=400),
    st.sampled_from(["0.00000001", "0.0001", "1", "1000"]),
    st.lists(st.sampled_from([0, 0, 1, 1000]), min_size=400, max_size=400),
)
def test_every_figure_is_finite_and_in_its_range(moves: list[int], tick: str, volumes: list[int]) -> None:
    level, closes = 100, []
    for move in moves:
        level = max(1, level + move)
        closes.append(level * Decimal(tick))
    candles = [
        replace(c, volume=Volume(Decimal(v))) for c, v in zip(candles_of(closes), volumes, strict=True)
    ]
    shown = indicators(candles)
    assert all(math.isfinite(value) for value in shown.values())
    assert 0 <= shown["rsi_14"] <= 100
    assert 0 <= shown["adx_14"] <= 100 + 1e-9
    assert shown["atr_percent"] >= 0
    assert 0 <= shown["volume_ratio_20"] <= 20


def test_too_few_candles_are_refused() -> None:
    with pytest.raises(ValueError, match="399 candles"):
        indicators(wandering_candles(399))


@pytest.mark.parametrize("name", ["high", "low", "close", "volume"])
@pytest.mark.parametrize("bad", ["NaN", "Infinity", "-1", "1e400"])
@pytest.mark.parametrize("where", [0, 200, 399])
def test_a_number_that_is_none_is_refused_wherever_it_stands(name: str, bad: str, where: int) -> None:
    candles = wandering_candles(400)
    candles[where] = replace(candles[where], **{name: Decimal(bad)})
    with pytest.raises(ValueError, match="candle holds"):
        indicators(candles)


def test_a_price_of_zero_is_refused_and_a_volume_of_zero_is_not() -> None:
    candles = wandering_candles(400)
    candles[-1] = replace(candles[-1], volume=Volume(Decimal(0)))
    assert indicators(candles)["volume_ratio_20"] == 0.0
    candles[5] = replace(candles[5], low=Price(Decimal(0)))
    with pytest.raises(ValueError, match="price of zero"):
        indicators(candles)


def test_gaps_and_mixed_markets_are_refused() -> None:
    candles = wandering_candles(450)
    with pytest.raises(ValueError, match="gap"):
        indicators(candles[:300] + candles[301:])
    with pytest.raises(ValueError, match="another market"):
        indicators([*candles[:-1], replace(candles[-1], market=BTC)])


# ── fill_gaps ───────────────────────────────────────────────────────────────────────────────────────


def test_a_silent_interval_repeats_the_close_and_is_flagged() -> None:
    first = candle(NOON - 4 * HOUR, 100, high=Price(Decimal(110)))
    last = candle(NOON - HOUR, 130)
    filled = fill_gaps([first, last], NOON)
    assert [c.opened_at for c in filled] == [NOON - 4 * HOUR, NOON - 3 * HOUR, NOON - 2 * HOUR, NOON - HOUR]
    assert [c.synthetic for c in filled] == [False, True, True, False]
    silent = filled[1]
    assert (silent.open, silent.high, silent.low, silent.close) == (100, 100, 100, 100)
    assert (silent.volume, silent.value) == (0, 0)


def test_silence_up_to_now_is_filled_and_the_open_candle_is_left_out() -> None:
    candles = [candle(NOON - 3 * HOUR, 100), candle(NOON, 999)]
    filled = fill_gaps(candles, NOON + timedelta(minutes=1))
    assert [c.close for c in filled] == [100, 100, 100]
    assert filled[-1].closed_at == NOON


@given(st.sets(st.integers(0, 60), min_size=1), st.integers(0, 10))
def test_filling_changes_nothing_that_was_there(hours: set[int], silence: int) -> None:
    real = [candle(NOON + HOUR * h, 100 + h) for h in sorted(hours)]
    until = real[-1].closed_at + HOUR * silence
    filled = fill_gaps(real, until)
    assert [c for c in filled if not c.synthetic] == real
    assert [c.opened_at for c in filled] == [
        NOON + HOUR * h for h in range(min(hours), min(hours) + len(filled))
    ]
    assert filled[-1].closed_at == until
    assert fill_gaps(filled, until) == filled


@pytest.mark.parametrize(
    "opened",
    [
        pytest.param([NOON, NOON], id="twice"),
        pytest.param([NOON + HOUR, NOON], id="backwards"),
        pytest.param([NOON, NOON + HOUR / 2], id="overlapping"),
        pytest.param([NOON, NOON + HOUR * 2.5], id="off the grid"),
    ],
)
def test_candles_off_the_grid_are_refused(opened: list[object]) -> None:
    with pytest.raises(ValueError, match="out of order"):
        fill_gaps([candle(at, 100) for at in opened], NOON + 9 * HOUR)  # type: ignore[arg-type]


def test_nothing_to_fill_from_is_refused() -> None:
    with pytest.raises(ValueError, match="no closed candle"):
        fill_gaps([candle(NOON, 100)], NOON)


def test_recorded_candles_have_their_holes_filled() -> None:
    recorded = recorded_candles()
    filled = fill_gaps(recorded, recorded[-1].closed_at)
    assert len(filled) - len(recorded) == sum(c.synthetic for c in filled) > 0
    assert math.isfinite(indicators(filled)["rsi_14"])
