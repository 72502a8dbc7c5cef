"""The jobs, their rhythm, and one run of one job."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from structlog.contextvars import bound_contextvars

from bongsu.core.clock import ClockState
from bongsu.core.facts import (
    DuplicatePrevented,
    ErrorOccurred,
    ErrorType,
    JobFailed,
    JobName,
    JobSkipped,
    JobSucceeded,
    Layer,
    Paused,
    SkipReason,
)
from bongsu.errors import (
    AdvisorFailed,
    ExchangeError,
    LeaseLost,
    LedgerError,
    LedgerUnavailable,
)
from bongsu.trading.opening import Opening
from bongsu.trading.ports import Ledger

JobEnd = JobSucceeded | JobFailed | JobSkipped

_log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_GRACE = 60.0  # wall seconds from the deadline, when a run counts as hung, to its cancellation
_FAILURES_THAT_PAUSE = 3


@dataclass(frozen=True, slots=True)
class Job:
    """Due at each multiple of `interval` (market time, from the epoch) plus `offset`.

    `at_speed`: the interval where the market is played so fast that the usual one would be a busy loop.
    `deadline` in wall seconds. One that asks the exchange pauses while it is closed.
    """

    name: JobName
    interval: timedelta
    offset: timedelta
    at_speed: timedelta
    deadline: float
    run: Callable[[], Awaitable[None]]
    asks_exchange: bool = True

    def pace(self, clock: ClockState) -> timedelta:
        """At least a wall second apart, and never further than `at_speed`."""
        if clock.lockstep:
            return self.at_speed
        apart = timedelta(seconds=max(1.0, clock.speed))
        return max(self.interval, min(apart, self.at_speed))

    def slot(self, now: datetime, clock: ClockState) -> datetime:
        """The latest time at or before `now` for which the job is due."""
        pace = self.pace(clock)
        return _EPOCH + self.offset + (now - _EPOCH - self.offset) // pace * pace


@dataclass(frozen=True, slots=True)
class Runner:
    ledger: Ledger
    opening: Opening

    async def run(
        self,
        job: Job,
        slot: datetime,
        *,
        next_at: datetime | None = None,
        requested_by: UUID | None = None,
    ) -> JobEnd:
        """How it ended, which is on record. Its log lines carry the job and the number of the run.

        Raises LeaseLost, and LedgerUnavailable when the run could not even be written down.
        """
        run_id = await self.ledger.start_run(job.name, slot, next_at=next_at, requested_by=requested_by)
        if run_id is None:
            return await self._refuse_second(job, slot)
        with bound_contextvars(job=str(job.name), run=run_id):
            return await self._run(job, slot, run_id)

    async def _run(self, job: Job, slot: datetime, run_id: int) -> JobEnd:
        if job.asks_exchange and self.opening.closed:
            return await self._pause(job, slot, run_id)
        try:
            async with asyncio.timeout(job.deadline + _GRACE):
                await job.run()
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is this run's failure, on record and told
            if await self.opening.explains(error):
                return await self._pause(job, slot, run_id)
            _log.exception("%s failed", job.name)
            return await self._fail(job, run_id, error)
        succeeded = JobSucceeded(run_id, job.name)
        await self.ledger.record_in_time(succeeded)
        return succeeded

    async def _refuse_second(self, job: Job, slot: datetime) -> JobSkipped:
        skipped = JobSkipped(job.name, slot, SkipReason.DUPLICATE)
        await self.ledger.record(skipped)
        if job.name is JobName.TRADING:
            detail = f"{slot.isoformat()} had its run"
            await self.ledger.record(DuplicatePrevented(Layer.CANDLE, None, detail))
        return skipped

    async def _pause(self, job: Job, slot: datetime, run_id: int) -> JobSkipped:
        """No failure: nothing is broken, and nothing can be done. The run may still take place."""
        _log.info("%s pauses: the exchange is closed to us", job.name)
        skipped = JobSkipped(job.name, slot, self.opening.why, run_id)
        await self.ledger.record_in_time(skipped)
        return skipped

    async def _fail(self, job: Job, run_id: int, error: Exception) -> JobFailed:
        cause = "deadline" if isinstance(error, TimeoutError) else type(error).__name__
        fact = JobFailed(run_id, job.name, error_type(error), cause, str(error) or cause, {"job": job.name})
        await self.ledger.record_in_time(fact)
        if job.name is JobName.TRADING and not isinstance(error, LedgerUnavailable):
            await self._pause_buys_after_three()
        return fact

    async def _pause_buys_after_three(self) -> None:
        if await self.ledger.failures_in_a_row(JobName.TRADING, _FAILURES_THAT_PAUSE):
            note = f"{JobName.TRADING} × {_FAILURES_THAT_PAUSE}"
            await self.ledger.record(Paused("job_failures", note, "scheduler"))


def error_type(error: BaseException) -> ErrorType:
    match error:
        case ExchangeError():
            return ErrorType.EXCHANGE
        case LedgerError():
            return ErrorType.DB
        case AdvisorFailed():
            return ErrorType.LLM
        case TimeoutError():
            return ErrorType.SCHEDULER
        case _:
            return ErrorType.INTERNAL


def as_fact(error: BaseException, context: Mapping[str, str]) -> ErrorOccurred:
    name = type(error).__name__
    return ErrorOccurred(error_type(error), name, str(error) or name, context)
