"""Are the ports ours to take, and if not: whose are they?"""

import errno
import socket
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bongsu.core.redaction import redact
from bongsu.errors import PortTaken
from bongsu.ops.language import say

_LISTEN = "0A"


@dataclass(frozen=True, slots=True)
class Holder:
    pid: int
    command: str


def require_free(ports: Mapping[str, int]) -> None:
    """`ports` by service. Raises PortTaken that names every taken port with its holder."""
    taken = {service: port for service, port in ports.items() if not _is_free(port)}
    if not taken:
        return
    lines = [_describe(service, port) for service, port in taken.items()]
    remedy = say(
        '그 프로그램을 끝내거나, 모든 포트를 옮겨 시작하세요: make up ARGS="--port-offset 100"',
        'Stop that program, or move all ports: make up ARGS="--port-offset 100"',
    )
    raise PortTaken("\n".join([*lines, remedy]))


def _describe(service: str, port: int) -> str:
    by_whom = say("다른 사용자의 프로그램", "a program of another user")
    if holder := find_holder(port):
        by_whom = f"pid {holder.pid}: {holder.command}"
    return say(
        f"포트 {port} ({service})을(를) 이미 쓰고 있습니다 — {by_whom}",
        f"Port {port} ({service}) is taken by {by_whom}",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
    return True


def find_holder(port: int) -> Holder | None:
    """Who listens on `port`; None where that is somebody else's secret (or not Linux)."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets and not sockets.isdisjoint(_open_files(process)):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            return Holder(int(process.name), redact(command.strip())[:160])
    return None


def _listening(port: int) -> Iterator[str]:
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if not table.exists():
            continue
        for row in table.read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _open_files(process: Path) -> Iterable[str]:
    try:
        for entry in (process / "fd").iterdir():
            yield str(entry.readlink())
    except OSError:  # gone meanwhile, or somebody else's
        return
