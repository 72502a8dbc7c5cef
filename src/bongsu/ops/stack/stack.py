"""A stack that runs in this process until it is told to stop: supervisor, control socket, signals."""

import asyncio
import contextlib
import itertools
import os
import resource
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path

from bongsu.ops.language import say
from bongsu.ops.stack import control
from bongsu.ops.stack.child import Launch
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.progress import Progress
from bongsu.ops.stack.rotation import rotate_output, sweep_old_logs
from bongsu.ops.stack.services import Restarts
from bongsu.ops.stack.supervisor import State, Supervised, Supervisor

Body = Callable[[Supervisor], Awaitable[bool]]
_OPEN_FILES = 8192
_STOP_SECONDS = 9.0  # the promise is ten
_MINUTES_A_DAY = 1_440
_STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run(
    launches: Sequence[Launch],
    places: Places,
    progress: Progress,
    body: Body,
    restarts: Restarts | None = None,
) -> bool:
    """Starts everything, runs `body`, waits to be stopped unless `body` answers True, stops everything.

    Answers False when a service could not be started.
    """
    supervisor = Supervisor(launches, places.log, progress.tell, restarts)
    stopping = asyncio.Event()
    gone = asyncio.Event()
    server = await control.serve(places.run, _Replies(supervisor, stopping, gone).reply)
    _set_limits()
    with _signals(stopping, supervisor):
        main = asyncio.create_task(_work(supervisor, places, body, stopping))
        await asyncio.wait([main, asyncio.create_task(stopping.wait())], return_when=asyncio.FIRST_COMPLETED)
        healthy = all(s.state is not State.FAILED for s in supervisor.services.values())
        main.cancel()
        await asyncio.wait([main])
        progress.line(say("멈추는 중…", "stopping…"))
        await _stop_in_time(supervisor)
        gone.set()
    server.close()
    if not main.cancelled():
        main.result()
    return healthy


async def _work(supervisor: Supervisor, places: Places, body: Body, stopping: asyncio.Event) -> None:
    await supervisor.start()
    await supervisor.until_settled()
    if await body(supervisor):
        return
    for minute in itertools.count():
        if stopping.is_set():
            return
        if minute % _MINUTES_A_DAY == 0:
            sweep_old_logs(places.logs)
        rotate_output(places.log("runner"))
        await asyncio.sleep(60)


async def _stop_in_time(supervisor: Supervisor) -> None:
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await supervisor.stop()
    except TimeoutError:
        supervisor.kill()
        await supervisor.stop()


class _Replies:
    """What other terminals may ask of the running stack."""

    def __init__(self, supervisor: Supervisor, stopping: asyncio.Event, gone: asyncio.Event) -> None:
        self._supervisor = supervisor
        self._stopping = stopping
        self._gone = gone

    async def reply(self, request: Mapping[str, str]) -> control.Answer:
        wish = request.get("do", "")
        if wish == "ps":
            return {"ok": True, "pid": os.getpid(), "services": self._rows()}
        if wish == "down":
            self._stopping.set()
            await self._gone.wait()
            return {"ok": True}
        service = self._supervisor.services.get(request.get("service", ""))
        if service is None:
            return {"ok": False, "why": ", ".join(self._supervisor.services)}
        return await self._change(wish, service)

    async def _change(self, wish: str, service: Supervised) -> control.Answer:
        if wish in ("stop", "restart"):
            await service.stop()
        if wish in ("start", "restart"):
            await service.start()
            await service.until(State.READY, State.FAILED, State.RESTARTING, State.BLOCKED)
        return {
            "ok": service.state in (State.READY, State.STOPPED),
            "state": service.state,
            "why": service.reason,
        }

    def _rows(self) -> list[dict[str, object]]:
        return [
            {
                "service": s.name,
                "state": s.state,
                "why": s.reason,
                "pid": s.pid,
                "uptime": round(s.uptime, 1),
                "restarts": s.restarted,
                "memory_mb": _memory_mb(s.pid),
            }
            for s in self._supervisor.services.values()
        ]


def _memory_mb(pid: int | None) -> float | None:
    """Proportional set size of a process and its children: shared pages count once."""
    if pid is None:
        return None
    total = 0
    for member in (pid, *_children(pid)):
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{member}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0])
    return round(total / 1024, 1) if total else None


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _set_limits() -> None:
    """Enough open files for a server, and no core dumps: they would hold keys."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@contextlib.contextmanager
def _signals(stopping: asyncio.Event, supervisor: Supervisor) -> Iterator[None]:
    """The first asks for an orderly stop; a second one is impatience."""

    def stop() -> None:
        if stopping.is_set():
            supervisor.kill()
        stopping.set()

    loop = asyncio.get_running_loop()
    for number in _STOPPING_SIGNALS:
        loop.add_signal_handler(number, stop)
    yield
    for number in _STOPPING_SIGNALS:
        loop.remove_signal_handler(number)
