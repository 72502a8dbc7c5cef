"""Upbit's JSON, parsed into our nouns or refused whole: what is missing or absurd is never replaced by a guess.

Amounts keep every digit: quotation numbers are JSON doubles, exchange numbers are strings, and neither passes
through a float.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

import msgspec

from bongsu.core.market import Balance, BookLevel, Candle, Market, MarketRules, OrderBook, Ticker
from bongsu.core.money import ZERO, Krw, Price, Volume
from bongsu.core.order import Fill, Order, OrderState, Side

T = TypeVar("T")
Aware = Annotated[datetime, msgspec.Meta(tz=True)]
Naive = Annotated[datetime, msgspec.Meta(tz=False)]

_AMOUNT = re.compile(r"(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?")
_MOST = Decimal("1e18")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIDES = {"bid": Side.BUY, "ask": Side.SELL}


class Unreadable(Exception):
    """The reply is not what Upbit promises; it counts as no answer."""


class _Candle(msgspec.Struct):
    market: str
    candle_date_time_utc: Naive  # the offset is in the name
    opening_price: msgspec.Raw
    high_price: msgspec.Raw
    low_price: msgspec.Raw
    trade_price: msgspec.Raw
    candle_acc_trade_price: msgspec.Raw
    candle_acc_trade_volume: msgspec.Raw
    unit: int | None = None  # minutes; day candles have none


class _Ticker(msgspec.Struct):
    market: str
    trade_price: msgspec.Raw
    acc_trade_price_24h: msgspec.Raw
    timestamp: int


class _BookUnit(msgspec.Struct):
    ask_price: msgspec.Raw
    bid_price: msgspec.Raw
    ask_size: msgspec.Raw
    bid_size: msgspec.Raw


class _Book(msgspec.Struct):
    market: str
    timestamp: int
    orderbook_units: list[_BookUnit]


class _Account(msgspec.Struct):
    currency: str
    balance: str
    locked: str


class _Total(msgspec.Struct):
    min_total: msgspec.Raw


class _ChanceMarket(msgspec.Struct):
    id: str
    bid: _Total
    ask: _Total
    max_total: msgspec.Raw
    state: str


class _Chance(msgspec.Struct):
    bid_fee: str
    ask_fee: str
    market: _ChanceMarket


class _Event(msgspec.Struct):
    warning: bool
    caution: dict[str, bool] = {}


class _Listed(msgspec.Struct):
    market: str
    market_event: _Event


class _ApiKey(msgspec.Struct):
    access_key: str
    expire_at: Aware


class _Instrument(msgspec.Struct):
    market: str
    tick_size: str


class _Trade(msgspec.Struct):
    market: str
    uuid: UUID
    price: str
    volume: str
    funds: str
    created_at: Aware


class _Order(msgspec.Struct):
    uuid: UUID
    side: Literal["bid", "ask"]
    state: OrderState
    market: str
    created_at: Aware
    volume: str | None
    executed_volume: str
    paid_fee: str
    identifier: str | None = None


class _OrderWithTrades(_Order, kw_only=True):
    trades: list[_Trade]


_candles = msgspec.json.Decoder(list[_Candle])
_tickers = msgspec.json.Decoder(list[_Ticker])
_books = msgspec.json.Decoder(list[_Book])
_accounts = msgspec.json.Decoder(list[_Account])
_chance = msgspec.json.Decoder(_Chance)
_listed = msgspec.json.Decoder(list[_Listed])
_instruments = msgspec.json.Decoder(list[_Instrument])
_api_keys = msgspec.json.Decoder(list[_ApiKey])
_anything = msgspec.json.Decoder(msgspec.Raw)
_order = msgspec.json.Decoder(_Order)
_order_with_trades = msgspec.json.Decoder(_OrderWithTrades)
_orders = msgspec.json.Decoder(list[_Order])


def parse_candles(body: bytes, market: Market, interval: timedelta, before: datetime) -> list[Candle]:
    """A page as Upbit sends it: newest first, all opened before `before`, silent intervals absent."""
    page = [_parse_candle(row, market, interval) for row in _decode(_candles, body)]
    opened = [before, *(candle.opened_at for candle in page)]
    _insist(all(newer > older for newer, older in pairwise(opened)), "candles out of order")
    return page


def _parse_candle(row: _Candle, market: Market, interval: timedelta) -> Candle:
    _insist(row.market == market, "a candle of another market")
    _insist(row.unit is None or row.unit * 60 == interval.total_seconds(), "a candle of another interval")
    opened_at = _moment(row.candle_date_time_utc.replace(tzinfo=UTC))
    _insist(timedelta() == (opened_at - _EPOCH) % interval, "a candle off the clock")
    low, high = parse_price(row.low_price), parse_price(row.high_price)
    first, last = parse_price(row.opening_price), parse_price(row.trade_price)
    _insist(low <= min(first, last) and max(first, last) <= high, "a candle outside its own range")
    volume, value = Volume(_number(row.candle_acc_trade_volume)), Krw(_number(row.candle_acc_trade_price))
    return Candle(market, interval, opened_at, first, high, low, last, volume, value)


def parse_tickers(body: bytes, markets: Sequence[Market]) -> dict[Market, Ticker]:
    """One for each of `markets`, without the change of 24 hours: Upbit tells only that since 09:00 KST."""
    rows = _decode(_tickers, body)
    _insist(sorted(row.market for row in rows) == sorted(markets), "tickers of other markets")
    return {Market(row.market): _parse_ticker(row) for row in rows}


def parse_values(body: bytes) -> dict[Market, Krw]:
    """What each KRW market traded in 24 hours."""
    rows = _decode(_tickers, body)
    values = {
        Market(row.market): _parse_ticker(row).value_24h for row in rows if row.market.startswith("KRW-")
    }
    _insist(0 < len(values) == len(rows), "no tickers of the KRW markets")
    return values


def _parse_ticker(row: _Ticker) -> Ticker:
    value = Krw(_number(row.acc_trade_price_24h))
    return Ticker(Market(row.market), parse_price(row.trade_price), _milliseconds(row.timestamp), value)


def parse_order_book(body: bytes, market: Market) -> OrderBook:
    """Thin books are padded with zeros, which are no levels."""
    books = _decode(_books, body)
    _insist(len(books) == 1 and books[0].market == market, "not the one book that was asked for")
    units = books[0].orderbook_units
    bids = _levels((unit.bid_price, unit.bid_size) for unit in units)
    asks = _levels((unit.ask_price, unit.ask_size) for unit in units)
    _insist(
        bool(bids) and bids == tuple(sorted(bids, key=lambda b: -b.price)), "bids missing or out of order"
    )
    _insist(bool(asks) and asks == tuple(sorted(asks, key=lambda a: a.price)), "asks missing or out of order")
    return OrderBook(market, _milliseconds(books[0].timestamp), bids, asks)


def _levels(rows: Any) -> tuple[BookLevel, ...]:
    amounts = ((_number(price), _number(size)) for price, size in rows)
    return tuple(BookLevel(Price(price), Volume(size)) for price, size in amounts if price > 0 and size > 0)


def parse_balances(body: bytes) -> dict[str, Balance]:
    rows = _decode(_accounts, body)
    _insist(len({row.currency for row in rows}) == len(rows), "a currency listed twice")
    return {row.currency: Balance(row.currency, _amount(row.balance), _amount(row.locked)) for row in rows}


def parse_warnings(body: bytes) -> dict[Market, bool]:
    """Of every listed market, whether the exchange warns of it; mere cautions are left out."""
    rows = _decode(_listed, body)
    warnings = {Market(row.market): row.market_event.warning for row in rows}
    _insist(0 < len(warnings) == len(rows), "no list of markets")
    return warnings


def parse_flags(body: bytes) -> dict[Market, bool]:
    """Of every listed market, whether the exchange says anything against it."""
    rows = _decode(_listed, body)
    events = {Market(row.market): row.market_event for row in rows}
    _insist(0 < len(events) == len(rows), "no list of markets")
    return {market: event.warning or any(event.caution.values()) for market, event in events.items()}


def parse_online(body: bytes, market: Market) -> bool:
    chance = _decode(_chance, body)
    _insist(chance.market.id == market, "the rules of another market")
    return chance.market.state == "active"


def parse_tick_size(body: bytes, market: Market) -> Decimal:
    rows = _decode(_instruments, body)
    _insist(len(rows) == 1 and rows[0].market == market, "not the one instrument that was asked for")
    return _positive(_amount(rows[0].tick_size))


def parse_rules(body: bytes, market: Market, tick_size: Decimal) -> MarketRules:
    chance = _decode(_chance, body)
    _insist(chance.market.id == market, "the rules of another market")
    bid_fee, ask_fee = _amount(chance.bid_fee), _amount(chance.ask_fee)
    _insist(max(bid_fee, ask_fee) < 1, "a fee of everything")
    return MarketRules(
        market=market,
        bid_fee=bid_fee,
        ask_fee=ask_fee,
        min_bid=Krw(_total(chance.market.bid.min_total)),
        min_ask=Krw(_total(chance.market.ask.min_total)),
        max_total=Krw(_positive(_total(chance.market.max_total))),
        tick_size=tick_size,
        online=chance.market.state == "active",
    )


def parse_key_end(body: bytes, access_key: str) -> datetime:
    """Of the key that asks; the list holds the account's others too."""
    ends = [row.expire_at for row in _decode(_api_keys, body) if row.access_key == access_key]
    _insist(len(ends) == 1, "not our key")
    return _moment(ends[0])


