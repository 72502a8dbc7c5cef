"""Exactly what an advisor was shown: recorded with the decision, enough to ask again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bongsu.core.market import Market
from bongsu.core.money import Krw, Price, Volume


@dataclass(frozen=True, slots=True)
class HeldPosition:
    volume: Volume
    entry_price: Price  # average cost, fees included
    unrealized_ratio: Decimal


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """`indicators` are floats of closed candles only; `candle_closed_at` is the newest one's close (market time)."""

    market: Market
    at: datetime
    candle_closed_at: datetime
    price: Price
    bid: Price
    ask: Price
    spread: Decimal
    change_24h: Decimal | None
    indicators: Mapping[str, float]
    synthetic_candles: int  # how many of the candles behind the indicators filled a silent interval
    position: HeldPosition | None
    equity: Krw
    buying_allowed: bool
