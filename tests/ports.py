"""Ports for servers of tests. What is handed out once is nobody else's until this process ends.

Below the range from which the kernel takes ports for connections (32768 and up): what is free now stays free of those.
Other test processes are kept out by a lock on one byte of a file for each port; the kernel lifts it when we end.
"""

import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

_LOWEST, _HIGHEST = 10_000, 32_000
_ours: set[int] = set()


def free_port() -> int:
    return free_offset(0)


def free_offset(*ports: int) -> int:
    """What to add to each of `ports` so that all are free."""
    dice = random.SystemRandom()
    while True:
        offset = dice.randrange(_LOWEST, _HIGHEST - max(ports))
        if all(_take(port + offset) for port in ports):
            return offset


def _take(port: int) -> bool:
    if port in _ours or not _is_free(port):
        return False
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _ours.add(port)
    return True


@cache
def _locks() -> int:
    """Never closed: closing any descriptor of the file would lift every lock."""
    path = Path(tempfile.gettempdir()) / f"bongsu-test-ports-{os.geteuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
