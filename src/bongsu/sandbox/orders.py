"""An order as the exchange keeps it, and the rules that a new one must obey."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from bongsu.core.market import Market
from bongsu.core.money import ZERO
from bongsu.errors import BongsuError

Side = Literal["bid", "ask"]
OrderType = Literal["limit", "price", "market", "best"]
TimeInForce = Literal["ioc", "fok", "post_only"]
State = Literal["wait", "done", "cancel"]
Trend = Literal["up", "down"]
SmpType = Literal[
    "cancel_maker", "cancel_taker", "reduce", "none"
]  # whose order gives way where both are ours


class Refused(BongsuError):
    """`name` is Upbit's error name."""

    def __init__(self, name: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.name = name
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a client asked for, well formed. `price` is the total in won where a bid names no volume."""

    market: Market
    side: Side
    ord_type: OrderType
    price: Decimal | None
    volume: Decimal | None
    time_in_force: TimeInForce | None
    smp_type: SmpType
    identifier: str | None

    @property
    def spends_total(self) -> bool:
        """Whether it is a bid for so many won instead of so many coins."""
        return self.volume is None


@dataclass(frozen=True, slots=True)
class Trade:
    uuid: UUID
    seq: int
    order_seq: int
    market: Market
    side: Side
    price: Decimal
    volume: Decimal
    funds: Decimal
    fee: Decimal
    at: datetime
    trend: Trend


@dataclass(slots=True)
class Order:
    seq: int
    uuid: UUID
    ticket: Ticket
    created_at: datetime
    reserved_fee: Decimal
    locked: Decimal
    state: State = "wait"
    executed_volume: Decimal = ZERO
    executed_funds: Decimal = ZERO
    paid_fee: Decimal = ZERO
    trades_count: int = 0
    prevented_volume: Decimal = ZERO  # taken off it because it met an order of ours
    prevented_locked: Decimal = ZERO  # the same in won for a bid, in coins for an ask

    @property
    def remaining_volume(self) -> Decimal | None:
        if self.ticket.volume is None:
            return None
        return self.ticket.volume - self.executed_volume - self.prevented_volume

    @property
    def remaining_total(self) -> Decimal:
        """Won that a bid for a total has not spent yet, fee not counted."""
        return (self.ticket.price or ZERO) - self.executed_funds - self.prevented_locked

    @property
    def limit(self) -> Decimal | None:
        """Won a coin; None where `price` is a total, or missing."""
        return self.ticket.price if self.ticket.ord_type == "limit" else None

    @property
    def is_spent(self) -> bool:
        return (self.remaining_total if self.ticket.spends_total else self.remaining_volume) == 0

    def withhold(self, volume: Decimal, price: Decimal) -> None:
        """So much is not traded, because it met an order of ours."""
        self.prevented_volume += volume
        self.prevented_locked += volume * price if self.ticket.side == "bid" else volume

    @property
    def locked_currency(self) -> str:
        return "KRW" if self.ticket.side == "bid" else self.ticket.market.removeprefix("KRW-")
