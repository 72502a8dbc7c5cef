"""From what we mean to do to what the exchange did."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID, uuid5

from bongsu.core.market import Market
from bongsu.core.money import ZERO, Krw, Price, Volume

_IDENTIFIERS = UUID("9d1f8a52-6f0e-5c1a-9a41-0b0e6a5f7c11")
_LEAST_FUNDS = Krw(Decimal(1))
_LEAST_VOLUME = Volume(Decimal("0.00000001"))


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class Trigger(StrEnum):
    """What made us want an order."""

    DECISION = "decision"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TRAILING_STOP = "trailing_stop"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A market order that the sizing allows. A buy names `funds` (won to spend, fee on top), a sell `volume`.

    `key` tells one wish from the next (a candle's close, an entry's fill), so that asking twice for the same thing
    gives the same identifier. `reason` is shown to the owner.
    """

    market: Market
    side: Side
    trigger: Trigger
    key: str
    reason: str
    confidence: str  # HIGH, MEDIUM, LOW, or RULE for an exit of the rules
    at: datetime  # market time
    funds: Krw | None = None
    volume: Volume | None = None
    decision_id: UUID | None = None
    quote: Price | None = None  # the price it was sized at: what slippage is measured against

    def __post_init__(self) -> None:
        amount = self.funds if self.side is Side.BUY else self.volume
        other = self.volume if self.side is Side.BUY else self.funds
        if amount is None or amount <= 0 or other is not None:
            raise ValueError("a buy names positive funds only, a sell a positive volume only")

    def identifier(self, account: str) -> UUID:
        """The exchange's idempotency key: equal for equal wishes of one account, for ever."""
        return uuid5(_IDENTIFIERS, f"{account}|{self.market}|{self.trigger}|{self.key}|{self.side}")

    def far_too_small(self) -> "OrderRequest":
        """The same wish over an amount that no exchange accepts: it can only be refused."""
        if self.side is Side.BUY:
            return replace(self, funds=_LEAST_FUNDS)
        return replace(self, volume=_LEAST_VOLUME)


class IntentState(StrEnum):
    OPEN = "open"  # written, perhaps sent
    UNKNOWN = "unknown"  # sent, and no definite answer came back
    FILLED = "filled"  # closed: something was executed
    UNFILLED = "unfilled"  # closed: accepted, nothing was executed
    REJECTED = "rejected"  # closed: refused, or proven never to have been placed


@dataclass(frozen=True, slots=True)
class Intent:
    """A request on record before it is sent. Only the ledger makes one, behind the risk gate."""

    identifier: UUID
    request: OrderRequest
    state: IntentState
    age: float  # wall seconds since it was written, by the database's clock
    fenced: bool  # the exchange has said, to a repeated send, that the identifier exists


class OrderState(StrEnum):
    WAIT = "wait"
    WATCH = "watch"
    DONE = "done"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Fill:
    uuid: UUID  # the exchange's trade uuid
    price: Price
    volume: Volume
    funds: Krw
    at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """As the exchange tells it. `final` says nothing of success: a filled market buy often ends as `cancel`."""

    uuid: UUID
    identifier: UUID | None
    market: Market
    side: Side
    state: OrderState
    volume: Volume | None  # asked for; None for a market buy, which asks for won
    executed_volume: Volume
    paid_fee: Krw
    created_at: datetime
    fills: tuple[Fill, ...]

    @property
    def final(self) -> bool:
        return self.state in (OrderState.DONE, OrderState.CANCEL)

    @property
    def complete(self) -> bool:
        """Whether all that was asked for was executed; a market buy asks for won and is done when it ends."""
        return self.volume is None or self.executed_volume == self.volume

    @property
    def funds(self) -> Krw:
        return Krw(sum((f.funds for f in self.fills), ZERO))

    @property
    def average_price(self) -> Price:
        """Raises ValueError when nothing was executed."""
        if self.executed_volume <= 0:
            raise ValueError("no fill, no price")
        return Price(self.funds / self.executed_volume)

    def filled_ratio(self, request: OrderRequest) -> Decimal:
        """Executed over asked for: won of a buy, volume of a sell."""
        if request.funds is not None:
            return self.funds / request.funds
        assert request.volume is not None  # a request names one of the two
        return self.executed_volume / request.volume

    def slippage(self, request: OrderRequest) -> Decimal | None:
        """How much worse than its quote the order was filled, as a fraction; negative is better.

        None without a fill or a quote.
        """
        if request.quote is None or self.executed_volume <= 0:
            return None
        dearer = self.average_price / request.quote - 1
        return dearer if self.side is Side.BUY else -dearer

    @property
    def fills_complete(self) -> bool:
        """Whether the fills account for the executed volume; the exchange may list them late."""
        return sum((f.volume for f in self.fills), ZERO) == Decimal(self.executed_volume)
