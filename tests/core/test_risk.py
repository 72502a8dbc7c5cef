"""The gate: each limit by the smallest change that reaches it, and two promises about every state there is."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.market import Market, MarketState
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.order import Trigger
from bongsu.core.portfolio import Position
from bongsu.core.risk import RiskLimits, RiskState, Veto, VetoReason, buying_blocked, gate, held_value
from core.samples import BTC, ETH, NOON, buy, position, sell, state

LIMITS = RiskLimits()
XRP, SOL = Market("KRW-XRP"), Market("KRW-SOL")
HOUR = timedelta(hours=1)


def three_positions() -> dict[Market, Position]:
    return {m: position(market=m, volume="0.01", cost=40_000) for m in (BTC, XRP, SOL)}


BLOCKED: dict[str, tuple[dict[str, Any], VetoReason]] = {
    "killed": ({"killed": True}, VetoReason.KILL_SWITCH),
    "paused by the owner": ({"pauses": ("owner",)}, VetoReason.PAUSED),
    "the day's loss": ({"breakers": ("daily",)}, VetoReason.BREAKER_DAILY),
    "the week's loss": ({"breakers": ("weekly",)}, VetoReason.BREAKER_WEEKLY),
    "blind": ({"blind": ("clock_skew",)}, VetoReason.BLIND),
    "ledger mismatch": ({"mismatch": True}, VetoReason.LEDGER_MISMATCH),
    "an unknown outcome": ({"unknown_intents": 1}, VetoReason.OUTCOME_UNKNOWN),
    "under a warning": ({"market_states": {ETH: MarketState.WARNING}}, VetoReason.MARKET_STATE),
    "suspended": ({"market_states": {ETH: MarketState.SUSPENDED}}, VetoReason.MARKET_STATE),
    "delisted": ({"market_states": {ETH: MarketState.DELISTED}}, VetoReason.MARKET_STATE),
    "equity unknown": ({"equity": None}, VetoReason.EQUITY_UNKNOWN),
    "equity zero": ({"equity": Krw(Decimal(0))}, VetoReason.EQUITY_UNKNOWN),
    "held without a price": ({"positions": {ETH: position()}, "prices": {}}, VetoReason.EQUITY_UNKNOWN),
    "five trades today": ({"trades_today": 5}, VetoReason.MAX_DAILY),
    "three positions": ({"positions": three_positions()}, VetoReason.MAX_POSITIONS),
    "bought 3 h 59 min ago": (
        {"last_entry_at": {ETH: NOON - timedelta(hours=3, minutes=59)}},
        VetoReason.MIN_INTERVAL,
    ),
    "bought in the future": ({"last_entry_at": {ETH: NOON + HOUR}}, VetoReason.MIN_INTERVAL),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_a_limit_blocks_buys_by_name(name: str) -> None:
    changes, expected = BLOCKED[name]
    before = buying_blocked(ETH, state(**changes), LIMITS, NOON)
    at_the_gate = gate(buy(50_000), state(**changes), LIMITS)
    assert before is not None
    assert before.reason is expected
    assert at_the_gate == before
    assert before.detail != before.detail_en


@pytest.mark.parametrize("name", BLOCKED)
def test_no_limit_on_buying_blocks_an_exit(name: str) -> None:
    changes, _ = BLOCKED[name]
    held = {ETH: position()} | changes.get("positions", {})
    assert gate(sell("0.05"), state(**(changes | {"positions": held})), LIMITS) is None


def test_a_healthy_bot_may_buy() -> None:
    assert buying_blocked(ETH, state(), LIMITS, NOON) is None
    assert gate(buy(300_000), state(), LIMITS) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"trades_today": 4},
        {"last_entry_at": {ETH: NOON - 4 * HOUR}},
        {"last_entry_at": {BTC: NOON}},
        {"market_states": {ETH: MarketState.ACTIVE, BTC: MarketState.SUSPENDED}},
        {"positions": three_positions() | {ETH: position("0.01", 40_000)}},
        {"positions": {m: replace(p, volume=Volume(Decimal(0))) for m, p in three_positions().items()}},
        {"positions": three_positions(), "prices": {XRP: Price(Decimal(499_999))}},
    ],
    ids=[
        "four trades",
        "just old enough",
        "another market",
        "another market's state",
        "adding to a held one",
        "all flat",
        "one of them dust",
    ],
)
def test_what_is_just_within_a_limit_passes(changes: dict[str, Any]) -> None:
    assert gate(buy(50_000), state(**changes), LIMITS) is None


@pytest.mark.parametrize(
    ("funds", "changes", "expected"),
    [
        (300_001, {}, VetoReason.ORDER_SIZE),
        (10**9, {}, VetoReason.ORDER_SIZE),
        # 0.05 ETH at 4,000,000 won are 20 % of equity; 20 % more are just allowed.
        (200_000, {"positions": {ETH: position()}}, None),
        (200_001, {"positions": {ETH: position()}}, VetoReason.POSITION_SIZE),
        # Worth counts, not cost: what was bought for 100,000 won stands at 200,000.
        (200_001, {"positions": {ETH: position(cost=100_000)}}, VetoReason.POSITION_SIZE),
        (100_000, {"cash": Krw(Decimal(200_100))}, None),
        (100_000, {"cash": Krw(Decimal(200_099))}, VetoReason.CASH_RESERVE),
        (100_000, {"cash": Krw(Decimal(0))}, VetoReason.CASH_RESERVE),
    ],
)
def test_an_order_that_is_too_big_is_refused(
    funds: int, changes: dict[str, Any], expected: VetoReason | None
) -> None:
    veto = gate(buy(funds), state(**changes), LIMITS)
    assert (veto.reason if veto else None) is expected


CAPPED = {"first_week_cap": Krw(Decimal(100_000))}
SMALL = {BTC: position("0.001", 60_000, BTC)}


@pytest.mark.parametrize(
    ("funds", "changes", "passes"),
    [
        (99_900, {}, True),  # the margin for the fee is a part of it
        (99_901, {}, False),
        (39_960, {"positions": SMALL}, True),
        (39_961, {"positions": SMALL}, False),
        # Worth more than it cost: the larger counts. Worth less: what was paid counts, so that a loss makes no room.
        (20_000, {"positions": SMALL, "prices": {BTC: Price(Decimal(80_000_001))}}, False),
        (39_961, {"positions": SMALL, "prices": {BTC: Price(Decimal(1_000_000))}}, False),
    ],
)
def test_the_first_week_has_a_cap_on_all_that_is_held(
    funds: int, changes: dict[str, Any], passes: bool
) -> None:
    veto = gate(buy(funds), state(**(CAPPED | changes)), LIMITS)
    assert (veto.reason if veto else None) is (None if passes else VetoReason.FIRST_WEEK_CAP)
    assert gate(buy(funds), state(**changes), LIMITS) is None


def test_the_cap_stops_no_exit() -> None:
    assert gate(sell("0.05"), state(**CAPPED, positions={ETH: position(cost=500_000)}), LIMITS) is None


def test_a_veto_speaks_in_figures() -> None:
    veto = gate(buy(300_001), state(), LIMITS)
    assert veto == Veto(
        VetoReason.ORDER_SIZE,
        "주문 300,001원이 1회 매수 한도(총자산의 30%)를 넘습니다.",
        "The order of 300,001 KRW exceeds 30% of equity.",
    )


def test_a_veto_tells_how_far_the_limit_is() -> None:
    too_soon = gate(buy(50_000), state(last_entry_at={ETH: NOON - timedelta(minutes=90)}), LIMITS)
    too_much = gate(buy(250_000), state(positions={ETH: position()}), LIMITS)
    assert too_soon is not None
    assert too_soon.detail == "KRW-ETH 직전 매수 후 90분이 지났습니다 (최소 240분)."
    assert too_much is not None
    assert too_much.detail == "KRW-ETH 비중이 45.0%가 되어 한도 40%를 넘습니다."


def test_a_veto_tells_what_the_exchange_did_to_the_market() -> None:
    told = [gate(buy(50_000), state(market_states={ETH: each}), LIMITS) for each in MarketState]
    assert [(veto.detail, veto.detail_en) for veto in told if veto] == [
        (
            "KRW-ETH: 거래소가 유의 종목으로 지정해 매수하지 않습니다.",
            "KRW-ETH is under the exchange's warning: no buys.",
        ),
        (
            "KRW-ETH: 거래소가 거래를 중단해 매수하지 않습니다.",
            "KRW-ETH is suspended by the exchange: no buys.",
        ),
        (
            "KRW-ETH: 거래소에 상장되어 있지 않아 매수하지 않습니다.",
            "KRW-ETH is not listed by the exchange: no buys.",
        ),
    ]


def test_only_what_is_held_can_be_sold() -> None:
    refused = gate(sell("0.05"), state(), LIMITS)
    too_much = gate(sell("0.05000001"), state(positions={ETH: position()}), LIMITS)
    assert refused is not None
    assert refused.reason is VetoReason.NOTHING_HELD
    assert too_much is not None
    assert too_much.reason is VetoReason.OVERSELL
    assert "0.05000001" in too_much.detail
    assert gate(sell("0.05", market=BTC), state(positions={ETH: position()}), LIMITS) is not None


# ── Every state there is ────────────────────────────────────────────────────────────────────────────

markets = st.sampled_from([ETH, BTC, XRP, SOL])
won = st.integers(0, 3_000_000).map(lambda n: Krw(Decimal(n)))
volumes = st.integers(0, 10**7).map(lambda n: Volume(Decimal(n) / 10**8))
prices = st.integers(1, 5_000_000).map(lambda n: Price(Decimal(n)))
times = st.integers(-600, 60).map(lambda m: NOON + timedelta(minutes=m))
TROUBLES: list[dict[str, Any]] = [
    {"killed": True},
    {"pauses": ("owner",)},
    {"breakers": ("daily",)},
    {"breakers": ("weekly", "daily")},
    {"blind": ("stale_data",)},
    {"mismatch": True},
    {"unknown_intents": 2},
    {"market_states": {ETH: MarketState.WARNING, BTC: MarketState.DELISTED}},
    {"equity": None},
    {"prices": {}},
]


@st.composite
def states(draw: st.DrawFn) -> RiskState:
    """Half of them in one trouble or several; the others differ in what they hold and did."""
    held = draw(st.dictionaries(markets, volumes, max_size=4))
    cash = draw(won)
    changes: dict[str, Any] = {
        "positions": {m: Position(m, v, Krw(v * 10**6), Krw(Decimal(0)), NOON) for m, v in held.items()},
        "prices": {m: draw(prices) for m in (ETH, BTC, XRP, SOL)},
        "cash": cash,
        "equity": Krw(cash + draw(won)),
        "last_entry_at": draw(st.dictionaries(markets, times, max_size=2)),
        "trades_today": draw(st.integers(0, 6)),
        "first_week_cap": draw(st.none() | won),
    }
    for trouble in draw(st.just([]) | st.lists(st.sampled_from(TROUBLES), max_size=2)):
        changes |= trouble
    return state(**changes)


limits = st.builds(
    RiskLimits,
    min_trade_interval=st.integers(0, 12).map(lambda h: timedelta(hours=h)),
    max_trades_per_day=st.integers(1, 6),
    max_positions=st.integers(1, 4),
    max_position_share=st.integers(1, 100).map(lambda n: Decimal(n) / 100),
    cash_reserve=st.integers(0, 100).map(lambda n: Decimal(n) / 100),
    buy_fraction=st.integers(1, 100).map(lambda n: Decimal(n) / 100),
)


@given(states(), limits, markets, st.integers(1, 2_000_000), times)
def test_no_buy_that_passes_breaks_a_limit(
    known: RiskState, bounds: RiskLimits, market: Market, funds: int, at: datetime
) -> None:
    if gate(buy(funds, market, at), known, bounds) is not None:
        return
    assert not any((known.killed, known.pauses, known.breakers, known.blind, known.mismatch))
    assert known.unknown_intents == 0
    assert known.trades_today < bounds.max_trades_per_day
    assert (
        at - known.last_entry_at.get(market, datetime.min.replace(tzinfo=at.tzinfo))
        >= bounds.min_trade_interval
    )
    held = {m for m, p in known.positions.items() if p.held}
    open_ones = {m for m in held if m not in known.prices or held_value(m, known) >= 5000}
    assert market in open_ones or len(open_ones) < bounds.max_positions
    assert known.equity is not None
    assert funds <= known.equity * bounds.buy_fraction
    assert held_value(market, known) + funds <= known.equity * bounds.max_position_share
    assert known.cash - funds * (1 + bounds.fee_margin) >= known.equity * bounds.cash_reserve
    worth = sum(max(p.cost, held_value(m, known)) for m, p in known.positions.items() if p.held)
    assert known.first_week_cap is None or worth + funds <= known.first_week_cap


@given(states(), limits, markets, volumes, st.sampled_from(Trigger))
def test_an_exit_passes_exactly_when_so_much_is_held(
    known: RiskState, bounds: RiskLimits, market: Market, wanted: Volume, trigger: Trigger
) -> None:
    if wanted <= 0:
        return
    held = known.positions[market].volume if market in known.positions else 0
    assert (gate(sell(wanted, trigger, market), known, bounds) is None) == (wanted <= held)


def test_random_states_do_let_buys_pass() -> None:
    """Else the promise above would be about nothing."""
    passed: list[RiskState] = []

    @settings(database=None, derandomize=True)
    @given(states(), markets)
    def search(known: RiskState, market: Market) -> None:
        if gate(buy(1000, market, NOON), known, LIMITS) is None:
            passed.append(known)

    search()
    assert len(passed) >= 10
