"""What trading needs of the outside, matched by shape. `app.py` is where the type checker checks the match."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from bongsu.core.clock import ClockState
from bongsu.core.decision import Advice
from bongsu.core.facts import Fact
from bongsu.core.market import Balance, Candle, Market, MarketRules, OrderBook, Ticker
from bongsu.core.order import Intent, Order, OrderRequest
from bongsu.core.portfolio import Portfolio
from bongsu.core.risk import RiskState, Veto
from bongsu.core.snapshot import MarketSnapshot


class Exchange(Protocol):
    """Reads raise ExchangeUnavailable, ExchangeRefused, RateLimited or Banned, after their own retries."""

    async def candles(
        self, market: Market, interval: timedelta, count: int, until: datetime
    ) -> list[Candle]:
        """The last `count` candles that closed at or before `until`, oldest first; silent intervals are absent."""
        ...

    async def tickers(self, markets: Sequence[Market]) -> dict[Market, Ticker]: ...

    async def order_book(self, market: Market) -> OrderBook: ...

    async def balances(self) -> dict[str, Balance]: ...

    async def rules(self, market: Market) -> MarketRules: ...

    async def place(self, request: OrderRequest, identifier: UUID) -> Order:
        """Sent once, never retried, given up after 5 s.

        Raises OrderRejected, IdentifierTaken, NotAuthorized, or OrderOutcomeUnknown for everything that is no definite answer.
        """
        ...

    async def find_order(self, identifier: UUID) -> Order | None:
        """With its fills; None when the exchange says that it knows no such order."""
        ...

    async def closed_orders(self, market: Market, since: datetime) -> list[Order]:
        """Orders created from `since` (market time) on that are done or cancelled, without fills, newest first."""
        ...


class Clock(Protocol):
    """The market's time. Durations of processes and networks do not come from here."""

    @property
    def state(self) -> ClockState: ...

    def now(self) -> datetime: ...

    async def wait_until(self, when: datetime, patience: float) -> ClockState:
        """Returns when the market has reached `when`, or after `patience` wall seconds. In lock-step it moves the market there."""
        ...

    def standing_still(self, owner: str) -> AbstractAsyncContextManager[None]:
        """While inside, a market that we own does not move; a real one cannot be held."""
        ...


class Advisor(Protocol):
    @property
    def name(self) -> str: ...

    async def advise(self, snapshot: MarketSnapshot) -> Advice:
        """Raises AdvisorFailed."""
        ...


class Messenger(Protocol):
    async def send(self, text: str, dedupe: str) -> str:
        """Delivers one message and answers the channel's id of it. Raises NotDelivered."""
        ...
