from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.market import Listed, Market
from bongsu.core.money import Krw
from bongsu.core.scanning import ScanRules, next_ones, scan
from core.samples import BTC, ETH, NOON

USDT, XRP, SOL, DOGE = (Market(f"KRW-{coin}") for coin in ("USDT", "XRP", "SOL", "DOGE"))
TEN_BILLION = Krw(Decimal(10**10))
RULES = ScanRules(most=3, least_value=TEN_BILLION, left_out=frozenset({USDT}), at_once=2)


def listed(market: Market, billions: float, *, flagged: bool = False) -> Listed:
    return Listed(market, flagged, Krw(Decimal(repr(billions)) * 10**9))


def test_the_most_traded_first() -> None:
    assert scan([listed(ETH, 20), listed(BTC, 300), listed(XRP, 50), listed(SOL, 40)], RULES) == (
        BTC,
        XRP,
        SOL,
    )


@pytest.mark.parametrize(
    "unworthy",
    [listed(USDT, 900), listed(DOGE, 900, flagged=True), listed(DOGE, 9.999999999)],
    ids=["left out", "flagged", "too little traded"],
)
def test_what_is_not_worth_a_look(unworthy: Listed) -> None:
    assert scan([unworthy, listed(BTC, 10)], RULES) == (BTC,)


def test_of_equals_by_name() -> None:
    assert scan([listed(XRP, 11), listed(BTC, 11), listed(ETH, 11)], RULES) == (BTC, ETH, XRP)


def test_every_market_has_its_turn_and_what_is_held_stays_among_them() -> None:
    asked, turns = {}, []
    for hour in range(4):
        chosen = next_ones((BTC, XRP, SOL), (DOGE,), asked, RULES.at_once)
        turns.append(chosen)
        asked |= dict.fromkeys(chosen, NOON + timedelta(hours=hour))
    assert turns == [(DOGE, BTC), (XRP, SOL), (DOGE, BTC), (XRP, SOL)]


def test_nothing_found_and_nothing_held() -> None:
    assert next_ones((), (), {ETH: NOON}, 2) == ()


coins = st.lists(st.sampled_from([f"KRW-C{n}" for n in range(30)]), unique=True)
values = st.integers(0, 40).map(lambda n: Krw(Decimal(n) * 10**9))


@given(
    coins.flatmap(
        lambda names: st.tuples(
            *(st.builds(Listed, st.just(Market(n)), st.booleans(), values) for n in names)
        )
    )
)
def test_nothing_unworthy_is_ever_found_and_nothing_worthier_left_out(there: tuple[Listed, ...]) -> None:
    found = scan(there, RULES)
    by_name = {one.market: one for one in there}
    assert len(found) <= RULES.most
    assert all(not by_name[m].flagged and by_name[m].value_24h >= TEN_BILLION for m in found)
    least = min((by_name[m].value_24h for m in found), default=TEN_BILLION)
    better = [o for o in there if not o.flagged and o.value_24h >= TEN_BILLION and o.value_24h > least]
    assert all(one.market in found for one in better)


@given(
    coins.map(lambda names: tuple(map(Market, names))),
    coins.map(lambda names: tuple(map(Market, names[:3]))),
    st.integers(1, 5),
)
def test_nobody_waits_longer_than_all_the_others_take(
    found: tuple[Market, ...], held: tuple[Market, ...], at_once: int
) -> None:
    asked = {}
    everybody = set(found) | set(held)
    for hour in range(-(-len(everybody) // at_once)):
        chosen = next_ones(found, held, asked, at_once)
        assert len(chosen) == min(at_once, len(everybody))
        asked |= dict.fromkeys(chosen, NOON + timedelta(hours=hour))
    assert asked.keys() == everybody
