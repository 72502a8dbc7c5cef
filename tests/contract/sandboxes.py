"""The sandbox as a process of its own, and our production clients in front of it."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from bongsu import settings
from bongsu.adapters.clock import SandboxClock
from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.core.market import Market
from bongsu.core.money import Krw, Volume
from bongsu.core.order import OrderRequest, Side, Trigger
from ports import free_port

ETH = Market("KRW-ETH")

_RUN = """
import sys
from pathlib import Path
from bongsu.sandbox.serve import ExchangeOptions, run
world, port, speed, *candles = sys.argv[1:]
run(ExchangeOptions(
    world_dir=Path(world), port=int(port), candles=tuple(candles), speed="max" if speed == "max" else float(speed)
))
"""
_AT = datetime(2025, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Process:
    url: str
    popen: subprocess.Popen[bytes]


@dataclass
class Sandbox:
    """What an outside observer may do: break things, look at everything, and know nothing of the client."""

    url: str
    http: httpx2.AsyncClient
    exchange: UpbitExchange
    clock: SandboxClock
    heard: list[tuple[str, str]] = field(default_factory=list)

    async def arm(self, **rule: Any) -> None:
        (await self.http.put("/sandbox/faults", json=[rule])).raise_for_status()

    async def seen(self, path: str, **query: Any) -> Any:
        return (await self.http.get(path, params=query)).raise_for_status().json()

    async def orders(self, identifier: object) -> list[Any]:
        """As the exchange keeps them."""
        state = await self.seen("/sandbox/state")
        return [order for order in state["orders"] if order["identifier"] == str(identifier)]

    async def held(self, currency: str) -> Decimal:
        """As the exchange keeps it, locked or not."""
        balances = (await self.seen("/sandbox/state"))["balances"]
        found = [one for one in balances if one["currency"] == currency]
        return sum((Decimal(one["balance"]) + Decimal(one["locked"]) for one in found), Decimal(0))

    def messenger(
        self, *, token: str = settings.SANDBOX_TOKEN, chat: str = settings.SANDBOX_CHAT
    ) -> TelegramMessenger:
        return TelegramMessenger(f"{self.url}/telegram", token, chat, part_pause=0)


def launch(world: Path, speed: str, *candles: Path) -> Process:
    """At a speed, "max" or a number; of generated markets, or of candle files."""
    port = free_port()
    command = [sys.executable, "-c", _RUN, str(world), str(port), speed, *map(str, candles)]
    process = Process(f"http://127.0.0.1:{port}", subprocess.Popen(command, stdout=subprocess.DEVNULL))
    _wait_for(process)
    return process


def stop(process: Process) -> None:
    process.popen.terminate()
    process.popen.wait(60)


@asynccontextmanager
async def connected(
    process: Process, secret_key: str = settings.SANDBOX_SECRET_KEY
) -> AsyncIterator[Sandbox]:
    clock = await SandboxClock.connect(process.url)
    heard = list[tuple[str, str]]()
    exchange = UpbitExchange(
        process.url,
        settings.SANDBOX_ACCESS_KEY,
        secret_key,
        on_request=lambda endpoint, outcome, _: heard.append((endpoint, outcome)),
        rate_factor=float("inf"),
    )
    async with exchange, httpx2.AsyncClient(base_url=process.url, trust_env=False, timeout=60) as http:
        yield Sandbox(process.url, http, exchange, clock, heard)
        if process.popen.poll() is None:
            await http.delete("/sandbox/faults")
    await clock.close()


def buy(funds: int = 50_001, market: Market = ETH) -> OrderRequest:
    return _request(market, Side.BUY, funds=Krw(Decimal(funds)))


def sell(volume: Decimal, market: Market = ETH) -> OrderRequest:
    return _request(market, Side.SELL, volume=Volume(volume))


def _request(market: Market, side: Side, **amount: Any) -> OrderRequest:
    return OrderRequest(market, side, Trigger.DECISION, str(uuid4()), "이유", "HIGH", _AT, **amount)


def _wait_for(process: Process) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        assert process.popen.poll() is None, "the sandbox did not start"
        try:
            httpx2.get(f"{process.url}/sandbox/clock", trust_env=False)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the sandbox does not answer")
