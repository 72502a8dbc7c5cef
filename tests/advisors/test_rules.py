"""The built-in advisor: what moves it, what it says, and that it never proposes what would be refused."""

import asyncio
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.advisors.rules import RulesAdvisor, cast_votes
from bongsu.core.decision import Action, Decision, ValidationRules, validate
from bongsu.core.indicators import WINDOW, fill_gaps
from bongsu.core.market import HOUR
from bongsu.core.money import Krw, Price, tick_size
from bongsu.core.snapshot import MarketSnapshot, build_snapshot
from core.samples import ETH, INDICATORS, book, position, recorded_candles, snapshot, ticker

QUIET = INDICATORS | {
    "rsi_14": 50.0,
    "bollinger_percent_b": 0.5,
    "macd_hist": 900.0,
    "macd_hist_previous": 1000.0,
    "adx_14": 18.0,
    "ema_20": 4_000_000.0,
    "ema_50": 4_050_000.0,
    "ema_200": 3_900_000.0,
}


def quiet(held: bool = False, **shown: float) -> MarketSnapshot:
    """No signal speaks, but those that are named."""
    return snapshot(held, indicators=QUIET | shown)


def advised(shown: MarketSnapshot, **options: object):  # type: ignore[no-untyped-def]
    return asyncio.run(RulesAdvisor(**options).advise(shown))  # type: ignore[arg-type]


def test_a_quiet_market_is_watched() -> None:
    advice = advised(quiet())
    assert (advice.action, advice.size) == (Action.HOLD, 0)
    assert [r.text for r in advice.reasons] == ["RSI 중립(50.0)"]


def test_oversold_and_about_to_turn_is_bought_in_the_words_of_the_message() -> None:
    advice = advised(quiet(rsi_14=28.4, macd_hist=-1203.4, macd_hist_previous=-2500.0))
    assert advice.action is Action.BUY
    assert [r.text for r in advice.reasons] == ["RSI 과매도 구간 진입(28.4)", "MACD 골든크로스 임박(-1,203)"]
    assert [(r.indicator, r.value) for r in advice.reasons] == [("rsi_14", 28.4), ("macd_hist", -1203.4)]
    assert (advice.confidence, advice.size) == (Decimal("0.7"), Decimal("0.25"))


def test_the_same_in_english() -> None:
    advice = advised(quiet(rsi_14=28.4, macd_hist=-1203.4, macd_hist_previous=-2500.0), lang="en")
    assert [r.text for r in advice.reasons] == [
        "RSI entered oversold territory (28.4)",
        "MACD golden cross imminent (-1,203)",
    ]


@pytest.mark.parametrize(
    ("shown", "weight"),
    [
        ({"rsi_14": 0.0}, 2),
        ({"rsi_14": 29.9}, 2),
        ({"rsi_14": 30.0}, 1),
        ({"rsi_14": 34.9}, 1),
        ({"rsi_14": 35.0}, 0),
        ({"rsi_14": 67.9}, 0),
        ({"rsi_14": 68.0}, -1),
        ({"rsi_14": 75.0}, -2),
        ({"rsi_14": 100.0}, -2),
        ({"bollinger_percent_b": -0.1}, 2),
        ({"bollinger_percent_b": 0.0}, 1),
        ({"bollinger_percent_b": 0.05}, 0),
        ({"bollinger_percent_b": 0.98}, 0),
        ({"bollinger_percent_b": 1.0}, -1),
        ({"bollinger_percent_b": 0.04}, 1),
        ({"bollinger_percent_b": 0.99}, -1),
        ({"bollinger_percent_b": 1.1}, -2),
        ({"macd_hist_previous": -5.0, "macd_hist": 5.0}, 2),
        ({"macd_hist_previous": 0.0, "macd_hist": 5.0}, 2),
        ({"macd_hist_previous": 5.0, "macd_hist": -5.0}, -2),
        ({"macd_hist_previous": -10.0, "macd_hist": -5.0}, 1),
        ({"macd_hist_previous": -10.0, "macd_hist": -7.0}, 0),
        ({"macd_hist_previous": 10.0, "macd_hist": 5.0}, -1),
        ({"macd_hist_previous": 0.0, "macd_hist": 0.0}, 0),
        ({"ema_20": 3.0, "ema_50": 2.0, "ema_200": 1.0}, 1),
        ({"ema_20": 1.0, "ema_50": 2.0, "ema_200": 3.0}, -1),
        ({"adx_14": 25.0, "ema_20": 4_100_000.0, "ema_200": 4_075_000.0}, 1),
        ({"adx_14": 25.0}, -1),
        ({"adx_14": 24.9}, 0),
    ],
)
def test_each_signal_has_its_weight(shown: dict[str, float], weight: int) -> None:
    assert sum(vote.weight for vote in cast_votes(QUIET | shown)) == weight


