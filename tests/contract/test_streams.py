"""The production client on the sandbox's WebSockets: what it hears, and how it comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from httpx2.websockets import AsyncWebSocketClient

from bongsu.adapters.upbit.frames import prices
from bongsu.adapters.upbit.stream import Patience, Stream
from bongsu.core.hints import BalancesStirred, Hint, LineOpened, OrderStirred, PriceHeard
from bongsu.core.risk import RiskLimits
from bongsu.trading.hints import Hints
from contract.sandboxes import ETH, Process, Sandbox, buy, connected

PATIENCE = 60.0
QUICK = Patience(shortest=0.01, longest=0.1)


class Ear:
    def __init__(self) -> None:
        self.heard: list[Hint] = []
        self.news = asyncio.Event()

    def hear(self, hint: Hint) -> None:
        self.heard.append(hint)
        self.news.set()

    async def until(self, enough: Callable[[list[Hint]], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not enough(self.heard):
                self.news.clear()
                await self.news.wait()

    async def opened(self, times: int) -> None:
        await self.until(lambda heard: heard.count(LineOpened()) >= times)


@asynccontextmanager
async def running(*streams: Callable[[], Any]) -> AsyncIterator[list[asyncio.Task[None]]]:
    tasks = [asyncio.create_task(stream()) for stream in streams]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def prices_of(sandbox: Sandbox, ear: Ear, patience: Patience = QUICK) -> Stream:
    dial = partial(AsyncWebSocketClient(sandbox.http).connect, "/websocket/v1")
    return Stream("prices", dial, partial(prices, [ETH]), ear.hear, patience=patience)


async def break_streams(sandbox: Sandbox, **rule: Any) -> None:
    (await sandbox.http.put("/sandbox/streams/faults", json=[rule])).raise_for_status()


@pytest.fixture(autouse=True)
async def _mended(sandbox: Sandbox) -> AsyncIterator[None]:
    yield
    await sandbox.http.delete("/sandbox/streams/faults")


async def test_an_order_of_ours_is_heard_of_and_so_are_the_balances(sandbox: Sandbox) -> None:
    ear, identifier = Ear(), uuid4()
    account, _ = sandbox.exchange.streams([ETH], ear.hear)
    async with running(account):
        await ear.opened(1)
        await sandbox.exchange.place(buy(), identifier)
        await ear.until(lambda heard: BalancesStirred() in heard)
    assert OrderStirred(ETH, identifier) in ear.heard


async def test_the_price_heard_is_the_one_that_is_asked_for(sandbox: Sandbox) -> None:
    ear = Ear()
    _, of_prices = sandbox.exchange.streams([ETH], ear.hear)
    async with running(of_prices):
        await ear.until(lambda heard: len(heard) >= 2)
    ticker = (await sandbox.exchange.tickers([ETH]))[ETH]
    assert ear.heard[:2] == [LineOpened(), PriceHeard(ETH, ticker.price)]


async def test_a_line_that_was_cut_is_opened_anew_and_that_is_told(sandbox: Sandbox) -> None:
    ear = Ear()
    async with running(prices_of(sandbox, ear).run):
        await ear.opened(1)
        await sandbox.http.delete("/sandbox/streams")
        await ear.opened(2)


@pytest.mark.parametrize("kind", ["drop", "malformed"])
async def test_what_cannot_be_read_is_a_line_that_was_cut(sandbox: Sandbox, kind: str) -> None:
    """A hint that was lost may have been the one that counts: after it all is asked for."""
    ear = Ear()
    await break_streams(sandbox, kind=kind, count=1)
    async with running(prices_of(sandbox, ear).run):
        await ear.until(lambda heard: any(isinstance(hint, PriceHeard) for hint in heard))


async def test_a_line_that_stands_and_says_nothing_is_found_out(sandbox: Sandbox) -> None:
    """The socket is open, pings are answered; only the sign of life that was asked for does not come."""
    ear = Ear()
    await break_streams(sandbox, kind="stall", seconds=3600, count=1)
    impatient = Patience(silence=0.2, answer=0.2, shortest=0.01, longest=0.1)
    async with running(prices_of(sandbox, ear, impatient).run):
        await ear.until(lambda heard: any(isinstance(hint, PriceHeard) for hint in heard))


async def test_a_line_that_is_alive_without_news_for_too_long_is_opened_anew(sandbox: Sandbox) -> None:
    """The market stands, so there is no news; the signs of life come."""
    ear = Ear()
    impatient = Patience(silence=0.05, stale=0.1, shortest=0.01, longest=0.1)
    async with running(prices_of(sandbox, ear, impatient).run):
        await ear.opened(2)


async def test_twice_the_same_is_no_harm(sandbox: Sandbox) -> None:
    ear = Ear()
    await break_streams(sandbox, kind="duplicate")
    async with running(prices_of(sandbox, ear).run):
        await ear.until(lambda heard: len(heard) >= 3)
    assert ear.heard[1] == ear.heard[2]


async def test_a_handshake_that_fails_is_tried_again(sandbox: Sandbox) -> None:
    ear = Ear()
    await break_streams(sandbox, kind="refuse", status=503, count=2)
    async with running(prices_of(sandbox, ear).run):
        await ear.opened(1)


async def test_an_exchange_that_speaks_none_is_left_alone_for_long(sandbox: Sandbox) -> None:
    ear = Ear()
    await break_streams(sandbox, kind="refuse", status=404)
    async with running(prices_of(sandbox, ear).run) as (listening,):
        done, _ = await asyncio.wait([listening], timeout=0.5)
        assert done == set()
    assert (await sandbox.seen("/sandbox/streams/faults"))[0]["seen"] == 1
    assert ear.heard == []


async def test_it_is_tried_again_in_the_end(sandbox: Sandbox) -> None:
    ear = Ear()
    await break_streams(sandbox, kind="refuse", status=404, count=1)
    async with running(prices_of(sandbox, ear, Patience(not_spoken=0.01)).run):
        await ear.opened(1)


async def test_a_key_that_is_not_known_opens_nothing_and_ends_nothing(lockstep: Process) -> None:
    ear = Ear()
    async with connected(lockstep, "another-secret-key-of-forty-characters-!") as stranger:
        account, of_prices = stranger.exchange.streams([ETH], ear.hear)
        async with running(account):
            done, _ = await asyncio.wait([asyncio.create_task(asyncio.sleep(0.5))], timeout=PATIENCE)
        assert len(done) == 1
        assert ear.heard == []
        async with running(of_prices):
            await ear.opened(1)


async def test_in_lock_step_nobody_listens(sandbox: Sandbox) -> None:
    asked: list[object] = []
    hints = Hints(RiskLimits(), sandbox.clock, lambda hear: asked.append(hear) or ())  # type: ignore[func-returns-value]
    async with running(hints.keep_listening) as (listening,):
        done, _ = await asyncio.wait([listening], timeout=0.05)
    assert (done, asked) == (set(), [])
