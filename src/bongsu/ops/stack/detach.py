"""`-d`: the runner goes on in the background; the terminal sees its progress until everything is up."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

Release = Callable[[bool], None]  # called once: is everything up?


def in_background(run: Callable[[Release], int], log: Path) -> int:
    """Runs `run` in a session of its own and returns when it calls its argument, or has ended."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _become_a_daemon(run, writing, log)
    os.close(writing)
    try:
        return _show(reading, child)
    except KeyboardInterrupt:
        os.kill(child, 15)
        return _show(reading, child)


def _become_a_daemon(run: Callable[[Release], int], writing: int, log: Path) -> None:
    code = 70  # an internal fault, unless `run` says otherwise
    try:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.close(writing)
        code = run(lambda healthy: _let_go(log, healthy=healthy))
    finally:
        sys.stdout.flush()
        os._exit(code)


def _let_go(log: Path, *, healthy: bool) -> None:
    """The last byte is the verdict; what is printed from now on goes to the log."""
    sys.stdout.flush()
    os.write(1, b"\0" if healthy else b"\1")
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)


def _show(reading: int, child: int) -> int:
    """Copies what the child prints; 0 or 1 by its verdict, its exit code when it ended without one."""
    last = b""
    while text := os.read(reading, 65_536):
        sys.stdout.buffer.write(text.translate(None, b"\0\1"))
        sys.stdout.buffer.flush()
        last = text[-1:]
    if last in (b"\0", b"\1"):
        return last[0]
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
