"""Exactly what an advisor was shown: recorded with the decision, enough to ask again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median

from bongsu.core.market import Candle, Market, OrderBook, Ticker
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.portfolio import Position

Indicators = Mapping[str, float]  # by name: "rsi_14", "atr_percent", …

_DAY = 24  # hourly candles
_OUTLIER = Decimal("0.15")  # off the median of the three prices


@dataclass(frozen=True, slots=True)
class HeldPosition:
    volume: Volume
    entry_price: Price  # average cost, fees included
    unrealized_ratio: Decimal


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """`indicators` are of closed candles only; `candle_closed_at` is the newest one's close (market time)."""

    market: Market
    at: datetime
    candle_closed_at: datetime
    price: Price
    bid: Price
    ask: Price
    spread: Decimal
    change_24h: Decimal  # a fraction, against the close 24 candles before the newest
    indicators: Indicators
    synthetic_candles: int  # how many of the candles behind the indicators filled a silent interval
    position: HeldPosition | None
    equity: Krw
    buying_allowed: bool


class PriceSource(StrEnum):
    TICKER = "ticker"
    BOOK = "book"
    CANDLE = "candle"
    QUOTES = "quotes"  # ticker and book contradict one another, and nothing says which is wrong


def find_outlier(ticker_price: Price, book: OrderBook, last_close: Price) -> PriceSource | None:
    """The first of three prices that cannot be right: not positive, a crossed book, 15 % off their median.

    CANDLE means that both quotes agree and left the last close far behind, a crash or a fault of both:
    no time to enter, and no reason to withhold an exit.
    """
    if ticker_price <= 0:
        return PriceSource.TICKER
    bid, ask = book.bids[0].price, book.asks[0].price
    if not 0 < bid < ask:
        return PriceSource.BOOK
    if last_close <= 0:
        return PriceSource.CANDLE
    prices = {
        PriceSource.TICKER: ticker_price,
        PriceSource.BOOK: book.mid,
        PriceSource.CANDLE: last_close,
    }
    middle = median(prices.values())
    return next((s for s, price in prices.items() if abs(price - middle) > middle * _OUTLIER), None)


def build_snapshot(
    market: Market,
    *,
    candles: Sequence[Candle],
    ticker: Ticker,
    book: OrderBook,
    position: Position,
    equity: Krw,
    buying_allowed: bool,
    at: datetime,
) -> MarketSnapshot:
    """`candles`: closed, gaps filled, oldest first, 400+. Raises ValueError where `indicators` does."""
    # Imported here, because the processes that only read snapshots should not pay for numpy.
    from bongsu.core.indicators import WINDOW, indicators

    return MarketSnapshot(
        market=market,
        at=at,
        candle_closed_at=candles[-1].closed_at,
        price=ticker.price,
        bid=book.bids[0].price,
        ask=book.asks[0].price,
        spread=book.spread,
        change_24h=candles[-1].close / candles[-1 - _DAY].close - 1,
        indicators=indicators(candles),
        synthetic_candles=sum(candle.synthetic for candle in candles[-WINDOW:]),
        position=_held(position, ticker.price),
        equity=equity,
        buying_allowed=buying_allowed,
    )


def _held(position: Position, price: Price) -> HeldPosition | None:
    if not position.held:
        return None
    return HeldPosition(position.volume, position.entry_price, position.unrealized_ratio(price))
