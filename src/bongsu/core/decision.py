"""Advice is what an advisor says; a Decision is advice that stood up to every rule.

Only `validate` makes a Decision.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid5

from bongsu.core.market import Market
from bongsu.core.money import ZERO, Price
from bongsu.core.snapshot import MarketSnapshot

ONE = Decimal(1)
MAX_REASONS = 5
TREND_INDICATORS = frozenset(
    {"adx_14", "ema_20", "ema_50", "ema_200", "macd", "macd_signal", "macd_hist", "macd_hist_previous"}
)
REVERSION_INDICATORS = frozenset({"rsi_14", "rsi_14_previous", "bollinger_lower", "bollinger_percent_b"})

_DECISIONS = UUID("5b1c6a1e-3a3e-5d0b-8d53-6a2f3c0f9e42")


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Reason:
    """`value` is what the advisor says `indicator` stood at."""

    text: str
    indicator: str
    value: float


@dataclass(frozen=True, slots=True)
class Advice:
    """`confidence` is 0..1, `size` a share of equity; beyond `invalidation` the idea is dead.

    `by`: who gave it, where the one who was asked had nothing to say.
    """

    market: Market
    action: Action
    confidence: Decimal
    size: Decimal
    reasons: tuple[Reason, ...]
    invalidation: Price | None
    by: str | None = None


class RejectionReason(StrEnum):
    SCHEMA = "schema"
    SYMBOL = "symbol"
    SIZE = "size"
    CONFIDENCE = "confidence"
    SIDE = "side"
    RISK = "risk"
    STALE = "stale"
    INJECTION = "injection"
    CITATION = "citation"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why advice was refused: `detail` in Korean for the owner, `detail_en` in English for a model, too."""

    reason: RejectionReason
    detail: str
    detail_en: str


@dataclass(frozen=True, slots=True)
class ValidationRules:
    """Shares and confidences are fractions; ATR is in percent, the tolerance relative."""

    min_buy_confidence: Decimal = Decimal("0.5")
    max_size: Decimal = Decimal("0.30")
    max_rsi_on_buy: float = 75.0
    min_adx_on_trend_buy: float = 15.0
    max_atr_percent: float = 8.0
    citation_tolerance: float = 0.01
    canary: str = ""  # planted in the prompt; an answer that repeats it has been steered. Empty: none planted


@dataclass(frozen=True, slots=True)
class Decision:
    id: UUID  # the same for one market, candle and advisor, however often it is asked
    market: Market
    action: Action
    confidence: Decimal
    label: str  # HIGH, MEDIUM, LOW
    size: Decimal
    reasons: tuple[Reason, ...]
    invalidation: Price | None
    candle_closed_at: datetime
    advisor: str
    at: datetime  # market time

    @property
    def summary(self) -> str:
        """What the owner reads as the grounds of the trade."""
        return ", ".join(reason.text for reason in self.reasons)


def confidence_label(confidence: Decimal) -> str:
    if confidence >= Decimal("0.8"):
        return "HIGH"
    return "MEDIUM" if confidence >= Decimal("0.5") else "LOW"


def validate(
    advice: Advice,
    snapshot: MarketSnapshot,
    *,
    asked: Market,
    now: datetime,
    max_age: timedelta,
    rules: ValidationRules,
    advisor: str,
) -> Decision | Rejection:
    """The first broken rule is the answer.

    `max_age` bounds the time since the snapshot's newest candle closed.
    """
    return (
        _canary_seen(advice, rules)
        or _other_market(advice, snapshot, asked)
        or _out_of_time(snapshot, now, max_age)
        or find_fault(advice, snapshot, rules)
        or Decision(
            id=decision_id(asked, snapshot.candle_closed_at, advisor),
            market=asked,
            action=advice.action,
            confidence=advice.confidence,
            label=confidence_label(advice.confidence),
            size=advice.size,
            reasons=advice.reasons,
            invalidation=advice.invalidation,
            candle_closed_at=snapshot.candle_closed_at,
            advisor=advisor,
            at=now,
        )
    )


def find_fault(advice: Advice, snapshot: MarketSnapshot, rules: ValidationRules) -> Rejection | None:
    """What is wrong with the advice itself, whoever asked and whenever."""
    return (
        _without_grounds(advice)
        or _impossible_side(advice, snapshot)
        or _bad_size(advice, rules)
        or _bad_confidence(advice, rules)
        or _false_citation(advice, snapshot, rules)
        or _against_limits(advice, snapshot, rules)
    )


def find_canary(words: Iterable[str], rules: ValidationRules) -> Rejection | None:
    if rules.canary and any(rules.canary.casefold() in word.casefold() for word in words):
        return Rejection(
            RejectionReason.INJECTION,
            "답변에 숨겨 둔 표식이 나타났습니다",
            "the answer repeats the hidden canary",
        )
    return None


def decision_id(market: Market, candle_closed_at: datetime, advisor: str) -> UUID:
    return uuid5(_DECISIONS, f"{market}|{candle_closed_at.astimezone(UTC).isoformat()}|{advisor}")


def is_trend_buy(advice: Advice) -> bool:
    """A buy that argues with trend or momentum and never with exhaustion.

    It cites at least one of TREND_INDICATORS and none of REVERSION_INDICATORS.
    """
    cited = {reason.indicator for reason in advice.reasons}
    return advice.action is Action.BUY and bool(cited & TREND_INDICATORS) and not cited & REVERSION_INDICATORS


