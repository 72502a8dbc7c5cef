"""`-d`: the runner goes on in the background; the terminal sees its progress until everything is up."""

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from bongsu.ops.stack.rotation import go_on_in

Release = Callable[[bool], None]  # called once: is everything up?

_LOOK_SECONDS = 0.1


def in_background(run: Callable[[Release], int], log: Path) -> int:
    """Runs `run` in a session of its own, its output in `log`; returns when it calls its argument, or ends.

    0 or 1 by its verdict; its exit code when it ended without one. A terminal that goes away does not end it.
    """
    begin = go_on_in(log)
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become_a_daemon(run, writing, log)
    os.close(writing)
    try:
        verdict = _watch(reading, log, begin)
    except KeyboardInterrupt:
        os.kill(child, signal.SIGTERM)
        verdict = _watch(reading, log, begin)
    if verdict:
        return verdict[0]
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _become_a_daemon(run: Callable[[Release], int], verdict: int, log: Path) -> NoReturn:
    code = 70  # an internal fault, unless `run` says otherwise
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        output = os.open(log, os.O_WRONLY | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = run(lambda healthy: _let_go(verdict, healthy=healthy))
    except BaseException:  # noqa: BLE001 — into the log: nobody else would hear of it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _let_go(verdict: int, *, healthy: bool) -> None:
    with contextlib.suppress(BrokenPipeError):  # the terminal did not wait
        os.write(verdict, b"\0" if healthy else b"\1")
    os.close(verdict)


def _watch(reading: int, log: Path, begin: int) -> bytes:
    """Copies what the child writes until it has spoken its verdict; empty when it ended without one."""
    with log.open("rb") as written:
        written.seek(begin)
        while True:
            spoken, _, _ = select.select([reading], [], [], _LOOK_SECONDS)
            sys.stdout.buffer.write(written.read())
            sys.stdout.buffer.flush()
            if spoken:
                return os.read(reading, 1)
