"""When a rule, not an advisor, ends a position."""

from dataclasses import dataclass
from decimal import Decimal

from bongsu.core.figures import price_text
from bongsu.core.money import Price
from bongsu.core.order import Trigger
from bongsu.core.portfolio import Position
from bongsu.core.risk import RiskLimits

RULE_CONFIDENCE = "RULE"
_AGREEMENT = Decimal("0.02")  # of the lower quote
PLAUSIBLE = Decimal("0.15")  # the same, where nothing is sold on it


@dataclass(frozen=True, slots=True)
class ExitDue:
    trigger: Trigger
    reason: str
    reason_en: str


def quotes_agree(ticker_price: Price, book_mid: Price, within: Decimal = _AGREEMENT) -> bool:
    """Whether two quotes confirm one another: both positive, at most so far apart (a fraction)."""
    lower, higher = sorted((ticker_price, book_mid))
    return lower > 0 and higher - lower <= lower * within


def needs_range(limits: RiskLimits) -> bool:
    """Whether a limit is measured in average true ranges."""
    return limits.atr_stop is not None or limits.trailing_atr is not None


def exit_due(
    position: Position,
    ticker_price: Price,
    book_mid: Price,
    limits: RiskLimits,
    true_range: Price | None = None,
) -> ExitDue | None:
    """The exit that both quotes call for; one bad tick, or two that disagree, sell nothing.

    `true_range`: the average one of the last 14 hours; without it the limits that are measured in it rest.
    """
    if not position.held or not quotes_agree(ticker_price, book_mid):
        return None
    worse, better = sorted((ticker_price, book_mid))
    return (
        _stop_loss(position, better, limits, true_range)
        or _trailing_stop(position, worse, better, limits, true_range)
        or _take_profit(position, worse, limits)
    )


def _stop_loss(
    position: Position, price: Price, limits: RiskLimits, true_range: Price | None
) -> ExitDue | None:
    lost = position.unrealized_ratio(price)
    percent = _percent(lost)
    if lost <= -limits.stop_loss:
        return ExitDue(Trigger.STOP_LOSS, f"손절: 진입가 대비 {percent}", f"Stop-loss: {percent} from entry")
    if limits.atr_stop is None or true_range is None:
        return None
    if price > position.entry_price - limits.atr_stop * true_range:
        return None
    times = f"{limits.atr_stop.normalize():f}"
    return ExitDue(
        Trigger.STOP_LOSS,
        f"손절: 진입가 대비 {percent} (ATR의 {times}배)",
        f"Stop-loss: {percent} from entry ({times} × ATR)",
    )


def _trailing_stop(
    position: Position, worse: Price, better: Price, limits: RiskLimits, true_range: Price | None
) -> ExitDue | None:
    """`better` has fallen so far from the highest price that two quotes confirmed."""
    if limits.trailing_atr is None or true_range is None:
        return None
    peak = max(position.peak or worse, worse)
    if better > peak - limits.trailing_atr * true_range:
        return None
    fallen, top = _percent(better / peak - 1), price_text(peak)
    return ExitDue(
        Trigger.TRAILING_STOP,
        f"트레일링 스톱: 최고가 {top}원 대비 {fallen}",
        f"Trailing stop: {fallen} from the peak of {top} KRW",
    )


def _take_profit(position: Position, price: Price, limits: RiskLimits) -> ExitDue | None:
    won = position.unrealized_ratio(price)
    if won < limits.take_profit:
        return None
    return ExitDue(
        Trigger.TAKE_PROFIT,
        f"익절: 진입가 대비 {_percent(won)}",
        f"Take-profit: {_percent(won)} from entry",
    )


def _percent(ratio: Decimal) -> str:
    return f"{ratio * 100:+.2f}%"
