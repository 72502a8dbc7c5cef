"""What trading needs of the outside, matched by shape. `app.py` is where the type checker checks the match."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from bongsu.core.clock import ClockState, ExchangeSigns
from bongsu.core.decision import Advice, Rejection
from bongsu.core.facts import DuplicatePrevented, Fact, JobName
from bongsu.core.market import Balance, Candle, Listed, Market, MarketRules, MarketState, OrderBook, Ticker
from bongsu.core.money import Price
from bongsu.core.order import Intent, Order, OrderRequest
from bongsu.core.outgoing import Urgency
from bongsu.core.portfolio import Portfolio
from bongsu.core.report import EquityPoint, Report
from bongsu.core.risk import RiskState, Veto
from bongsu.core.snapshot import MarketSnapshot
from bongsu.core.tradingday import Period

Blindness = Callable[[], tuple[str, ...]]  # why the bot cannot see, at this moment


class Exchange(Protocol):
    """Reads raise ExchangeUnavailable, ExchangeRefused, RateLimited or Banned, after their own retries."""

    async def candles(self, market: Market, interval: timedelta, count: int, until: datetime) -> list[Candle]:
        """The last `count` candles that closed at or before `until`, oldest first; silent intervals are absent."""
        ...

    async def tickers(self, markets: Sequence[Market]) -> dict[Market, Ticker]: ...

    async def listed(self) -> list[Listed]:
        """Every KRW market there is."""
        ...

    async def order_book(self, market: Market) -> OrderBook: ...

    async def balances(self) -> dict[str, Balance]: ...

    async def rules(self, market: Market) -> MarketRules: ...

    async def market_states(self, markets: Sequence[Market]) -> dict[Market, MarketState]: ...

    async def place(self, request: OrderRequest, identifier: UUID) -> Order:
        """Sent once, never retried, given up after 5 s.

        Raises OrderRejected, IdentifierTaken, NotAuthorized, and OrderOutcomeUnknown for all that is no definite answer.
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
        """Returns when the market has reached `when`, or after `patience` wall seconds.

        In lock-step it moves the market there.
        """
        ...

    def standing_still(self, owner: str) -> AbstractAsyncContextManager[None]:
        """While inside, a market that we own does not move; a real one cannot be held."""
        ...


class Advisor(Protocol):
    @property
    def name(self) -> str: ...

    async def advise(self, snapshot: MarketSnapshot) -> Advice | Rejection:
        """A Rejection for words that are no advice at all. Raises AdvisorFailed."""
        ...


class Ledger(Protocol):
    """Every method raises LedgerUnavailable when the database is away.

    Writes of the leader raise LeaseLost when it leads no more.
    """

    async def record(self, fact: Fact) -> bool:
        """The fact's row, its counters and its messages, in one transaction; False when it was no news."""
        ...

    async def lease_refused(self) -> None: ...

    async def record_in_time(self, fact: Fact) -> None:
        """For errors: waits for the database in memory instead of raising LedgerUnavailable."""
        ...

    async def flush(self) -> None: ...

    async def open_intent(
        self, request: OrderRequest, account: str, blind: tuple[str, ...]
    ) -> Intent | Veto | DuplicatePrevented:
        """The risk gate and the intent in one transaction."""
        ...

    async def may_resend(self, intent: Intent, blind: tuple[str, ...]) -> bool: ...

    async def mark_fenced(self, intent: Intent, detail: str) -> None: ...

    async def open_intents(self) -> list[Intent]: ...

    async def risk_state(self, at: datetime, blind: tuple[str, ...]) -> RiskState: ...

    async def portfolio(self) -> Portfolio: ...

    async def market_states(self) -> dict[Market, MarketState]:
        """As the exchange was last seen to have them; those never seen are absent."""
        ...

    async def last_prices(self) -> dict[Market, Price]:
        """What each position was last valued at."""
        ...

    async def expected_balances(self) -> dict[str, Decimal] | None:
        """Per currency; None until the account's first balance is on record."""
        ...

    async def outside_funds(self) -> dict[str, Decimal]:
        """Coins in the account that are not the bot's, by currency."""
        ...

    async def ours(self, identifiers: Sequence[UUID]) -> dict[UUID, bool]:
        """Those of them that are intents of ours, with whether their order is on record."""
        ...

    async def periods(self, at: datetime) -> list[Period]: ...

    async def owed_reports(self, now: datetime) -> list[datetime]:
        """The trading days that ended and of which the owner was not told, oldest first."""
        ...

    async def equity_curve(self, since: datetime, until: datetime) -> tuple[EquityPoint, ...]:
        """Quarter-hourly, oldest first."""
        ...

    async def reports_of(self, day: datetime, now: datetime) -> tuple[Report, ...]:
        """Of that trading day, and of the week and the month that are over with it."""
        ...

    async def is_decided(self, market: Market, candle_closed_at: datetime) -> bool: ...

    async def last_asked(self) -> dict[Market, datetime]:
        """When each market was last put before an advisor, or skipped in its turn."""
        ...

    async def save_candles(self, candles: Sequence[Candle]) -> None: ...

    async def save_freshness(
        self, market: Market, interval: timedelta, newest_at: datetime, age: float
    ) -> None: ...

    async def raise_peak(self, market: Market, price: Price) -> None:
        """Two quotes stood higher than ever since the entry."""
        ...

    async def risk_checked(self) -> None: ...

    async def register_job(self, job: JobName, interval: float, deadline: float) -> None: ...

    async def start_run(
        self,
        job: JobName,
        scheduled_for: datetime,
        *,
        next_at: datetime | None = None,
        requested_by: UUID | None = None,
    ) -> int | None:
        """None when the job ran for that time before."""
        ...

    async def fail_orphans(self) -> int: ...

    async def last_scheduled(self, job: JobName) -> datetime | None: ...

    async def failures_in_a_row(self, job: JobName, runs: int) -> bool: ...

    async def mark_enabled(self) -> None: ...

    async def heartbeat(self, process: str, instance: str, signs: ExchangeSigns | None = None) -> None: ...

    async def prune(self, days: int) -> None: ...

    async def pending_controls(self) -> list[dict[str, Any]]: ...

    async def set_killed(self, killed: bool) -> None: ...


class Lease(Protocol):
    """The right to lead, by the database's clock."""

    @property
    def epoch(self) -> int | None: ...

    async def take(self, *, by_force: bool = False) -> bool: ...

    async def renew(self) -> None:
        """Raises LeaseLost, LedgerUnavailable."""
        ...

    async def release(self) -> None: ...


class Messenger(Protocol):
    async def send(
        self, text: str, dedupe: str, *, picture: bytes | None = None, urgency: Urgency = Urgency.INFO
    ) -> str:
        """Delivers one message, as the words under `picture` where there is one. Raises NotDelivered.

        Answers the channel's id of it.
        """
        ...
