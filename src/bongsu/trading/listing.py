"""In which markets the exchange lets anybody trade: looked at each 50 seconds, kept in the ledger for the gate."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from bongsu.core.facts import MarketStatesSeen
from bongsu.core.market import Market
from bongsu.errors import ExchangeError, LedgerUnavailable
from bongsu.trading.ports import Exchange, Ledger

EVERY = 50.0  # wall seconds: what lies between a suspension and its message adds up to 81
_PATIENCE = 10.0  # wall seconds for one look: a start waits for its first
_GOOD_FOR = 300.0  # wall seconds that a look counts when no newer one succeeds

_log = logging.getLogger(__name__)


class Listing:
    """Of the `markets` that may be traded and whatever is held. `closed`: the exchange is asked nothing meanwhile."""

    def __init__(
        self,
        exchange: Exchange,
        ledger: Ledger,
        markets: Callable[[], Sequence[Market]],
        closed: Callable[[], bool],
    ) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._markets = markets
        self._closed = closed
        self._looked_at = float("-inf")

    async def keep_looking(self) -> None:
        """Raises LeaseLost."""
        while True:
            await asyncio.sleep(EVERY)
            await self.look()

    async def renew(self) -> None:
        """Looks if nobody has for a while: the exchange was closed, or this is the first time. Raises LeaseLost."""
        if time.monotonic() - self._looked_at > EVERY:
            await self.look()

    async def look(self) -> None:
        """What was seen before stays on record where nothing can be seen. Raises LeaseLost."""
        if self._closed():
            return
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._look()
        except (ExchangeError, LedgerUnavailable, TimeoutError) as error:
            _log.warning("the states of the markets are not known: %s", error or type(error).__name__)
        else:
            self._looked_at = time.monotonic()

    async def _look(self) -> None:
        held = [position.market for position in (await self._ledger.portfolio()).positions]
        markets = list(dict.fromkeys((*self._markets(), *held)))
        await self._ledger.record(MarketStatesSeen(await self._exchange.market_states(markets)))

    def blind(self) -> tuple[str, ...]:
        """A state of long ago is nothing to buy on."""
        return () if time.monotonic() - self._looked_at <= _GOOD_FOR else ("market_state",)
