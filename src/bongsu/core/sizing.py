"""How much: from a decision or an exit to an order the limits and the exchange allow."""

from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from uuid import UUID

from bongsu.core.decision import Action, Decision
from bongsu.core.market import Market, MarketRules, OrderBook
from bongsu.core.money import Krw, Price, Volume, ceil_volume, floor_krw, floor_volume, notional
from bongsu.core.order import OrderRequest, Side, Trigger
from bongsu.core.portfolio import Position
from bongsu.core.risk import (
    RiskLimits,
    RiskState,
    Veto,
    VetoReason,
    buying_blocked,
    exposure,
    held_value,
    known_equity,
    nothing_held,
    over_cap,
)

_IN_NO_HURRY = (Trigger.DECISION, Trigger.TAKE_PROFIT)
_SURELY_SELLABLE = 2  # times the smallest sale, for a rest that is sold later, perhaps for less


def size_entry(
    decision: Decision, state: RiskState, book: OrderBook, rules: MarketRules, limits: RiskLimits
) -> OrderRequest | Veto:
    """A buy for the decision's share of equity, cut to what the tightest bound leaves, in whole won.

    What it returns passes `gate` in the same state. Raises ValueError for a decision that is no buy.
    """
    if decision.action is not Action.BUY:
        raise ValueError(f"a {decision.action} is no entry")
    if not rules.online:
        return _offline(decision.market)
    if blocked := buying_blocked(decision.market, state, limits, decision.at):
        return blocked
    reason, funds = _tightest_bound(decision, state, book, rules, limits)
    least = _smallest_entry(rules, limits)
    if funds < least and reason is VetoReason.FIRST_WEEK_CAP:
        return over_cap(decision.market, state)
    if funds < least:
        return _too_little(reason, decision.market, funds, least)
    return OrderRequest(
        market=decision.market,
        side=Side.BUY,
        trigger=Trigger.DECISION,
        key=decision_key(decision),
        reason=decision.summary,
        confidence=decision.label,
        at=decision.at,
        funds=funds,
        decision_id=decision.id,
        quote=book.asks[0].price,
    )


def size_exit(
    position: Position,
    *,
    price: Price,
    trigger: Trigger,
    reason: str,
    key: str,
    at: datetime,
    confidence: str,
    book: OrderBook,
    rules: MarketRules,
    limits: RiskLimits,
    decision_id: UUID | None = None,
) -> OrderRequest | Veto:
    """A sell of all that is held, or of as much as the book and the exchange's largest order take: one part each run.

    An exit in a hurry takes all bids that are shown, another one only those near the best.
    No part leaves a rest that is too small to be sold.
    """
    if not position.held:
        return nothing_held(position.market)
    if not rules.online:
        return _offline(position.market)
    worth = notional(price, position.volume)
    if worth < rules.min_ask:
        return _too_little(VetoReason.BELOW_MINIMUM, position.market, worth, rules.min_ask)
    volume = _part(position, price, book.bid_volume(_within(trigger, limits)), rules)
    part = notional(price, volume)
    if part < rules.min_ask:
        return _too_little(VetoReason.NO_DEPTH, position.market, part, rules.min_ask)
    return OrderRequest(
        market=position.market,
        side=Side.SELL,
        trigger=trigger,
        key=key,
        reason=reason,
        confidence=confidence,
        at=at,
        volume=volume,
        decision_id=decision_id,
        quote=price,
    )


def _within(trigger: Trigger, limits: RiskLimits) -> Decimal | None:
    return limits.depth_within if trigger in _IN_NO_HURRY else None


def _part(position: Position, price: Price, shown: Volume, rules: MarketRules) -> Volume:
    """What does not fit now is sold later: then as much of it is kept as can surely be sold."""
    held = position.volume
    most = min(held, floor_volume(shown), floor_volume(rules.max_total / price))
    if most == held:
        return held
    sellable = ceil_volume(rules.min_ask * _SURELY_SELLABLE / price)
    rest = max(held - most, min(sellable, ceil_volume(held / 2)))
    return Volume(held - rest)


def decision_key(decision: Decision) -> str:
    """One order per candle, however often the candle is decided."""
    return decision.candle_closed_at.isoformat()


def exit_key(position: Position, at: datetime) -> str:
    """One exit per holding, of so much, and market minute.

    So a run never doubles its order, a refused exit is a new wish a minute later, and a part of it leaves a new holding.
    """
    opened = position.opened_at.isoformat() if position.opened_at else "flat"
    return f"{opened}/{at.replace(second=0, microsecond=0).isoformat()}/{position.volume:f}"


def _tightest_bound(
    decision: Decision, state: RiskState, book: OrderBook, rules: MarketRules, limits: RiskLimits
) -> tuple[VetoReason, Krw]:
    equity = known_equity(state)
    spendable = state.cash - equity * limits.cash_reserve
    with_fee = 1 + rules.bid_fee + limits.fee_margin
    capped = () if state.first_week_cap is None else ((state.first_week_cap - exposure(state)) // with_fee,)
    bounds: tuple[tuple[VetoReason, Decimal], ...] = (
        (VetoReason.BELOW_MINIMUM, equity * min(decision.size, limits.buy_fraction)),
        (VetoReason.POSITION_SIZE, equity * limits.max_position_share - held_value(decision.market, state)),
        # Whole won by integer division: a rounded quotient could overdraw by a fraction of a won.
        (VetoReason.CASH_RESERVE, spendable // with_fee),
        *((VetoReason.FIRST_WEEK_CAP, room) for room in capped),
        (VetoReason.NO_DEPTH, book.ask_depth(limits.depth_within)),
        (VetoReason.BELOW_MINIMUM, rules.max_total),
    )
    reason, bound = min(bounds, key=lambda pair: pair[1])
    return reason, floor_krw(bound)


def _smallest_entry(rules: MarketRules, limits: RiskLimits) -> Krw:
    """An entry must still be sellable after its stop-loss, the slippage we accept and both fees."""
    kept = (1 - limits.stop_loss) * (1 - limits.depth_within) * (1 - rules.bid_fee - rules.ask_fee)
    return Krw(max(rules.min_bid, rules.min_ask / kept).to_integral_value(ROUND_CEILING))


def _too_little(reason: VetoReason, market: Market, amount: Krw, least: Krw) -> Veto:
    return Veto(
        reason,
        f"{market} 주문 가능 금액 {max(amount, 0):,.0f}원이 최소 {least:,.0f}원보다 적습니다.",
        f"{max(amount, 0):,.0f} KRW can be ordered of {market}; at least {least:,.0f} KRW are needed.",
    )


def _offline(market: Market) -> Veto:
    return Veto(
        VetoReason.MARKET_OFFLINE,
        f"{market} 거래가 거래소에서 중단되었습니다.",
        f"The exchange has {market} offline.",
    )
