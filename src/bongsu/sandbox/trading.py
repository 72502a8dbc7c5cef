"""What the account's owner may ask: balances, orders, cancellations. Every request bears a signed token."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final, cast, get_args
from uuid import UUID

from starlette.requests import Request
from starlette.routing import Route

from bongsu.core.market import Market
from bongsu.core.money import floor_volume
from bongsu.sandbox import wire
from bongsu.sandbox.admission import MAX_TOTAL, MIN_TOTAL
from bongsu.sandbox.desk import Body, Desk
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import (
    Order,
    OrderType,
    Refused,
    Side,
    Ticket,
    TimeInForce,
)
from bongsu.sandbox.quotation import parse_time

_WINDOW: Final = timedelta(days=7)
_MAX_ASKED: Final = 100
_MAX_OPEN: Final = 100
_MAX_CLOSED: Final = 1_000
_AMOUNT: Final = re.compile(r"\d{1,20}(\.\d{1,20})?")
_IDENTIFIER: Final = re.compile(r"[\x21-\x7e]{1,64}")
_SMP_TYPES: Final = ("cancel_maker", "cancel_taker", "reduce", "none")


class Trading:
    def __init__(self, exchange: Exchange, desk: Desk) -> None:
        self._exchange = exchange
        self._desk = desk

    def routes(self) -> list[Route]:
        asked, told = self._desk.asked, self._desk.told
        return [
            asked("GET /v1/accounts", self.accounts),
            asked("GET /v1/orders/chance", self.chance),
            asked("GET /v1/orders/uuids", self.orders_by_ids),
            asked("GET /v1/orders/open", self.open_orders),
            asked("GET /v1/orders/closed", self.closed_orders),
            asked("GET /v1/order", self.order),
            asked("DELETE /v1/order", self.cancel),
            told("POST /v1/orders", self.place),
            told("POST /v1/orders/test", self.check),
        ]

    # -- placing --------------------------------------------------------------------------------

    def place(self, body: Body) -> dict[str, Any]:
        try:
            ticket = parse_ticket(body)
        except Refused:
            self._burn(body)
            raise
        return wire.order(self._exchange.submit(ticket))

    def check(self, body: Body) -> dict[str, Any]:
        return wire.order(self._exchange.check(parse_ticket(body)))

    def _burn(self, body: Body) -> None:
        """An identifier is used up by a malformed request too."""
        identifier = body.get("identifier")
        if isinstance(identifier, str) and _IDENTIFIER.fullmatch(identifier):
            self._exchange.burn(identifier)

    # -- asking ---------------------------------------------------------------------------------

    def accounts(self, _: Request) -> list[dict[str, Any]]:
        return [wire.holding(holding) for holding in self._exchange.account.holdings()]

    def chance(self, request: Request) -> dict[str, Any]:
        tape = self._exchange.tape(_market(request.query_params.get("market")))
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
        found = self._find(request)
        return wire.order_with_trades(found, self._exchange.store.trades_of(found))

    def cancel(self, request: Request) -> dict[str, Any]:
        found = self._find(request)
        self._exchange.cancel(found)
        return wire.order(found)

    def orders_by_ids(self, request: Request) -> list[dict[str, Any]]:
        uuids, identifiers = _listed(request, "uuids"), _listed(request, "identifiers")
        if bool(uuids) == bool(identifiers) or len(uuids + identifiers) > _MAX_ASKED:
            raise _invalid(f"give up to {_MAX_ASKED} uuids[] or identifiers[]")
        store = self._exchange.store
        found = [store.order_by_uuid(_uuid(text)) for text in uuids]
        found += [store.order_by_identifier(text) for text in identifiers]
        return self._page(request, (order for order in found if order is not None), most=_MAX_ASKED)

    def open_orders(self, request: Request) -> list[dict[str, Any]]:
        states = _states(request, default="wait", allowed=("wait", "watch"))
        waiting = self._exchange.waiting_orders() if "wait" in states else []
        return self._page(request, waiting, most=_MAX_OPEN)

    def closed_orders(self, request: Request) -> list[dict[str, Any]]:
        states = _states(request, default="done,cancel", allowed=("done", "cancel"))
        start, end = self._window(request)
        closed = self._exchange.store.closed_orders(start, end)
        return self._page(request, (o for o in closed if o.state in states), most=_MAX_CLOSED)

    def _window(self, request: Request) -> tuple[datetime, datetime]:
        asked = request.query_params
        start = parse_time(asked["start_time"]) if asked.get("start_time") else None
        end = parse_time(asked["end_time"]) if asked.get("end_time") else None
        if start is None:
            end = end or self._exchange.now
            start = end - _WINDOW
        end = end or start + _WINDOW
        if not timedelta(0) <= end - start <= _WINDOW:
            raise _invalid("start_time to end_time may span 7 days at most")
        return start, end

    def _page(self, request: Request, orders: Iterable[Order], *, most: int) -> list[dict[str, Any]]:
        asked = request.query_params
        market = _market(asked["market"]) if asked.get("market") else None
        chosen = [order for order in orders if market in (None, order.ticket.market)]
        chosen.sort(key=lambda order: order.seq, reverse=asked.get("order_by", "desc") != "asc")
        page, limit = _number(request, "page", 1, 10_000), _number(request, "limit", most, most)
        return [wire.listed_order(order) for order in chosen[(page - 1) * limit : page * limit]]

    def _find(self, request: Request) -> Order:
        uuid, identifier = request.query_params.get("uuid"), request.query_params.get("identifier")
        if uuid:
            found = self._exchange.store.order_by_uuid(_uuid(uuid))
        elif identifier:
            found = self._exchange.store.order_by_identifier(identifier)
        else:
            raise _invalid("uuid or identifier is missing")
        if found is None:
            raise Refused("order_not_found", "there is no such order", 404)
        return found


def parse_ticket(body: dict[str, Any]) -> Ticket:
    """Raises Refused."""
    side, ord_type = body.get("side"), body.get("ord_type")
    if side not in get_args(Side):
        raise _malformed("side must be bid or ask")
    if ord_type not in get_args(OrderType):
        raise Refused("not_supported_ord_type", f"ord_type must be one of {', '.join(get_args(OrderType))}")
    time_in_force = body.get("time_in_force") or None
    if time_in_force not in (None, *get_args(TimeInForce)):
        raise _malformed("time_in_force must be ioc, fok or post_only")
    smp_type = body.get("smp_type") or "cancel_maker"
    if smp_type not in _SMP_TYPES:
        raise _malformed(f"smp_type must be one of {', '.join(_SMP_TYPES)}")
    volume = _amount(body, "volume")
    ticket = Ticket(
        _market(body.get("market")),
        cast("Side", side),
        cast("OrderType", ord_type),
        _amount(body, "price"),
        None if volume is None else floor_volume(volume),
        cast("TimeInForce | None", time_in_force),
        smp_type,
        _identifier(body),
    )
    _check_shape(ticket)
    return ticket


def _check_shape(ticket: Ticket) -> None:
    """Which of price, volume and time_in_force an order of its type must and must not have."""
    needs_price, needs_volume = {
        ("limit", "bid"): (True, True),
        ("limit", "ask"): (True, True),
        ("price", "bid"): (True, False),
        ("market", "ask"): (False, True),
        ("best", "bid"): (True, False),
        ("best", "ask"): (False, True),
    }.get((ticket.ord_type, ticket.side), (None, None))
    if needs_price is None:
        raise Refused("not_supported_ord_type", f"ord_type {ticket.ord_type} is not for {ticket.side}")
    if needs_price != (ticket.price is not None):
        raise Refused(f"invalid_price_{ticket.side}", "price is missing, or must be left out")
    if needs_volume != (ticket.volume is not None):
        raise Refused(f"invalid_volume_{ticket.side}", "volume is missing, or must be left out")
    if ticket.price == 0 or ticket.volume == 0:
        raise Refused(f"invalid_volume_{ticket.side}", "price and volume must be above zero")
    allowed = {"limit": (None, "ioc", "fok", "post_only"), "best": ("ioc", "fok")}
    if ticket.time_in_force not in allowed.get(ticket.ord_type, (None,)):
        raise _malformed(f"time_in_force {ticket.time_in_force} does not go with ord_type {ticket.ord_type}")
    if ticket.time_in_force == "post_only" and ticket.smp_type not in ("none", "cancel_maker"):
        raise _malformed("post_only goes with smp_type none only")


def _amount(body: dict[str, Any], name: str) -> Decimal | None:
    value = body.get(name)
    if value is None or value == "":
        return None
    text = str(value)
    if isinstance(value, bool) or not _AMOUNT.fullmatch(text):
        raise _malformed(f"{name} {text[:40]!r} is not an amount")
    return Decimal(text).quantize(Decimal("0.00000001"), ROUND_DOWN)


def _identifier(body: dict[str, Any]) -> str | None:
    identifier = body.get("identifier")
    if identifier is None:
        return None
    if not isinstance(identifier, str) or not _IDENTIFIER.fullmatch(identifier):
        raise _malformed("identifier must be 1 to 64 printable characters")
    return identifier


def _market(name: object) -> Market:
    if not isinstance(name, str) or not name:
        raise _malformed("market is missing")
    return Market(name.upper())


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise _invalid(f"{text[:40]!r} is not a uuid") from None


def _listed(request: Request, name: str) -> list[str]:
    return request.query_params.getlist(f"{name}[]") + request.query_params.getlist(name)


def _states(request: Request, *, default: str, allowed: tuple[str, ...]) -> list[str]:
    asked = _listed(request, "states") or request.query_params.getlist("state") or default.split(",")
    if any(state not in allowed for state in asked):
        raise _invalid(f"state must be one of {', '.join(allowed)}")
    return asked


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise _invalid(f"{name} must be 1 to {most}")
    return int(text)


def _malformed(message: str) -> Refused:
    return Refused("validation_error", message)


def _invalid(message: str) -> Refused:
    return Refused("invalid_parameter", message)