def parse_anything(body: bytes) -> None:
    """For replies whose coming is the answer."""
    _decode(_anything, body)


def parse_placed(body: bytes, market: Market, side: Side, identifier: UUID) -> Order:
    """The reply to our own order, which must speak of it and not of another."""
    order = _to_order(_decode(_order, body), ())
    _insist((order.market, order.side) == (market, side), "another order than the one sent")
    _insist(order.identifier == identifier, "another identifier than the one sent")
    return order


def parse_found(body: bytes, identifier: UUID) -> Order:
    row = _decode(_order_with_trades, body)
    _insist(len({trade.uuid for trade in row.trades}) == len(row.trades), "a fill listed twice")
    order = _to_order(row, tuple(_to_fill(trade, row.market) for trade in row.trades))
    _insist(order.identifier == identifier, "another order than the one asked for")
    filled = sum((fill.volume for fill in order.fills), ZERO)
    _insist(filled <= order.executed_volume, "more filled than executed")
    return order


def parse_closed_orders(body: bytes, market: Market) -> list[Order]:
    rows = _decode(_orders, body)
    _insist(all(row.market == market for row in rows), "orders of another market")
    return [_to_order(row, ()) for row in rows]


def _to_order(row: _Order, fills: tuple[Fill, ...]) -> Order:
    return Order(
        uuid=row.uuid,
        identifier=_our_identifier(row.identifier),
        market=Market(row.market),
        side=_SIDES[row.side],
        state=row.state,
        volume=Volume(_amount(row.volume)) if row.volume is not None else None,
        executed_volume=Volume(_amount(row.executed_volume)),
        paid_fee=Krw(_amount(row.paid_fee)),
        created_at=_moment(row.created_at),
        fills=fills,
    )


