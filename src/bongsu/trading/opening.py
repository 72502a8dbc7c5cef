"""Whether the exchange is open: while it is closed for maintenance the jobs pause, and one question goes out at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bongsu.core.clock import ExchangeSigns
from bongsu.errors import ExchangeError

EVERY = (
    5.0  # wall seconds between two questions to an exchange that is closed: the jobs, which pause, ask none
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opening:
    """`probe` asks only where the last replies were refusals to work, and raises what a read does."""

    signs: Callable[[], ExchangeSigns]
    probe: Callable[[], Awaitable[None]]

    @property
    def closed(self) -> bool:
        return self.signs().maintenance

    async def explains_silence(self) -> bool:
        """Whether a question went unanswered because the exchange is closed; asks another one where that is in doubt."""
        if not self.closed:
            await self._ask()
        return self.closed

    async def keep_asking(self) -> None:
        while True:
            await asyncio.sleep(EVERY)
            await self._ask()

    async def _ask(self) -> None:
        try:
            await self.probe()
        except ExchangeError as silence:
            _log.debug("probed the exchange: %s", silence)
