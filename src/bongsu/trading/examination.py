"""Looks at what a start has shown until all of it is known, or for a while, and then tells the owner once."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bongsu.core.clock import ExchangeSigns
from bongsu.core.facts import JobName, StartChecked
from bongsu.core.start_check import AlarmServers, LedgerSeen, SecondWay, Start, StartCheck
from bongsu.errors import LeaseLost, LedgerUnavailable
from bongsu.trading.jobs import Job, as_fact
from bongsu.trading.ports import Clock, Ledger

PATIENCE = 90.0  # seconds; the first Watchdog needs about one minute
EVERY = 2.0
_SAME_TIME = timedelta(minutes=1)  # two clocks that show it

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Examination:
    """`seen` raises LedgerUnavailable. `second` is asked once: it logs in."""

    ledger: Ledger
    clock: Clock
    jobs: Sequence[Job]
    start: Start
    seen: Callable[[], Awaitable[LedgerSeen]]
    signs: Callable[[], ExchangeSigns]
    second: Callable[[], Awaitable[tuple[SecondWay, ...]]]
    alarms: Callable[[], Awaitable[AlarmServers | None]]
    patience: float = PATIENCE

    async def run(self) -> None:
        """A defect in here is told, and ends nothing that trades."""
        try:
            await self._tell_once()
        except LeaseLost:
            return
        except Exception as defect:  # noqa: BLE001 - whatever it is, trading goes on
            _log.exception("the start was not examined")
            await self.ledger.record_in_time(as_fact(defect, {"in": "start_check"}))

    async def _tell_once(self) -> None:
        deadline = time.monotonic() + self.patience
        second = await self.second()
        while True:
            if await self._told(second, at_last=time.monotonic() >= deadline):
                return
            await asyncio.sleep(EVERY)

    async def _told(self, second: tuple[SecondWay, ...], *, at_last: bool) -> bool:
        try:
            found = await self._look(second)
            if found.is_complete or at_last:
                await self.ledger.record(StartChecked(found))
                return True
        except LedgerUnavailable as away:
            _log.debug("the start cannot be examined yet: %s", away)
        return False

    async def _look(self, second: tuple[SecondWay, ...]) -> StartCheck:
        clock, now = self.clock.state, self.clock.now()
        decides = next(job for job in self.jobs if job.name is JobName.TRADING)
        return StartCheck(
            start=self.start,
            signs=self.signs(),
            ledger=await self.seen(),
            second=second,
            alarms=await self.alarms(),
            next_decision=decides.slot(now, clock) + decides.pace(clock),
            market_time=clock.speed != 1 or abs(now - datetime.now(UTC)) > _SAME_TIME,
        )
