"""A way to the database that can be cut, and one that goes silent without being cut."""

import asyncio
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
        self.delay = 0.0  # seconds that each block from the server takes longer
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
            await asyncio.gather(
                self._pump(reader, inner_writer), self._pump(inner_reader, writer, late=True)
            )
        self._pairs -= {writer, inner_writer}

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, late: bool = False
    ) -> None:
        try:
            while block := await reader.read(65536):
                await asyncio.sleep(self.delay if late else 0)
                await self._pass.wait()
                writer.write(block)
                await writer.drain()
        finally:
            writer.close()


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
