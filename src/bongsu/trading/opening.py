"""Whether the exchange is open to us: while it is not, the jobs pause, and one question goes out at a time.

It is closed to everybody while it is maintained, and to us while our address is not on the key's allow-list.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bongsu.core.clock import ExchangeSigns
from bongsu.core.facts import Paused, Resumed, SkipReason
from bongsu.errors import ExchangeError, ExchangeUnavailable, LedgerUnavailable, NotAuthorized
from bongsu.trading.ports import Ledger

EVERY = (
    5.0  # wall seconds between two questions to an exchange that is closed: the jobs, which pause, ask none
)
ADDRESS_EVERY = 30.0  # to one that refuses our address: each question is a refusal that it counts

_log = logging.getLogger(__name__)


async def _tell_nobody(_: bool) -> None:
    """For callers who only look."""


ADDRESS = "address_refused"


async def note_address(ledger: Ledger, refused: bool) -> None:
    """The pause is on record and told, and ends by itself. Raises LedgerUnavailable."""
    if refused:
        await ledger.record(Paused(ADDRESS, "", "scheduler"))
    else:
        await ledger.record(Resumed(ADDRESS, "scheduler"))


@dataclass(slots=True)
class Opening:
    """`probe` asks only where the last replies were refusals to work, and raises what a read does.

    `tell` is told when our address begins to be refused, and when it no longer is.
    """

    signs: Callable[[], ExchangeSigns]
    probe: Callable[[], Awaitable[None]]
    tell: Callable[[bool], Awaitable[None]] = _tell_nobody
    _told: bool | None = field(default=None, init=False)  # None: a process before us may have told

    @property
    def closed(self) -> bool:
        signs = self.signs()
        return signs.maintenance or signs.address_refused

    @property
    def why(self) -> SkipReason:
        return SkipReason.BLOCKED if self.signs().address_refused else SkipReason.MAINTENANCE

    async def explains(self, error: Exception) -> bool:
        """Whether a question failed because the exchange is closed to us; asks another one where that is in doubt."""
        if isinstance(error, ExchangeUnavailable) and not self.closed:
            await self._ask()
        return isinstance(error, (ExchangeUnavailable, NotAuthorized)) and self.closed

    async def keep_asking(self) -> None:
        asked = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(min(EVERY, ADDRESS_EVERY))
            now = asyncio.get_running_loop().time()
            if not self.signs().address_refused or now - asked >= ADDRESS_EVERY:
                asked = now
                await self._ask()
            await self._tell_news()

    async def _tell_news(self) -> None:
        refused = self.signs().address_refused
        if refused == self._told:
            return
        try:
            await self.tell(refused)
        except LedgerUnavailable as away:
            _log.debug("told later: %s", away)
        else:
            self._told = refused

    async def _ask(self) -> None:
        try:
            await self.probe()
        except ExchangeError as silence:
            _log.debug("probed the exchange: %s", silence)
