"""The only process that trades: it waits for the lease, then runs what is due until it is told to stop."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from bongsu.core.clock import ClockState
from bongsu.core.facts import (
    JobName,
    JobSkipped,
    Paused,
    ProcessStarted,
    ProcessStopped,
    RecoveryFound,
    SkipReason,
)
from bongsu.core.figures import kst_text
from bongsu.errors import BongsuError, LeaseLost, LedgerError, LedgerUnavailable
from bongsu.trading.controls import Controls
from bongsu.trading.examination import Examination
from bongsu.trading.hints import Hints
from bongsu.trading.jobs import Job, JobEnd, Runner, as_fact
from bongsu.trading.listing import Listing
from bongsu.trading.opening import Opening
from bongsu.trading.ports import Clock, Lease, Ledger
from bongsu.trading.protect import Protection

_log = logging.getLogger(__name__)

HEARTBEAT = 5.0
POLL = 1.0  # controls and a stop are noticed within this
DRAIN = 20.0  # a running job may take this long to come to its end after a stop


@dataclass(slots=True)
class Scheduler:
    """`jobs` in the order in which they run where several are due. All durations here are wall seconds."""

    ledger: Ledger
    lease: Lease
    clock: Clock
    jobs: Sequence[Job]
    protection: Protection
    instance: str
    version: str
    lease_seconds: float
    retention_days: int
    observe_lag: Callable[[float], None]
    opening: Opening
    listing: Listing
    examination: Examination
    hints: Hints
    on_lead: Callable[[], Awaitable[None]]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _last: dict[JobName, datetime] = field(default_factory=dict)
    _paused: dict[JobName, datetime] = field(default_factory=dict)  # skipped while the exchange was closed
    _running: dict[JobName, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Leads, loses the lead, stands by, leads again, until `stopping` is set."""
        counted_from = time.monotonic() + 2 * self.lease_seconds  # a dead leader's lease lasts not so long
        while not self.stopping.is_set():
            if not await self._take_lease():
                if time.monotonic() >= counted_from:
                    counted_from = float("inf")  # waiting on is no further refusal
                    await self._note_standby()
                await self._pause(self.lease_seconds / 5)
                continue
            try:
                await self._lead()
            except LeaseLost as lost:
                _log.warning("standing by: %s", lost)

    async def _take_lease(self) -> bool:
        try:
            return await self.lease.take()
        except LedgerError as error:
            _log.warning("no lease: %s", error)
            return False

    async def _note_standby(self) -> None:
        _log.warning("standing by: another process leads")
        with contextlib.suppress(LedgerUnavailable):
            await self.ledger.lease_refused()

    async def _lead(self) -> None:
        """Raises LeaseLost."""
        parts = [
            asyncio.create_task(part)
            for part in (
                self._work(),
                keep(self.lease, self.lease_seconds),
                self._beat(),
                self.opening.keep_asking(),
                self.listing.keep_looking(),
                self.hints.keep_listening(),
            )
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            await self._drain()
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        await self._say_goodbye()

    async def _work(self) -> None:
        await self._recover()
        examining = asyncio.create_task(self.examination.run())
        try:
            await self._loop()
        finally:
            examining.cancel()
            await asyncio.gather(examining, return_exceptions=True)

    async def _recover(self) -> None:
        """After a start: what a crash left, then the stops, and only then anything else."""
        await self._give_a_sign()
        for job in self.jobs:
            clock = self.clock.state
            wall = job.pace(clock).total_seconds() / (clock.speed or 1.0)
            await self.ledger.register_job(job.name, wall, job.deadline)
        orphans = await self.ledger.fail_orphans()
        left = len(await self.ledger.open_intents())
        if orphans or left:
            await self.ledger.record(RecoveryFound(orphans, left))
        for job in self.jobs:
            last = await self.ledger.last_scheduled(job.name)
            if last is not None:
                self._last[job.name] = last
        await self.listing.look()
        await self.ledger.mark_enabled()
        await self.on_lead()
        await self.ledger.record(ProcessStarted("scheduler", self.version))

    async def _loop(self) -> None:
        controls = Controls(self.ledger, self.protection, self._run_now)
        trouble: type[BongsuError] | None = None  # told once, until the loop has gone round without it
        while not self.stopping.is_set():
            try:
                self._fail_fast()
                await self.ledger.flush()
                await controls.apply_pending()
                await self._start_due()
                await self._wait()
                trouble = None
            except LeaseLost:
                raise
            except BongsuError as error:
                _log.warning("the loop goes on: %s", error)
                if trouble is not type(error):
                    trouble = type(error)
                    await self.ledger.record_in_time(as_fact(error, {"in": "scheduler"}))
                await self._pause(POLL)

    async def _start_due(self) -> None:
        clock = self.clock.state
        for job in self.jobs:
            if job.name in self._running:
                continue  # its next turn comes when this one has ended
            slot = self._turn(job, clock)
            if slot is None:
                continue
            self._running[job.name] = asyncio.create_task(self._run(job, slot), name=job.name)
            if clock.lockstep:
                await self._finish(job.name)

    def _turn(self, job: Job, clock: ClockState) -> datetime | None:
        """The time that it is now to be run for: its own, or one between two of those where a hint gives a reason."""
        now = self.clock.now()
        slot = job.slot(now, clock)
        if self._is_due(job.name, slot):
            self.hints.take(job.name)
            return slot
        return now if self._is_due(job.name, now) and self.hints.take(job.name) else None

    def _is_due(self, name: JobName, slot: datetime) -> bool:
        """What was skipped while the exchange was closed is made up for once it opens, if nothing newer is due by then."""
        before_all = slot.min.replace(tzinfo=slot.tzinfo)
        done = self._last.get(name, before_all)
        return slot > (max(done, self._paused.get(name, before_all)) if self.opening.closed else done)

    async def _run(self, job: Job, slot: datetime) -> None:
        clock = self.clock.state
        next_at = job.slot(slot, clock) + job.pace(clock)
        end = await Runner(self.ledger, self.opening).run(job, slot, next_at=next_at)
        paused = isinstance(end, JobSkipped) and end.reason is not SkipReason.DUPLICATE
        (self._paused if paused else self._last)[job.name] = slot

    async def _run_now(self, control: UUID) -> JobEnd:
        await self._finish(JobName.TRADING)
        job = next(job for job in self.jobs if job.name is JobName.TRADING)
        slot = job.slot(self.clock.now(), self.clock.state)
        return await Runner(self.ledger, self.opening).run(job, slot, requested_by=control)

    async def _wait(self) -> None:
        clock = self.clock.state
        if clock.ended:
            note = f"{kst_text(clock.now)} KST"
            await self.ledger.record(Paused("replay_ended", note, "scheduler"))
        if clock.ended or (clock.lockstep and self.opening.closed):
            await self._pause(POLL)  # in lock-step the market waits until the exchange opens
            return
        now = self.clock.now()
        due = min(job.slot(now, clock) + job.pace(clock) for job in self.jobs)
        await self.clock.wait_until(due, POLL)

    async def _finish(self, name: JobName) -> None:
        task = self._running.pop(name, None)
        if task is not None:
            await task

    def _fail_fast(self) -> None:
        """Ended runs are let go; what they raised is raised here."""
        for name, task in list(self._running.items()):
            if task.done():
                del self._running[name]
                task.result()

    async def _beat(self) -> None:
        """Written from the event loop, so that a blocked loop looks dead."""
        pruned = time.monotonic()
        while True:
            due = time.monotonic() + HEARTBEAT
            try:
                await self._give_a_sign()
                if time.monotonic() - pruned > 3600:
                    pruned = time.monotonic()
                    await self.ledger.prune(self.retention_days)
            except LedgerError as error:
                _log.warning("no heartbeat: %s", error)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.observe_lag(max(0.0, time.monotonic() - due))

    async def _give_a_sign(self) -> None:
        await self.ledger.heartbeat("scheduler", self.instance, self.opening.signs())

    async def _drain(self) -> None:
        tasks, self._running = list(self._running.values()), {}
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _say_goodbye(self) -> None:
        try:
            await self.ledger.record(ProcessStopped("scheduler", "stopped"))
            await self.lease.release()
        except LedgerError as error:
            _log.warning("stopped without a word in the ledger: %s", error)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return


async def keep(lease: Lease, seconds: float) -> None:
    """Renews for ever, five times in the `seconds` after which silence costs the lead. Raises LeaseLost."""
    while True:
        await asyncio.sleep(seconds / 5)
        try:
            await lease.renew()
        except LedgerUnavailable as error:
            _log.warning("lease not renewed: %s", error)
