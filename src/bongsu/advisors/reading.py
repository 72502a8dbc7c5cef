"""A model's answer, read by a closed schema: what does not fit it exactly is no advice."""

import math
from decimal import Decimal
from typing import Annotated, Any

import msgspec

from bongsu.advisors.prompting import Blindfold
from bongsu.core.decision import MAX_REASONS, Action, Advice, Reason, Rejection, RejectionReason
from bongsu.core.market import parse_market
from bongsu.core.money import Price

LONGEST_REASON = 300  # letters
_LONGEST_ANSWER = 20_000

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_REASON)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class _Reason(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    text: Text
    indicator: Name
    value: float


class _Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    market: Name
    action: Action
    confidence: Decimal
    size: Decimal
    reasons: Annotated[list[_Reason], msgspec.Meta(max_length=MAX_REASONS)]
    invalidation: Decimal | None


_decoder = msgspec.json.Decoder(_Answer)


def schema() -> dict[str, Any]:
    """As providers want it: every field required, none besides, no references."""
    number, text = {"type": "number"}, {"type": "string"}
    reason = _closed({"text": text, "indicator": text, "value": number})
    return _closed(
        {
            "market": text,
            "action": {"type": "string", "enum": [*Action]},
            "confidence": number,
            "size": number,
            "reasons": {"type": "array", "items": reason},
            "invalidation": {"anyOf": [number, {"type": "null"}]},
        }
    )


def read_advice(said: str, eyes: Blindfold) -> Advice | Rejection:
    if len(said) > _LONGEST_ANSWER:
        return _no_advice("답이 너무 깁니다", f"the answer has more than {_LONGEST_ANSWER} letters")
    try:
        answer = _decoder.decode(said)
        return Advice(
            market=parse_market(answer.market),
            action=answer.action,
            confidence=answer.confidence,
            size=answer.size,
            reasons=tuple(_reason(reason, eyes) for reason in answer.reasons),
            invalidation=None if answer.invalidation is None else _price(answer.invalidation, eyes),
        )
    except (msgspec.DecodeError, ValueError) as wrong:  # the first is not always one of the second
        return _no_advice("정해진 JSON 모양이 아닙니다", str(wrong))


def _reason(reason: _Reason, eyes: Blindfold) -> Reason:
    return Reason(_plain(reason.text), reason.indicator, eyes.lift(reason.indicator, _finite(reason.value)))


def _price(value: Decimal, eyes: Blindfold) -> Price:
    """As it was written, where nothing was hidden."""
    shown = eyes.lift("price", _finite(float(value)))
    return Price(value if shown == float(value) else Decimal(repr(shown)))


def _finite(value: float) -> float:
    if math.isfinite(value):
        return value
    raise ValueError("a number is not finite")


def _plain(text: str) -> str:
    """One line, without what is not shown: control characters, and those that turn the direction of writing."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def _no_advice(korean: str, english: str) -> Rejection:
    return Rejection(RejectionReason.SCHEMA, f"{korean} ({english})", english)


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
