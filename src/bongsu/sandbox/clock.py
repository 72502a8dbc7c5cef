"""Market time: N times faster than the wall, or in lock-step, moved only by whoever waits for it."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic
from typing import Literal

Speed = float | Literal["max"]


class MarketClock:
    """While somebody holds it, it stands. It never passes `end` and never goes back."""

    def __init__(
        self,
        now: datetime,
        end: datetime | None,
        speed: Speed,
        wall: Callable[[], float] = monotonic,
    ) -> None:
        self.speed = speed
        self.end = end
        self._wall = wall
        self._market_anchor = now if end is None else min(now, end)
        self._wall_anchor = wall()
        self._holds: dict[str, float] = {}  # owner → wall time at which the hold runs out
        self._changed = asyncio.Event()
        self._closed = False

    @property
    def held(self) -> bool:
        self._let_run_out()
        return bool(self._holds)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def ended(self) -> bool:
        return self.end is not None and self.now() >= self.end

    def now(self) -> datetime:
        self._let_run_out()
        return self._market_anchor if self._holds else self._running(self._wall())

    def hold(self, owner: str, ttl: float) -> None:
        self._anchor(self.now(), self._wall())
        self._holds[owner] = self._wall() + ttl
        self._wake()

    def release(self, owner: str) -> None:
        wall = self._wall()
        self._anchor(self.now(), wall)
        self._holds = {other: end for other, end in self._holds.items() if other != owner and end > wall}
        self._wake()

    async def wait(self, until: datetime, timeout: float) -> None:
        """Until the market has reached `until` or its end, or `timeout` wall seconds have passed.

        In lock-step the market jumps there, as soon as nobody holds it.
        """
        deadline = self._wall() + timeout
        target = until if self.end is None else min(until, self.end)
        while not self._closed and self.now() < target:
            left = deadline - self._wall()
            if left <= 0:
                return
            if self.speed == "max" and not self.held:
                self._anchor(target, self._wall())
                self._wake()
                return
            await self._sleep(min(left, self._wall_seconds_to(target)))

    def ahead(self, wall_seconds: float) -> datetime:
        """Where the market will stand at the latest by then; in lock-step where it stands."""
        if self.speed == "max":
            return self.now()
        return self._capped(self.now() + timedelta(seconds=wall_seconds * self.speed))

    def close(self) -> None:
        """Lets every waiter go."""
        self._closed = True
        self._wake()

    def _running(self, wall: float) -> datetime:
        if self.speed == "max":
            return self._market_anchor
        return self._capped(self._market_anchor + timedelta(seconds=(wall - self._wall_anchor) * self.speed))

    def _capped(self, at: datetime) -> datetime:
        return at if self.end is None else min(at, self.end)

    def _anchor(self, market: datetime, wall: float) -> None:
        self._market_anchor, self._wall_anchor = market, wall

    def _let_run_out(self) -> None:
        """A hold nobody renewed ends at its own moment, whenever we look."""
        if self._holds and (last := max(self._holds.values())) <= self._wall():
            self._anchor(self._market_anchor, last)
            self._holds.clear()

    def _wall_seconds_to(self, target: datetime) -> float:
        if self._holds:
            return max(self._holds.values()) - self._wall()
        if self.speed == "max":
            return math.inf
        return (target - self.now()).total_seconds() / self.speed

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max(seconds, 0.001))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
