"""What the exchange does to a market: seen, kept, and nothing bought there; whoever holds it gets out while that can be."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from adapters.scripted import CHANCE, MARKETS, Script, answer, client, refusal
from bongsu.core.facts import MarketStatesSeen
from bongsu.core.market import Market, MarketState
from bongsu.core.order import Intent, Side
from bongsu.core.risk import Veto, VetoReason
from bongsu.errors import LeaseLost
from bongsu.trading import listing
from bongsu.trading.listing import Listing
from core.samples import BTC, ETH, NOON
from web.story import ACCOUNT, Books, execute, fund, open_books, request, value

ACTIVE, WARNING, SUSPENDED = MarketState.ACTIVE, MarketState.WARNING, MarketState.SUSPENDED


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


class Exchange(Script):
    """Every market is listed and traded, but for those that are not served."""

    def __init__(self, **unserved: httpx2.Response) -> None:
        self.unserved = unserved
        super().__init__(self._serve)

    def _serve(self, asked: httpx2.Request) -> httpx2.Response:
        market = asked.url.params.get("market")
        served = answer(MARKETS if market is None else CHANCE.replace("KRW-ETH", market))
        return self.unserved.get((market or "markets").removeprefix("KRW-").lower(), served)


def watch(books: Books, exchange: Exchange, *markets: Market, closed: bool = False) -> Listing:
    return Listing(client(exchange), books.ledger, lambda: markets, lambda: closed)


async def events(books: Books) -> list[tuple[Any, ...]]:
    query = "SELECT severity, source, message FROM events WHERE kind = 'market_state' ORDER BY id"
    async with books.database.transaction("test") as tx:
        return [tuple(row.values()) for row in await (await tx.execute(query)).fetchall()]


async def hold(books: Books) -> None:
    await fund(books)
    await execute(books, request(ETH, Side.BUY), price="3000000", volume="0.01")
    await value(books, NOON, {ETH: "3000000"})


async def test_configured_and_held_markets_are_seen_with_one_question_for_all(books: Books) -> None:
    await hold(books)
    exchange = Exchange(eth=refusal("market_offline"))
    seen = watch(books, exchange, BTC)
    assert seen.blind() == ("market_state",), "nothing is known yet"
    await seen.look()
    assert await books.ledger.market_states() == {BTC: ACTIVE, ETH: SUSPENDED}
    assert seen.blind() == ()
    assert sum(asked.url.path == "/v1/market/all" for asked in exchange.requests) == 1


async def test_a_market_that_is_done_with_is_forgotten_and_changes_are_on_record(books: Books) -> None:
    exchange = Exchange()
    await watch(books, exchange, ETH, BTC).look()
    assert await events(books) == []
    exchange.unserved = {"eth": refusal("market_offline")}
    for _ in range(2):
        await watch(books, exchange, ETH).look()
    assert await books.ledger.market_states() == {ETH: SUSPENDED}
    exchange.unserved = {}
    await watch(books, exchange, ETH).look()
    assert await events(books) == [
        ("warning", ETH, "active → suspended"),
        ("info", ETH, "suspended → active"),
    ]


async def test_what_was_seen_stays_where_nothing_can_be_seen_and_in_the_end_nothing_is_bought(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Exchange(eth=refusal("market_offline"))
    seen = watch(books, exchange, ETH)
    await seen.look()
    exchange.unserved = {"markets": refusal("server_error", 500)}
    await seen.look()
    assert await books.ledger.market_states() == {ETH: SUSPENDED}
    assert seen.blind() == ()
    monkeypatch.setattr(listing, "_GOOD_FOR", -1.0)
    assert seen.blind() == ("market_state",)
    await fund(books)
    exchange.unserved = {}
    await watch(books, exchange, ETH).look()
    veto = await books.ledger.open_intent(request(ETH, Side.BUY), ACCOUNT, seen.blind())
    assert isinstance(veto, Veto)
    assert (veto.reason, "마켓 상태를 확인할 수 없음" in veto.detail) == (VetoReason.BLIND, True)


async def test_a_closed_exchange_is_asked_nothing(books: Books) -> None:
    exchange = Exchange()
    await watch(books, exchange, ETH, closed=True).look()
    assert exchange.requests == []
    assert await books.ledger.market_states() == {}


async def test_a_cycle_looks_by_itself_where_nobody_has_for_a_minute(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Exchange()
    seen = watch(books, exchange, ETH)
    for _ in range(2):
        await seen.renew()
    assert (seen.blind(), len(exchange.requests)) == ((), 2)
    monkeypatch.setattr(listing, "EVERY", -1.0)
    exchange.unserved = {"eth": refusal("market_offline")}
    await seen.renew()
    assert await books.ledger.market_states() == {ETH: SUSPENDED}


async def test_only_the_leader_keeps_states(books: Books) -> None:
    await books.lease.release()
    with pytest.raises(LeaseLost):
        await watch(books, Exchange(), ETH).look()


@pytest.mark.parametrize("state", [state for state in MarketState if state is not ACTIVE])
async def test_no_buy_in_a_market_that_is_not_active_and_exits_pass_the_gate(
    books: Books, state: MarketState
) -> None:
    await hold(books)
    wish = request(ETH, Side.BUY, key="again", at=NOON + timedelta(hours=1), amount="10000")
    await books.ledger.record(MarketStatesSeen({ETH: state, BTC: ACTIVE}))
    veto = await books.ledger.open_intent(wish, ACCOUNT, ())
    assert isinstance(veto, Veto)
    assert veto.reason is VetoReason.MARKET_STATE
    sale = await books.ledger.open_intent(request(ETH, Side.SELL, amount="0.01"), ACCOUNT, ())
    assert isinstance(sale, Intent)


async def test_an_active_market_is_bought_whatever_another_is(books: Books) -> None:
    await hold(books)
    await books.ledger.record(MarketStatesSeen({ETH: ACTIVE, BTC: SUSPENDED}))
    wish = request(ETH, Side.BUY, key="again", at=NOON + timedelta(hours=1), amount="10000")
    assert isinstance(await books.ledger.open_intent(wish, ACCOUNT, ()), Intent)


async def test_an_order_of_unknown_fate_is_not_sent_again_into_a_market_under_a_warning(books: Books) -> None:
    await fund(books)
    intent = await books.ledger.open_intent(request(ETH, Side.BUY), ACCOUNT, ())
    assert isinstance(intent, Intent)
    assert await books.ledger.may_resend(intent, ())
    await books.ledger.record(MarketStatesSeen({ETH: WARNING}))
    assert not await books.ledger.may_resend(intent, ())
