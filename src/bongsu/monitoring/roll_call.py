"""Ends alarms whose end nobody told: the whole stack was off meanwhile, or another alarm stood before them.

Alertmanager tells an end once, of what it knows. So what the ledger calls ringing is looked for in Alertmanager itself,
while a Watchdog that has just come shows that Prometheus, Alertmanager and the way from there work.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from bongsu.core.roll_call import Roll, RollCall
from bongsu.errors import LedgerUnavailable
from bongsu.ledger.alarms import AlarmLog
from bongsu.ledger.store import Ledger
from bongsu.ledger.watchdog import WatchdogLog

LOOK_EVERY = 30.0  # seconds
# How long an end may be on its way: Alertmanager looks at a group each four minutes, and one look may fail.
ON_ITS_WAY = 600.0

_log = logging.getLogger(__name__)


class AlarmRollCall:
    """`read_waits`: for how long each rule's condition must hold before it rings; None where Prometheus is silent.

    `patience`: seconds without a Watchdog after which the way is taken for broken.
    """

    def __init__(
        self,
        ledger: Ledger,
        alarms: AlarmLog,
        watchdog: WatchdogLog,
        read_roll: Callable[[], Awaitable[Roll | None]],
        read_waits: Callable[[], Awaitable[Mapping[str, float] | None]],
        patience: float,
        *,
        on_its_way: float = ON_ITS_WAY,
        look_every: float = LOOK_EVERY,
    ) -> None:
        self._ledger = ledger
        self._alarms = alarms
        self._watchdog = watchdog
        self._read_roll = read_roll
        self._read_waits = read_waits
        self._patience = patience
        self._on_its_way = on_its_way
        self._look_every = look_every
        self._call = RollCall()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                await self.look()
            except LedgerUnavailable as away:
                _log.debug("the alarms on record cannot be read: %s", away)
                self._call.forget()
            await asyncio.sleep(self._look_every)

    async def look(self) -> None:
        """Raises LedgerUnavailable."""
        sight = await self._watchdog.look()
        ringing = await self._alarms.ringing()
        roll = await self._read_roll() if ringing and sight.sees(self._patience) else None
        waits = await self._read_waits() if roll is not None else None
        if roll is None or waits is None:
            self._call.forget()
            return

        def patience(name: str) -> float:
            return waits.get(name, 0.0) + self._on_its_way

        for gone in self._call.call(roll, ringing, time.monotonic(), patience):
            await self._ledger.record(replace(gone, firing=False))
            _log.warning("alert %s ended unseen", gone.name)
