"""Keeps the services of a stack running: starts them in order, restarts what ends, stops them in order.

Each service lives in one task (`Supervised._live`): wait for what it needs, prepare, start, become ready, run,
and begin again after a pause. A stop cancels that task; whatever it was doing, its process is then gone.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from bongsu.core.redaction import redact
from bongsu.errors import CannotStart, SettingsInvalid
from bongsu.ops.language import say
from bongsu.ops.stack.child import Child, Launch
from bongsu.ops.stack.rotation import RotatingLog
from bongsu.ops.stack.services import Restarts, only_among


class State(StrEnum):
    WAITING = "waiting"  # for the services it needs
    BLOCKED = "blocked"  # one of those has failed, or was stopped
    PREPARING = "preparing"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # ended by itself; a pause, then again
    STOPPED = "stopped"
    FAILED = "failed"  # needs its owner


_SETTLED = (State.READY, State.FAILED, State.STOPPED, State.BLOCKED)
_HOPELESS = 3  # failures in a row after which nobody waits for it, though it is tried on
_PULSE_SECONDS = 15.0
_MISSES = 3  # in a row, before it is said
_LAST_WORDS_SECONDS = 1.5
Listener = Callable[["Supervised"], None]


class Supervised:
    """One service and what has become of it."""

    def __init__(self, launch: Launch, log: Path, listener: Listener, restarts: Restarts) -> None:
        self.launch = launch
        self.log = log
        self.state = State.STOPPED
        self.reason = ""
        self.seconds = 0.0  # its start, or its stop, took
        self.restarted = 0
        self.failures = 0  # in a row
        self.pause = 0.0  # seconds until the next try
        self._listener = listener
        self._pauses = restarts
        self._needs: Sequence[Supervised] = ()
        self._child: Child | None = None
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()

    @property
    def name(self) -> str:
        return self.launch.service.name

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def uptime(self) -> float:
        """Seconds since its process started."""
        return time.monotonic() - self._child.started if self._child else 0.0

    def needs(self, others: Sequence["Supervised"]) -> None:
        self._needs = others

    @property
    def settled(self) -> bool:
        """Nothing more is to be expected from waiting for it."""
        return self.state in _SETTLED or self.failures >= _HOPELESS

    async def until(self, *states: State) -> None:
        while self.state not in states:
            await self._changed.wait()

    async def until_settled(self) -> None:
        while not self.settled:
            await self._changed.wait()

    async def start(self) -> None:
        """Begins; returns at once. Nothing happens when it runs already."""
        async with self._turn:
            if self._task is None or self._task.done():
                self._become(State.WAITING)
                self._task = asyncio.create_task(self._live(), name=self.name)
                self._task.add_done_callback(self._tell_of_a_fault)

    async def stop(self) -> None:
        """Returns when its process is gone."""
        async with self._turn:
            if self._child is not None:
                # Said first: the end that follows is no crash.
                self.state = State.STOPPED
                begun = time.monotonic()
                await self._child.end(self.launch.service.stop_signal, self.launch.service.grace)
                self.seconds = time.monotonic() - begun
            if self._task is not None:
                if self._child is not None:  # its last words still go to the log
                    await asyncio.wait([self._task], timeout=_LAST_WORDS_SECONDS)
                self._task.cancel()
                await asyncio.wait([self._task])
            self._become(State.STOPPED)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    async def _live(self) -> None:
        self.failures = 0
        log = RotatingLog(self.log)
        try:
            while True:
                await self._wait_for_needs()
                code, lived = await self._live_once(log)
                if self.state is State.STOPPED:
                    return None
                self.failures = 1 if lived > self._pauses.calm else self.failures + 1
                if code in self.launch.service.refusals:
                    return self._become(State.FAILED, _describe_exit(code))
                self.pause = self._pauses.pause(self.failures)
                self.restarted += 1
                self._become(State.RESTARTING, _describe_exit(code))
                await asyncio.sleep(self.pause)
        except (CannotStart, SettingsInvalid) as refusal:
            self._become(State.FAILED, str(refusal))
        finally:
            log.close()

    async def _wait_for_needs(self) -> None:
        for other in self._needs:
            await other.until(State.READY, State.FAILED, State.STOPPED)
            if other.state is not State.READY:
                self._become(State.BLOCKED, other.name)
                await other.until(State.READY)
                self._become(State.WAITING)

    def _tell_of_a_fault(self, task: "asyncio.Task[None]") -> None:
        """A fault of the runner itself must not look like a service that waits."""
        if not task.cancelled() and (fault := task.exception()):
            self._become(State.FAILED, repr(fault))

    async def _live_once(self, log: RotatingLog) -> tuple[int, float]:
        """One process from its start to its end: exit code and seconds lived."""
        self._become(State.PREPARING)
        await self.launch.prepare()
        self._become(State.STARTING)
        begun = time.monotonic()
        try:
            child = await Child.start(self.launch, log)
        except OSError as error:
            raise CannotStart(f"{self.launch.command[0]}: {error.strerror}") from error
        self._child = child
        try:
            ended = asyncio.create_task(child.wait())
            if await self._becomes_ready(ended):
                self.seconds = time.monotonic() - begun
                self._become(State.READY)
                await self._feel_pulse(ended)
            return await ended, time.monotonic() - begun
        finally:
            child.kill()
            self._child = None

    async def _becomes_ready(self, ended: "asyncio.Task[int]") -> bool:
        """False when the process ends first."""
        pause = 0.02
        while not ended.done():
            if await self.launch.ready():
                return not ended.done()
            await asyncio.wait([ended], timeout=pause)
            pause = min(0.5, pause * 1.5)
        return False

    async def _feel_pulse(self, ended: "asyncio.Task[int]") -> None:
        """Until it ends: whether it still answers, for `ps`. The requests also keep its response times measured."""
        misses = 0
        while not (await asyncio.wait([ended], timeout=_PULSE_SECONDS))[0]:
            misses = 0 if await self.launch.ready() else misses + 1
            silence = say("응답 없음", "does not answer") if misses >= _MISSES else ""
            if silence != self.reason:
                self._become(self.state, silence)

    def _become(self, state: State, reason: str = "") -> None:
        self.state = state
        self.reason = redact(reason)
        self._changed.set()
        self._changed = asyncio.Event()
        self._listener(self)


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"


class Supervisor:
    """The services of one stack."""

    def __init__(
        self,
        launches: Iterable[Launch],
        log: Callable[[str], Path],
        listener: Listener = lambda _: None,
        restarts: Restarts | None = None,
    ) -> None:
        self.services = {
            launch.service.name: Supervised(
                launch, log(launch.service.name), listener, restarts or Restarts()
            )
            for launch in launches
        }
        for supervised in self.services.values():
            names = only_among(supervised.launch.service.starts_after, self.services)
            supervised.needs([self.services[name] for name in names])

    async def start(self) -> None:
        for supervised in self.services.values():
            await supervised.start()

    async def until_settled(self) -> None:
        """Returns when nothing more is to be expected from waiting."""
        for supervised in self.services.values():
            await supervised.until_settled()

    async def stop(self) -> None:
        """All of them, each once those it must outlive are gone."""
        gone = {name: asyncio.Event() for name in self.services}

        async def stop_in_turn(supervised: Supervised) -> None:
            for name in only_among(supervised.launch.service.stops_after, self.services):
                await gone[name].wait()
            with contextlib.suppress(ProcessLookupError):
                await supervised.stop()
            gone[supervised.name].set()

        async with asyncio.TaskGroup() as group:
            for supervised in self.services.values():
                group.create_task(stop_in_turn(supervised))

    def kill(self) -> None:
        """At once and without asking."""
        for supervised in self.services.values():
            supervised.kill()
