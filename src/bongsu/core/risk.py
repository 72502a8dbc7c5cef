"""The limits, and the one gate that no order passes around.

The gate runs twice: before anything is asked (`buying_blocked`), and in the transaction that writes
an order's intent (`gate`). Exits pass every limit that protects from buying.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from bongsu.core.market import Market, MarketState
from bongsu.core.money import ZERO, Krw, Price, Volume, notional
from bongsu.core.order import OrderRequest
from bongsu.core.portfolio import Position, flat

DUST = Krw(Decimal(5000))  # what no order of the exchange may be smaller than


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """Fractions: of cost for the two exits, of the best ask for the depth, of equity for the others."""

    stop_loss: Decimal = Decimal("0.05")
    take_profit: Decimal = Decimal("0.10")
    atr_stop: Decimal | None = None  # average true ranges below the entry, where that is above the stop-loss
    trailing_atr: Decimal | None = None  # average true ranges below the highest price since the entry
    daily_loss: Decimal = Decimal("0.10")
    weekly_loss: Decimal = Decimal("0.15")
    min_trade_interval: timedelta = timedelta(hours=4)
    max_trades_per_day: int = 5
    max_positions: int = 3
    max_position_share: Decimal = Decimal("0.40")
    cash_reserve: Decimal = Decimal("0.10")
    buy_fraction: Decimal = Decimal("0.30")
    depth_within: Decimal = Decimal("0.01")
    fee_margin: Decimal = Decimal("0.001")  # of an order's funds, kept in cash so that fee and rounding fit
    dust: Krw = DUST  # a holding worth less cannot be sold, and takes no position's place


@dataclass(frozen=True, slots=True)
class RiskState:
    """What the gate must know. Everything unknown is named here, never left out."""

    killed: bool
    pauses: tuple[str, ...]  # reasons in force
    breakers: tuple[str, ...]  # "daily", "weekly": those that are on
    blind: tuple[str, ...]  # why the bot cannot see: "stale_data", "clock_skew", "monitoring", …
    mismatch: bool  # ledger and exchange disagree
    unknown_intents: int  # orders whose outcome nobody knows yet
    positions: Mapping[Market, Position]
    prices: Mapping[Market, Price]  # those that `equity` was reckoned with
    cash: Krw
    equity: Krw | None  # None: a price is missing
    market_states: Mapping[Market, MarketState]  # those that are known
    last_entry_at: Mapping[Market, datetime]  # market time of the last buy
    trades_today: int  # orders with a fill since the trading day began
    external: frozenset[Market] = frozenset()  # moved from outside, and the owner has not said that he knows
    first_week_cap: Krw | None = None  # of all that is held, while real money is new to the bot


class VetoReason(StrEnum):
    KILL_SWITCH = "kill_switch"
    PAUSED = "paused"
    BREAKER_DAILY = "breaker_daily"
    BREAKER_WEEKLY = "breaker_weekly"
    BLIND = "blind"
    LEDGER_MISMATCH = "ledger_mismatch"
    OUTCOME_UNKNOWN = "outcome_unknown"
    EQUITY_UNKNOWN = "equity_unknown"
    MIN_INTERVAL = "min_interval"
    MAX_DAILY = "max_daily"
    MAX_POSITIONS = "max_positions"
    ORDER_SIZE = "order_size"
    POSITION_SIZE = "position_size"
    CASH_RESERVE = "cash_reserve"
    FIRST_WEEK_CAP = "first_week_cap"
    BELOW_MINIMUM = "below_minimum"
    NO_DEPTH = "no_depth"
    MARKET_OFFLINE = "market_offline"
    MARKET_STATE = "market_state"
    EXTERNAL = "external"
    NOTHING_HELD = "nothing_held"
    OVERSELL = "oversell"


@dataclass(frozen=True, slots=True)
class Veto:
    """`detail` is a Korean sentence with its figures, `detail_en` the same in English."""

    reason: VetoReason
    detail: str
    detail_en: str


def gate(request: OrderRequest, state: RiskState, limits: RiskLimits) -> Veto | None:
    """The last word on an order. None lets it pass."""
    if request.funds is None:
        return _sell_refused(request, state)
    return (
        buying_blocked(request.market, state, limits, request.at)
        or _too_big(request.market, request.funds, state, limits)
        or _over_cap(request.market, request.funds, state, limits)
    )


def buying_blocked(market: Market, state: RiskState, limits: RiskLimits, now: datetime) -> Veto | None:
    """Why no buy of `market` is possible, whatever its size."""
    return (
        _switched_off(state)
        or _breaker_on(state, limits)
        or _blind(state)
        or _not_active(market, state)
        or _not_acknowledged(market, state)
        or _equity_unknown(market, state)
        or _too_many_trades(state, limits)
        or _too_many_positions(market, state, limits)
        or _too_soon(market, state, limits, now)
    )


def known_equity(state: RiskState) -> Krw:
    """Raises ValueError where equity is unknown; `buying_blocked` refuses those states."""
    if state.equity is None:
        raise ValueError("equity is unknown")
    return state.equity


def held_value(market: Market, state: RiskState) -> Krw:
    """What is held of `market` is worth. Raises KeyError when it is held and has no price."""
    position = state.positions.get(market, flat(market))
    return notional(state.prices[market], position.volume) if position.held else Krw(ZERO)


def open_positions(state: RiskState, limits: RiskLimits) -> frozenset[Market]:
    """What is held, dust aside. Without a price nothing is dust."""
    held = (position for position in state.positions.values() if position.held)
    return frozenset(
        p.market
        for p in held
        if p.market not in state.prices or notional(state.prices[p.market], p.volume) >= limits.dust
    )


def exposure(state: RiskState) -> Krw:
    """What is held, at what it cost or at what it is worth: the larger, so that a loss makes no room for more."""
    held = [position for position in state.positions.values() if position.held]
    worth = (notional(state.prices[p.market], p.volume) if p.market in state.prices else ZERO for p in held)
    return Krw(sum((max(p.cost, value) for p, value in zip(held, worth, strict=True)), ZERO))


def over_cap(market: Market, state: RiskState) -> Veto:
    """Raises ValueError where no cap is in force."""
    if state.first_week_cap is None:
        raise ValueError("no cap is in force")
    held, cap = exposure(state), state.first_week_cap
    return Veto(
        VetoReason.FIRST_WEEK_CAP,
        f"{market}: 실거래 첫 주의 보유 한도 {cap:,.0f}원이 찼습니다 (보유 {held:,.0f}원). 풀기: bongsu live lift-cap",
        f"{market}: the first week's cap of {cap:,.0f} KRW leaves no room ({held:,.0f} held); bongsu live lift-cap",
    )


def _over_cap(market: Market, funds: Krw, state: RiskState, limits: RiskLimits) -> Veto | None:
    if state.first_week_cap is None:
        return None
    room = state.first_week_cap - exposure(state)
    return over_cap(market, state) if funds * (1 + limits.fee_margin) > room else None


def _sell_refused(request: OrderRequest, state: RiskState) -> Veto | None:
    held = state.positions.get(request.market, flat(request.market)).volume
    wanted = request.volume or Volume(ZERO)
    if held <= 0:
        return nothing_held(request.market)
    if wanted > held:
        return Veto(
            VetoReason.OVERSELL,
            f"{request.market} 보유 수량({held:f})보다 많이({wanted:f}) 팔 수 없습니다.",
            f"Cannot sell {wanted:f} of {request.market}: only {held:f} held.",
        )
    return None


def nothing_held(market: Market) -> Veto:
    return Veto(
        VetoReason.NOTHING_HELD,
        f"{market} 보유 수량이 없습니다.",
        f"Nothing of {market} is held.",
    )


def _switched_off(state: RiskState) -> Veto | None:
    if state.killed:
        return Veto(
            VetoReason.KILL_SWITCH,
            "킬 스위치가 켜져 있어 매수하지 않습니다.",
            "The kill switch is on: no buys.",
        )
    if state.pauses:
        reasons = ", ".join(state.pauses)
        return Veto(
            VetoReason.PAUSED,
            f"봇이 일시 정지되어 매수하지 않습니다 (사유: {reasons}).",
            f"The bot is paused ({reasons}): no buys.",
        )
    return None


def _breaker_on(state: RiskState, limits: RiskLimits) -> Veto | None:
    if "daily" in state.breakers:
        return Veto(
            VetoReason.BREAKER_DAILY,
            f"일일 손실 한도({limits.daily_loss:.0%})에 도달해 다음 거래일까지 매수하지 않습니다.",
            f"The daily loss limit ({limits.daily_loss:.0%}) is reached: no buys until the next trading day.",
        )
    if "weekly" in state.breakers:
        return Veto(
            VetoReason.BREAKER_WEEKLY,
            f"주간 손실 한도({limits.weekly_loss:.0%})에 도달해 다음 주까지 매수하지 않습니다.",
            f"The weekly loss limit ({limits.weekly_loss:.0%}) is reached: no buys until next week.",
        )
    return None


_BLIND = {
    "clock_skew": ("거래소와 시계가 어긋남", "clock skew"),
    "maintenance": ("거래소 점검", "exchange maintenance"),
    "market_state": ("마켓 상태를 확인할 수 없음", "market states unknown"),
    "monitoring": ("알람을 받을 수 없음", "no alarm can arrive"),
}


def _blind(state: RiskState) -> Veto | None:
    if state.blind:
        reasons = [_BLIND.get(reason, (reason, reason)) for reason in state.blind]
        return Veto(
            VetoReason.BLIND,
            f"시장이나 봇의 상태를 확인할 수 없어 매수하지 않습니다 (사유: {', '.join(ko for ko, _ in reasons)}).",
            f"The bot is blind ({', '.join(en for _, en in reasons)}): no buys.",
        )
    if state.mismatch:
        return Veto(
            VetoReason.LEDGER_MISMATCH,
            "원장과 거래소 잔고가 달라 매수하지 않습니다.",
            "Ledger and exchange disagree: no buys.",
        )
    if state.unknown_intents:
        return Veto(
            VetoReason.OUTCOME_UNKNOWN,
            f"결과를 모르는 주문이 {state.unknown_intents}건 있어 매수하지 않습니다.",
            f"The outcome of {state.unknown_intents} order(s) is unknown: no buys.",
        )
    return None


_NOT_ACTIVE = {
    MarketState.WARNING: ("거래소가 유의 종목으로 지정해", "is under the exchange's warning"),
    MarketState.SUSPENDED: ("거래소가 거래를 중단해", "is suspended by the exchange"),
    MarketState.DELISTED: ("거래소에 상장되어 있지 않아", "is not listed by the exchange"),
}


def _not_active(market: Market, state: RiskState) -> Veto | None:
    """One that nobody knows anything of is let pass: who knows no state for long is blind."""
    why = _NOT_ACTIVE.get(state.market_states.get(market, MarketState.ACTIVE))
    if why is None:
        return None
    ko, en = why
    return Veto(VetoReason.MARKET_STATE, f"{market}: {ko} 매수하지 않습니다.", f"{market} {en}: no buys.")


def _not_acknowledged(market: Market, state: RiskState) -> Veto | None:
    if market not in state.external:
        return None
    return Veto(
        VetoReason.EXTERNAL,
        f"{market}: 봇의 주문이 아닌 변동을 확인(bongsu ack {market})할 때까지 매수하지 않습니다.",
        f"{market} was moved from outside: no buys until you acknowledge it (bongsu ack {market}).",
    )


def _equity_unknown(market: Market, state: RiskState) -> Veto | None:
    position = state.positions.get(market, flat(market))
    priced = not position.held or market in state.prices
    if state.equity is not None and state.equity > 0 and priced:
        return None
    return Veto(
        VetoReason.EQUITY_UNKNOWN,
        "총자산을 계산할 수 없어 매수하지 않습니다.",
        "Equity cannot be reckoned: no buys.",
    )


def _too_many_trades(state: RiskState, limits: RiskLimits) -> Veto | None:
    if state.trades_today < limits.max_trades_per_day:
        return None
    return Veto(
        VetoReason.MAX_DAILY,
        f"오늘 거래 {state.trades_today}회로 하루 한도 {limits.max_trades_per_day}회에 도달했습니다.",
        f"{state.trades_today} trades today; the limit is {limits.max_trades_per_day}.",
    )


def _too_many_positions(market: Market, state: RiskState, limits: RiskLimits) -> Veto | None:
    held = open_positions(state, limits)
    if market in held or len(held) < limits.max_positions:
        return None
    return Veto(
        VetoReason.MAX_POSITIONS,
        f"이미 {len(held)}개 종목을 보유해 한도 {limits.max_positions}개에 도달했습니다.",
        f"{len(held)} positions are open; the limit is {limits.max_positions}.",
    )


def _too_soon(market: Market, state: RiskState, limits: RiskLimits, now: datetime) -> Veto | None:
    last = state.last_entry_at.get(market)
    if last is None or now - last >= limits.min_trade_interval:
        return None
    passed, needed = (t.total_seconds() / 60 for t in (now - last, limits.min_trade_interval))
    return Veto(
        VetoReason.MIN_INTERVAL,
        f"{market} 직전 매수 후 {passed:.0f}분이 지났습니다 (최소 {needed:.0f}분).",
        f"The last buy of {market} was {passed:.0f} minutes ago; the minimum is {needed:.0f}.",
    )


def _too_big(market: Market, funds: Krw, state: RiskState, limits: RiskLimits) -> Veto | None:
    equity = known_equity(state)
    share = (held_value(market, state) + funds) / equity
    cash_left = state.cash - funds * (1 + limits.fee_margin)
    if funds > equity * limits.buy_fraction:
        return Veto(
            VetoReason.ORDER_SIZE,
            f"주문 {funds:,.0f}원이 1회 매수 한도(총자산의 {limits.buy_fraction:.0%})를 넘습니다.",
            f"The order of {funds:,.0f} KRW exceeds {limits.buy_fraction:.0%} of equity.",
        )
    if held_value(market, state) + funds > equity * limits.max_position_share:
        return Veto(
            VetoReason.POSITION_SIZE,
            f"{market} 비중이 {share:.1%}가 되어 한도 {limits.max_position_share:.0%}를 넘습니다.",
            f"{market} would be {share:.1%} of equity; the limit is {limits.max_position_share:.0%}.",
        )
    if cash_left < equity * limits.cash_reserve:
        return Veto(
            VetoReason.CASH_RESERVE,
            f"매수 후 현금 {cash_left:,.0f}원이 예비 현금(총자산의 {limits.cash_reserve:.0%})보다 적습니다.",
            f"{cash_left:,.0f} KRW of cash would be left, less than {limits.cash_reserve:.0%} of equity.",
        )
    return None
