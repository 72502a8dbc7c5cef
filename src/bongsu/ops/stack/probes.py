"""Is a service ready? Answers without threads: the runner forks children, and a fork dislikes them."""

import asyncio
from collections.abc import Awaitable, Callable

Probe = Callable[[], Awaitable[bool]]

_PATIENCE = 3.0


def http_ready(port: int, path: str) -> Probe:
    """Ready when GET answers 2xx."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                return (await _status(port, path)) // 100 == 2
        except (OSError, TimeoutError, ValueError):
            return False

    return probe


async def _status(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        status_line = await reader.readline()
        return int(status_line.split()[1]) if status_line.startswith(b"HTTP/") else 0
    finally:
        writer.close()


def postgres_ready(url: str) -> Probe:
    """Ready when the server lets us in, not merely when it listens: while it recovers it refuses."""

    async def probe() -> bool:
        import psycopg

        try:
            async with asyncio.timeout(_PATIENCE):
                await (await psycopg.AsyncConnection.connect(url)).close()
        except (psycopg.OperationalError, TimeoutError):
            return False
        return True

    return probe
