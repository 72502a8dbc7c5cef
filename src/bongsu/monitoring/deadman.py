"""A switch outside that rings when we fall silent: called while all is well, and at no other time."""

import asyncio
import logging

from bongsu.adapters.deadman import DeadmanSwitch
from bongsu.core.facts import ErrorOccurred, ErrorType
from bongsu.errors import LedgerUnavailable, NotDelivered
from bongsu.ledger.projection import STALE_AFTER
from bongsu.ledger.store import Ledger
from bongsu.ledger.watchdog import WatchdogLog

EVERY = 60.0  # seconds

_log = logging.getLogger(__name__)


class Deadman:
    """All is well: the database answers, the scheduler lives, alarms arrive (`patience` as for MonitoringBlind)."""

    def __init__(
        self,
        switch: DeadmanSwitch,
        ledger: Ledger,
        watchdog: WatchdogLog,
        patience: float,
        *,
        every: float = EVERY,
    ) -> None:
        self._switch = switch
        self._ledger = ledger
        self._watchdog = watchdog
        self._patience = patience
        self._every = every
        self._failing = False

    async def run(self) -> None:
        """For ever."""
        while True:
            if await self._all_is_well():
                await self._call()
            await asyncio.sleep(self._every)

    async def _all_is_well(self) -> bool:
        try:
            sight = await self._watchdog.look()
        except LedgerUnavailable:
            return False
        scheduler_lives = sight.scheduler_silence is not None and sight.scheduler_silence <= STALE_AFTER
        return scheduler_lives and sight.sees(self._patience)

    async def _call(self) -> None:
        """The first failure of a row is logged, counted and told; the switch's own service notices the silence."""
        try:
            await self._switch.call()
        except NotDelivered as failure:
            if not self._failing:
                _log.warning("the dead-man's switch cannot be called: %s", failure)
                told = ErrorOccurred(ErrorType.INTERNAL, "DeadmanUnreachable", str(failure), {})
                await self._ledger.record_in_time(told)
            self._failing = True
        else:
            self._failing = False
