"""Whatever bytes come, what comes out of the parsers stood in them."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.scripted import (
    ACCOUNTS,
    BOOK,
    CANDLE,
    CHANCE,
    ETH,
    FOUND,
    IDENTIFIER,
    INSTRUMENTS,
    NOW,
    ORDER,
    PLACED,
    TICKER,
)
from adapters.truths import ODD, amounts, places, removed, replaced, told
from bongsu.adapters.upbit import wire
from bongsu.core.market import HOUR
from bongsu.core.order import Side

Parse = Callable[[bytes], Any]

PARSERS: dict[str, tuple[Parse, str]] = {
    "candles": (partial(wire.parse_candles, market=ETH, interval=HOUR, before=NOW), f"[{CANDLE}]"),
    "tickers": (partial(wire.parse_tickers, markets=[ETH]), f"[{TICKER}]"),
    "order_book": (partial(wire.parse_order_book, market=ETH), f"[{BOOK}]"),
    "balances": (wire.parse_balances, ACCOUNTS),
    "tick_size": (partial(wire.parse_tick_size, market=ETH), INSTRUMENTS),
    "rules": (partial(wire.parse_rules, market=ETH, tick_size=Decimal(1000)), CHANCE),
    "placed": (partial(wire.parse_placed, market=ETH, side=Side.BUY, identifier=IDENTIFIER), PLACED),
    "found": (partial(wire.parse_found, identifier=IDENTIFIER), FOUND),
    "closed_orders": (partial(wire.parse_closed_orders, market=ETH), f"[{ORDER}}}]"),
}


def assert_nothing_is_invented(parse: Parse, body: bytes) -> None:
    try:
        parsed = parse(body)
    except wire.Unreadable:
        return
    there = told(body) | {Decimal(1000)}  # the tick size is handed in to the parser of the rules
    for amount in amounts(parsed):
        assert amount.is_finite()
        assert 0 <= amount < 10**18
        assert amount in there


@pytest.mark.parametrize("name", PARSERS)
def test_the_real_thing_is_read(name: str) -> None:
    parse, body = PARSERS[name]
    assert list(amounts(parse(body.encode())))


@pytest.mark.parametrize("name", PARSERS)
@given(body=st.binary(max_size=200))
@example(b"[]")
@example(b"{}")
@example(b"[" * 5000)
@example(b'{"uuid":"\xff"}')
def test_arbitrary_bytes(name: str, body: bytes) -> None:
    assert_nothing_is_invented(PARSERS[name][0], body)


@pytest.mark.parametrize("name", PARSERS)
@given(pick=st.data())
def test_a_byte_changed(name: str, pick: st.DataObject) -> None:
    parse, text = PARSERS[name]
    body = bytearray(text.encode())
    for _ in range(pick.draw(st.integers(1, 3))):
        body[pick.draw(st.integers(0, len(body) - 1))] = pick.draw(st.integers(0, 255))
    assert_nothing_is_invented(parse, bytes(body))


@pytest.mark.parametrize("name", PARSERS)
def test_every_value_replaced_by_every_odd_one(name: str) -> None:
    parse, text = PARSERS[name]
    document = json.loads(text)
    for path in places(document):
        for odd in ODD:
            body = json.dumps(replaced(document, path, odd), ensure_ascii=False).encode()
            assert_nothing_is_invented(parse, body)


@pytest.mark.parametrize("name", PARSERS)
def test_a_missing_field_is_never_made_up(name: str) -> None:
    """Every field may be missing: then the reply is unreadable, or it is one that we do not use."""
    parse, text = PARSERS[name]
    document = json.loads(text)
    whole = parse(text.encode())
    for path in list(places(document))[1:]:
        if isinstance(path[-1], int):
            continue
        body = json.dumps(removed(document, path)).encode()
        try:
            parsed = parse(body)
        except wire.Unreadable:
            continue
        if path[-1] == "identifier":  # orders of other programs have none
            assert parsed[0].identifier is None
        else:
            assert parsed == parse(json.dumps(document).encode())
    assert whole


def test_day_candles_have_no_unit() -> None:
    body = CANDLE.replace("2024-06-01T11", "2024-05-31T00").replace(',"unit":60', "")
    [candle] = wire.parse_candles(f"[{body}]".encode(), ETH, timedelta(days=1), NOW)
    assert candle.closed_at == NOW.replace(hour=0)
