"""How the client behaves towards an exchange that is not well, seen from the exchange's side."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from bongsu import settings
from bongsu.adapters.upbit import connection
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.core.market import HOUR
from bongsu.core.order import OrderState
from bongsu.core.snapshot import find_outlier
from bongsu.errors import Banned, ExchangeUnavailable, NotAuthorized, OrderOutcomeUnknown
from contract.sandboxes import ETH, Process, Sandbox, buy


def open_exchange(url: str, rate_factor: float = float("inf"), **more: Any) -> UpbitExchange:
    keys = settings.SANDBOX_ACCESS_KEY, settings.SANDBOX_SECRET_KEY
    return UpbitExchange(url, *keys, rate_factor=rate_factor, **more)


async def seen(sandbox: Sandbox) -> int:
    """How many requests the one rule that is armed has looked at."""
    (rule,) = await sandbox.seen("/sandbox/faults")
    return int(rule["seen"])


async def now(sandbox: Sandbox) -> datetime:
    return datetime.fromisoformat((await sandbox.seen("/sandbox/clock"))["now"])


# -- reads ----------------------------------------------------------------------------------------


async def test_a_read_has_a_deadline_over_all_its_tries(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_DEADLINE", 0.5)
    await sandbox.arm(kind="timeout_before", seconds=60, path="/v1/accounts")
    began = time.monotonic()
    with pytest.raises(ExchangeUnavailable, match="no answer within"):
        await sandbox.exchange.balances()
    assert time.monotonic() - began >= 0.5
    assert await seen(sandbox) == 1


@pytest.mark.parametrize(
    ("fault", "ask"),
    [
        ({"kind": "null_volume", "path": "/v1/candles/*"}, "candles"),
        ({"kind": "outlier_price", "factor": "0", "path": "/v1/candles/*"}, "candles"),
        ({"kind": "outlier_price", "factor": "0", "path": "/v1/ticker"}, "ticker"),
        ({"kind": "null_volume", "path": "/v1/orderbook"}, "book"),
    ],
    ids=str,
)
async def test_what_cannot_be_true_is_no_answer_and_never_zero(
    sandbox: Sandbox, fault: dict[str, Any], ask: str
) -> None:
    exchange = sandbox.exchange
    asks: dict[str, Callable[[], Awaitable[object]]] = {
        "candles": lambda: _candles(sandbox),
        "ticker": lambda: exchange.tickers([ETH]),
        "book": lambda: exchange.order_book(ETH),
    }
    await asks[ask]()
    await sandbox.arm(**fault)
    with pytest.raises(ExchangeUnavailable):
        await asks[ask]()
    assert await seen(sandbox) == 3


async def _candles(sandbox: Sandbox) -> object:
    return await sandbox.exchange.candles(ETH, HOUR, 3, await now(sandbox))


@pytest.mark.parametrize(
    ("fault", "odd"),
    [
        ({"kind": "outlier_price", "path": "/v1/ticker"}, "ticker"),
        ({"kind": "outlier_price", "factor": "0.5", "path": "/v1/orderbook"}, "book"),
        ({"kind": "crossed_book", "path": "/v1/orderbook"}, "book"),
    ],
    ids=str,
)
async def test_a_wrong_price_is_seen_as_one(sandbox: Sandbox, fault: dict[str, Any], odd: str) -> None:
    await sandbox.arm(**fault)
    ticker = (await sandbox.exchange.tickers([ETH]))[ETH]
    book = await sandbox.exchange.order_book(ETH)
    (candle,) = await sandbox.exchange.candles(ETH, HOUR, 1, await now(sandbox))
    assert find_outlier(ticker.price, book, candle.close) == odd


async def test_candles_that_stand_still_are_old_and_not_new(sandbox: Sandbox) -> None:
    began = (await now(sandbox)).replace(minute=0, second=0, microsecond=0)
    await sandbox.clock.wait_until(began + HOUR, 30)
    (before,) = await sandbox.exchange.candles(ETH, HOUR, 1, began + HOUR)
    await sandbox.arm(kind="stale_candles", path="/v1/candles/*")
    await sandbox.clock.wait_until(began + 6 * HOUR, 30)
    (after,) = await sandbox.exchange.candles(ETH, HOUR, 1, began + 6 * HOUR)
    assert after == before


# -- writes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", ["timeout_before", "timeout_after", "lost_reply", "error_after", "malformed"]
)
async def test_an_order_goes_out_once_whatever_comes_back(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(connection, "WRITE_DEADLINE", 1.0)
    more = {"seconds": 60} if kind.startswith("timeout") else {}
    await sandbox.arm(kind=kind, path="/v1/orders", method="POST", **more)
    with pytest.raises(OrderOutcomeUnknown):
        await sandbox.exchange.place(buy(), uuid4())
    assert await seen(sandbox) == 1


async def test_a_part_of_an_order_is_told_as_such(sandbox: Sandbox) -> None:
    identifier = uuid4()
    await sandbox.arm(kind="partial_fill", share="0.4", path="/v1/orders", count=1)
    await sandbox.exchange.place(buy(50_000), identifier)
    order = await sandbox.exchange.find_order(identifier)
    assert order is not None
    assert order.state is OrderState.CANCEL
    assert sum(fill.volume for fill in order.fills) == order.executed_volume > 0
    assert Decimal(19_000) < sum(fill.funds for fill in order.fills) <= 20_000


async def test_an_order_without_a_volume_is_read(sandbox: Sandbox) -> None:
    identifier = uuid4()
    await sandbox.exchange.place(buy(), identifier)
    await sandbox.arm(kind="null_volume", path="/v1/orders/closed")
    closed = await sandbox.exchange.closed_orders(ETH, await now(sandbox) - timedelta(hours=1))
    assert [order.volume for order in closed if order.identifier == identifier] == [None]


# -- keys, limits and bans ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["key_expired", "ip_refused"])
async def test_a_key_that_is_refused_is_shown_once(sandbox: Sandbox, kind: str) -> None:
    await sandbox.arm(kind=kind)
    with pytest.raises(NotAuthorized):
        await sandbox.exchange.balances()
    with pytest.raises(NotAuthorized):
        await sandbox.exchange.place(buy(), uuid4())
    assert await seen(sandbox) == 2
    await sandbox.exchange.tickers([ETH])


async def test_after_a_429_its_group_waits_for_the_next_second(lockstep: Process, sandbox: Sandbox) -> None:
    asked: list[tuple[str, float]] = []
    clock = time.monotonic

    def hear(endpoint: str, outcome: str, seconds: float) -> None:
        asked.append((outcome, clock() - seconds))

    await sandbox.arm(kind="rate_limited", path="/v1/accounts", count=1)
    async with open_exchange(lockstep.url, rate_factor=1.0, on_request=hear) as exchange:
        await exchange.balances()
    (refused, first), (ok, second) = asked
    assert (refused, ok) == ("rate_limited", "ok")
    assert second - first >= 1.0


async def test_a_ban_is_silence_for_this_process_and_the_next(lockstep: Process, sandbox: Sandbox) -> None:
    told: list[datetime] = []
    await sandbox.arm(kind="banned", seconds=3600, path="/v1/*")
    async with open_exchange(lockstep.url, on_ban=told.append) as exchange:
        with pytest.raises(Banned):
            await exchange.balances()
        with pytest.raises(Banned):
            await exchange.tickers([ETH])
        with pytest.raises(OrderOutcomeUnknown):
            await exchange.place(buy(), uuid4())
    async with open_exchange(lockstep.url) as restarted:
        restarted.keep_silent(told[0])
        with pytest.raises(Banned):
            await restarted.order_book(ETH)
    assert await seen(sandbox) == 1


# -- connections ----------------------------------------------------------------------------------


@asynccontextmanager
async def counting(url: str) -> AsyncIterator[tuple[str, list[int]]]:
    """A door before the exchange, and the connections that went through it."""
    target, opened = urlsplit(url), list[int]()

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)
        sink.close()

    async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        inner, outer = await asyncio.open_connection(target.hostname, target.port)
        await asyncio.gather(pass_on(reader, outer), pass_on(inner, writer))

    server = await asyncio.start_server(through, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", opened
    finally:
        server.close()


async def test_one_connection_serves_one_question_after_another(lockstep: Process) -> None:
    async with counting(lockstep.url) as (url, opened):
        async with open_exchange(url) as exchange:
            for _ in range(10):
                await exchange.tickers([ETH])
                await exchange.balances()
                await exchange.place(buy(6_000), uuid4())
        assert len(opened) == 1
