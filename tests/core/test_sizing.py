from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.decision import Action
from bongsu.core.market import BookLevel, OrderBook
from bongsu.core.money import Krw, Price, Volume, notional
from bongsu.core.order import OrderRequest, Side, Trigger
from bongsu.core.portfolio import Position
from bongsu.core.risk import RiskLimits, Veto, VetoReason, gate
from bongsu.core.sizing import decision_key, exit_key, size_entry, size_exit
from core.samples import ETH, NOON, book, decision, nothing_held_of, position, rules_of, state

LIMITS = RiskLimits()


def entry(**changes: Any) -> OrderRequest | Veto:
    parts = {"decision": decision(), "state": state(), "book": book(), "rules": rules_of(), "limits": LIMITS}
    return size_entry(**(parts | changes))


def funds_of(sized: OrderRequest | Veto) -> Decimal:
    assert isinstance(sized, OrderRequest), sized
    assert sized.funds is not None
    return sized.funds


def veto_of(sized: OrderRequest | Veto) -> VetoReason:
    assert isinstance(sized, Veto), sized
    return sized.reason


def test_an_entry_is_the_decisions_share_of_equity() -> None:
    made = decision(confidence=Decimal("0.8"), label="HIGH")
    request = entry(decision=made)
    assert isinstance(request, OrderRequest)
    assert (request.market, request.side, request.trigger) == (ETH, Side.BUY, Trigger.DECISION)
    assert (request.funds, request.volume) == (200_000, None)
    assert (request.reason, request.confidence) == ("RSI 과매도 구간 진입", "HIGH")
    assert (request.decision_id, request.at) == (made.id, made.at)
    assert request.key == decision_key(made) == NOON.isoformat()


@pytest.mark.parametrize(
    ("changes", "funds"),
    [
        pytest.param({"decision": decision(size=Decimal("0.9"))}, 300_000, id="never above the buy fraction"),
        pytest.param(
            {"state": state(positions={ETH: position("0.07", 280_000)})}, 120_000, id="up to 40 % of equity"
        ),
        # 250,000 less a tenth of equity, over 1 + 0.0005 fee + 0.001 margin: 149,775.33…
        pytest.param({"state": state(cash=Krw(Decimal(250_000)))}, 149_775, id="leaves reserve and fee"),
        pytest.param({"book": book(depth="0.025")}, 100_000, id="within the depth"),
        pytest.param({"rules": rules_of(max_total=Krw(Decimal(90_000)))}, 90_000, id="the exchange's largest order"),
        # 100,000 over 1 + 0.0005 fee + 0.001 margin: 99,850.22…
        pytest.param({"state": state(first_week_cap=Krw(Decimal(100_000)))}, 99_850, id="under the first week's cap"),
        pytest.param({"state": state(equity=Krw(Decimal("999999.99")))}, 199_999, id="in whole won"),
    ],
)  # fmt: skip
def test_the_tightest_bound_sets_the_size(changes: dict[str, Any], funds: int) -> None:
    assert funds_of(entry(**changes)) == funds


def test_depth_counts_only_what_stands_within_one_percent() -> None:
    asks = tuple(
        BookLevel(Price(Decimal(p)), Volume(Decimal("0.01"))) for p in (4_000_000, 4_040_000, 4_041_000)
    )
    deep = replace(book(), asks=asks)
    assert funds_of(entry(book=deep)) == 80_400


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rules": rules_of(online=False)}, VetoReason.MARKET_OFFLINE),
        ({"state": state(killed=True)}, VetoReason.KILL_SWITCH),
        ({"state": state(equity=None)}, VetoReason.EQUITY_UNKNOWN),
        ({"book": book(depth="0.001")}, VetoReason.NO_DEPTH),
        ({"state": state(cash=Krw(Decimal(103_000)))}, VetoReason.CASH_RESERVE),
        ({"state": state(cash=Krw(Decimal(0)))}, VetoReason.CASH_RESERVE),
        ({"state": state(positions={ETH: position("0.0995", 398_000)})}, VetoReason.POSITION_SIZE),
        ({"state": state(positions={ETH: position("0.2", 300_000)})}, VetoReason.POSITION_SIZE),
        ({"decision": decision(size=Decimal("0.005"))}, VetoReason.BELOW_MINIMUM),
        ({"state": state(first_week_cap=Krw(Decimal(5_000)))}, VetoReason.FIRST_WEEK_CAP),
    ],
)
def test_an_entry_that_cannot_be_is_vetoed_by_its_tightest_bound(
    changes: dict[str, Any], reason: VetoReason
) -> None:
    assert veto_of(entry(**changes)) is reason


