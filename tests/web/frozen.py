"""A way to the database that can be cut, and one that goes silent without being cut."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Way:
    """Forwards bytes to the server of `url` while it is open and not frozen."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._pass = asyncio.Event()
        self._pass.set()
        self._refuse = False
        self.delay = 0.0  # seconds that whatever the server says takes longer to arrive
        self.questions = 0  # how often the server was asked, and waited for
        self._pairs: set[asyncio.StreamWriter] = set()
        self.url = ""

    def freeze(self) -> None:
        self._pass.clear()

    def cut(self) -> None:
        self._refuse = True
        for writer in self._pairs:
            writer.close()

    def mend(self) -> None:
        self._refuse = False
        self._pass.set()

    async def serve(self) -> asyncio.Server:
        server = await asyncio.start_server(self._forward, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        host = f"{self._parts.username}:{self._parts.password}@127.0.0.1:{port}"
        self.url = urlunsplit((self._parts.scheme, host, self._parts.path, "", ""))
        return server

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuse:
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._pairs |= {writer, inner_writer}
        with suppress(ConnectionError):
            await asyncio.gather(self._ask(reader, inner_writer), self._answer(inner_reader, writer))
        self._pairs -= {writer, inner_writer}

    async def _ask(self, client: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        try:
            while block := await client.read(65536):
                self.questions += 1
                await self._send(block, server)
        finally:
            server.close()

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """Blocks that come close together arrive close together, however late."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(self._arrive(under_way, client))
        try:
            while block := await server.read(65536):
                under_way.put_nowait((time.monotonic() + self.delay, block))
        finally:
            under_way.put_nowait((0.0, b""))
            await arriving

    async def _arrive(
        self, under_way: asyncio.Queue[tuple[float, bytes]], client: asyncio.StreamWriter
    ) -> None:
        try:
            while True:
                due, block = await under_way.get()
                if not block:
                    return
                await asyncio.sleep(due - time.monotonic())
                await self._send(block, client)
        finally:
            client.close()

    async def _send(self, block: bytes, to: asyncio.StreamWriter) -> None:
        await self._pass.wait()
        to.write(block)
        await to.drain()


@asynccontextmanager
async def way_to(url: str) -> AsyncIterator[Way]:
    way = Way(url)
    server = await way.serve()
    try:
        yield way
    finally:
        way.mend()
        way.cut()
        server.close()
