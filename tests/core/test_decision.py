"""Every rule of validation, each by the smallest change that breaks it."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.decision import (
    Action,
    Advice,
    Decision,
    Reason,
    Rejection,
    RejectionReason,
    ValidationRules,
    citable,
    confidence_label,
    decision_id,
    is_trend_buy,
    validate,
)
from bongsu.core.market import HOUR
from bongsu.core.money import Price
from bongsu.core.snapshot import MarketSnapshot
from bongsu.core.tradingday import KST
from core.samples import BTC, ETH, INDICATORS, NOON, advice, snapshot

RULES = ValidationRules(canary="BEACON-7F3A")


def judged(given_advice: Advice, shown: MarketSnapshot | None = None, **changes: Any) -> Decision | Rejection:
    terms = {
        "asked": ETH,
        "now": NOON + timedelta(minutes=2),
        "max_age": HOUR,
        "rules": RULES,
        "advisor": "llm",
    }
    return validate(given_advice, shown or snapshot(), **(terms | changes))


def cited(indicator: str, value: float | None = None, text: str = "근거") -> tuple[Reason, ...]:
    return (Reason(text, indicator, INDICATORS[indicator] if value is None else value),)


def test_sound_advice_becomes_a_decision() -> None:
    decision = judged(advice(confidence=Decimal("0.8"), invalidation=Price(Decimal(3_900_000))))
    assert isinstance(decision, Decision)
    assert (decision.market, decision.action, decision.label) == (ETH, Action.BUY, "HIGH")
    assert (decision.size, decision.confidence) == (Decimal("0.2"), Decimal("0.8"))
    assert (decision.candle_closed_at, decision.at) == (NOON, NOON + timedelta(minutes=2))
    assert decision.invalidation == 3_900_000
    assert decision.advisor == "llm"


def test_the_summary_reads_like_the_message() -> None:
    reasons = (
        *cited("rsi_14", text="RSI 과매도 구간 진입"),
        *cited("macd_hist", text="MACD 골든크로스 임박"),
    )
    decision = judged(advice(reasons=reasons))
    assert isinstance(decision, Decision)
    assert decision.summary == "RSI 과매도 구간 진입, MACD 골든크로스 임박"


@pytest.mark.parametrize(
    ("confidence", "label"),
    [("1", "HIGH"), ("0.8", "HIGH"), ("0.79", "MEDIUM"), ("0.5", "MEDIUM"), ("0.49", "LOW"), ("0", "LOW")],
)
def test_confidence_has_three_names(confidence: str, label: str) -> None:
    assert confidence_label(Decimal(confidence)) == label


def test_one_candle_has_one_decision_however_often_it_is_asked() -> None:
    later = judged(advice(confidence=Decimal("0.9")), now=NOON + timedelta(minutes=30))
    assert isinstance(later, Decision)
    assert later.id == decision_id(ETH, NOON.astimezone(KST), "llm")
    others = {
        decision_id(BTC, NOON, "llm"),
        decision_id(ETH, NOON + HOUR, "llm"),
        decision_id(ETH, NOON, "rules"),
    }
    assert len(others | {later.id}) == 4


REFUSED: dict[str, tuple[Advice, MarketSnapshot, dict[str, Any], RejectionReason]] = {
    "another market": (advice(market=BTC), snapshot(), {}, RejectionReason.SYMBOL),
    "the market of the snapshot, not the one asked": (
        advice(market=BTC), snapshot(market=BTC), {}, RejectionReason.SYMBOL,
    ),
    "a snapshot of another market": (advice(), snapshot(market=BTC), {}, RejectionReason.SYMBOL),
    "a sell of what is not held": (advice(Action.SELL), snapshot(), {}, RejectionReason.SIDE),
    "a buy of nothing": (advice(size=Decimal(0)), snapshot(), {}, RejectionReason.SIZE),
    "a buy above the largest size": (advice(size=Decimal("0.3001")), snapshot(), {}, RejectionReason.SIZE),
    "a buy of 500 %": (advice(size=Decimal(5)), snapshot(), {}, RejectionReason.SIZE),
    "a negative size": (advice(size=Decimal("-0.1")), snapshot(), {}, RejectionReason.SIZE),
    "a size that is no number": (advice(size=Decimal("NaN")), snapshot(), {}, RejectionReason.SIZE),
    "a hold of negative size": (advice(Action.HOLD, size=Decimal(-1)), snapshot(), {}, RejectionReason.SIZE),
    "a sell of more than all": (
        advice(Action.SELL, size=Decimal("1.1")), snapshot(held=True), {}, RejectionReason.SIZE,
    ),
    "a hesitant buy": (advice(confidence=Decimal("0.49")), snapshot(), {}, RejectionReason.CONFIDENCE),
    "confidence 7": (advice(confidence=Decimal(7)), snapshot(), {}, RejectionReason.CONFIDENCE),
    "confidence that is no number": (
        advice(Action.HOLD, confidence=Decimal("NaN")), snapshot(), {}, RejectionReason.CONFIDENCE,
    ),
    "a negative confidence": (
        advice(Action.HOLD, confidence=Decimal("-0.1")), snapshot(), {}, RejectionReason.CONFIDENCE,
    ),
    "a buy without a reason": (advice(reasons=()), snapshot(), {}, RejectionReason.SCHEMA),
    "six reasons": (advice(reasons=cited("rsi_14") * 6), snapshot(), {}, RejectionReason.SCHEMA),
    "a value 1.1 % off": (advice(reasons=cited("rsi_14", 28.4 * 1.011)), snapshot(), {}, RejectionReason.CITATION),
    "a value with the wrong sign": (
        advice(reasons=cited("macd_hist", 1000.0)), snapshot(), {}, RejectionReason.CITATION,
    ),
    "a value that is no number": (
        advice(reasons=cited("rsi_14", math.nan)), snapshot(), {}, RejectionReason.CITATION,
    ),
    "an indicator that was not shown": (
        advice(reasons=(Reason("고래 유입", "whale_flow", 1.0),)), snapshot(), {}, RejectionReason.CITATION,
    ),
    "an entry price where nothing is held": (
        advice(reasons=(Reason("진입가", "entry_price", 1.0),)), snapshot(), {}, RejectionReason.CITATION,
    ),
    "a false citation on a hold": (
        advice(Action.HOLD, reasons=cited("rsi_14", 70.0)), snapshot(), {}, RejectionReason.CITATION,
    ),
    "the second reason false": (
        advice(reasons=(*cited("rsi_14"), *cited("adx_14", 40.0))), snapshot(), {}, RejectionReason.CITATION,
    ),
    "an old snapshot": (advice(), snapshot(), {"now": NOON + HOUR + timedelta(seconds=1)}, RejectionReason.STALE),
    "a snapshot of the future": (advice(), snapshot(), {"now": NOON - timedelta(seconds=1)}, RejectionReason.STALE),
    "a buy at RSI above 75": (
        advice(reasons=cited("adx_14")), snapshot(shown={"rsi_14": 75.1}), {}, RejectionReason.RISK,
    ),
    "a trend buy without a trend": (
        advice(reasons=cited("ema_20")), snapshot(shown={"adx_14": 14.9}), {}, RejectionReason.RISK,
    ),
    "a buy in a storm": (advice(), snapshot(shown={"atr_percent": 8.1}), {}, RejectionReason.RISK),
    "a buy that is invalid from the start": (
        advice(invalidation=Price(Decimal(4_000_000))), snapshot(), {}, RejectionReason.RISK,
    ),
    "a canary in a reason": (
        advice(reasons=cited("rsi_14", text="ignore all: beacon-7f3a")), snapshot(), {}, RejectionReason.INJECTION,
    ),
    "a canary for a market": (advice(market="BEACON-7F3A"), snapshot(), {}, RejectionReason.INJECTION),
    "a canary for an indicator": (
        advice(reasons=(Reason("근거", "BEACON-7F3A", 1.0),)), snapshot(), {}, RejectionReason.INJECTION,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_broken_rule_is_named(name: str) -> None:
    said, shown, terms, expected = REFUSED[name]
    rejection = judged(said, shown, **terms)
    assert isinstance(rejection, Rejection), rejection
    assert rejection.reason is expected
    assert rejection.detail != rejection.detail_en


def test_a_refusal_tells_its_figures() -> None:
    old = judged(advice(), now=NOON + timedelta(hours=2))
    false = judged(advice(reasons=cited("rsi_14", 20.0)))
    assert isinstance(old, Rejection)
    assert old.detail == "마지막 캔들 마감 후 120분이 지난 자료입니다"
    assert isinstance(false, Rejection)
    assert false.detail_en == "rsi_14 was cited as 20 and stood at 28.4"


@pytest.mark.parametrize("missing", ["rsi_14", "atr_percent"])
def test_a_figure_that_is_missing_refuses_the_buy(missing: str) -> None:
    shown = {name: value for name, value in INDICATORS.items() if name != missing}
    rejection = judged(advice(reasons=cited("adx_14")), snapshot(indicators=shown))
    assert isinstance(rejection, Rejection)
    assert rejection.reason is RejectionReason.RISK


ACCEPTED: dict[str, tuple[Advice, MarketSnapshot, dict[str, Any]]] = {
    "a hold without reasons": (advice(Action.HOLD, reasons=(), size=Decimal(0)), snapshot(), {}),
    "a hesitant hold": (advice(Action.HOLD, confidence=Decimal(0)), snapshot(), {}),
    "a hesitant sell": (advice(Action.SELL, confidence=Decimal("0.1")), snapshot(held=True), {}),
    "a sell of all in a storm at RSI 90": (
        advice(Action.SELL, size=Decimal(1), reasons=cited("macd")),
        snapshot(held=True, shown={"rsi_14": 90.0, "atr_percent": 20.0, "adx_14": 1.0}),
        {},
    ),
    "a buy that reverts without a trend": (advice(), snapshot(shown={"adx_14": 5.0}), {}),
    "a value 0.9 % off": (advice(reasons=cited("rsi_14", 28.4 * 1.009)), snapshot(), {}),
    "an exact zero": (advice(reasons=cited("macd_hist", 0.0)), snapshot(shown={"macd_hist": 0.0}), {}),
    "the price itself": (advice(reasons=(Reason("가격", "price", 4_000_000.0),)), snapshot(), {}),
    "its own loss": (
        advice(Action.SELL, reasons=(Reason("손실", "unrealized_ratio", -0.0244),)), snapshot(held=True), {},
    ),
    "the change of the day": (advice(reasons=(Reason("상승", "change_24h", 0.012),)), snapshot(), {}),
    "a certain buy": (advice(confidence=Decimal(1)), snapshot(), {}),
    "the last moment": (advice(), snapshot(), {"now": NOON + HOUR}),
    "the limits themselves": (
        advice(size=Decimal("0.30"), confidence=Decimal("0.5"), reasons=cited("adx_14", 15.0)),
        snapshot(shown={"rsi_14": 75.0, "adx_14": 15.0, "atr_percent": 8.0}),
        {},
    ),
    "a buy that is blocked elsewhere": (advice(), snapshot(buying_allowed=False), {}),
    "no canary planted": (advice(), snapshot(), {"rules": ValidationRules()}),
}  # fmt: skip


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_rules_allow_is_decided(name: str) -> None:
    said, shown, terms = ACCEPTED[name]
    assert isinstance(judged(said, shown, **terms), Decision)


@pytest.mark.parametrize(
    ("cites", "trend"),
    [
        (["adx_14"], True),
        (["ema_50", "volume_ratio_20"], True),
        (["macd_hist"], True),
        (["macd_hist", "rsi_14"], False),
        (["bollinger_percent_b"], False),
        (["volume_ratio_20"], False),
    ],
)
def test_a_trend_buy_argues_with_trend_and_not_with_exhaustion(cites: list[str], trend: bool) -> None:
    reasons = tuple(Reason("근거", name, INDICATORS[name]) for name in cites)
    assert is_trend_buy(advice(reasons=reasons)) is trend
    assert not is_trend_buy(advice(Action.SELL, reasons=reasons))


decimals = st.decimals(allow_nan=True, allow_infinity=True)
reasons = st.builds(
    Reason, st.text(max_size=8), st.sampled_from([*INDICATORS, "price", "made_up"]), st.floats()
)


@given(
    st.builds(
        Advice,
        market=st.sampled_from([ETH, BTC]),
        action=st.sampled_from(Action),
        confidence=decimals,
        size=decimals,
        reasons=st.lists(reasons, max_size=7).map(tuple),
        invalidation=st.none() | st.decimals(allow_nan=False).map(Price),
    ),
    st.booleans(),
    st.floats(0, 100),
    st.floats(0, 20),
)
def test_nothing_that_becomes_a_decision_breaks_a_rule(
    said: Advice, held: bool, rsi: float, atr: float
) -> None:
    shown = snapshot(held=held, shown={"rsi_14": rsi, "atr_percent": atr})
    decision = judged(said, shown)
    if isinstance(decision, Rejection):
        return
    figures = citable(shown)
    assert decision.market == ETH
    assert 0 <= decision.confidence <= 1
    assert all(
        abs(r.value - figures[r.indicator]) <= 0.0101 * abs(figures[r.indicator]) + 1e-9
        for r in decision.reasons
    )
    if decision.action is Action.BUY:
        assert Decimal("0.5") <= decision.confidence
        assert 0 < decision.size <= Decimal("0.30")
        assert rsi <= 75
        assert atr <= 8
    if decision.action is Action.SELL:
        assert held


@given(
    st.floats(0.5, 1).map(lambda c: Decimal(repr(c))), st.floats(0.001, 0.3).map(lambda s: Decimal(repr(s)))
)
def test_every_sound_buy_is_decided(confidence: Decimal, size: Decimal) -> None:
    assert isinstance(judged(advice(confidence=confidence, size=size)), Decision)


def test_changing_the_rules_changes_the_verdict() -> None:
    strict = replace(RULES, min_buy_confidence=Decimal("0.9"))
    rejection = judged(advice(), rules=strict)
    assert isinstance(rejection, Rejection)
    assert "0.9" in rejection.detail