def test_an_entry_could_still_be_sold_after_its_stop_loss() -> None:
    """5,000 won bought and fallen by 5 % could not be sold any more."""
    small = state(equity=Krw(Decimal(26_600)), cash=Krw(Decimal(26_600)))
    least = funds_of(entry(state=small, decision=decision(size=Decimal(5_322) / 26_600)))
    assert least == 5_322
    sold_for = least * (1 - LIMITS.stop_loss) * (1 - LIMITS.depth_within) * Decimal("0.999")
    assert sold_for >= 5_000
    won_less = decision(size=Decimal(5_321) / 26_600)
    assert veto_of(entry(state=small, decision=won_less)) is VetoReason.BELOW_MINIMUM


def test_the_veto_says_how_much_was_missing() -> None:
    vetoed = entry(book=book(depth="0.001"))
    assert isinstance(vetoed, Veto)
    assert vetoed.detail == "KRW-ETH 주문 가능 금액 4,000원이 최소 5,322원보다 적습니다."


@pytest.mark.parametrize("action", [Action.SELL, Action.HOLD])
def test_only_a_buy_can_be_sized_as_an_entry(action: Action) -> None:
    with pytest.raises(ValueError, match="no entry"):
        entry(decision=decision(action))


amounts = st.integers(0, 30_000_000).map(lambda n: Decimal(n) / 10)
levels = st.lists(
    st.tuples(st.integers(0, 100), st.integers(1, 10**8)), min_size=1, max_size=10, unique_by=lambda p: p[0]
)


@given(
    equity=amounts,
    cash=amounts,
    held=st.integers(0, 10**8),
    size=st.integers(1, 30),
    asks=levels,
    fee=st.sampled_from(["0", "0.0005", "0.0025"]),
    min_bid=st.sampled_from([5000, 500]),
    cap=st.none() | amounts,
)
def test_every_entry_passes_the_gate_and_fits_account_and_book(
    equity: Decimal,
    cash: Decimal,
    held: int,
    size: int,
    asks: list[tuple[int, int]],
    fee: str,
    min_bid: int,
    cap: Decimal | None,
) -> None:
    volume = Decimal(held) / 10**8
    known = state(
        equity=Krw(equity),
        cash=Krw(cash),
        positions={ETH: Position(ETH, Volume(volume), Krw(volume * 10**6), Krw(Decimal(0)), NOON)},
        first_week_cap=None if cap is None else Krw(cap),
    )
    sides = tuple(
        BookLevel(Price(Decimal(4_000_000 + 1000 * step)), Volume(Decimal(depth) / 10**8))
        for step, depth in sorted(asks)
    )
    shown = OrderBook(ETH, NOON, book().bids, sides)
    rules = rules_of(bid_fee=Decimal(fee), min_bid=Krw(Decimal(min_bid)))
    sized = size_entry(decision(size=Decimal(size) / 100), known, shown, rules, LIMITS)
    if isinstance(sized, Veto):
        return
    funds = funds_of(sized)
    assert gate(sized, known, LIMITS) is None
    assert funds == funds.to_integral_value()
    assert min_bid <= funds <= shown.ask_depth(LIMITS.depth_within)
    assert cash - funds * (1 + rules.bid_fee) >= equity * LIMITS.cash_reserve


# ── Exits ───────────────────────────────────────────────────────────────────────────────────────────


def exit_of(**changes: Any) -> OrderRequest | Veto:
    parts = {
        "position": position(),
        "price": Price(Decimal(3_800_000)),
        "trigger": Trigger.STOP_LOSS,
        "reason": "손절: 진입가 대비 -5.12%",
        "key": "k",
        "at": NOON,
        "confidence": "RULE",
        "book": book(3_799_000, 3_800_000),
        "rules": rules_of(),
        "limits": LIMITS,
    } | changes
    return size_exit(parts.pop("position"), **parts)


def test_an_exit_sells_all_to_the_last_decimal() -> None:
    request = exit_of(position=position("0.05123457", 200_000))
    assert isinstance(request, OrderRequest)
    assert (request.side, request.volume, request.funds) == (Side.SELL, Decimal("0.05123457"), None)
    assert (request.trigger, request.reason, request.confidence) == (
        Trigger.STOP_LOSS,
        "손절: 진입가 대비 -5.12%",
        "RULE",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"position": nothing_held_of()}, VetoReason.NOTHING_HELD),
        ({"rules": rules_of(online=False)}, VetoReason.MARKET_OFFLINE),
        ({"position": position("0.001", 5_100)}, VetoReason.BELOW_MINIMUM),
    ],
)
def test_an_exit_the_exchange_would_refuse_is_vetoed(changes: dict[str, Any], reason: VetoReason) -> None:
    assert veto_of(exit_of(**changes)) is reason


def test_the_smallest_sellable_holding_is_sold() -> None:
    worth_5000 = exit_of(position=position("0.00125", 5_300), price=Price(Decimal(4_000_000)))
    assert isinstance(worth_5000, OrderRequest)


