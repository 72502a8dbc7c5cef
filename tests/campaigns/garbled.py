"""Replies as no exchange should send them, drawn from one seed: bytes, values, fields, statuses, headers."""

import json
import random
from collections.abc import Callable
from typing import Any

import httpx2

from adapters.truths import ODD, places, removed, replaced

Mutate = Callable[[random.Random, bytes], bytes]

_NOISE = (
    b"", b"null", b"[]", b"{}", b"0", b'""', b"<html><h1>502 Bad Gateway</h1></html>", b"\xef\xbb\xbf[]", b"[" * 4000,
    b'{"error":{"name":"x","message":""}}', b'{"error":null}', b'{"error":{"name":["a"]}}', b"\x00\xff\xfe", b"true", b"NaN",
)  # fmt: skip
_NAMES = (
    "order_not_found", "insufficient_funds_bid", "duplicate_identifier", "a_name_of_2031", "", "jwt_verification",
    "market_offline", "nonce_used", 404, None, ["order_not_found"], "ORDER_NOT_FOUND", "order_not_found ",
)  # fmt: skip
_STATUSES = (200, 201, 202, 204, 206, 302, 400, 401, 403, 404, 409, 418, 422, 429, 500, 502, 503, 599)
_HEADERS: dict[str, tuple[str, ...]] = {
    "Date": (
        "",
        "yesterday",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "0",
        "Sat, 99 Foo 2024",
    ),
    "X-Market-Time": ("", "never", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2024-06-01"),
    "Remaining-Req": (
        "",
        "group=x",
        "group=default; min=-1; sec=-1",
        "group=a; sec=9999999999999999999",
        "sec=NaN",
        ";;;",
    ),
    "Content-Encoding": ("gzip", "deflate", "br", "unknown"),
    "Content-Type": ("text/html", "application/json; charset=utf-16", ""),
    "Location": ("http://elsewhere.test/", ""),
}


def _cut(dice: random.Random, body: bytes) -> bytes:
    return body[: dice.randrange(len(body))]


def _flip(dice: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        changed[dice.randrange(len(changed))] = dice.randrange(256)
    return bytes(changed)


def _insert(dice: random.Random, body: bytes) -> bytes:
    at = dice.randrange(len(body))
    return body[:at] + dice.randbytes(dice.randint(1, 8)) + body[at:]


def _noise(dice: random.Random, _: bytes) -> bytes:
    return dice.choice(_NOISE)


def _twice(dice: random.Random, body: bytes) -> bytes:
    return body + dice.choice((b"", b",", b"\n")) + body


def _odd_value(dice: random.Random, body: bytes) -> bytes:
    document = json.loads(body)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        path = dice.choice(list(places(document)))
        document = replaced(
            document, path, dice.choice((*ODD, float("nan"), float("inf"), dice.uniform(-1e9, 1e9)))
        )
    return _spelled(document)


def _no_field(dice: random.Random, body: bytes) -> bytes:
    document = json.loads(body)
    return _spelled(removed(document, dice.choice(list(places(document))[1:])))


def _repeated_row(dice: random.Random, body: bytes) -> bytes:
    document = json.loads(body)
    rows = [path for path in places(document) if isinstance(_at(document, path), list)]
    if not rows:
        return _odd_value(dice, body)
    path = dice.choice(rows)
    row = _at(document, path)
    return _spelled(replaced(document, path, dice.choice((row * 2, row[::-1], row * 50, [row], []))))


def _refusal(dice: random.Random, _: bytes) -> bytes:
    return _spelled(
        {"error": {"name": dice.choice(_NAMES), "message": dice.choice(("거절", "", None, 7, "\ud800"))}}
    )


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


def _spelled(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


WAYS: tuple[Mutate, ...] = (
    _cut, _flip, _insert, _noise, _twice, _odd_value, _odd_value, _odd_value, _no_field, _no_field, _repeated_row, _refusal,
)  # fmt: skip


def garble(dice: random.Random, body: bytes) -> httpx2.Response:
    """What becomes of a sound reply. Now and then only its status or a header is odd, and the body is as it was."""
    way = None if dice.random() < 0.1 else dice.choice(WAYS)
    content = way(dice, body) if way else body
    headers = {name: dice.choice(values) for name, values in _HEADERS.items() if dice.random() < 0.04}
    # Undecoded, as a server sends it: what cannot be decoded must not break the client.
    return httpx2.Response(_status(dice, way), headers=headers, stream=httpx2.ByteStream(content))


def _status(dice: random.Random, way: Mutate | None) -> int:
    """Mostly the one that belongs to the body."""
    if dice.random() < 0.2:
        return dice.choice(_STATUSES)
    return dice.choice((400, 400, 404, 401, 403)) if way is _refusal else 200
