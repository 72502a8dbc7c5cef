"""One promise for both ends of the wire: the client in front of the sandbox, watched from outside."""

import asyncio
import contextlib
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID, uuid4

import pytest

from bongsu.adapters.upbit import connection
from bongsu.core.market import HOUR, Market, MarketState
from bongsu.core.order import Order, OrderState, Side
from bongsu.errors import (
    ExchangeRefused,
    ExchangeUnavailable,
    IdentifierTaken,
    NotAuthorized,
    OrderOutcomeUnknown,
    OrderRejected,
    RateLimited,
)
from contract.sandboxes import ETH, Process, Sandbox, buy, connected, sell
from races import Race, races

FEE = Decimal("0.0005")
BTC = Market("KRW-BTC")


async def found(sandbox: Sandbox, identifier: UUID) -> Order:
    order = await sandbox.exchange.find_order(identifier)
    assert order is not None
    return order


async def bought(sandbox: Sandbox, funds: int = 50_001) -> Order:
    identifier = uuid4()
    await sandbox.exchange.place(buy(funds), identifier)
    return await found(sandbox, identifier)


# -- orders ---------------------------------------------------------------------------------------


async def test_a_market_buy_that_ends_in_cancel_is_filled(sandbox: Sandbox) -> None:
    identifier = uuid4()
    placed = await sandbox.exchange.place(buy(50_001), identifier)
    assert (placed.identifier, placed.side, placed.market, placed.fills) == (identifier, Side.BUY, ETH, ())

    order = await found(sandbox, identifier)
    assert order.uuid == placed.uuid
    assert order.state is OrderState.CANCEL
    assert order.final
    assert order.executed_volume > 0
    assert order.complete
    assert 0 < order.funds <= 50_001


async def test_fills_add_up_to_the_volume_the_money_and_the_fee(sandbox: Sandbox) -> None:
    won, coins = await sandbox.held("KRW"), await sandbox.held("ETH")
    book = await sandbox.exchange.order_book(ETH)
    through_the_book = int(book.asks[0].price * book.asks[0].volume + book.asks[1].price)
    await sandbox.http.post("/sandbox/account", json={"currency": "KRW", "delta": str(2 * through_the_book)})
    order = await bought(sandbox, through_the_book)

    assert len(order.fills) > 1
    assert order.fills_complete
    assert order.funds == sum(fill.price * fill.volume for fill in order.fills)
    assert order.paid_fee == order.funds * FEE
    assert await sandbox.held("ETH") - coins == order.executed_volume
    assert await sandbox.held("KRW") == won + 2 * through_the_book - order.funds - order.paid_fee


async def test_a_market_sell_gives_all_of_it_for_won(sandbox: Sandbox) -> None:
    await bought(sandbox)
    won, coins, identifier = await sandbox.held("KRW"), await sandbox.held("ETH"), uuid4()
    await sandbox.exchange.place(sell(coins), identifier)
    order = await found(sandbox, identifier)
    assert (order.state, order.volume, order.executed_volume) == (OrderState.DONE, coins, coins)
    assert order.complete
    assert await sandbox.held("KRW") == won + order.funds - order.paid_fee
    assert await sandbox.held("ETH") == 0


async def test_balances_are_the_exchanges_to_the_last_digit(sandbox: Sandbox) -> None:
    await bought(sandbox, 77_777)
    balances = await sandbox.exchange.balances()
    for currency in ("KRW", "ETH"):
        assert balances[currency].total == await sandbox.held(currency)
    raw = await sandbox.seen("/sandbox/state")
    assert {str(balance.free) for balance in balances.values()} == {one["balance"] for one in raw["balances"]}


async def test_an_identifier_is_good_for_one_order(sandbox: Sandbox) -> None:
    identifier = uuid4()
    await sandbox.exchange.place(buy(), identifier)
    with pytest.raises(IdentifierTaken):
        await sandbox.exchange.place(buy(), identifier)
    assert len(await sandbox.orders(identifier)) == 1


async def test_a_refused_order_uses_its_identifier_up(sandbox: Sandbox) -> None:
    identifier = uuid4()
    with pytest.raises(OrderRejected):
        await sandbox.exchange.place(buy(4_999), identifier)
    with pytest.raises(IdentifierTaken):
        await sandbox.exchange.place(buy(), identifier)
    assert await sandbox.exchange.find_order(identifier) is None
    assert await sandbox.orders(identifier) == []


