"""Upbit's WebSocket messages, there and back: what is asked for, and the hints that come."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import msgspec

from bongsu.adapters.upbit.wire import Unreadable, parse_price
from bongsu.core.hints import BalancesStirred, Hint, OrderStirred, PriceHeard
from bongsu.core.market import Market

ALIVE = "PING"


class StreamRefused(Exception):
    """The exchange does not do what it was asked for on a WebSocket; `name` is its own."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class _Error(msgspec.Struct):
    name: str | int


class _Frame(msgspec.Struct):
    type: str | None = None
    status: str | None = None
    error: _Error | None = None
    code: str | None = None
    identifier: str | None = None
    trade_price: msgspec.Raw = msgspec.Raw()


def orders_and_balances() -> bytes:
    return _asking({"type": "myOrder"}, {"type": "myAsset"})


def prices(markets: Sequence[Market]) -> bytes:
    return _asking({"type": "ticker", "codes": list(markets)})


def _asking(*types: dict[str, Any]) -> bytes:
    return msgspec.json.encode([{"ticket": str(uuid4())}, *types, {"format": "DEFAULT"}])


def parse_hint(frame: str | bytes) -> Hint | None:
    """None for a sign of life, and for a type that nobody asked for. Raises Unreadable and StreamRefused."""
    try:
        heard = msgspec.json.decode(frame, type=_Frame)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise Unreadable(str(why)) from None
    if heard.error is not None:
        raise StreamRefused(str(heard.error.name))
    match heard.type:
        case "myOrder":
            return OrderStirred(_market(heard), _identifier(heard.identifier))
        case "myAsset":
            return BalancesStirred()
        case "ticker":
            return PriceHeard(_market(heard), parse_price(heard.trade_price))
        case None if heard.status is None:
            raise Unreadable("neither a type nor a status")
        case _:
            return None


def _market(heard: _Frame) -> Market:
    if not heard.code:
        raise Unreadable("no code")
    return Market(heard.code)


def _identifier(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
