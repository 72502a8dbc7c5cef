"""A client's order as it was spelled becomes a ticket, or is refused by name."""

import re
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final, cast, get_args

from bongsu.core.market import Market
from bongsu.core.money import floor_volume
from bongsu.sandbox.orders import Order, OrderType, Refused, Side, SmpType, Ticket, TimeInForce

_IDENTIFIER: Final = re.compile(r"[\x21-\x7e]{1,64}")
_AMOUNT: Final = re.compile(r"\d{1,20}(\.\d{1,20})?")
_SMP_TYPES: Final = get_args(SmpType)
_REPLACED: Final = ("ord_type", "price", "volume", "time_in_force", "smp_type", "identifier")
_TAKES_REMAINDER: Final = (("limit", "bid"), ("limit", "ask"), ("market", "ask"), ("best", "ask"))


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
    smp_type = body.get("smp_type") or ("none" if time_in_force == "post_only" else "cancel_maker")
    if smp_type not in _SMP_TYPES:
        raise _malformed(f"smp_type must be one of {', '.join(_SMP_TYPES)}")
    volume = _amount(body, "volume")
    ticket = Ticket(
        market_named(body.get("market")),
        cast("Side", side),
        cast("OrderType", ord_type),
        _amount(body, "price"),
        None if volume is None else floor_volume(volume),
        cast("TimeInForce | None", time_in_force),
        cast("SmpType", smp_type),
        _identifier(body),
    )
    _check_shape(ticket)
    return ticket


def parse_new_ticket(body: dict[str, Any], old: Order) -> Ticket:
    """Of a request to put another order in the place of `old`. Raises Refused."""
    new = {name: body.get(f"new_{name}") for name in _REPLACED}
    if new["volume"] == "remain_only":
        if (new["ord_type"], old.ticket.side) not in _TAKES_REMAINDER or old.remaining_volume is None:
            raise _malformed("remain_only goes with a limit order, a market sell and a best sell")
        new["volume"] = f"{old.remaining_volume:f}"
    return parse_ticket({"market": old.ticket.market, "side": old.ticket.side, **new})


def identifier_in(value: object) -> str | None:
    """None where it is none that could be used up."""
    return value if isinstance(value, str) and _IDENTIFIER.fullmatch(value) else None


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
    if ticket.time_in_force == "post_only" and ticket.smp_type != "none":
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


def market_named(name: object) -> Market:
    if not isinstance(name, str) or not name:
        raise _malformed("market is missing")
    return Market(name.upper())


def _malformed(message: str) -> Refused:
    return Refused("validation_error", message)
