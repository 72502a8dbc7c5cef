"""How far a market moves in an hour: its average true range, looked up once an hour."""

import logging
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from bongsu.core.market import HOUR, Market
from bongsu.core.money import Price
from bongsu.errors import ExchangeError
from bongsu.trading.ports import Clock, Exchange
from bongsu.trading.view import last_close

_CANDLES = 150  # Wilder's smoothing forgets what is older

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrueRanges:
    exchange: Exchange
    clock: Clock
    _known: dict[Market, tuple[datetime, Price]] = field(default_factory=dict)

    async def of(self, market: Market) -> Price | None:
        """Of closed candles. The last one known where the exchange does not answer; None where none ever was."""
        closed = last_close(self.clock.now())
        known = self._known.get(market)
        if known is not None and known[0] == closed:
            return known[1]
        try:
            found = await self._look(market, closed)
        except (ExchangeError, ValueError) as error:
            _log.warning("no new true range of %s: %s", market, error)
            return known[1] if known else None
        self._known[market] = closed, found
        return found

    async def _look(self, market: Market, closed: datetime) -> Price:
        """Raises ValueError where candles are too few, or odd."""
        # Imported here: numpy and TA-Lib belong to the process that decides.
        from bongsu.core.indicators import average_true_range, fill_gaps

        candles = await self.exchange.candles(market, HOUR, _CANDLES, closed)
        return Price(Decimal(repr(average_true_range(fill_gaps(candles, closed)))))
