"""Upbit as trading knows it: what is read, and the one thing that is written."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx2

from bongsu.adapters.http import open_client
from bongsu.adapters.upbit import examination, frames, wire
from bongsu.adapters.upbit.auth import Credentials
from bongsu.adapters.upbit.connection import READ_DEADLINE, Connection, Endpoint, OnBan, OnRequest, Params
from bongsu.adapters.upbit.limits import RateLimits
from bongsu.adapters.upbit.refusals import (
    NOT_TRADED,
    ORDER_NOT_FOUND,
    judge_order_refusal,
)
from bongsu.core.clock import ClockState, ExchangeSigns
from bongsu.core.hints import Hint
from bongsu.core.market import Balance, Candle, Listed, Market, MarketRules, MarketState, OrderBook, Ticker
from bongsu.core.money import Krw
from bongsu.core.order import Order, OrderRequest, Side
from bongsu.errors import (
    Banned,
    ExchangeRefused,
    ExchangeUnavailable,
    NotAuthorized,
    OrderOutcomeUnknown,
    RateLimited,
)

RULES_LAST = 600.0  # wall seconds
PRICES_STALE = 300.0  # wall seconds without a trade anywhere, after which the line is opened anew
PAGE = 200  # candles
WINDOW = timedelta(days=7)
WINDOW_FULL = 1000  # closed orders

_SEOUL = timezone(timedelta(hours=9))
_DAY = timedelta(days=1)
_MINUTE_UNITS = frozenset({1, 3, 5, 10, 15, 30, 60, 240})

_TICKER = Endpoint("ticker", "GET", "/v1/ticker", "ticker", signed=False)
_ALL_TICKERS = Endpoint("ticker", "GET", "/v1/ticker/all", "ticker", signed=False)
_ORDER_BOOK = Endpoint("orderbook", "GET", "/v1/orderbook", "orderbook", signed=False)
_MARKETS = Endpoint("markets", "GET", "/v1/market/all", "market", signed=False)
_INSTRUMENTS = Endpoint("instruments", "GET", "/v1/orderbook/instruments", "orderbook", signed=False)
_ACCOUNTS = Endpoint("accounts", "GET", "/v1/accounts", "default", signed=True)
_CHANCE = Endpoint("orders_chance", "GET", "/v1/orders/chance", "default", signed=True)
_ORDER = Endpoint("order", "GET", "/v1/order", "default", signed=True)
_CLOSED = Endpoint("orders_closed", "GET", "/v1/orders/closed", "default", signed=True)
_PLACE = Endpoint("place", "POST", "/v1/orders", "order", signed=True)
_API_KEYS = Endpoint("api_keys", "GET", "/v1/api_keys", "default", signed=True)


def _uncounted(endpoint: str, outcome: str, seconds: float) -> None:
    """For callers who keep no metrics."""


def unremembered(until: datetime) -> None:
    """For callers who do not outlive a ban."""


class UpbitExchange:
    """The `Exchange` port over Upbit's REST API, or over a local exchange that speaks it.

    `on_request` hears of every request that was sent: endpoint, outcome, seconds. `rate_factor` scales the
    limits for a market that runs faster than life; `math.inf` switches them off. `on_ban` hears until when the
    exchange wants silence; whoever remembers that over a restart says it to `keep_silent`.
    """

    def __init__(
        self,
        base_url: str,
        access_key: str,
        secret_key: str,
        *,
        on_request: OnRequest = _uncounted,
        on_ban: OnBan = unremembered,
        rate_factor: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx2.AsyncBaseTransport | None = None,
        market_clock: Callable[[], ClockState] | None = None,
    ) -> None:
        self._limits = RateLimits(rate_factor, monotonic)
        self._connection = Connection(
            open_client(base_url, READ_DEADLINE, transport),
            Credentials(access_key, secret_key),
            self._limits,
            on_request,
            on_ban,
            monotonic,
            market_clock,
        )
        self._access_key = access_key
        self._monotonic = monotonic
        self._rules: dict[Market, tuple[float, MarketRules]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.close()

    @property
    def signs(self) -> ExchangeSigns:
        """The offset is good to half a second; None for a market on its own time whose clock we do not follow."""
        connection = self._connection
        return ExchangeSigns(connection.clock_offset, connection.closing.closed, connection.address_refused)

    async def probe(self, market: Market) -> None:
        """Asks only an exchange that seems to be closed, and not where it refused last, or one that refuses our address.

        Raises what a read does.
        """
        if self._connection.address_refused:
            await self.balances()
            return
        closing = self._connection.closing
        if not closing.suspected:
            return
        if closing.refused_last == _TICKER.name:
            await self.order_book(market)
        else:
            await self.tickers([market])

    def keep_silent(self, until: datetime) -> None:
        """A ban of before this object was made. One that has ended means nothing."""
        self._connection.keep_silent(until)

    @property
    def ban_until(self) -> datetime | None:
        return self._connection.ban_until

    @property
    def requests_left(self) -> Mapping[str, int]:
        """In the current second, by group, as the last replies told."""
        return self._limits.remaining

    def streams(
        self, markets: Sequence[Market], hear: Callable[[Hint], None]
    ) -> list[Callable[[], Awaitable[None]]]:
        """What it says by itself, of the account and of the prices of `markets`: each listens for ever."""
        from bongsu.adapters.upbit.stream import Patience, Stream

        account = partial(self._connection.open_socket, "/websocket/v1/private", signed=True)
        prices = partial(self._connection.open_socket, "/websocket/v1", signed=False)
        asked_prices = partial(frames.prices, markets)
        return [
            Stream("account", account, frames.orders_and_balances, hear).run,
            Stream("prices", prices, asked_prices, hear, patience=Patience(stale=PRICES_STALE)).run,
        ]

    async def candles(self, market: Market, interval: timedelta, count: int, until: datetime) -> list[Candle]:
        endpoint = _candle_endpoint(interval)
        closed: list[Candle] = []
        before = until
        while len(closed) < count:
            asked = min(PAGE, count - len(closed) + 1)  # one more: the newest may be still open
            params = [
                ("market", market),
                ("to", f"{before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"),
                ("count", str(asked)),
            ]
            parse = partial(wire.parse_candles, market=market, interval=interval, before=before)
            page = await self._connection.read(endpoint, params, parse)
            if not page:
                break  # nothing is older
            closed += (candle for candle in page if candle.closed_at <= until)
            before = page[-1].opened_at
        return closed[:count][::-1]

    async def tickers(self, markets: Sequence[Market]) -> dict[Market, Ticker]:
        parse = partial(wire.parse_tickers, markets=markets)
        return await self._connection.read(_TICKER, [("markets", ",".join(markets))], parse)

    async def listed(self) -> list[Listed]:
        flags = await self._connection.read(_MARKETS, [("is_details", "true")], wire.parse_flags)
        values = await self._connection.read(_ALL_TICKERS, [("quote_currencies", "KRW")], wire.parse_values)
        return [Listed(market, flags[market], value) for market, value in values.items() if market in flags]

    async def order_book(self, market: Market) -> OrderBook:
        parse = partial(wire.parse_order_book, market=market)
        return await self._connection.read(_ORDER_BOOK, [("markets", market)], parse)

    async def balances(self) -> dict[str, Balance]:
        return await self._connection.read(_ACCOUNTS, [], wire.parse_balances)

    async def rules(self, market: Market) -> MarketRules:
        """At most ten minutes of wall time old."""
        known = self._rules.get(market)
        if known is not None and self._monotonic() - known[0] < RULES_LAST:
            return known[1]
        find_tick = partial(wire.parse_tick_size, market=market)
        tick_size = await self._connection.read(_INSTRUMENTS, [("markets", market)], find_tick)
        parse = partial(wire.parse_rules, market=market, tick_size=tick_size)
        rules = await self._connection.read(_CHANCE, [("market", market)], parse)
        self._rules[market] = (self._monotonic(), rules)
        return rules

    async def market_states(self, markets: Sequence[Market]) -> dict[Market, MarketState]:
        """One question for all tells what is listed and warned of; what is suspended, each market's own rules."""
        warnings = await self._connection.read(_MARKETS, [("is_details", "true")], wire.parse_warnings)
        return {market: await self._state(market, warnings.get(market)) for market in markets}

    async def _state(self, market: Market, warned: bool | None) -> MarketState:
        """`warned` is None of a market that is not listed. One that trades all the same is not taken for gone."""
        online = await self._is_online(market, listed=warned is not None)
        if not online:
            return MarketState.DELISTED if warned is None else MarketState.SUSPENDED
        return MarketState.ACTIVE if warned is False else MarketState.WARNING

    async def _is_online(self, market: Market, *, listed: bool) -> bool:
        parse = partial(wire.parse_online, market=market)
        try:
            online = await self._connection.read(_CHANCE, [("market", market)], parse)
        except NotAuthorized:
            raise
        except ExchangeRefused as refusal:
            if listed and refusal.name not in NOT_TRADED:
                raise
            online = False
        self._renew_rules(market, online)
        return online

    def _renew_rules(self, market: Market, online: bool) -> None:
        """An exit must not wait ten minutes for a market that is open again."""
        if known := self._rules.get(market):
            self._rules[market] = known[0], replace(known[1], online=online)

    async def key_ends_at(self) -> datetime:
        """When the key we sign with expires. Raises ExchangeUnavailable, too, where the list does not have it."""
        parse = partial(wire.parse_key_end, access_key=self._access_key)
        return await self._connection.read(_API_KEYS, [], parse)

    async def sees_withdrawals(self) -> bool:
        return await examination.sees_withdrawals(self._connection)

    async def test_order(self, market: Market, funds: Krw) -> None:
        """Nothing is placed. Raises OrderRejected, NotAuthorized, and what a read raises."""
        await examination.test_order(self._connection, market, funds)

    async def place(self, request: OrderRequest, identifier: UUID) -> Order:
        parse = partial(wire.parse_placed, market=request.market, side=request.side, identifier=identifier)
        try:
            return await self._connection.write(_PLACE, _order_params(request, identifier), parse)
        except ExchangeRefused as refusal:
            raise judge_order_refusal(refusal) from refusal
        except (ExchangeUnavailable, RateLimited, Banned) as silence:
            raise OrderOutcomeUnknown(str(silence)) from silence

    async def find_order(self, identifier: UUID) -> Order | None:
        parse = partial(wire.parse_found, identifier=identifier)
        try:
            return await self._connection.read(_ORDER, [("identifier", str(identifier))], parse)
        except ExchangeRefused as refusal:
            if refusal.name == ORDER_NOT_FOUND:
                return None
            raise

    async def closed_orders(self, market: Market, since: datetime) -> list[Order]:
        found: dict[UUID, Order] = {}
        start = since.replace(microsecond=0)  # the exchange tells whole seconds
        while True:
            orders = await self._closed_between(market, start, start + WINDOW)
            found.update(
                (order.uuid, order) for order in orders if order.created_at >= since.replace(microsecond=0)
            )
            start += WINDOW
            if start > (self._connection.exchange_time or datetime.now(UTC)):
                return sorted(found.values(), key=lambda order: order.created_at, reverse=True)

    async def _closed_between(self, market: Market, start: datetime, end: datetime) -> list[Order]:
        """A full list may have been cut, so the window is halved until none is."""
        params = [
            ("market", market),
            ("start_time", _iso(start)),
            ("end_time", _iso(end)),
            ("limit", str(WINDOW_FULL)),
            ("order_by", "desc"),
        ]
        orders = await self._connection.read(
            _CLOSED, params, partial(wire.parse_closed_orders, market=market)
        )
        if len(orders) < WINDOW_FULL:
            return orders
        middle = start + (end - start) / 2
        if middle - start < timedelta(seconds=1):
            raise ExchangeUnavailable(f"{_CLOSED.name}: more orders within a second than it lists")
        return [
            *await self._closed_between(market, start, middle),
            *await self._closed_between(market, middle, end),
        ]


def _candle_endpoint(interval: timedelta) -> Endpoint:
    """Raises ValueError for an interval that Upbit has no candles of."""
    minutes = interval / timedelta(minutes=1)
    if interval != _DAY and minutes not in _MINUTE_UNITS:
        raise ValueError(f"no candles of {interval}")
    path = "/v1/candles/days" if interval == _DAY else f"/v1/candles/minutes/{math.floor(minutes)}"
    return Endpoint("candles", "GET", path, "candle", signed=False)


def _order_params(request: OrderRequest, identifier: UUID) -> Params:
    """Market orders: a buy names the won to spend as its `price`, a sell the volume."""
    if request.side is Side.BUY:
        kind, amount = ("ord_type", "price"), ("price", _plain(request.funds))
    else:
        kind, amount = ("ord_type", "market"), ("volume", _plain(request.volume))
    side = ("side", "bid" if request.side is Side.BUY else "ask")
    return [("market", request.market), side, kind, amount, ("identifier", str(identifier))]


def _plain(amount: Decimal | None) -> str:
    """Without an exponent, which Upbit does not read."""
    return f"{amount:f}"


def _iso(at: datetime) -> str:
    return at.astimezone(_SEOUL).isoformat(timespec="seconds")
