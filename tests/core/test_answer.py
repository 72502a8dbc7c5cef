"""What an advisor may say, and a collection of what it may not."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.answer import MAX_REASON_LENGTH, parse_advice
from bongsu.core.decision import Action, Advice, Rejection, RejectionReason
from core.samples import ETH

SCHEMA, SIZE, CONFIDENCE = RejectionReason.SCHEMA, RejectionReason.SIZE, RejectionReason.CONFIDENCE


def answer(**changes: Any) -> dict[str, Any]:
    return {
        "market": "KRW-ETH",
        "action": "buy",
        "confidence": 0.72,
        "size": 0.2,
        "reasons": [reason()],
        "invalidation": 3900000,
    } | changes


def reason(**changes: Any) -> dict[str, Any]:
    return {"text": "RSI 과매도 구간 진입", "indicator": "rsi_14", "value": 28.4} | changes


def without(key: str, whole: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in whole.items() if k != key}


def test_a_good_answer_becomes_advice_without_losing_a_digit() -> None:
    advice = parse_advice(answer(confidence=Decimal("0.7200000000000001")))
    assert isinstance(advice, Advice)
    assert (advice.market, advice.action, advice.invalidation) == (ETH, Action.BUY, 3_900_000)
    assert (advice.confidence, advice.size) == (Decimal("0.7200000000000001"), Decimal("0.2"))
    assert advice.reasons[0].value == 28.4


@pytest.mark.parametrize(
    "changes",
    [
        {"action": "hold", "reasons": []},
        {"action": "sell", "size": 1},
        {"confidence": 0},
        {"confidence": 1.0},
        {"size": 0},
        {"size": Decimal("0.125")},
        {"invalidation": None},
        {"invalidation": 0.00001234},
        {"reasons": [reason()] * 5},
        {"reasons": [reason(value=0)]},
        {"reasons": [reason(value=-12345678)]},
        {"reasons": [reason(text="x" * MAX_REASON_LENGTH)]},
    ],
)
def test_odd_but_honest_answers_pass(changes: dict[str, Any]) -> None:
    assert isinstance(parse_advice(answer(**changes)), Advice)


BAD: dict[str, tuple[object, RejectionReason]] = {
    # Not an object at all
    "nothing": (None, SCHEMA),
    "prose": ("I would buy some ETH here, it looks cheap.", SCHEMA),
    "json within a string": (json.dumps(answer()), SCHEMA),
    "a list of answers": ([answer()], SCHEMA),
    "an empty list": ([], SCHEMA),
    "a number": (1, SCHEMA),
    "true": (True, SCHEMA),
    "NaN": (math.nan, SCHEMA),
    "an empty object": ({}, SCHEMA),
    "wrapped in another object": ({"advice": answer()}, SCHEMA),
    # Keys
    "no market": (without("market", answer()), SCHEMA),
    "no action": (without("action", answer()), SCHEMA),
    "no confidence": (without("confidence", answer()), SCHEMA),
    "no size": (without("size", answer()), SCHEMA),
    "no reasons": (without("reasons", answer()), SCHEMA),
    "no invalidation": (without("invalidation", answer()), SCHEMA),
    "an order type added": (answer(order_type="limit"), SCHEMA),
    "leverage added": (answer(leverage=10), SCHEMA),
    "prose added": (answer(comment="trust me"), SCHEMA),
    "a key in capitals": (without("size", answer(Size=0.2)), SCHEMA),
    "a key that is no string": (answer() | {7: 1}, SCHEMA),
    # Market
    "market null": (answer(market=None), SCHEMA),
    "market a number": (answer(market=1), SCHEMA),
    "market empty": (answer(market=""), SCHEMA),
    "market in lower case": (answer(market="krw-eth"), SCHEMA),
    "market the other way round": (answer(market="ETH-KRW"), SCHEMA),
    "market with a slash": (answer(market="KRW/ETH"), SCHEMA),
    "market in another currency": (answer(market="BTC-ETH"), SCHEMA),
    "market with a space": (answer(market=" KRW-ETH"), SCHEMA),
    "market with a line break": (answer(market="KRW-ETH\n"), SCHEMA),
    "market with a statement": (answer(market="KRW-ETH'; DROP TABLE orders;--"), SCHEMA),
    "two markets": (answer(market=["KRW-ETH", "KRW-BTC"]), SCHEMA),
    "market in wide letters": (answer(market="KRW-ＥＴＨ"), SCHEMA),
    # Action
    "action in capitals": (answer(action="BUY"), SCHEMA),
    "action in Korean": (answer(action="매수"), SCHEMA),
    "action strong_buy": (answer(action="strong_buy"), SCHEMA),
    "action short": (answer(action="short"), SCHEMA),
    "action null": (answer(action=None), SCHEMA),
    "action a list": (answer(action=["buy"]), SCHEMA),
    "action an object": (answer(action={"buy": 1}), SCHEMA),
    "action empty": (answer(action=""), SCHEMA),
    # Numbers in disguise
    "confidence a string": (answer(confidence="0.9"), SCHEMA),
    "confidence a label": (answer(confidence="HIGH"), SCHEMA),
    "confidence true": (answer(confidence=True), SCHEMA),
    "confidence null": (answer(confidence=None), SCHEMA),
    "confidence NaN": (answer(confidence=math.nan), SCHEMA),
    "confidence infinite": (answer(confidence=math.inf), SCHEMA),
    "confidence minus infinite": (answer(confidence=-math.inf), SCHEMA),
    "confidence a NaN of Decimal": (answer(confidence=Decimal("NaN")), SCHEMA),
    "confidence a signalling NaN": (answer(confidence=Decimal("sNaN")), SCHEMA),
    "confidence 1e400": (answer(confidence=Decimal("1e400")), SCHEMA),
    "confidence 1e-400": (answer(confidence=Decimal("1e-400")), SCHEMA),
    "confidence a googol": (answer(confidence=10**100), SCHEMA),
    "confidence an integer of 10,000 digits": (answer(confidence=10**9999), SCHEMA),
    "size false": (answer(size=False), SCHEMA),
    "size a percentage": (answer(size="20%"), SCHEMA),
    "size a list": (answer(size=[0.2]), SCHEMA),
    # Numbers out of bounds
    "confidence 7": (answer(confidence=7), CONFIDENCE),
    "confidence 72 percent": (answer(confidence=72), CONFIDENCE),
    "confidence a hair above one": (answer(confidence=Decimal("1.000000000000000001")), CONFIDENCE),
    "confidence negative": (answer(confidence=-0.1), CONFIDENCE),
    "size 500 percent": (answer(size=5), SIZE),
    "size in won": (answer(size=300000), SIZE),
    "size negative": (answer(size=-0.2), SIZE),
    # Reasons
    "reasons null": (answer(reasons=None), SCHEMA),
    "reasons a sentence": (answer(reasons="RSI 과매도"), SCHEMA),
    "reasons an object": (answer(reasons=reason()), SCHEMA),
    "reasons of strings": (answer(reasons=["RSI 과매도"]), SCHEMA),
    "six reasons": (answer(reasons=[reason()] * 6), SCHEMA),
    "a reason without a value": (answer(reasons=[without("value", reason())]), SCHEMA),
    "a reason with a source": (answer(reasons=[reason(source="twitter")]), SCHEMA),
    "a reason whose value is null": (answer(reasons=[reason(value=None)]), SCHEMA),
    "a reason whose value is true": (answer(reasons=[reason(value=True)]), SCHEMA),
    "a reason whose value is text": (answer(reasons=[reason(value="28.4")]), SCHEMA),
    "a reason whose value is NaN": (answer(reasons=[reason(value=math.nan)]), SCHEMA),
    "a reason whose value is 1e300": (answer(reasons=[reason(value=1e300)]), SCHEMA),
    "a reason without words": (answer(reasons=[reason(text="  ")]), SCHEMA),
    "a reason that is too long": (answer(reasons=[reason(text="x" * 201)]), SCHEMA),
    "a reason with a line break": (answer(reasons=[reason(text="RSI\n신뢰도: HIGH")]), SCHEMA),
    "a reason with a direction override": (answer(reasons=[reason(text="RSI \u202e과매도")]), SCHEMA),
    "a reason with an invisible space": (answer(reasons=[reason(text="RSI\u200b과매도")]), SCHEMA),
    "a reason with half a character": (answer(reasons=[reason(text="\ud83d")]), SCHEMA),
    "a reason with a zero byte": (answer(reasons=[reason(text="RSI\x00")]), SCHEMA),
    "a line separator": (answer(reasons=[reason(text="RSI\u2028신뢰도: HIGH")]), SCHEMA),
    "an indicator that is a number": (answer(reasons=[reason(indicator=14)]), SCHEMA),
    "an indicator of 1,000 letters": (answer(reasons=[reason(indicator="r" * 1000)]), SCHEMA),
    # Invalidation
    "invalidation zero": (answer(invalidation=0), SCHEMA),
    "invalidation negative": (answer(invalidation=-3900000), SCHEMA),
    "invalidation text": (answer(invalidation="3,900,000원"), SCHEMA),
    "invalidation false": (answer(invalidation=False), SCHEMA),
    "invalidation infinite": (answer(invalidation=math.inf), SCHEMA),
    "invalidation 1e-300": (answer(invalidation=1e-300), SCHEMA),
    "invalidation 1e30": (answer(invalidation=1e30), SCHEMA),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_answer_is_refused_by_name(name: str) -> None:
    raw, expected = BAD[name]
    refused = parse_advice(raw)
    assert isinstance(refused, Rejection), refused
    assert refused.reason is expected
    assert refused.detail
    assert refused.detail_en


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=20)
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=6), v))


@given(values)
def test_no_value_whatever_raises_or_passes_by_accident(raw: object) -> None:
    assert isinstance(parse_advice(raw), Rejection)


@given(st.sampled_from(sorted(answer())), values)
def test_one_wild_field_is_refused_or_within_bounds(field: str, value: object) -> None:
    parsed = parse_advice(answer(**{field: value}))
    if isinstance(parsed, Advice):
        assert 0 <= parsed.confidence <= 1
        assert 0 <= parsed.size <= 1
        assert parsed.invalidation is None or 0 < parsed.invalidation < 10**19
        assert len(parsed.reasons) <= 5


@given(st.sampled_from(["text", "indicator", "value"]), values)
def test_one_wild_reason_is_refused_or_printable(field: str, value: object) -> None:
    parsed = parse_advice(answer(reasons=[reason(**{field: value})]))
    if isinstance(parsed, Advice):
        assert math.isfinite(parsed.reasons[0].value)
        assert len(parsed.reasons[0].text.splitlines()) == 1
