"""A ban outlives whoever was banned: a scheduler that starts anew must not knock and make it longer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from bongsu.errors import LedgerUnavailable

_AGAIN = 2.0  # wall seconds until the next try to write
_LAST_WORDS = 5.0  # wall seconds that an end waits for what is not written yet


class Bans:
    """Written beside the work that met them: the database may be slow, or away. `write` raises LedgerUnavailable."""

    def __init__(self, write: Callable[[datetime], Awaitable[None]]) -> None:
        self._write = write
        self._writing = set[asyncio.Task[None]]()

    def remember(self, until: datetime) -> None:
        task = asyncio.create_task(self._keep_trying(until))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        if self._writing:
            _, late = await asyncio.wait(self._writing, timeout=_LAST_WORDS)
            for task in late:
                task.cancel()

    async def _keep_trying(self, until: datetime) -> None:
        while datetime.now(UTC) < until:
            try:
                await self._write(until)
            except LedgerUnavailable:
                await asyncio.sleep(_AGAIN)
            else:
                return
