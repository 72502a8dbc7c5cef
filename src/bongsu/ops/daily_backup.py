"""A backup of the ledger each day, by the backend: far from the process that trades. What fails is told, once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, time
from pathlib import Path

from bongsu.core.facts import ErrorOccurred, ErrorType
from bongsu.core.tradingday import KST, trading_day_start
from bongsu.errors import CannotStart
from bongsu.ledger.store import Ledger
from bongsu.ops.backup import newest

AT = time(4, 30)  # in Korea, by the clock on the wall
EVERY = 600.0  # seconds between two looks; the first is not at the start, where there is enough to do

_log = logging.getLogger(__name__)


class DailyBackup:
    """`make` answers the new file and raises CannotStart."""

    def __init__(
        self, make: Callable[[], Awaitable[Path]], folder: Path, ledger: Ledger, *, every: float = EVERY
    ) -> None:
        self._make = make
        self._folder = folder
        self._ledger = ledger
        self._every = every
        self._failing = False

    async def run(self) -> None:
        """For ever. What was missed while nothing ran is made up for once."""
        while True:
            await asyncio.sleep(self._every)
            if is_due(newest(self._folder), datetime.now(KST)):
                await self._try()

    async def _try(self) -> None:
        try:
            made = await self._make()
        except CannotStart as failure:
            _log.warning("no backup: %s", failure)
            if not self._failing:
                told = ErrorOccurred(ErrorType.DB, "BackupFailed", str(failure), {"to": str(self._folder)})
                await self._ledger.record_in_time(told)
            self._failing = True
        else:
            _log.info("backup: %s", made)
            self._failing = False


def is_due(last: datetime | None, now: datetime) -> bool:
    """Whether none was made since the last time it should have been."""
    return last is None or last < trading_day_start(now, AT)
