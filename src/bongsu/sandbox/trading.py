"""What the account's owner may do: place, test, cancel and replace orders. Every request bears a signed token."""

from collections.abc import Callable
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from bongsu.sandbox import wire
from bongsu.sandbox.desk import Body, Desk
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import Order, Refused, Ticket
from bongsu.sandbox.queries import chosen, find_order, find_orders, invalid, names, number
from bongsu.sandbox.tickets import identifier_in, parse_new_ticket, parse_ticket

_MAX_NAMED: Final = 20
_MAX_OPEN: Final = 300


class Trading:
    def __init__(self, exchange: Exchange, desk: Desk) -> None:
        self._exchange = exchange
        self._desk = desk

    def routes(self) -> list[Route]:
        asked, told = self._desk.asked, self._desk.told
        return [
            told("POST /v1/orders", self.place),
            told("POST /v1/orders/test", self.check),
            told("POST /v1/orders/cancel_and_new", self.replace),
            asked("DELETE /v1/order", self.cancel),
            asked("DELETE /v1/orders/uuids", self.cancel_named),
            asked("DELETE /v1/orders/open", self.cancel_open),
        ]

    # -- placing --------------------------------------------------------------------------------

    def place(self, body: Body) -> dict[str, Any]:
        ticket = self._ticket(lambda: parse_ticket(body), body.get("identifier"))
        return wire.order(self._exchange.submit(ticket))

    def check(self, body: Body) -> dict[str, Any]:
        return wire.order(self._exchange.check(parse_ticket(body)))

    def replace(self, body: Body) -> dict[str, Any]:
        """Upbit cancels first and places then, if the old order was not filled meanwhile. Here both are one moment."""
        uuid, identifier = body.get("prev_order_uuid"), body.get("prev_order_identifier")
        old = find_order(self._exchange.store, _text(uuid), _text(identifier))
        ticket = self._ticket(lambda: parse_new_ticket(body, old), body.get("new_identifier"))
        return wire.replaced_order(old, self._exchange.replace(old, ticket))

    def _ticket(self, parse: Callable[[], Ticket], identifier: object) -> Ticket:
        """An identifier is used up by a malformed request too."""
        try:
            return parse()
        except Refused:
            if (used := identifier_in(identifier)) is not None:
                self._exchange.burn(used)
            raise

    # -- cancelling -----------------------------------------------------------------------------

    def cancel(self, request: Request) -> dict[str, Any]:
        asked = request.query_params
        found = find_order(self._exchange.store, asked.get("uuid"), asked.get("identifier"))
        self._exchange.cancel(found)
        return wire.order(found)

    def cancel_named(self, request: Request) -> dict[str, Any]:
        found = find_orders(request, self._exchange.store, most=_MAX_NAMED)
        return wire.cancellations(found, self._exchange.cancel_all(found))

    def cancel_open(self, request: Request) -> dict[str, Any]:
        found = self._chosen(request)
        return wire.cancellations(found, self._exchange.cancel_all(found))

    def _chosen(self, request: Request) -> list[Order]:
        side = chosen(request, "cancel_side", ("all", "ask", "bid"))
        pairs, excluded = names(request, "pairs", _MAX_NAMED), names(request, "excluded_pairs", _MAX_NAMED)
        quotes = names(request, "quote_currencies", _MAX_NAMED)
        if sum(map(bool, (pairs, excluded, quotes))) > 1:
            raise invalid("give one of pairs, excluded_pairs and quote_currencies")
        newest_first = chosen(request, "order_by", ("desc", "asc")) == "desc"
        found = [
            order
            for order in self._exchange.waiting_orders()
            if side in ("all", order.ticket.side)
            and (not pairs or order.ticket.market in pairs)
            and order.ticket.market not in excluded
            and (not quotes or order.ticket.market.partition("-")[0] in quotes)
        ]
        found.sort(key=lambda order: order.seq, reverse=newest_first)
        return found[: number(request, "count", _MAX_NAMED, _MAX_OPEN)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
