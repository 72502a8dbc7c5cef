"""When a rule, not an advisor, ends a position."""

from dataclasses import dataclass
from decimal import Decimal

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


def exit_due(position: Position, ticker_price: Price, book_mid: Price, limits: RiskLimits) -> ExitDue | None:
    """The exit that both quotes call for; one bad tick, or two that disagree, sell nothing."""
    if not position.held or not quotes_agree(ticker_price, book_mid):
        return None
    worse, better = sorted(position.unrealized_ratio(price) for price in (ticker_price, book_mid))
    if better <= -limits.stop_loss:
        return ExitDue(
            Trigger.STOP_LOSS,
            f"손절: 진입가 대비 {_percent(better)}",
            f"Stop-loss: {_percent(better)} from entry",
        )
    if worse >= limits.take_profit:
        return ExitDue(
            Trigger.TAKE_PROFIT,
            f"익절: 진입가 대비 {_percent(worse)}",
            f"Take-profit: {_percent(worse)} from entry",
        )
    return None


def _percent(ratio: Decimal) -> str:
    return f"{ratio * 100:+.2f}%"
