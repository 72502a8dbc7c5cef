"""What the exchange shows to everybody, and its rules for a market."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NewType

from bongsu.core.money import ZERO, Krw, Price, Volume, notional

Market = NewType("Market", str)  # "KRW-ETH": quote currency first, as Upbit writes it

HOUR = timedelta(hours=1)
_MARKET = re.compile(r"KRW-[A-Z0-9]{1,15}")


def parse_market(text: str) -> Market:
    """Raises ValueError for anything that is not a KRW market."""
    if not _MARKET.fullmatch(text):
        raise ValueError(f"{text!r} is not a KRW market such as KRW-ETH")
    return Market(text)


def base_currency(market: Market) -> str:
    return market.removeprefix("KRW-")


class MarketState(StrEnum):
    """What the exchange lets anybody do there. Active and warned-of markets are traded; bought is only in the first."""

    ACTIVE = "active"
    WARNING = "warning"  # it may be delisted: 유의 종목
    SUSPENDED = "suspended"
    DELISTED = "delisted"


@dataclass(frozen=True, slots=True)
class Candle:
    market: Market
    interval: timedelta
    opened_at: datetime
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Volume
    value: Krw
    synthetic: bool = False  # made by us for an interval without a trade

    @property
    def closed_at(self) -> datetime:
        return self.opened_at + self.interval


@dataclass(frozen=True, slots=True)
class Ticker:
    market: Market
    price: Price  # of the last trade
    at: datetime  # stamped by the exchange
    value_24h: Krw


@dataclass(frozen=True, slots=True)
class Listed:
    """`flagged`: the exchange warns of it, or wants caution."""

    market: Market
    flagged: bool
    value_24h: Krw


@dataclass(frozen=True, slots=True)
class BookLevel:
    price: Price
    volume: Volume


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Both sides best price first; neither is empty."""

    market: Market
    at: datetime
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]

    @property
    def mid(self) -> Price:
        return Price((self.bids[0].price + self.asks[0].price) / 2)

    @property
    def spread(self) -> Decimal:
        """As a fraction of the mid price."""
        return (self.asks[0].price - self.bids[0].price) / self.mid

    def bid_volume(self, within: Decimal | None = None) -> Volume:
        """Units asked for down to `within` (a fraction) below the best bid, or as far as the book is shown."""
        worst = ZERO if within is None else self.bids[0].price * (1 - within)
        return Volume(sum((b.volume for b in self.bids if b.price >= worst), ZERO))

    def ask_depth(self, within: Decimal) -> Krw:
        """Won on offer up to `within` (a fraction) above the best ask."""
        worst = self.asks[0].price * (1 + within)
        return Krw(sum((notional(a.price, a.volume) for a in self.asks if a.price <= worst), ZERO))


@dataclass(frozen=True, slots=True)
class MarketRules:
    """Read from the exchange, never assumed; fees are fractions (0.0005 is five basis points)."""

    market: Market
    bid_fee: Decimal
    ask_fee: Decimal
    min_bid: Krw
    min_ask: Krw
    max_total: Krw
    tick_size: Decimal
    online: bool


@dataclass(frozen=True, slots=True)
class Balance:
    currency: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked
