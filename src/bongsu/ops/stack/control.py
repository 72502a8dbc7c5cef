"""How another terminal talks to the running stack: one line of JSON to a socket that only its owner may open."""

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bongsu.errors import CannotStart
from bongsu.ops.language import say

Answer = dict[str, Any]
Reply = Callable[[Mapping[str, str]], Awaitable[Answer]]

_LONGEST_PATH = 100  # the kernel's sockaddr_un holds 107 bytes


class NotRunning(CannotStart):
    pass


class AlreadyRunning(CannotStart):
    pass


@contextlib.contextmanager
def only_one(run: Path) -> Iterator[None]:
    """Held while a stack runs from this state directory; the kernel lets go of it however we end."""
    with (run / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                say(
                    f"이미 실행 중입니다 ({run.parent}). 상태: bongsu ps · 멈추기: bongsu down",
                    f"Already running ({run.parent}). See: bongsu ps · stop: bongsu down",
                )
            ) from None
        yield


@contextlib.contextmanager
def _address(run: Path) -> Iterator[str]:
    """The socket's path, or where it is too long for a socket address, one through an open directory."""
    path = str(run / "control.sock")
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    directory = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/control.sock"
    finally:
        os.close(directory)


async def serve(run: Path, reply: Reply) -> asyncio.Server:
    """Answers until the server is closed. The caller holds `only_one`, so an old socket is a dead one's."""
    (run / "control.sock").unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _address(run) as address:
        listener.bind(address)
    (run / "control.sock").chmod(stat.S_IRUSR | stat.S_IWUSR)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, ValueError):
            request = json.loads(await reader.readline())
            writer.write(json.dumps(await reply(request), ensure_ascii=False).encode() + b"\n")
            await writer.drain()
        writer.close()

    return await asyncio.start_unix_server(answer, sock=listener)


def ask(run: Path, request: Mapping[str, str], patience: float = 60.0) -> Answer:
    """Raises NotRunning where no stack runs from this state directory."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(patience)
        try:
            with _address(run) as address:
                connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NotRunning(
                say(
                    f"실행 중이 아닙니다 ({run.parent}). 시작: make up",
                    f"Not running ({run.parent}). Start: make up",
                )
            ) from None
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answer:
            line = answer.readline()
    if not line:  # it ended while we asked, which is what `down` asks for
        return {"ok": True}
    return dict(json.loads(line))
