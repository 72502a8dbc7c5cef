"""Each kind of fault as a plain HTTP client sees it, and the journal of them."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import httpx2
import pytest

from bongsu.core.market import HOUR
from bongsu.sandbox.fault_rules import COMMON, KINDS, Kind, Rule
from sandbox.worlds import START, Client, options, serving

ORDERS = {"method": "POST", "path": "/v1/orders"}
CUT = (httpx2.RemoteProtocolError, httpx2.ReadError)
CANDLES = "/v1/candles/minutes/60?market=KRW-ETH&count=3"
TICKER = "/v1/ticker?markets=KRW-ETH"
BOOK = "/v1/orderbook?markets=KRW-ETH"


async def identifiers(client: Client) -> list[str]:
    return [order["identifier"] for order in (await client.seen("/sandbox/state"))["orders"]]


async def won(client: Client) -> Decimal:
    balances = (await client.seen("/sandbox/state"))["balances"]
    return next(Decimal(b["balance"]) for b in balances if b["currency"] == "KRW")


@pytest.mark.parametrize(("kind", "done"), [("timeout_before", []), ("timeout_after", ["x"])])
async def test_a_time_out_before_and_after_acceptance(client: Client, kind: str, done: list[str]) -> None:
    """Who is patient sees the cut, who is not gives up; what was done is the same."""
    await client.arm(kind=kind, seconds=0.05, count=1, **ORDERS)
    with pytest.raises(CUT):
        await client.buy(identifier="x")
    assert await identifiers(client) == done
    await client.arm(kind=kind, seconds=3600, count=1, path=TICKER.partition("?")[0])
    with pytest.raises(httpx2.ReadTimeout):
        await client.http.get(TICKER, timeout=0.2)
    assert (await client.http.get(TICKER)).status_code == 200


async def test_a_ban_names_its_length(client: Client) -> None:
    await client.arm(kind="banned", path="/v1/*", seconds=90, count=1)
    response = await client.http.get(TICKER)
    assert (response.status_code, response.json()["error"]["name"]) == (418, "block")
    assert "90초" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("kind", "name"), [("key_expired", "expired_access_key"), ("ip_refused", "no_authorization_i_p")]
)
async def test_a_key_is_refused_where_one_is_shown(client: Client, kind: str, name: str) -> None:
    await client.arm(kind=kind)
    for response in (await client.ask("/v1/accounts"), await client.buy(identifier="x")):
        assert (response.status_code, response.json()["error"]["name"]) == (401, name)
    assert (await client.http.get(TICKER)).status_code == 200
    assert await identifiers(client) == []


async def test_a_refusal_by_any_name(client: Client) -> None:
    await client.arm(kind="error_before", status=400, error="a_name_of_tomorrow", **ORDERS)
    assert (await client.buy()).json()["error"]["name"] == "a_name_of_tomorrow"


async def test_nonsense_was_done_and_is_no_answer(client: Client) -> None:
    await client.arm(kind="malformed", seed=3, **ORDERS)
    bodies = [(await client.buy(identifier=f"x{n}")).content for n in range(12)]
    assert len(await identifiers(client)) == 12
    assert not any(b"uuid" in body for body in bodies)
    assert len(set(bodies)) > 3
    await client.arm(kind="malformed", seed=3, **ORDERS)
    assert [(await client.buy(identifier=f"y{n}")).content for n in range(12)] == bodies


async def test_half_of_the_body(client: Client) -> None:
    whole = (await client.http.get(CANDLES)).content
    await client.arm(kind="truncated", path="/v1/candles/*")
    response = await client.http.get(CANDLES)
    assert (response.status_code, response.content) == (200, whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        response.json()


async def test_a_cut_in_the_middle_of_the_body(client: Client) -> None:
    await client.arm(kind="cut_reply", count=1, **ORDERS)
    with pytest.raises(CUT):
        await client.buy(identifier="x")
    assert await identifiers(client) == ["x"]
    assert (await client.order(identifier="x")).status_code == 200


@pytest.mark.parametrize("status", [200, 502])
async def test_a_web_page_instead(client: Client, status: int) -> None:
    await client.arm(kind="html", status=status, path="/v1/*")
    response = await client.http.get(TICKER)
    assert (response.status_code, response.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert response.text.startswith("<!DOCTYPE html>")


async def test_candles_stand_still(client: Client) -> None:
    await client.arm(kind="stale_candles", path="/v1/candles/*", after=3600)
    await client.wait(START + HOUR)
    before = (await client.http.get(CANDLES)).json()[0]["candle_date_time_utc"]
    await client.wait(START + 5 * HOUR)
    frozen = [row["candle_date_time_utc"] for row in (await client.http.get(CANDLES)).json()]
    assert (len(frozen), frozen[0]) == (3, before)
    earlier = (await client.http.get(f"{CANDLES}&to=2024-01-01T05:00:00Z")).json()[0]
    assert earlier["candle_date_time_utc"] == "2024-01-01T04:00:00"
    assert (await client.http.get(f"{CANDLES}&to=never")).status_code == 400
    assert (await client.http.get(TICKER)).json()[0]["timestamp"] > (START + 4 * HOUR).timestamp() * 1000
    await client.http.delete("/sandbox/faults")
    fresh = (await client.http.get(CANDLES)).json()[0]["candle_date_time_utc"]
    assert datetime.fromisoformat(fresh) - datetime.fromisoformat(before) == 4 * HOUR


async def test_quotes_stand_still(client: Client) -> None:
    await client.arm(kind="stale_quotes", path="/v1/ticker")
    first = (await client.http.get(TICKER)).content
    await client.wait(START + 2 * HOUR)
    assert (await client.http.get(TICKER)).content == first
    assert (await client.http.get(BOOK)).json()[0]["timestamp"] == (START + 2 * HOUR).timestamp() * 1000


@pytest.mark.parametrize("factor", ["10", "0", "0.15"])
async def test_prices_that_nobody_paid(client: Client, factor: str) -> None:
    true = {path: (await client.http.get(path)).json()[0] for path in (CANDLES, TICKER, BOOK)}
    await client.arm(kind="outlier_price", path="/v1/*", factor=factor)
    told = {path: (await client.http.get(path)).json()[0] for path in true}
    times = float(factor)
    assert told[TICKER]["trade_price"] == true[TICKER]["trade_price"] * times
    assert told[CANDLES]["opening_price"] == true[CANDLES]["opening_price"] * times
    assert told[CANDLES]["candle_acc_trade_volume"] == true[CANDLES]["candle_acc_trade_volume"]
    asks = [[unit["ask_price"] for unit in at[BOOK]["orderbook_units"]] for at in (true, told)]
    assert asks[1] == [pytest.approx(price * times) for price in asks[0]]


async def test_a_crossed_book(client: Client) -> None:
    await client.arm(kind="crossed_book", path="/v1/orderbook")
    best = (await client.http.get(BOOK)).json()[0]["orderbook_units"][0]
    assert best["bid_price"] > best["ask_price"]


async def test_volumes_are_null(client: Client) -> None:
    await client.arm(kind="null_volume", path="/v1/*")
    assert (await client.http.get(CANDLES)).json()[0]["candle_acc_trade_volume"] is None
    sold = await client.post({"market": "KRW-ETH", "side": "ask", "ord_type": "market", "volume": "1"})
    assert sold.json()["error"]["name"] == "insufficient_funds_ask"  # a refusal has none
    limit = {"market": "KRW-ETH", "side": "bid", "ord_type": "limit", "price": "2900000", "volume": "0.01"}
    placed = (await client.post(limit)).json()
    assert (placed["volume"], placed["remaining_volume"], placed["price"]) == (None, None, "2900000")


async def test_the_clock_of_the_exchange_is_wrong(client: Client) -> None:
    await client.arm(kind="clock_offset", offset=-30, path="/v1/*")
    wrong = (await client.http.get(TICKER)).headers["x-market-time"]
    assert datetime.fromisoformat(wrong) == START - timedelta(seconds=30)
    assert (await client.http.get("/sandbox/clock")).headers[
        "x-market-time"
    ] == f"{START.isoformat()[:19]}.000000+00:00"


@pytest.mark.parametrize(("share", "least", "most"), [("0.3", 2_990, 3_000), ("0", 0, 0)])
async def test_an_order_gets_less_than_it_wants(client: Client, share: str, least: int, most: int) -> None:
    await client.arm(kind="partial_fill", share=share, count=1, **ORDERS)
    await client.buy(10_000, identifier="x")
    order = (await client.order(identifier="x")).json()
    assert order["state"] == "cancel"
    assert least <= sum(Decimal(trade["funds"]) for trade in order["trades"]) <= most
    before = await won(client)
    await client.buy(10_000, identifier="y")  # the count is used up
    assert before - await won(client) > 9_000


async def test_part_of_a_limit_order_goes_on_waiting(client: Client) -> None:
    await client.arm(kind="partial_fill", share="0.5", **ORDERS)
    limit = {"market": "KRW-ETH", "side": "bid", "ord_type": "limit", "price": "3100000", "volume": "0.1"}
    await client.post({**limit, "identifier": "x"})
    order = (await client.order(identifier="x")).json()
    assert (order["state"], order["executed_volume"], order["remaining_volume"]) == ("wait", "0.05", "0.05")


async def test_money_comes_and_goes_from_outside(client: Client) -> None:
    await client.arm(kind="balance_change", delta="-400000", path="/v1/accounts", skip=1, count=1)
    seen = [(await client.ask("/v1/accounts")).json()[0]["balance"] for _ in range(3)]
    assert seen == ["1000000", "600000", "600000"]
    await client.arm(kind="balance_change", currency="BTC", delta="0.5", path="/v1/accounts", count=1)
    assert {"currency": "BTC", "balance": "0.5"}.items() <= (await client.ask("/v1/accounts")).json()[
        1
    ].items()
    await client.arm(kind="balance_change", delta="-99999999", path="/v1/accounts")
    assert (await client.ask("/v1/accounts")).json()[0]["balance"] == "600000"


async def test_a_window_of_market_time(client: Client) -> None:
    await client.arm(kind="error_before", path="/v1/ticker", after=3600, until=7200)
    statuses = []
    for hour in range(4):
        await client.wait(START + hour * HOUR)
        statuses.append((await client.http.get(TICKER)).status_code)
    assert statuses == [200, 500, 200, 200]


async def test_the_first_that_decides_wins_and_what_goes_before_happens(client: Client) -> None:
    rules = [
        {"kind": "outlier_price"},
        {"kind": "balance_change", "delta": "5"},
        {"kind": "error_before", "status": 503},
        {"kind": "down"},
    ]
    (await client.http.put("/sandbox/faults", json=rules)).raise_for_status()
    assert (await client.http.get(TICKER)).status_code == 503
    assert await won(client) == 1_000_005


class TestJournal:
    RULES = (
        {"kind": "error_before", "path": "/v1/ticker", "probability": 0.4},
        {"kind": "malformed", "path": "/v1/*", "probability": 0.3},
    )

    async def played(self, directory: Path, seed: int) -> list[dict[str, Any]]:
        directory.mkdir()
        async with serving(options(directory)) as client:
            rules = [{**rule, "seed": seed} for rule in self.RULES]
            (await client.http.put("/sandbox/faults", json=rules)).raise_for_status()
            for n in range(20):
                await client.wait(START + n * HOUR)
                await client.http.get(TICKER)
                await client.http.get(BOOK)
            return await client.seen("/sandbox/faults/journal")

    async def test_equal_seeds_and_requests_give_equal_faults(self, tmp_path: Path) -> None:
        first, again, other = [
            await self.played(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
        ]
        assert first == again
        assert 10 < len(first) < 30
        assert [entry["path"] for entry in first] != [entry["path"] for entry in other]

    async def test_it_says_what_struck_what_and_when(self, client: Client) -> None:
        await client.arm(kind="error_before", path="/telegram/*", status=401)
        await client.wait(START + HOUR)
        await client.http.post("/telegram/bot123456:secret/sendMessage", json={})
        await client.http.get(TICKER)
        (entry,) = await client.seen("/sandbox/faults/journal")
        assert entry == {
            "n": 1,
            "at": (START + HOUR).isoformat().replace("+00:00", "Z"),
            "rule": 0,
            "kind": "error_before",
            "method": "POST",
            "path": "/telegram/bot***/sendMessage",
        }
        assert await client.seen("/sandbox/faults/journal", after=1) == []


def test_every_kind_is_told_of_and_seen_by_a_client() -> None:
    assert set(KINDS) == set(get_args(Kind))
    assert all(re.search("[가-힣]", words.korean) for words in KINDS.values())
    here = [Path(__file__), Path(__file__).with_name("test_faults.py")]
    source = "".join(file.read_text(encoding="utf-8") for file in here)
    assert {kind for kind in KINDS if f'"{kind}"' in source} == set(KINDS)


def test_every_key_is_read_by_some_kind() -> None:
    read = {key for words in KINDS.values() for key in words.reads}
    assert read | set(COMMON) == set(Rule.__struct_fields__)