def _to_fill(row: _Trade, market: str) -> Fill:
    _insist(row.market == market, "a fill of another market")
    return Fill(
        uuid=row.uuid,
        price=Price(_positive(_amount(row.price))),
        volume=Volume(_positive(_amount(row.volume))),
        funds=Krw(_amount(row.funds)),
        at=_moment(row.created_at),
    )


def _our_identifier(text: str | None) -> UUID | None:
    """Ours are UUIDs; whatever else the owner's other programs use is not ours."""
    try:
        return UUID(text) if text is not None else None
    except ValueError:
        return None


def _decode(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from error


def _insist(promise: bool, otherwise: str) -> None:
    if not promise:
        raise Unreadable(otherwise)


def _amount(text: str) -> Decimal:
    if _AMOUNT.fullmatch(text) is None or (amount := Decimal(text)) >= _MOST:
        raise Unreadable(f"no amount: {text[:40]!r}")
    return amount


def _number(raw: msgspec.Raw) -> Decimal:
    return _amount(_text(raw))


def _total(raw: msgspec.Raw) -> Decimal:
    """Upbit's documents show order totals both as strings and as numbers."""
    text = _text(raw)
    return _amount(text[1:-1] if text.startswith('"') else text)


def _text(raw: msgspec.Raw) -> str:
    """What is not ASCII is no amount, and stays recognisable as such."""
    return bytes(raw).decode("ascii", "replace")


def _positive(amount: Decimal) -> Decimal:
    _insist(amount > 0, "zero where there must be something")
    return amount


def parse_price(raw: msgspec.Raw) -> Price:
    return Price(_positive(_number(raw)))


def _milliseconds(stamp: int) -> datetime:
    _insist(0 < stamp < 1e13, "an absurd time")
    return _moment(datetime.fromtimestamp(stamp / 1000, UTC))


def _moment(at: datetime) -> datetime:
    _insist(2010 <= at.year < 2100, "an absurd time")
    return at.astimezone(UTC)
