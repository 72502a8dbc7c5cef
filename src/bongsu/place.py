"""Where a process trades: a world of the local exchange, or Upbit itself; its clock, its markets, the way there."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bongsu.adapters.clock import SandboxClock, WallClock
from bongsu.adapters.sandbox_world import SandboxWorld, read_world
from bongsu.adapters.upbit.client import UpbitExchange, unremembered
from bongsu.core.market import Market
from bongsu.errors import CannotStart, ExchangeUnavailable, LedgerUnavailable
from bongsu.monitoring.telemetry import Telemetry
from bongsu.settings import SANDBOX_ACCESS_KEY, SANDBOX_SECRET_KEY, Settings, Wiring

T = TypeVar("T")

STARTUP_PATIENCE = 60.0  # wall seconds in which the database and the exchange must have appeared
LIVE_WORLD = "live"


@dataclass(frozen=True, slots=True)
class Place:
    """Where this process trades: a world of the local exchange, or Upbit itself."""

    world: str
    url: str
    clock: SandboxClock | WallClock
    markets: tuple[Market, ...]


async def find_place(settings: Settings, wiring: Wiring) -> Place:
    """Raises CannotStart, and ExchangeUnavailable where the local exchange does not answer."""
    if settings.is_live:
        return Place(LIVE_WORLD, settings.upbit_api_url, WallClock(), tuple(settings.markets))
    clock = await when_there(wiring.exchange_url, lambda: SandboxClock.connect(wiring.exchange_url))
    try:
        world = await read_world(wiring.exchange_url)
        return Place(world.id, wiring.exchange_url, clock, choose_markets(settings, world))
    except BaseException:
        await clock.close()
        raise


def choose_markets(settings: Settings, world: SandboxWorld) -> tuple[Market, ...]:
    """A recording is traded with its own markets, a generated world with the configured ones it has.

    Raises CannotStart when none is left.
    """
    if world.recorded:
        return tuple(world.markets)
    chosen = tuple(market for market in settings.markets if market in world.markets)
    if not chosen:
        there = ", ".join(world.markets)
        raise CannotStart(f"MARKETS: 이 시장에는 {there} 만 있습니다 (this market has {there} only)")
    return chosen


def _keys(settings: Settings) -> tuple[str, str]:
    if not settings.is_live:
        return SANDBOX_ACCESS_KEY, SANDBOX_SECRET_KEY
    assert settings.upbit_access_key is not None  # it is refused otherwise
    assert settings.upbit_secret_key is not None
    return settings.upbit_access_key.get_secret_value(), settings.upbit_secret_key.get_secret_value()


def open_exchange(
    settings: Settings,
    place: Place,
    telemetry: Telemetry | None = None,
    on_ban: Callable[[datetime], None] = unremembered,
) -> UpbitExchange:
    clock = place.clock

    def count(endpoint: str, outcome: str, seconds: float) -> None:
        if telemetry is None:
            return
        telemetry.instruments.count("exchange_requests_total", endpoint=endpoint, outcome=outcome)
        telemetry.instruments.observe("exchange_request_duration_seconds", seconds, endpoint=endpoint)

    return UpbitExchange(
        place.url,
        *_keys(settings),
        on_request=count,
        on_ban=on_ban,
        market_clock=lambda: clock.state,
        rate_factor=math.inf if clock.state.lockstep else max(1.0, clock.state.speed),
    )


async def when_there(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    """A server that starts beside us may need a moment. Raises CannotStart after a minute."""
    deadline = asyncio.get_running_loop().time() + STARTUP_PATIENCE
    while True:
        try:
            return await attempt()
        except (ExchangeUnavailable, LedgerUnavailable) as absent:
            if asyncio.get_running_loop().time() > deadline:
                raise CannotStart(f"{what}: {STARTUP_PATIENCE:.0f} s, {type(absent).__name__}") from absent
            await asyncio.sleep(0.2)
