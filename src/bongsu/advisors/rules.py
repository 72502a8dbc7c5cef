"""The built-in advisor: five classic signals vote. Deterministic, free, and always there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from bongsu.core.decision import (
    MAX_REASONS,
    Action,
    Advice,
    Reason,
    ValidationRules,
    find_fault,
)
from bongsu.core.money import ZERO, Price, floor_price, tick_size
from bongsu.core.snapshot import Indicators, MarketSnapshot

Lang = Literal["ko", "en"]

QUORUM = 2  # net weight that makes an action
_ATRS_TO_INVALIDATION = Decimal(2)


@dataclass(frozen=True, slots=True)
class Vote:
    """`weight` above zero speaks for owning the coin, below zero against it, zero only explains."""

    weight: int
    indicator: str
    value: float
    ko: str
    en: str


class RulesAdvisor:
    name = "rules"

    def __init__(self, lang: Lang = "ko", rules: ValidationRules | None = None) -> None:
        self._lang = lang
        self._rules = rules or ValidationRules()

    async def advise(self, snapshot: MarketSnapshot) -> Advice:
        """Buys what is not held, sells what is, and proposes nothing that validation would refuse."""
        votes = cast_votes(snapshot.indicators)
        score = sum(vote.weight for vote in votes)
        if snapshot.position is not None:
            return self._sell(snapshot, votes, -score) if score <= -QUORUM else self._hold(snapshot, votes)
        if score < QUORUM:
            return self._hold(snapshot, votes)
        buy = self._buy(snapshot, votes, score)
        return self._hold(snapshot, votes) if find_fault(buy, snapshot, self._rules) else buy

    def _buy(self, snapshot: MarketSnapshot, votes: tuple[Vote, ...], score: int) -> Advice:
        return Advice(
            market=snapshot.market,
            action=Action.BUY,
            confidence=_confidence(score),
            size=min(self._rules.max_size, Decimal("0.10") + Decimal("0.05") * score),
            reasons=self._reasons(vote for vote in votes if vote.weight > 0),
            invalidation=_invalidation(snapshot),
        )

    def _sell(self, snapshot: MarketSnapshot, votes: tuple[Vote, ...], score: int) -> Advice:
        return Advice(
            market=snapshot.market,
            action=Action.SELL,
            confidence=_confidence(score),
            size=Decimal(1),
            reasons=self._reasons(vote for vote in votes if vote.weight < 0),
            invalidation=None,
        )

    def _hold(self, snapshot: MarketSnapshot, votes: tuple[Vote, ...]) -> Advice:
        return Advice(
            market=snapshot.market,
            action=Action.HOLD,
            confidence=Decimal("0.5"),
            size=ZERO,
            reasons=self._reasons(votes),
            invalidation=None,
        )

    def _reasons(self, votes: Iterable[Vote]) -> tuple[Reason, ...]:
        heaviest = sorted(votes, key=lambda vote: -abs(vote.weight))[:MAX_REASONS]
        return tuple(
            Reason(vote.ko if self._lang == "ko" else vote.en, vote.indicator, vote.value)
            for vote in heaviest
        )


def cast_votes(shown: Indicators) -> tuple[Vote, ...]:
    return tuple(vote for signal in _SIGNALS if (vote := signal(shown)))


def _rsi(shown: Indicators) -> Vote:
    rsi = shown["rsi_14"]
    weight, ko, en = next(
        (weight, ko, en)
        for below, weight, ko, en in (
            (30, 2, "RSI 과매도 구간 진입", "RSI entered oversold territory"),
            (35, 1, "RSI 과매도 구간 접근", "RSI nears oversold territory"),
            (68, 0, "RSI 중립", "RSI neutral"),
            (75, -1, "RSI 과매수 구간 접근", "RSI nears overbought territory"),
            (101, -2, "RSI 과매수 구간 진입", "RSI entered overbought territory"),
        )
        if rsi < below
    )
    return Vote(weight, "rsi_14", rsi, f"{ko}({rsi:.1f})", f"{en} ({rsi:.1f})")


def _bollinger(shown: Indicators) -> Vote | None:
    place = shown["bollinger_percent_b"]
    for reached, weight, ko, en in (
        (place < 0, 2, "볼린저밴드 하단 이탈", "Price below the lower Bollinger band"),
        (place < 0.05, 1, "볼린저밴드 하단 근접", "Price near the lower Bollinger band"),
        (place > 1, -2, "볼린저밴드 상단 돌파", "Price above the upper Bollinger band"),
        (place > 0.98, -1, "볼린저밴드 상단 근접", "Price near the upper Bollinger band"),
    ):
        if reached:
            return Vote(
                weight, "bollinger_percent_b", place, f"{ko}(%B {place:.2f})", f"{en} (%B {place:.2f})"
            )
    return None


def _macd(shown: Indicators) -> Vote | None:
    """A cross is near when the gap between MACD and its signal shrank by 40 % in one candle."""
    gap, before = shown["macd_hist"], shown["macd_hist_previous"]
    closing = abs(gap) < 0.6 * abs(before)
    for reached, weight, ko, en in (
        (before <= 0 < gap, 2, "MACD 골든크로스", "MACD golden cross"),
        (before >= 0 > gap, -2, "MACD 데드크로스", "MACD dead cross"),
        (gap < 0 and closing, 1, "MACD 골든크로스 임박", "MACD golden cross imminent"),
        (gap > 0 and closing, -1, "MACD 데드크로스 임박", "MACD dead cross imminent"),
    ):
        if reached:
            return Vote(weight, "macd_hist", gap, f"{ko}({_figure(gap)})", f"{en} ({_figure(gap)})")
    return None


def _averages(shown: Indicators) -> Vote | None:
    short, middle, long = shown["ema_20"], shown["ema_50"], shown["ema_200"]
    at = f"EMA20 {_figure(short)}"
    if short > middle > long:
        return Vote(1, "ema_20", short, f"이동평균 정배열({at})", f"Moving averages aligned up ({at})")
    if short < middle < long:
        return Vote(-1, "ema_20", short, f"이동평균 역배열({at})", f"Moving averages aligned down ({at})")
    return None


def _adx(shown: Indicators) -> Vote | None:
    adx = shown["adx_14"]
    if adx < 25:
        return None
    if shown["ema_20"] > shown["ema_50"]:
        return Vote(1, "adx_14", adx, f"상승 추세 강함(ADX {adx:.1f})", f"Strong uptrend (ADX {adx:.1f})")
    return Vote(-1, "adx_14", adx, f"하락 추세 강함(ADX {adx:.1f})", f"Strong downtrend (ADX {adx:.1f})")


_SIGNALS: tuple[Callable[[Indicators], Vote | None], ...] = (_rsi, _bollinger, _macd, _averages, _adx)


def _confidence(score: int) -> Decimal:
    """0.6 at the quorum, 0.1 more for each further vote, never certain."""
    return min(Decimal("0.9"), Decimal("0.4") + Decimal("0.1") * score)


def _invalidation(snapshot: MarketSnapshot) -> Price | None:
    """Two average ranges below the price, on the tick grid; None where that is no price."""
    atr = Decimal(repr(snapshot.indicators["atr_14"]))
    price = floor_price(Price(snapshot.price - _ATRS_TO_INVALIDATION * atr), tick_size(snapshot.price))
    return price if 0 < price < snapshot.price else None


def _figure(value: float) -> str:
    """Whole won from 100 on, four significant digits below, never an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{Decimal(f'{value:.4g}'):f}"