@pytest.mark.parametrize(
    ("largest", "part"),
    [
        (200_000, "0.05"),
        (199_999, "0.04750000"),  # 10,000 won are kept: surely sellable later
        (99_999, "0.02499975"),
    ],
)
def test_a_holding_above_the_largest_order_is_cut(largest: int, part: str) -> None:
    rules = rules_of(max_total=Krw(Decimal(largest)))
    sized = exit_of(price=Price(Decimal(4_000_000)), rules=rules)
    assert isinstance(sized, OrderRequest)
    assert sized.volume == Decimal(part)


@given(st.integers(1, 10**12), st.integers(1, 10**6))
def test_a_holding_above_the_largest_order_goes_in_sellable_parts(units: int, largest: int) -> None:
    held = Decimal(units) / 10**8
    rules = rules_of(max_total=Krw(Decimal(largest) * 10_000), min_ask=Krw(Decimal(5000)))
    price = Price(Decimal(4_000_000))
    sized = exit_of(position=position(held, 1), price=price, rules=rules)
    if isinstance(sized, Veto):
        assert sized.reason is VetoReason.BELOW_MINIMUM
        assert held * price < 5000
        return
    assert sized.volume is not None
    rest = Volume(held - sized.volume)
    assert notional(price, sized.volume) <= rules.max_total
    assert rest == 0 or notional(price, rest) >= rules.min_ask
    assert rest == 0 or notional(price, sized.volume) >= rules.min_ask - 1


def bids(*levels: tuple[int, str]) -> OrderBook:
    sides = tuple(BookLevel(Price(Decimal(price)), Volume(Decimal(volume))) for price, volume in levels)
    return OrderBook(ETH, NOON, sides, book().asks)


@pytest.mark.parametrize(
    ("trigger", "part"),
    [
        (Trigger.STOP_LOSS, "0.04"),
        (Trigger.CLOSE, "0.04"),
        (Trigger.DECISION, "0.03"),
        (Trigger.TAKE_PROFIT, "0.03"),
    ],
)
def test_who_is_in_a_hurry_takes_all_bids_and_who_is_not_those_within_a_percent(
    trigger: Trigger, part: str
) -> None:
    shown = bids((3_800_000, "0.02"), (3_762_000, "0.01"), (3_761_999, "0.01"))
    sized = exit_of(book=shown, trigger=trigger)
    assert isinstance(sized, OrderRequest)
    assert sized.volume == Decimal(part)


def test_a_book_that_takes_all_but_dust_is_left_with_enough_to_sell_later() -> None:
    sized = exit_of(book=bids((3_800_000, "0.0499")))  # 380 won would stay
    assert isinstance(sized, OrderRequest)
    assert notional(Price(Decimal(3_800_000)), Volume(Decimal("0.05") - (sized.volume or 0))) >= 10_000


def test_a_book_too_thin_for_the_smallest_sale_is_named() -> None:
    assert veto_of(exit_of(book=bids((3_800_000, "0.001")))) is VetoReason.NO_DEPTH


@given(
    units=st.integers(1, 10**8),
    price=st.integers(1, 5_000_000),
    shown=st.integers(1, 10**8),
    largest=st.integers(2, 10**5),
    trigger=st.sampled_from([Trigger.STOP_LOSS, Trigger.DECISION]),
)
def test_selling_part_after_part_leaves_nothing_that_cannot_be_sold(
    units: int, price: int, shown: int, largest: int, trigger: Trigger
) -> None:
    paid, depth = Price(Decimal(price)), Decimal(shown) / 10**6
    rules = rules_of(max_total=Krw(Decimal(largest) * 10_000))
    held = position(Decimal(units) / 10**6, 1)
    began_sellable = notional(paid, held.volume) >= rules.min_ask
    for _ in range(20):
        sized = exit_of(
            position=held, price=paid, book=bids((price, str(depth))), rules=rules, trigger=trigger
        )
        if isinstance(sized, Veto):
            break
        assert sized.volume is not None
        assert sized.volume <= depth
        assert rules.min_ask <= notional(paid, sized.volume) <= rules.max_total
        held = replace(held, volume=Volume(held.volume - sized.volume))
    assert held.volume == 0 or (notional(paid, held.volume) >= rules.min_ask) == began_sellable


def test_a_run_never_doubles_an_exit_and_a_later_one_may_try_again() -> None:
    held = position()
    first, same_minute = exit_key(held, NOON), exit_key(held, NOON + timedelta(seconds=59))
    assert first == same_minute
    assert exit_key(held, NOON + timedelta(seconds=60)) != first
    assert exit_key(replace(held, volume=Volume(Decimal("0.04"))), NOON) != first  # a part was sold
    reopened = replace(held, opened_at=NOON)
    assert exit_key(reopened, NOON) != first