def test_what_is_held_is_sold_when_the_signals_turn() -> None:
    advice = advised(quiet(held=True, rsi_14=76.0, macd_hist_previous=5.0, macd_hist=-5.0))
    assert (advice.action, advice.size, advice.invalidation) == (Action.SELL, 1, None)
    assert advice.confidence == Decimal("0.8")
    assert [r.text for r in advice.reasons] == ["RSI 과매수 구간 진입(76.0)", "MACD 데드크로스(-5)"]


def test_what_says_nothing_is_no_ground_for_a_trade() -> None:
    advice = advised(quiet(held=True, macd_hist_previous=5.0, macd_hist=-5.0))
    assert [r.text for r in advice.reasons] == ["MACD 데드크로스(-5)"]


def test_nothing_is_sold_that_is_not_held_and_nothing_bought_that_is() -> None:
    bearish, bullish = (
        {"rsi_14": 80.0, "bollinger_percent_b": 1.2},
        {"rsi_14": 20.0, "bollinger_percent_b": -0.2},
    )
    assert advised(quiet(held=False, **bearish)).action is Action.HOLD
    assert advised(quiet(held=True, **bullish)).action is Action.HOLD


def test_blocked_buying_does_not_silence_the_advice() -> None:
    shown = quiet(rsi_14=20.0)
    assert advised(replace(shown, buying_allowed=False)).action is Action.BUY


def test_a_buy_that_validation_would_refuse_is_a_hold() -> None:
    crossing = {"macd_hist_previous": -5.0, "macd_hist": 5.0}
    assert advised(quiet(**crossing)).action is Action.BUY
    assert advised(quiet(**crossing, adx_14=14.0)).action is Action.HOLD
    assert advised(quiet(**crossing, atr_percent=9.0)).action is Action.HOLD
    assert (
        advised(quiet(**crossing), rules=ValidationRules(min_buy_confidence=Decimal("0.65"))).action
        is Action.HOLD
    )
    assert advised(quiet(**crossing), rules=ValidationRules(max_size=Decimal("0.05"))).size == Decimal("0.05")


def test_invalidation_lies_two_ranges_below_on_the_grid() -> None:
    assert advised(quiet(rsi_14=20.0, atr_14=40_123.0)).invalidation == 3_919_000
    wild = replace(quiet(rsi_14=20.0, atr_14=3_000_000.0), price=Price(Decimal(4_000_000)))
    assert advised(wild).invalidation is None


@pytest.mark.parametrize(
    ("gap", "shown"), [(-0.00001234, "-0.00001234"), (-12.3456, "-12.35"), (-1234567.8, "-1,234,568")]
)
def test_figures_are_readable_for_cheap_and_dear_coins(gap: float, shown: str) -> None:
    votes = cast_votes(QUIET | {"macd_hist_previous": gap * 2, "macd_hist": gap})
    assert f"MACD 골든크로스 임박({shown})" in [vote.ko for vote in votes]


any_indicators = st.fixed_dictionaries(
    {
        "rsi_14": st.floats(0, 100),
        "bollinger_percent_b": st.floats(-1, 2),
        "macd_hist": st.floats(-1e5, 1e5),
        "macd_hist_previous": st.floats(-1e5, 1e5),
        "adx_14": st.floats(0, 100),
        "atr_percent": st.floats(0, 20),
        "atr_14": st.floats(0, 1e6),
        "ema_20": st.floats(1, 1e7),
        "ema_50": st.floats(1, 1e7),
        "ema_200": st.floats(1, 1e7),
    }
)


@given(any_indicators, st.booleans(), st.sampled_from(["ko", "en"]))
def test_whatever_it_says_stands_up_to_validation(shown: dict[str, float], held: bool, lang: str) -> None:
    market = quiet(held, **shown)
    advice = advised(market, lang=lang)
    verdict = validate(
        advice, market, asked=ETH, now=market.at, max_age=HOUR, rules=ValidationRules(), advisor="rules"
    )
    assert isinstance(verdict, Decision), verdict
    assert advice == advised(market, lang=lang)
    if advice.invalidation is not None:
        assert advice.invalidation % tick_size(market.price) == 0


def test_it_trades_on_recorded_candles() -> None:
    """Two months: it enters and leaves, not every day and not never."""
    recorded = recorded_candles()
    candles = fill_gaps(recorded, recorded[-1].closed_at)[: WINDOW + 24 * 60]
    said: Counter[Action] = Counter()
    held = False
    for end in range(WINDOW, len(candles)):
        price = candles[end - 1].close
        shown = build_snapshot(
            ETH,
            candles=candles[end - WINDOW : end],
            ticker=ticker(price),
            book=book(price - 1000, price + 1000),
            position=position("0.05" if held else "0", 200_000),
            equity=Krw(Decimal(1_000_000)),
            buying_allowed=True,
            at=candles[end - 1].closed_at,
        )
        action = advised(shown).action
        said[action] += 1
        held = action is Action.BUY or (held and action is not Action.SELL)
    assert 12 <= said[Action.BUY] <= 60
    assert abs(said[Action.BUY] - said[Action.SELL]) <= 1
    assert said[Action.HOLD] > 1000
