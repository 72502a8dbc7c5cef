"""What may come by a WebSocket: read, or refused whole."""

import json
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.adapters.upbit.frames import StreamRefused, parse_hint
from bongsu.adapters.upbit.wire import Unreadable
from bongsu.core.hints import BalancesStirred, OrderStirred, PriceHeard
from bongsu.core.market import Market
from bongsu.core.money import Price

ETH = Market("KRW-ETH")
OURS = UUID("9c2d9a3e-3c5e-4a0e-9d6e-2f6f2a4e9b10")


@pytest.mark.parametrize(
    ("frame", "hint"),
    [
        (
            '{"type":"ticker","code":"KRW-ETH","trade_price":4350000.5}',
            PriceHeard(ETH, Price(Decimal("4350000.5"))),
        ),
        (
            f'{{"type":"myOrder","code":"KRW-ETH","identifier":"{OURS}","state":"trade"}}',
            OrderStirred(ETH, OURS),
        ),
        ('{"type":"myOrder","code":"KRW-ETH","state":"done"}', OrderStirred(ETH, None)),
        ('{"type":"myOrder","code":"KRW-ETH","identifier":"by hand"}', OrderStirred(ETH, None)),
        ('{"type":"myAsset","assets":[]}', BalancesStirred()),
        ('{"status":"UP"}', None),
        ('{"type":"announcement","title":"…"}', None),
    ],
)
def test_what_is_read(frame: str, hint: object) -> None:
    assert parse_hint(frame) == parse_hint(frame.encode()) == hint


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "<html></html>",
        b"\xff\xfe",
        '{"type":"ticker","code":"KRW-ETH"}',
        '{"type":"ticker","trade_price":1}',
        '{"type":"ticker","code":"KRW-ETH","trade_price":0}',
        '{"type":"ticker","code":"KRW-ETH","trade_price":-1}',
        '{"type":"ticker","code":"KRW-ETH","trade_price":null}',
        '{"type":"ticker","code":"KRW-ETH","trade_price":"1"}',
        '{"type":"ticker","code":"KRW-ETH","trade_price":1e400}',
        '{"type":"myOrder"}',
        '{"type":7}',
    ],
)
def test_what_is_not(frame: str | bytes) -> None:
    with pytest.raises(Unreadable):
        parse_hint(frame)


def test_a_refusal_has_the_exchanges_own_name() -> None:
    with pytest.raises(StreamRefused) as refused:
        parse_hint('{"error":{"name":"INVALID_AUTH","message":"…"}}')
    assert refused.value.name == "INVALID_AUTH"


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["ticker", "myOrder", "KRW-ETH"]),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["type", "code", "trade_price", "error", "name"]), inner)
    ),
)


@given(_JSON)
def test_nothing_else_comes_of_anything(value: object) -> None:
    try:
        hint = parse_hint(json.dumps(value))
    except (Unreadable, StreamRefused):
        return
    assert hint is None or (isinstance(hint, PriceHeard) and hint.price > 0) or isinstance(hint, OrderStirred)