async def test_refusals_come_by_their_names(sandbox: Sandbox) -> None:
    won, coins = await sandbox.held("KRW"), await sandbox.held("ETH")
    for request, name in (
        (buy(4_999), "under_min_total_bid"),
        (sell(Decimal("0.0001")), "under_min_total_ask"),
        (buy(int(won)), "insufficient_funds_bid"),
        (sell(coins + 1), "insufficient_funds_ask"),
        (buy(50_000, Market("KRW-NONE")), "market_does_not_exist"),
    ):
        with pytest.raises(OrderRejected) as raised:
            await sandbox.exchange.place(request, uuid4())
        assert raised.value.name == name
    assert (await sandbox.held("KRW"), await sandbox.held("ETH")) == (won, coins)


async def test_a_wrong_key_is_refused_as_such(lockstep: Process) -> None:
    async with connected(lockstep, secret_key="wrong") as sandbox:
        with pytest.raises(NotAuthorized):
            await sandbox.exchange.balances()
        identifier = uuid4()
        with pytest.raises(NotAuthorized):
            await sandbox.exchange.place(buy(), identifier)
        assert await sandbox.orders(identifier) == []
        assert sandbox.heard == [("accounts", "auth"), ("place", "auth")]


async def test_an_order_nobody_placed_is_not_found(sandbox: Sandbox) -> None:
    assert await sandbox.exchange.find_order(uuid4()) is None


# -- markets that are not as usual -----------------------------------------------------------------


async def test_each_state_of_a_market_is_seen(sandbox: Sandbox) -> None:
    try:
        for state in (*MarketState, MarketState.ACTIVE):
            put = await sandbox.http.put(f"/sandbox/markets/{ETH}/state", json={"state": state})
            put.raise_for_status()
            assert await sandbox.exchange.market_states([ETH, BTC]) == {ETH: state, BTC: "active"}
    finally:
        await sandbox.http.delete(f"/sandbox/markets/{ETH}/state")
    assert set(sandbox.heard) <= {
        ("markets", "ok"),
        ("orders_chance", "ok"),
        ("orders_chance", "client_error"),
    }


# -- replies that never come ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_reply"},
        {"kind": "cut_reply"},
        {"kind": "error_after", "status": 502},
        {"kind": "error_after", "status": 400, "error": "a_name_of_tomorrow"},
        {"kind": "error_after", "status": 401, "error": "nonce_used"},
        {"kind": "html", "status": 200},
        {"kind": "truncated"},
        *({"kind": "malformed", "seed": seed} for seed in range(8)),
    ],
    ids=str,
)
async def test_a_lost_reply_is_found_and_fenced(sandbox: Sandbox, fault: dict[str, object]) -> None:
    identifier = uuid4()
    await sandbox.arm(**fault, path="/v1/orders", method="POST", count=1)
    with pytest.raises(OrderOutcomeUnknown):
        await sandbox.exchange.place(buy(), identifier)
    with pytest.raises(IdentifierTaken):
        await sandbox.exchange.place(buy(), identifier)
    assert (await found(sandbox, identifier)).executed_volume > 0
    assert len(await sandbox.orders(identifier)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "error_before", "status": 503},
        {"kind": "error_before", "status": 400, "error": "a_name_of_tomorrow"},
        {"kind": "down"},
        {"kind": "timeout_before", "seconds": 0.05},
        {"kind": "rate_limited"},
    ],
    ids=str,
)
async def test_an_order_that_never_arrived_is_accepted_once_by_the_fence(
    sandbox: Sandbox, fault: dict[str, object]
) -> None:
    identifier = uuid4()
    await sandbox.arm(**fault, path="/v1/orders", method="POST", count=1)
    with pytest.raises(OrderOutcomeUnknown):
        await sandbox.exchange.place(buy(), identifier)
    assert await sandbox.exchange.find_order(identifier) is None
    await sandbox.exchange.place(buy(), identifier)
    assert len(await sandbox.orders(identifier)) == 1


async def test_an_order_that_arrives_late_finds_the_fence(sandbox: Sandbox) -> None:
    """What is sent after it, and as late, tells when it has come."""
    for race in races():
        identifier, after = uuid4(), uuid4()
        await late(sandbox, race, identifier, after)
        with contextlib.suppress(IdentifierTaken):
            await sandbox.exchange.place(buy(), identifier)
        (fence,) = await sandbox.orders(identifier)
        if race.in_time():
            await until_found(sandbox, after)
            assert await sandbox.orders(identifier) == [fence]


