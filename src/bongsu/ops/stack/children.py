"""Child processes that cannot outlive the process that started them."""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bongsu.errors import CannotStart

_PR_SET_PDEATHSIG = 1
_UNPRIVILEGED = ("postgres", "nobody", "daemon")


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a child runs as when we are root."""

    uid: int
    gid: int


def unprivileged_identity() -> Identity | None:
    """None when we are not root and therefore need not become someone else."""
    if os.geteuid() != 0:
        return None
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Identity(entry.pw_uid, entry.pw_gid)
    raise CannotStart(
        "PostgreSQL은 root로 실행할 수 없는데 대신 쓸 일반 계정(postgres, nobody)이 없습니다. "
        "'useradd --system bongsu' 대신 일반 사용자로 'make up'을 실행하세요."
    )


def identity_of(path: Path) -> Identity | None:
    """The owner of an existing `path`, when we are root."""
    if os.geteuid() != 0:
        return None
    status = path.stat()
    return Identity(status.st_uid, status.st_gid)


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` by which the kernel sends `death_signal` when the calling thread ends, however it ends.

    Runs after the change of user: the kernel forgets the request when credentials change.
    """
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arrange() -> None:
        prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:  # it died before we asked to be told
            os._exit(1)

    return arrange


def processes_in(directory: Path) -> Iterator[int]:
    """Living processes whose working directory is `directory` (Linux; elsewhere none are found)."""
    wanted = directory.resolve()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink() == wanted:
                yield int(entry.name)
        except OSError:  # gone meanwhile, or somebody else's
            continue
