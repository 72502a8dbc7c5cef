"""Replies made wrong on purpose: bodies that are no answer, and answers that are not true."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from starlette.types import Message

from bongsu.sandbox import wire

Headers = list[tuple[bytes, bytes]]
Change = Callable[[dict[str, Any]], dict[str, Any]]

# One of these is drawn. The last ones are JSON, and still nothing that this exchange ever says.
_NONSENSE: Final = (
    b"",
    b"upstream connect error or disconnect/reset before headers",
    b'[{"market":"KRW-ETH","trade_price":NaN}]',
    b'{"error":',
    b"\xff\xfe[\x00]\x00",
    b"null",
    b'"ok"',
    b'[{"market":null}]',
)
_PAGE: Final = (
    "<!DOCTYPE html><html><head><title>503 Service Temporarily Unavailable</title></head>"
    "<body><h1>점검 중입니다</h1><hr>nginx</body></html>"
).encode()
_PRICES: Final = ("opening_price", "high_price", "low_price", "trade_price", "ask_price", "bid_price")
_VOLUMES: Final = (
    "volume",
    "remaining_volume",
    "candle_acc_trade_volume",
    "acc_trade_volume",
    "acc_trade_volume_24h",
    "trade_volume",
    "ask_size",
    "bid_size",
)
_SIDES: Final = (("ask_price", "bid_price"), ("ask_size", "bid_size"))


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    headers: Headers
    body: bytes

    @classmethod
    def of(cls, messages: list[Message]) -> "Reply":
        (start,) = (message for message in messages if message["type"] == "http.response.start")
        bodies = (m.get("body", b"") for m in messages if m["type"] == "http.response.body")
        return cls(start["status"], list(start["headers"]), b"".join(bodies))

    def messages(self) -> Iterator[Message]:
        headers = [(name, value) for name, value in self.headers if name != b"content-length"]
        headers.append((b"content-length", str(len(self.body)).encode()))
        yield {"type": "http.response.start", "status": self.status, "headers": headers}
        yield {"type": "http.response.body", "body": self.body}


def nonsense(reply: Reply, dice: random.Random) -> Reply:
    return replace(reply, body=dice.choice(_NONSENSE))


def truncated(reply: Reply) -> Reply:
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def web_page(reply: Reply, status: int) -> Reply:
    headers = [(name, value) for name, value in reply.headers if name != b"content-type"]
    return Reply(status, [*headers, (b"content-type", b"text/html; charset=utf-8")], _PAGE)


def with_prices_times(reply: Reply, factor: Decimal) -> Reply:
    return _changed(reply, lambda row: {**row, **{key: row[key] * factor for key in _numbers(row, _PRICES)}})


def with_best_exchanged(reply: Reply) -> Reply:
    """Each side stays in its order, and the best bid is above the best ask."""

    def crossed(row: dict[str, Any]) -> dict[str, Any]:
        if not row.get("orderbook_units"):
            return row
        best, *others = row["orderbook_units"]
        exchanged = {a: best[b] for pair in _SIDES for a, b in (pair, pair[::-1])}
        return {**row, "orderbook_units": [{**best, **exchanged}, *others]}

    return _changed(reply, crossed)


def without_volumes(reply: Reply) -> Reply:
    return _changed(reply, lambda row: {**row, **dict.fromkeys((k for k in _VOLUMES if k in row), None)})


def _numbers(row: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    """Quotations have numbers there; what an order names as its price is a string and stays."""
    return [key for key in keys if isinstance(row.get(key), int | Decimal)]


def _changed(reply: Reply, change: Change) -> Reply:
    """`change` made to each object of the reply, however deep."""

    def all_of(value: Any) -> Any:
        if isinstance(value, list):
            return [all_of(part) for part in value]
        if isinstance(value, dict):
            return change({key: all_of(part) for key, part in value.items()})
        return value

    return _rewritten(reply, all_of)


def _rewritten(reply: Reply, change: Callable[[Any], Any]) -> Reply:
    """Every digit that is not meant to change stays. What is no JSON, and what is a refusal, stays whole."""
    try:
        said = json.loads(reply.body, parse_float=Decimal)
    except ValueError:
        return reply
    return replace(reply, body=bytes(wire.Json(change(said)).body))
