"""Whatever moves from outside, the books become the exchange's, and the bot neither gained nor lost by it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.external import Movement, movements
from bongsu.core.money import ZERO, Krw, Price, Volume
from bongsu.core.portfolio import Portfolio, Position, without
from core.samples import BTC, ETH, NOON, position

COINS = {"ETH": ETH, "BTC": BTC}
PRICES = {ETH: Price(Decimal(4_000_000)), BTC: Price(Decimal(90_000_000))}
HELD = Portfolio(Krw(Decimal(500_000)), (position("0.05", 210_000),))


def moved(
    expected: dict[str, str], held: dict[str, str], outside: dict[str, str] | None = None
) -> tuple[Movement, ...]:
    ours, theirs, owners = (
        {c: Decimal(x) for c, x in amounts.items()} for amounts in (expected, held, outside or {})
    )
    return movements(ours, theirs, owners, HELD, PRICES)


def test_won_is_capital_and_no_market_waits_for_it() -> None:
    (deposit,) = moved({"KRW": "500000"}, {"KRW": "600000"})
    assert (deposit.currency, deposit.amount, deposit.flow, deposit.market) == ("KRW", 100_000, 100_000, None)


def test_coins_that_come_are_their_owners_and_move_no_equity() -> None:
    (bought,) = moved({"ETH": "0.05"}, {"ETH": "0.07"})
    assert (bought.market, bought.amount, bought.taken, bought.flow) == (ETH, Decimal("0.02"), 0, 0)


@pytest.mark.parametrize(
    ("outside", "taken", "flow"),
    [("0", "0.03", -120_000), ("0.02", "0.01", -40_000), ("0.03", "0", 0), ("-0.01", "0.03", -120_000)],
)
def test_coins_that_go_are_the_owners_first_and_the_bots_at_their_price(
    outside: str, taken: str, flow: int
) -> None:
    (sold,) = moved({"ETH": "0.08"}, {"ETH": "0.05"}, {"ETH": outside})
    assert (sold.amount, sold.taken, sold.flow) == (Decimal("-0.03"), Decimal(taken), flow)


def test_a_position_that_was_never_valued_is_worth_what_it_cost() -> None:
    (gone,) = movements({"ETH": Decimal("0.05")}, {}, {}, HELD, {})
    assert gone.flow == -210_000


amounts = st.integers(0, 10**6).map(lambda n: Decimal(n) / 10**4)
accounts = st.fixed_dictionaries({"KRW": amounts, "ETH": amounts, "BTC": amounts})


@given(accounts, accounts, st.fixed_dictionaries({"KRW": amounts, "ETH": amounts, "BTC": amounts}))
def test_whatever_moved_nobody_gained_and_the_books_are_the_exchanges(
    ours: dict[str, Decimal], outside: dict[str, Decimal], theirs: dict[str, Decimal]
) -> None:
    positions = {m: Position(m, Volume(ours[c]), Krw(ours[c] * 7), Krw(ZERO), NOON) for c, m in COINS.items()}
    owners = {c: outside[c] for c in COINS}
    before = Portfolio(Krw(ours["KRW"]), tuple(p for p in positions.values() if p.held))
    expected = {"KRW": ours["KRW"]} | {c: ours[c] + owners[c] for c in COINS}
    cash, flows = before.cash, Decimal(0)
    for one in movements(expected, theirs, owners, before, PRICES):
        flows += one.flow
        if one.market is None:
            cash = Krw(cash + one.amount)
            continue
        owners[one.currency] += one.taken + one.amount
        positions[one.market] = without(positions[one.market], one.taken)
    for currency, market in COINS.items():
        assert positions[market].volume + owners[currency] == theirs[currency]
        assert positions[market].volume >= 0
        assert (positions[market].cost == 0) == (not positions[market].held)
        assert positions[market].realized == 0
    assert cash == theirs["KRW"]
    worth = sum(p.volume * PRICES[m] for m, p in positions.items())
    was_worth = sum(p.volume * PRICES[p.market] for p in before.positions)
    assert cash + worth - (before.cash + was_worth) == flows


def test_no_more_can_be_taken_than_is_held() -> None:
    with pytest.raises(ValueError, match="held"):
        without(position("0.05", 210_000), Volume(Decimal("0.06")))
