"""One running process of a service: its group, its output, its end."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bongsu.core.redaction import redact
from bongsu.ops.stack.children import Identity, die_with_parent
from bongsu.ops.stack.probes import Probe
from bongsu.ops.stack.rotation import RotatingLog
from bongsu.ops.stack.services import Service
from bongsu.settings import SECRET_NAMES

_DRAIN_SECONDS = 1.0
_CHUNK = 65_536
Step = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Launch:
    """How a service runs here and now.

    `prepare` runs before each start and raises CannotStart where it makes no sense to try.
    """

    service: Service
    command: Sequence[str]
    ready: Probe
    environment: Callable[[], Mapping[str, str]] = dict  # asked anew at each start: `.env` may have changed
    options: Callable[[], Sequence[str]] = tuple  # follow the command; asked anew as well, after `prepare`
    identity: Identity | None = None
    directory: Path | None = None
    prepare: Step = _nothing


def inherited(service: Service) -> dict[str, str]:
    """Of our environment; the owner's secrets only for those of our own who read the settings."""
    if service.reads_settings:
        return dict(os.environ)
    return {name: value for name, value in os.environ.items() if name.upper() not in SECRET_NAMES}


class Child:
    """A process in a group of its own that cannot outlive us; its output goes to a bounded log."""

    def __init__(self, process: asyncio.subprocess.Process, pump: "asyncio.Task[None]") -> None:
        self._process = process
        self._pump = pump
        self.started = time.monotonic()

    @classmethod
    async def start(cls, launch: Launch, log: RotatingLog) -> "Child":
        """Raises OSError."""
        identity = launch.identity
        # Not asyncio's own pipe: with that, a wait for the end would last as long as a grandchild's output.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *launch.command,
                *launch.options(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env={**inherited(launch.service), **launch.environment()},
                cwd=launch.directory,
                start_new_session=True,
                user=identity.uid if identity else None,
                group=identity.gid if identity else None,
                extra_groups=[] if identity else None,
                preexec_fn=die_with_parent(launch.service.death_signal),
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return cls(process, asyncio.create_task(_pump(reading, log)))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> int:
        """The exit code; negative for a signal."""
        code = await self._process.wait()
        self.kill()  # what it may have left in its group
        await asyncio.wait([self._pump], timeout=_DRAIN_SECONDS)
        self._pump.cancel()
        return code

    async def end(self, stop_signal: signal.Signals, grace: float) -> None:
        """Asks, waits, kills."""
        self._signal(stop_signal)
        self._signal(signal.SIGCONT)  # a stopped process would not hear it
        try:
            await asyncio.wait_for(self._process.wait(), timeout=grace)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)


async def _pump(reading: int, log: RotatingLog) -> None:
    output = asyncio.StreamReader()
    source = os.fdopen(reading, "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), source
    )
    try:
        async for lines in _lines(output):
            # A full disk must not block the child on a pipe that nobody empties.
            with contextlib.suppress(OSError):
                log.write(lines)
    finally:
        transport.close()


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines, many at once, and without secrets: a server that is not ours may write what it was told."""
    begun = b""
    while text := await output.read(_CHUNK):
        lines, newline, begun = (begun + text).rpartition(b"\n")
        if len(begun) > _CHUNK:  # no line that a person reads
            lines, newline, begun = lines + newline + begun, b"", b""
        if lines:
            yield _clean(lines + newline)
    if begun:
        yield _clean(begun)


def _clean(text: bytes) -> bytes:
    return redact(text.decode(errors="surrogateescape")).encode(errors="surrogateescape")