async def test_a_late_order_that_was_not_fenced_is_found_later(sandbox: Sandbox) -> None:
    for race in races():
        identifier = uuid4()
        await late(sandbox, race, identifier)
        at_first = await sandbox.exchange.find_order(identifier)
        if race.in_time():
            assert at_first is None
            await until_found(sandbox, identifier)


async def late(sandbox: Sandbox, race: Race, *identifiers: UUID) -> None:
    """Buys that the exchange accepts when the race is over."""
    fault = {"kind": "late_accept", "path": "/v1/orders", "method": "POST"}
    await sandbox.arm(**fault, seconds=race.seconds, count=len(identifiers))
    for identifier in identifiers:
        with pytest.raises(OrderOutcomeUnknown):
            await sandbox.exchange.place(buy(), identifier)


async def until_found(sandbox: Sandbox, identifier: UUID) -> None:
    async with asyncio.timeout(60):
        while await sandbox.exchange.find_order(identifier) is None:  # noqa: ASYNC110 - the other side of the wire
            await asyncio.sleep(0.05)


async def test_an_answer_after_the_deadline_is_no_answer(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WRITE_DEADLINE", 0.3)
    identifier = uuid4()
    await sandbox.arm(kind="late_reply", seconds=2, path="/v1/orders", method="POST", count=1)
    with pytest.raises(OrderOutcomeUnknown):
        await sandbox.exchange.place(buy(), identifier)
    assert sandbox.heard == [("place", "timeout")]
    assert (await found(sandbox, identifier)).executed_volume > 0


@pytest.mark.parametrize(
    ("fault", "label", "error"),
    [
        ({"kind": "lost_reply"}, "timeout", ExchangeUnavailable),
        ({"kind": "cut_reply"}, "timeout", ExchangeUnavailable),
        ({"kind": "timeout_before", "seconds": 0.05}, "timeout", ExchangeUnavailable),
        ({"kind": "error_before"}, "server_error", ExchangeUnavailable),
        ({"kind": "rate_limited"}, "rate_limited", RateLimited),
        ({"kind": "truncated"}, "malformed", ExchangeUnavailable),
        ({"kind": "malformed"}, "malformed", ExchangeUnavailable),
        ({"kind": "html", "status": 200}, "malformed", ExchangeUnavailable),
        ({"kind": "html", "status": 403}, "malformed", ExchangeUnavailable),
    ],
    ids=str,
)
async def test_reads_outlast_two_faults_and_no_third(
    sandbox: Sandbox, fault: dict[str, object], label: str, error: type[Exception]
) -> None:
    await sandbox.arm(**fault, path="/v1/accounts", count=2)
    await sandbox.exchange.balances()
    assert sandbox.heard == [("accounts", label), ("accounts", label), ("accounts", "ok")]
    await sandbox.arm(**fault, path="/v1/accounts", count=3)
    with pytest.raises(error):
        await sandbox.exchange.balances()


# -- closed orders --------------------------------------------------------------------------------


async def test_closed_orders_of_more_than_a_week_newest_first(sandbox: Sandbox) -> None:
    before = sandbox.clock.now() + timedelta(seconds=1)
    await sandbox.clock.wait_until(before, 60)
    first = await bought(sandbox)
    await sandbox.clock.wait_until(before + timedelta(days=16), 60)
    second = await bought(sandbox)

    listed = await sandbox.exchange.closed_orders(ETH, before)
    assert [order.uuid for order in listed] == [second.uuid, first.uuid]
    assert {order.identifier for order in listed} == {first.identifier, second.identifier}
    assert [order.executed_volume for order in listed] == [second.executed_volume, first.executed_volume]
    assert await sandbox.exchange.closed_orders(ETH, second.created_at + timedelta(seconds=1)) == []
    assert await sandbox.exchange.closed_orders(Market("KRW-BTC"), before) == []


# -- quotations -----------------------------------------------------------------------------------


async def test_candles_over_many_pages_are_the_exchanges_own(sandbox: Sandbox) -> None:
    await sandbox.clock.wait_until(sandbox.clock.now() + timedelta(days=30, minutes=17), 60)
    now = sandbox.clock.now()
    candles = await sandbox.exchange.candles(ETH, HOUR, 650, now)
    assert len(candles) == 650
    assert candles[-1].closed_at <= now
    assert all(older.closed_at <= newer.opened_at for older, newer in pairwise(candles))
    silent = sum(older.closed_at < newer.opened_at for older, newer in pairwise(candles))
    assert silent > 0, "this world has no silent hour to prove anything by"
    assert not any(candle.synthetic or candle.volume == 0 for candle in candles)

    raw: list[dict[str, object]] = []
    while len(raw) < 651:
        to = raw[-1]["candle_date_time_utc"] + "Z" if raw else now.isoformat()  # type: ignore[operator]
        raw += await sandbox.seen("/v1/candles/minutes/60", market=ETH, to=to, count=37)
    by_opening = {datetime.fromisoformat(f"{row['candle_date_time_utc']}Z"): row for row in raw}
    assert [c.opened_at for c in candles] == sorted(at for at in by_opening if at + HOUR <= now)[-650:]
    for candle in candles:
        row = by_opening[candle.opened_at]
        assert (float(candle.open), float(candle.close)) == (row["opening_price"], row["trade_price"])
        assert (float(candle.volume), float(candle.value)) == (
            row["candle_acc_trade_volume"],
            row["candle_acc_trade_price"],
        )


async def test_the_open_candle_is_left_out_until_it_closes(sandbox: Sandbox) -> None:
    opened = sandbox.clock.now().replace(minute=0, second=0, microsecond=0) + 24 * HOUR
    await sandbox.clock.wait_until(opened + timedelta(minutes=59, seconds=59), 60)
    newest = (await sandbox.exchange.candles(ETH, HOUR, 1, sandbox.clock.now()))[-1]
    assert newest.closed_at <= opened
    await sandbox.clock.wait_until(opened + HOUR, 60)
    rows = await sandbox.seen("/v1/candles/minutes/60", market=ETH, to=(opened + HOUR).isoformat())
    newest = (await sandbox.exchange.candles(ETH, HOUR, 1, sandbox.clock.now()))[-1]
    assert newest.opened_at == datetime.fromisoformat(f"{rows[0]['candle_date_time_utc']}Z")


@pytest.mark.parametrize("interval", [timedelta(minutes=1), timedelta(minutes=15), 4 * HOUR, 24 * HOUR])
async def test_other_intervals_are_read_too(sandbox: Sandbox, interval: timedelta) -> None:
    candles = await sandbox.exchange.candles(ETH, interval, 10, sandbox.clock.now())
    assert len(candles) == 10
    assert {candle.interval for candle in candles} == {interval}


async def test_quotes_are_of_the_market_time(sandbox: Sandbox) -> None:
    tickers = await sandbox.exchange.tickers([ETH, Market("KRW-BTC")])
    book = await sandbox.exchange.order_book(ETH)
    assert set(tickers) == {ETH, "KRW-BTC"}
    assert sandbox.clock.now() - timedelta(days=1) < tickers[ETH].at <= sandbox.clock.now()
    assert tickers[ETH].value_24h > 0
    assert book.bids[0].price < book.asks[0].price
    assert abs(tickers[ETH].price - book.mid) / book.mid < Decimal("0.02")
    assert len(book.bids) == len(book.asks) == 30
    assert sandbox.exchange.signs.clock_offset is None


async def test_an_unknown_market_is_a_refusal_and_not_an_outage(sandbox: Sandbox) -> None:
    for ask in (sandbox.exchange.order_book, sandbox.exchange.rules):
        with pytest.raises(ExchangeRefused):
            await ask(Market("KRW-NONE"))
    with pytest.raises(ExchangeRefused):
        await sandbox.exchange.tickers([ETH, Market("KRW-NONE")])


async def test_the_rules_of_a_market(sandbox: Sandbox) -> None:
    rules = await sandbox.exchange.rules(ETH)
    assert (rules.bid_fee, rules.ask_fee) == (FEE, FEE)
    assert (rules.min_bid, rules.min_ask, rules.online) == (5000, 5000, True)
    book = await sandbox.exchange.order_book(ETH)
    assert all(level.price % rules.tick_size == 0 for level in (*book.bids, *book.asks))


async def test_what_is_left_of_the_limits_is_told(sandbox: Sandbox) -> None:
    await sandbox.exchange.balances()
    await sandbox.exchange.order_book(ETH)
    assert set(sandbox.exchange.requests_left) == {"default", "orderbook"}
