"""Reading an advisor's answer by a closed schema: no key more, none less, no number in disguise."""

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import NoReturn

from bongsu.core.decision import (
    MAX_REASONS,
    ONE,
    Action,
    Advice,
    Reason,
    Rejection,
    RejectionReason,
)
from bongsu.core.market import Market, parse_market
from bongsu.core.money import ZERO, Price

MAX_REASON_LENGTH = 200

_ADVICE_KEYS = frozenset({"market", "action", "confidence", "size", "reasons", "invalidation"})
_REASON_KEYS = frozenset({"text", "indicator", "value"})
_EXPONENTS = range(-18, 19)  # no price, ratio or share of this market lies outside


def parse_advice(raw: object) -> Advice | Rejection:
    """`raw` is a decoded JSON value; never raises, whatever it is."""
    try:
        return _parse_advice(raw)
    except _Refused as refused:
        return refused.rejection


class _Refused(Exception):
    def __init__(self, rejection: Rejection) -> None:
        self.rejection = rejection


def _malformed(detail: str, detail_en: str) -> NoReturn:
    raise _Refused(Rejection(RejectionReason.SCHEMA, detail, detail_en))


def _parse_advice(raw: object) -> Advice:
    fields = _closed_object(raw, _ADVICE_KEYS, "advice")
    return Advice(
        market=_parse_market(fields["market"]),
        action=_parse_action(fields["action"]),
        confidence=_parse_share(fields["confidence"], RejectionReason.CONFIDENCE),
        size=_parse_share(fields["size"], RejectionReason.SIZE),
        reasons=_parse_reasons(fields["reasons"]),
        invalidation=_parse_invalidation(fields["invalidation"]),
    )


def _closed_object(raw: object, keys: frozenset[str], name: str) -> Mapping[str, object]:
    if not isinstance(raw, dict):
        _malformed(f"{name}: JSON 객체가 아닙니다", f"{name}: not a JSON object")
    if missing := sorted(keys - raw.keys()):
        _malformed(f"{name}: 항목 누락 {missing}", f"{name}: missing {missing}")
    if extra := [str(key)[:40] for key in raw if key not in keys]:
        _malformed(f"{name}: 알 수 없는 항목 {extra[:5]}", f"{name}: unknown keys {extra[:5]}")
    return raw


def _parse_market(raw: object) -> Market:
    try:
        if isinstance(raw, str):
            return parse_market(raw)
    except ValueError:
        pass
    _malformed("market: 원화 마켓 이름이 아닙니다", "market: not the name of a KRW market")


def _parse_action(raw: object) -> Action:
    if isinstance(raw, str) and raw in tuple(Action):
        return Action(raw)
    _malformed("action: buy, sell, hold 중 하나가 아닙니다", "action: not one of buy, sell, hold")


def _parse_share(raw: object, reason: RejectionReason) -> Decimal:
    share = _parse_number(raw, reason.value)
    if not ZERO <= share <= ONE:
        detail = f"{reason}: 0과 1 사이여야 하는데 {share:.6g}입니다"
        raise _Refused(Rejection(reason, detail, f"{reason}: {share:.6g} is not between 0 and 1"))
    return share


def _parse_number(raw: object, name: str) -> Decimal:
    # bool is an int to Python, and a string may hide anything.
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        _malformed(f"{name}: 숫자가 아닙니다", f"{name}: not a number")
    number = Decimal(repr(raw)) if isinstance(raw, float) else Decimal(raw)
    if not number.is_finite() or (number and number.adjusted() not in _EXPONENTS):
        _malformed(f"{name}: 있을 수 없는 값입니다", f"{name}: not a plausible number")
    return number


def _parse_reasons(raw: object) -> tuple[Reason, ...]:
    if not isinstance(raw, list):
        _malformed("reasons: 목록이 아닙니다", "reasons: not a list")
    if len(raw) > MAX_REASONS:
        _malformed(f"reasons: {MAX_REASONS}개를 넘습니다", f"reasons: more than {MAX_REASONS}")
    return tuple(_parse_reason(item) for item in raw)


def _parse_reason(raw: object) -> Reason:
    fields = _closed_object(raw, _REASON_KEYS, "reason")
    return Reason(
        text=_parse_text(fields["text"], "text"),
        indicator=_parse_text(fields["indicator"], "indicator"),
        value=float(_parse_number(fields["value"], "value")),
    )


def _parse_text(raw: object, name: str) -> str:
    if not isinstance(raw, str) or not raw.strip():
        _malformed(f"{name}: 문장이 아닙니다", f"{name}: not a text")
    if len(raw) > MAX_REASON_LENGTH:
        _malformed(
            f"{name}: {MAX_REASON_LENGTH}자를 넘습니다", f"{name}: over {MAX_REASON_LENGTH} characters"
        )
    if any(map(_unfit_to_show, raw)):
        _malformed(f"{name}: 제어 문자가 있습니다", f"{name}: holds control characters")
    return raw


def _unfit_to_show(character: str) -> bool:
    """Control, direction, invisible and line characters: they could forge an owner's message."""
    category = unicodedata.category(character)
    return category.startswith("C") or category in {"Zl", "Zp"}


def _parse_invalidation(raw: object) -> Price | None:
    if raw is None:
        return None
    price = _parse_number(raw, "invalidation")
    if price <= 0:
        _malformed("invalidation: 가격은 0보다 커야 합니다", "invalidation: a price is above zero")
    return Price(price)