def citable(snapshot: MarketSnapshot) -> dict[str, float]:
    """Every figure an advisor may cite: the indicators and what else the snapshot shows."""
    figures = {
        **snapshot.indicators,
        "price": float(snapshot.price),
        "bid": float(snapshot.bid),
        "ask": float(snapshot.ask),
        "spread": float(snapshot.spread),
        "change_24h": float(snapshot.change_24h),
    }
    if snapshot.position is not None:
        figures["entry_price"] = float(snapshot.position.entry_price)
        figures["unrealized_ratio"] = float(snapshot.position.unrealized_ratio)
    return figures


def _canary_seen(advice: Advice, rules: ValidationRules) -> Rejection | None:
    words = (advice.market, *(w for reason in advice.reasons for w in (reason.text, reason.indicator)))
    return find_canary(words, rules)


def _other_market(advice: Advice, snapshot: MarketSnapshot, asked: Market) -> Rejection | None:
    if advice.market == snapshot.market == asked:
        return None
    return Rejection(
        RejectionReason.SYMBOL,
        f"물은 종목({asked})과 답한 종목({advice.market})이 다릅니다",
        f"asked about {asked}, answered about {advice.market}",
    )


def _out_of_time(snapshot: MarketSnapshot, now: datetime, max_age: timedelta) -> Rejection | None:
    age = now - snapshot.candle_closed_at
    if timedelta(0) <= age <= max_age:
        return None
    minutes = age.total_seconds() / 60
    return Rejection(
        RejectionReason.STALE,
        f"마지막 캔들 마감 후 {minutes:.0f}분이 지난 자료입니다",
        f"the newest candle closed {minutes:.0f} minutes ago",
    )


def _without_grounds(advice: Advice) -> Rejection | None:
    enough = bool(advice.reasons) or advice.action is Action.HOLD
    if enough and len(advice.reasons) <= MAX_REASONS:
        return None
    return Rejection(
        RejectionReason.SCHEMA,
        f"근거가 {len(advice.reasons)}개입니다 (1~{MAX_REASONS}개)",
        f"{len(advice.reasons)} reasons given, 1 to {MAX_REASONS} needed",
    )


def _impossible_side(advice: Advice, snapshot: MarketSnapshot) -> Rejection | None:
    if advice.action is Action.SELL and snapshot.position is None:
        return Rejection(
            RejectionReason.SIDE,
            f"보유하지 않은 종목({advice.market})은 팔 수 없습니다",
            f"{advice.market} is not held",
        )
    return None


def _bad_size(advice: Advice, rules: ValidationRules) -> Rejection | None:
    buying = advice.action is Action.BUY
    most = rules.max_size if buying else ONE
    if advice.size.is_finite() and ZERO <= advice.size <= most and (advice.size > 0 or not buying):
        return None
    return Rejection(
        RejectionReason.SIZE,
        f"주문 비중 {advice.size}: 허용 범위(최대 {most})를 벗어났습니다",
        f"size {advice.size} is out of bounds (at most {most})",
    )


def _bad_confidence(advice: Advice, rules: ValidationRules) -> Rejection | None:
    least = rules.min_buy_confidence if advice.action is Action.BUY else ZERO
    if advice.confidence.is_finite() and least <= advice.confidence <= ONE:
        return None
    return Rejection(
        RejectionReason.CONFIDENCE,
        f"신뢰도 {advice.confidence}: 허용 범위({least}~1)를 벗어났습니다",
        f"confidence {advice.confidence} is not between {least} and 1",
    )


def _false_citation(advice: Advice, snapshot: MarketSnapshot, rules: ValidationRules) -> Rejection | None:
    figures = citable(snapshot)
    for reason in advice.reasons:
        actual = figures.get(reason.indicator)
        if actual is None:
            return Rejection(
                RejectionReason.CITATION,
                f"보여 준 적 없는 지표를 인용했습니다: {reason.indicator}",
                f"{reason.indicator!r} is not among the figures shown",
            )
        if not math.isclose(reason.value, actual, rel_tol=0.0, abs_tol=_allowance(actual, rules)):
            return Rejection(
                RejectionReason.CITATION,
                f"{reason.indicator} 인용값 {reason.value:.6g}, 실제 {actual:.6g}",
                f"{reason.indicator} was cited as {reason.value:.6g} and stood at {actual:.6g}",
            )
    return None


def _allowance(actual: float, rules: ValidationRules) -> float:
    return rules.citation_tolerance * abs(actual) + 1e-12  # an exact zero can be cited, too


def _against_limits(advice: Advice, snapshot: MarketSnapshot, rules: ValidationRules) -> Rejection | None:
    if advice.action is not Action.BUY:
        return None
    # A figure that is missing or NaN fails its comparison, and so refuses the buy.
    shown = snapshot.indicators
    rsi, adx, atr = (shown.get(name, math.nan) for name in ("rsi_14", "adx_14", "atr_percent"))
    if not rsi <= rules.max_rsi_on_buy:
        return _risky("매수 시 RSI", "RSI on a buy", rsi, f"≤ {rules.max_rsi_on_buy:g}")
    if is_trend_buy(advice) and not adx >= rules.min_adx_on_trend_buy:
        return _risky("추세 매수 시 ADX", "ADX on a trend buy", adx, f"≥ {rules.min_adx_on_trend_buy:g}")
    if not atr <= rules.max_atr_percent:
        return _risky("매수 시 ATR %", "ATR % on a buy", atr, f"≤ {rules.max_atr_percent:g}")
    if advice.invalidation is not None and advice.invalidation >= snapshot.price:
        return _risky(
            "무효화 가격", "invalidation price", float(advice.invalidation), f"< {snapshot.price:f}"
        )
    return None


def _risky(name: str, name_en: str, value: float, bound: str) -> Rejection:
    return Rejection(
        RejectionReason.RISK,
        f"{name} {value:.6g} (한도 {bound})",
        f"{name_en}: {value:.6g} (limit {bound})",
    )
