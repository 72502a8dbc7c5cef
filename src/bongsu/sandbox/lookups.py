"""What the account's owner may ask: balances, the rules of a market, orders. Every request bears a signed token."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from bongsu.sandbox import wire
from bongsu.sandbox.admission import MAX_TOTAL, MIN_TOTAL
from bongsu.sandbox.desk import Desk
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import Order
from bongsu.sandbox.queries import find_order, find_orders, invalid, number, states
from bongsu.sandbox.quotation import parse_time
from bongsu.sandbox.tickets import market_named

_WINDOW: Final = timedelta(days=7)
_MAX_ASKED: Final = 100
_MAX_OPEN: Final = 100
_MAX_CLOSED: Final = 1_000
_PAGE: Final = 100


class Lookups:
    def __init__(self, exchange: Exchange, desk: Desk) -> None:
        self._exchange = exchange
        self._desk = desk

    def routes(self) -> list[Route]:
        asked = self._desk.asked
        return [
            asked("GET /v1/accounts", self.accounts),
            asked("GET /v1/orders/chance", self.chance),
            asked("GET /v1/orders/uuids", self.orders_by_ids),
            asked("GET /v1/orders/open", self.open_orders),
            asked("GET /v1/orders/closed", self.closed_orders),
            asked("GET /v1/order", self.order),
        ]

    def accounts(self, _: Request) -> list[dict[str, Any]]:
        return [wire.holding(holding) for holding in self._exchange.account.holdings()]

    def chance(self, request: Request) -> dict[str, Any]:
        tape = self._exchange.tape(market_named(request.query_params.get("market")))
        fee, coin = wire.plain(self._exchange.fee), tape.market.removeprefix("KRW-")
        minimum = wire.plain(MIN_TOTAL)
        return {
            "bid_fee": fee,
            "ask_fee": fee,
            "maker_bid_fee": fee,
            "maker_ask_fee": fee,
            "market": {
                "id": tape.market,
                "name": f"{coin}/KRW",
                "order_types": ["limit"],
                "order_sides": ["ask", "bid"],
                "bid_types": ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc", "price"],
                "ask_types": ["best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc", "market"],
                "bid": {"currency": "KRW", "min_total": minimum},
                "ask": {"currency": coin, "min_total": minimum},
                "max_total": wire.plain(MAX_TOTAL),
                "state": "active" if self._exchange.trading(tape) else "offline",
            },
            "bid_account": wire.holding(self._exchange.account.holding("KRW")),
            "ask_account": wire.holding(self._exchange.account.holding(coin)),
        }

    def order(self, request: Request) -> dict[str, Any]:
        found = find_order(
            self._exchange.store, request.query_params.get("uuid"), request.query_params.get("identifier")
        )
        return wire.order_with_trades(found, self._exchange.store.trades_of(found))

    def orders_by_ids(self, request: Request) -> list[dict[str, Any]]:
        found = find_orders(request, self._exchange.store, most=_MAX_ASKED)
        return self._page(request, found, most=_MAX_ASKED)

    def open_orders(self, request: Request) -> list[dict[str, Any]]:
        wanted = states(request, default="wait", allowed=("wait", "watch"))
        waiting = self._exchange.waiting_orders() if "wait" in wanted else []
        return self._page(request, waiting, most=_MAX_OPEN)

    def closed_orders(self, request: Request) -> list[dict[str, Any]]:
        wanted = states(request, default="done,cancel", allowed=("done", "cancel"))
        start, end = self._window(request)
        closed = self._exchange.store.closed_orders(start, end)
        return self._page(request, (o for o in closed if o.state in wanted), most=_MAX_CLOSED)

    def _window(self, request: Request) -> tuple[datetime, datetime]:
        asked = request.query_params
        start = parse_time(asked["start_time"]) if asked.get("start_time") else None
        end = parse_time(asked["end_time"]) if asked.get("end_time") else None
        if start is None:
            end = end or self._exchange.now
            start = end - _WINDOW
        end = end or start + _WINDOW
        if not timedelta(0) <= end - start <= _WINDOW:
            raise invalid("start_time to end_time may span 7 days at most")
        return start, end

    def _page(self, request: Request, orders: Iterable[Order], *, most: int) -> list[dict[str, Any]]:
        asked = request.query_params
        market = market_named(asked["market"]) if asked.get("market") else None
        chosen = [order for order in orders if market in (None, order.ticket.market)]
        chosen.sort(key=lambda order: order.seq, reverse=asked.get("order_by", "desc") != "asc")
        page, limit = number(request, "page", 1, 10_000), number(request, "limit", _PAGE, most)
        return [wire.listed_order(order) for order in chosen[(page - 1) * limit : page * limit]]
