"""When our key ends. Asked now and then; a key lives for a year and cannot be extended."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from bongsu.errors import ExchangeError

EVERY = 3600.0  # wall seconds
_AGAIN = 60.0  # after a question that failed

_log = logging.getLogger(__name__)


class KeyWatch:
    def __init__(self, ask: Callable[[], Awaitable[datetime]]) -> None:
        self._ask = ask
        self.ends_at: datetime | None = None  # as last told

    async def keep_looking(self) -> None:
        while True:
            try:
                self.ends_at = await self._ask()
            except ExchangeError as failure:
                _log.debug("when the key ends was not told: %s", failure)
                await asyncio.sleep(_AGAIN)
            else:
                await asyncio.sleep(EVERY)
