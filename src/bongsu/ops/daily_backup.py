"""A backup of the ledger each day, by the backend: far from the process that trades. What fails is told, once."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, time, timedelta
from pathlib import Path

from bongsu.core.facts import BackupFailed, BackupMade
from bongsu.core.tradingday import DAY, KST, trading_day_start
from bongsu.errors import CannotStart, LedgerUnavailable
from bongsu.ledger.backups import BackupLog
from bongsu.ledger.store import Ledger

AT = time(4, 30)  # in Korea, by the clock on the wall
LATE = timedelta(hours=1)  # after that it is missed
GRACE = timedelta(minutes=30)  # after a start, in which what was missed is made up for
EVERY = 60.0  # seconds between two looks; the first is not at the start, where there is enough to do
PAUSE = timedelta(minutes=10)  # after a failure

_log = logging.getLogger(__name__)


class DailyBackup:
    """`make` answers the new file and raises CannotStart. `note` takes until when the next one must have been made."""

    def __init__(
        self,
        make: Callable[[], Awaitable[Path]],
        ledger: Ledger,
        made: BackupLog,
        note: Callable[[datetime], None],
        *,
        every: float = EVERY,
        pause: timedelta = PAUSE,
    ) -> None:
        self._make = make
        self._ledger = ledger
        self._made = made
        self._note = note
        self._every = every
        self._pause = pause
        self._began = datetime.now(KST)
        self._failed_at: datetime | None = None

    async def run(self) -> None:
        """For ever. What was missed while nothing ran is made up for once; without the database nothing can be."""
        self._note(due_by(None, self._began))
        while True:
            await asyncio.sleep(self._every)
            try:
                await self._look()
            except LedgerUnavailable as away:
                _log.debug("no backup while the database is away: %s", away)

    async def _look(self) -> None:
        now = datetime.now(KST)
        if is_due(await self._last(), now) and not self._pauses(now):
            await self._try(now)
        self._note(due_by(await self._last(), self._began))

    async def _last(self) -> datetime | None:
        """A file that is gone is no backup any more."""
        last = await self._made.last()
        return last.made_at if last and Path(last.file).is_file() else None

    def _pauses(self, now: datetime) -> bool:
        return self._failed_at is not None and now - self._failed_at < self._pause

    async def _try(self, now: datetime) -> None:
        try:
            made = await self._make()
        except CannotStart as failure:
            _log.warning("no backup: %s", failure)
            again = self._failed_at is not None
            self._failed_at = now
            await self._ledger.record_in_time(BackupFailed(str(failure), again))
        else:
            _log.info("backup: %s", made)
            self._failed_at = None
            await self._ledger.record(BackupMade(str(made), made.stat().st_size))


def is_due(last: datetime | None, now: datetime) -> bool:
    """Whether none was made since the last time it should have been; a new ledger is due at once."""
    return last is None or last < trading_day_start(now, AT)


def due_by(last: datetime | None, began: datetime) -> datetime:
    """Until when the next one must have been made by a process that `began` then."""
    grace = began + GRACE
    return grace if last is None else max(grace, trading_day_start(last, AT) + DAY + LATE)
