"""The owner's report of each trading day that has ended: once, and late rather than never."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from bongsu.core.facts import DailyReported
from bongsu.core.report import LATE
from bongsu.core.tradingday import DAY, WEEK
from bongsu.trading.ports import Clock, Ledger

_PATIENCE = 20.0  # wall seconds for the first valuation of the new day, which closes the old one
_STEP = 0.2
_BEGINNING = timedelta(seconds=5)  # wall time


@dataclass(frozen=True, slots=True)
class DailyReport:
    """Asks the ledger only: an exchange that is silent delays no report."""

    ledger: Ledger
    clock: Clock

    async def run(self) -> None:
        owed = await self.ledger.owed_reports(self.clock.now())
        if owed:
            await self._await_valuation()
        for day in owed:
            now = self.clock.now()
            reports = await self.ledger.reports_of(day, now)
            since = min(day + DAY - WEEK, *(report.start for report in reports))
            curve = await self.ledger.equity_curve(since, reports[0].closed_at)
            late = now - (day + DAY) > self._time_allowed()
            await self.ledger.record(DailyReported(day, now, late, reports, curve))

    async def _await_valuation(self) -> None:
        """The job that values is due at the same moment. In lock-step it has ended by now."""
        deadline = time.monotonic() + _PATIENCE
        while not await self._is_valued():
            if self.clock.state.lockstep or time.monotonic() > deadline:
                return
            await asyncio.sleep(_STEP)

    async def _is_valued(self) -> bool:
        return any(period.scope == "daily" for period in await self.ledger.periods(self.clock.now()))

    def _time_allowed(self) -> timedelta:
        """After the day's end. A fast market has moved on while the job began."""
        return max(LATE, self.clock.state.speed * _BEGINNING)
