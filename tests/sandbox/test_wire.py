"""Upbit's wire over real HTTP: tokens, quotes, orders, lists, errors by name."""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bongsu.core.market import HOUR
from bongsu.sandbox.world import ExchangeOptions
from sandbox.worlds import ACCESS, ETH, FLAT, SECRET, START, Client, options, serving, token


def refused(response: httpx2.Response) -> tuple[int, Any]:
    return response.status_code, response.json()["error"]["name"]


class TestTokens:
    async def ask(self, client: Client, bearer: str | None, path: str = "/v1/accounts") -> httpx2.Response:
        return await client.http.get(path, headers={"Authorization": f"Bearer {bearer}"} if bearer else {})

    @pytest.mark.parametrize("algorithm", ["HS256", "HS512"])
    async def test_both_algorithms_are_taken(self, client: Client, algorithm: str) -> None:
        assert (await self.ask(client, token("", algorithm))).status_code == 200

    @pytest.mark.parametrize(
        ("bearer", "name"),
        [
            (lambda: None, "no_authorization_token"),
            (lambda: "nonsense", "jwt_verification"),
            (lambda: "a.b.c", "jwt_verification"),
            (lambda: token("")[:-4] + "AAAA", "jwt_verification"),
            (lambda: token("", "none"), "jwt_verification"),
            (lambda: token("", "HS384"), "jwt_verification"),
            (lambda: token("").rsplit(".", 1)[0] + ".", "jwt_verification"),
            (lambda: token("", access_key="somebody"), "invalid_access_key"),
            (lambda: token("", nonce=""), "invalid_query_payload"),
            (lambda: token("", nonce=None), "invalid_query_payload"),
        ],
    )
    async def test_bad_ones_are_refused_by_name(
        self, client: Client, bearer: Callable[[], str | None], name: str
    ) -> None:
        assert refused(await self.ask(client, bearer())) == (401, name)

    async def test_a_nonce_is_good_once(self, client: Client) -> None:
        bearer = token("")
        assert (await self.ask(client, bearer)).status_code == 200
        assert refused(await self.ask(client, bearer)) == (401, "nonce_used")

    async def test_the_hash_must_be_of_what_was_asked(self, client: Client) -> None:
        path = f"/v1/orders/chance?market={ETH}"
        assert (await self.ask(client, token(f"market={ETH}"), path)).status_code == 200
        for bearer in (token(""), token("market=KRW-BTC"), token(f"market={ETH}", query_hash_alg="MD5")):
            assert refused(await self.ask(client, bearer, path)) == (401, "invalid_query_payload")

    async def test_the_query_is_hashed_unencoded_and_in_the_order_sent(self, client: Client) -> None:
        path = "/v1/orders/closed?end_time=2024-01-20T09%3A00%3A00%2B09%3A00&states%5B%5D=done&limit=5"
        plain = "end_time=2024-01-20T09:00:00+09:00&states[]=done&limit=5"
        assert (await self.ask(client, token(plain), path)).status_code == 200
        swapped = "limit=5&states[]=done&end_time=2024-01-20T09:00:00+09:00"
        assert refused(await self.ask(client, token(swapped), path)) == (401, "invalid_query_payload")

    async def test_a_query_may_come_as_a_body(self, client: Client) -> None:
        """pyupbit's way: a form with GET, JSON with DELETE."""
        await client.post(
            {
                "market": ETH,
                "side": "bid",
                "ord_type": "limit",
                "price": "2900000",
                "volume": "0.01",
                "identifier": "x",
            }
        )
        for method, body in (
            ("GET", {"data": {"identifier": "x"}}),
            ("DELETE", {"json": {"identifier": "x"}}),
        ):
            headers = {"Authorization": f"Bearer {token('identifier=x')}"}
            response = await client.http.request(method, "/v1/order", headers=headers, **body)
            assert (response.status_code, response.json()["identifier"]) == (200, "x")
            wrong = {"Authorization": f"Bearer {token('identifier=y')}"}
            response = await client.http.request(method, "/v1/order", headers=wrong, **body)
            assert refused(response) == (401, "invalid_query_payload")

    async def test_a_body_is_hashed_in_its_own_order(self, client: Client) -> None:
        body = {"ord_type": "price", "price": "10000", "side": "bid", "market": ETH}
        assert (await client.post(body)).status_code == 201
        bearer = token("market=KRW-ETH&side=bid&ord_type=price&price=10000")
        headers = {"Authorization": f"Bearer {bearer}"}
        assert refused(await client.http.post("/v1/orders", json=body, headers=headers))[0] == 401

    async def test_an_order_without_a_token_is_not_placed_and_burns_nothing(self, client: Client) -> None:
        body = {"market": ETH, "side": "bid", "ord_type": "price", "price": "10000", "identifier": "x"}
        assert refused(await client.http.post("/v1/orders", json=body)) == (401, "no_authorization_token")
        assert (await client.post(body)).status_code == 201


class TestQuotes:
    async def test_every_answer_bears_the_markets_time(self, client: Client) -> None:
        await client.wait(START + timedelta(minutes=7))
        for path in ("/v1/market/all", "/v1/accounts", "/sandbox/clock", "/nothing/here"):
            headers = (await client.http.get(path)).headers
            assert headers["x-market-time"] == "2024-01-17T16:07:00.000000+00:00"
            assert parsedate_to_datetime(headers["date"]) == START + timedelta(minutes=7)

    async def test_candles_as_upbit_writes_them(self, client: Client) -> None:
        await client.wait(START + HOUR)
        response = await client.http.get("/v1/candles/minutes/60", params={"market": ETH, "count": 2})
        newest, older = json.loads(response.text, parse_float=Decimal, parse_int=Decimal)
        assert newest == {
            "market": ETH,
            "candle_date_time_utc": "2024-01-17T16:00:00",
            "candle_date_time_kst": "2024-01-18T01:00:00",
            "opening_price": 3_000_000,
            "high_price": 3_000_000,
            "low_price": 3_000_000,
            "trade_price": 3_000_000,
            "timestamp": 1_705_510_799_999,
            "candle_acc_trade_price": 300_000_000,
            "candle_acc_trade_volume": 100,
            "unit": 60,
        }
        assert older["candle_date_time_utc"] == "2024-01-17T15:00:00"

    @pytest.mark.parametrize(
        "to",
        ["2024-01-17T10:00:00", "2024-01-17T10:00:00Z", "2024-01-17T19:00:00+09:00", "1705485600000"],
    )
    async def test_to_is_exclusive_and_utc_without_an_offset(self, client: Client, to: str) -> None:
        (newest,) = await client.seen("/v1/candles/minutes/60", market=ETH, to=to)
        assert newest["candle_date_time_utc"] == "2024-01-17T09:00:00"

    async def test_days_know_the_day_before(self, client: Client) -> None:
        newest, _ = await client.seen("/v1/candles/days", market=ETH, count=2)
        assert newest["prev_closing_price"] == 3_000_000
        assert "unit" not in newest

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/candles/minutes/60?market=KRW-XYZ", 404),
            ("/v1/candles/minutes/60", 400),
            ("/v1/candles/minutes/7?market=KRW-ETH", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&count=201", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&count=0", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&count=x", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&to=soon", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&to=0001-01-01T00:00:00%2B09:00", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&to=9999-12-31T23:59:59-09:00", 400),
            ("/v1/candles/minutes/60?market=KRW-ETH&to=99999999999999999999", 400),
            ("/v1/ticker?markets=KRW-ETH,KRW-XYZ", 404),
            ("/v1/ticker", 400),
            ("/v1/orderbook?markets=KRW-XYZ", 404),
            ("/v1/orderbook?markets=KRW-ETH&level=10", 400),
            ("/v1/orders", 405),
            ("/v1/nothing", 404),
        ],
    )
    async def test_quotation_errors_are_named_by_their_status(
        self, client: Client, path: str, status: int
    ) -> None:
        assert refused(await client.http.get(path)) == (status, status)

    async def test_the_ticker(self, client: Client) -> None:
        await client.wait(START + timedelta(hours=9, minutes=30))  # 01:30 UTC of the next day
        (ticker,) = await client.seen("/v1/ticker", markets=ETH)
        assert (ticker["trade_price"], ticker["prev_closing_price"], ticker["change"]) == (3e6, 3e6, "EVEN")
        assert (ticker["acc_trade_volume"], ticker["acc_trade_volume_24h"]) == (150, 2_350)
        assert (ticker["trade_date_kst"], ticker["trade_time_kst"]) == ("20240118", "103000")
        assert await client.seen("/v1/ticker/all", quote_currencies="KRW") == [ticker]

    async def test_the_order_book(self, client: Client) -> None:
        (book,) = await client.seen("/v1/orderbook", markets=ETH)
        assert len(book["orderbook_units"]) == 30
        first = book["orderbook_units"][0]
        assert first["bid_price"] < first["ask_price"]
        assert book["total_ask_size"] == pytest.approx(sum(u["ask_size"] for u in book["orderbook_units"]))
        (short,) = await client.seen("/v1/orderbook", markets=ETH, count=5)
        assert short["orderbook_units"] == book["orderbook_units"][:5]

    async def test_markets_and_their_rules(self, client: Client) -> None:
        assert await client.seen("/v1/market/all") == [
            {"market": ETH, "korean_name": "이더리움", "english_name": "Ethereum"}
        ]
        (detailed,) = await client.seen("/v1/market/all", is_details="true")
        assert detailed["market_event"]["warning"] is False
        (rules,) = await client.seen("/v1/orderbook/instruments", markets=ETH)
        assert rules["tick_size"] == "1000"
        chance = (await client.ask("/v1/orders/chance", [("market", ETH)])).json()
        assert (chance["bid_fee"], chance["market"]["bid"]["min_total"]) == ("0.0005", "5000")
        assert chance["bid_account"]["balance"] == "1000000"

    async def test_what_is_left_of_the_quota_is_told(self, client: Client) -> None:
        remaining = (await client.http.get(f"/v1/ticker?markets={ETH}")).headers["remaining-req"]
        assert remaining.startswith("group=ticker; min=")
        assert (await client.buy()).headers["remaining-req"].startswith("group=order; ")
        assert "remaining-req" not in (await client.http.get("/sandbox/clock")).headers


async def put(client: Client, state: str, market: str = ETH) -> httpx2.Response:
    return await client.http.put(f"/sandbox/markets/{market}/state", json={"state": state})


async def chance_state(client: Client) -> Any:
    return (await client.ask("/v1/orders/chance", [("market", ETH)])).json()["market"]["state"]


class TestSwitchesOfMarkets:
    async def test_a_warning_is_shown_and_stops_nothing(self, client: Client) -> None:
        assert (await put(client, "warning")).json() == {ETH: "warning"}
        (detailed,) = await client.seen("/v1/market/all", is_details="true")
        assert detailed["market_event"]["warning"] is True
        assert await chance_state(client) == "active"
        assert (await client.buy()).status_code == 201

    async def test_a_suspended_market_is_listed_and_nobody_trades_there(self, client: Client) -> None:
        await client.buy(10_001, identifier="before")
        held = (await client.order(identifier="before")).json()["executed_volume"]
        await put(client, "suspended")
        (detailed,) = await client.seen("/v1/market/all", is_details="true")
        assert detailed["market_event"]["warning"] is False
        assert await chance_state(client) == "offline"
        assert refused(await client.buy()) == (400, "market_offline")
        sell = {"market": ETH, "side": "ask", "ord_type": "market", "volume": held}
        assert refused(await client.post(sell)) == (400, "market_offline")
        await client.http.delete(f"/sandbox/markets/{ETH}/state")
        assert await chance_state(client) == "active"
        assert (await client.post(sell)).status_code == 201

    async def test_its_prices_stand_still_and_its_resting_orders_wait(self, tmp_path: Path) -> None:
        falling = (3_000_000, 3_000_000, 2_000_000, 2_000_000, "100")
        low = (2_000_000, 2_000_000, 2_000_000, 2_000_000, "100")
        async with serving(options(tmp_path, [FLAT, falling, low, low])) as client:
            bid = {"market": ETH, "side": "bid", "ord_type": "limit", "price": "2500000", "volume": "0.01"}
            await client.post({**bid, "identifier": "resting"})
            await put(client, "suspended")
            before = (
                await client.seen("/v1/ticker", markets=ETH),
                await client.seen("/v1/orderbook", markets=ETH),
            )
            await client.wait(START + 3 * HOUR)
            after = (
                await client.seen("/v1/ticker", markets=ETH),
                await client.seen("/v1/orderbook", markets=ETH),
            )
            assert after == before
            assert (await client.order(identifier="resting")).json()["state"] == "wait"
            candles = await client.seen("/v1/candles/minutes/60", market=ETH, count=200)
            assert candles[0]["candle_date_time_utc"] < f"{START:%Y-%m-%dT%H:%M:%S}"
            await put(client, "active")
            (ticker,) = await client.seen("/v1/ticker", markets=ETH)
            assert ticker["trade_price"] == 2_000_000

    async def test_a_delisted_market_is_nowhere_and_its_coins_stay(self, client: Client) -> None:
        await client.buy(10_001)
        await put(client, "delisted")
        assert await client.seen("/v1/market/all") == []
        for path in (f"/v1/ticker?markets={ETH}", f"/v1/orderbook?markets={ETH}"):
            assert (await client.http.get(path)).status_code in (400, 404)
        assert refused(await client.buy())[1] == "market_does_not_exist"
        assert refused(await client.ask("/v1/orders/chance", [("market", ETH)]))[1] == "market_does_not_exist"
        assert [h["currency"] for h in (await client.ask("/v1/accounts")).json()] == ["KRW", "ETH"]

    @pytest.mark.parametrize("body", [{"state": "closed"}, {}, {"state": "active", "since": 1}])
    async def test_what_is_no_state_is_refused(self, client: Client, body: dict[str, object]) -> None:
        response = await client.http.put(f"/sandbox/markets/{ETH}/state", json=body)
        assert refused(response) == (400, "validation_error")
        assert await client.seen("/sandbox/markets") == {ETH: "active"}

    async def test_only_a_market_of_this_world_has_a_switch(self, client: Client) -> None:
        assert refused(await put(client, "warning", "KRW-NONE")) == (404, "market_does_not_exist")


class TestOrders:
    async def test_amounts_are_strings_and_the_first_answer_knows_no_fill(self, client: Client) -> None:
        response = await client.buy(10_001, identifier="first")
        assert response.status_code == 201
        placed = response.json()
        assert {k: v for k, v in placed.items() if k != "uuid"} == {
            "side": "bid",
            "ord_type": "price",
            "price": "10001",
            "state": "wait",
            "market": ETH,
            "created_at": "2024-01-18T01:00:00+09:00",
            "volume": None,
            "remaining_volume": None,
            "reserved_fee": "5.0005",
            "remaining_fee": "5.0005",
            "paid_fee": "0",
            "locked": "10006.0005",
            "executed_volume": "0",
            "trades_count": 0,
            "time_in_force": None,
            "identifier": "first",
            "smp_type": "cancel_maker",
            "prevented_volume": "0",
            "prevented_locked": "0",
        }
        found = (await client.order(identifier="first")).json()
        assert found == (await client.order(uuid=placed["uuid"])).json()
        (trade,) = found["trades"]
        assert (found["state"], found["locked"], trade["volume"]) == ("cancel", "0", found["executed_volume"])
        assert Decimal(trade["funds"]) == Decimal(trade["price"]) * Decimal(trade["volume"])
        assert Decimal(found["paid_fee"]) == Decimal(trade["funds"]) * Decimal("0.0005")
        krw, ether = (await client.ask("/v1/accounts")).json()
        assert Decimal(krw["balance"]) == 1_000_000 - Decimal(trade["funds"]) - Decimal(found["paid_fee"])
        assert (ether["currency"], ether["balance"], ether["locked"]) == ("ETH", trade["volume"], "0")

    @pytest.mark.parametrize(
        ("change", "name"),
        [
            ({"side": "buy"}, "validation_error"),
            ({"side": None}, "validation_error"),
            ({"market": None}, "validation_error"),
            ({"market": "KRW-XYZ"}, "market_does_not_exist"),
            ({"ord_type": "stop"}, "not_supported_ord_type"),
            ({"ord_type": "market"}, "not_supported_ord_type"),
            ({"price": None}, "invalid_price_bid"),
            ({"price": "-5"}, "validation_error"),
            ({"price": "1e9"}, "validation_error"),
            ({"price": "NaN"}, "validation_error"),
            ({"price": True}, "validation_error"),
            ({"price": "0"}, "invalid_volume_bid"),
            ({"volume": "1"}, "invalid_volume_bid"),
            ({"time_in_force": "ioc"}, "validation_error"),
            ({"time_in_force": "gtc"}, "validation_error"),
            ({"smp_type": "all"}, "validation_error"),
            ({"price": "4999.9"}, "under_min_total_bid"),
            ({"identifier": ""}, "validation_error"),
            ({"identifier": "x" * 65}, "validation_error"),
            ({"identifier": 5}, "validation_error"),
        ],
    )
    async def test_malformed_ones_are_refused(
        self, client: Client, change: dict[str, Any], name: str
    ) -> None:
        body = {"market": ETH, "side": "bid", "ord_type": "price", "price": "10000", **change}
        spelled = {
            k: "" if v is None else str(v).lower() if isinstance(v, bool) else v for k, v in body.items()
        }
        asked = "&".join(f"{k}={v}" for k, v in spelled.items())
        headers = {"Authorization": f"Bearer {token(asked)}"}
        for path in ("/v1/orders", "/v1/orders/test"):
            headers = {"Authorization": f"Bearer {token(asked)}"}
            assert refused(await client.http.post(path, json=body, headers=headers)) == (400, name)
        assert (await client.seen("/sandbox/state"))["orders"] == []

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'"x"'])
    async def test_a_body_that_is_no_object_is_refused(self, client: Client, body: bytes) -> None:
        headers = {"Authorization": f"Bearer {token('')}"}
        assert (await client.http.post("/v1/orders", content=body, headers=headers)).status_code == 400

    async def test_numbers_are_taken_as_they_are_spelled(self, client: Client) -> None:
        raw = b'{"market":"KRW-ETH","side":"bid","ord_type":"limit","price":2900000.0,"volume":0.10}'
        bearer = token("market=KRW-ETH&side=bid&ord_type=limit&price=2900000.0&volume=0.10")
        headers = {"Authorization": f"Bearer {bearer}"}
        response = await client.http.post("/v1/orders", content=raw, headers=headers)
        assert (response.status_code, response.json()["volume"]) == (201, "0.1")

    async def test_a_duplicate_identifier_is_refused_also_after_a_refusal(self, client: Client) -> None:
        assert refused(await client.buy(1, identifier="a")) == (400, "under_min_total_bid")
        assert refused(await client.buy("nonsense", identifier="b")) == (400, "validation_error")
        for used in "ab":
            assert refused(await client.buy(identifier=used)) == (400, "duplicate_identifier")
            assert refused(await client.order(identifier=used)) == (404, "order_not_found")

    async def test_testing_an_order_places_nothing_and_burns_nothing(self, client: Client) -> None:
        body = {"market": ETH, "side": "bid", "ord_type": "price", "price": "10000", "identifier": "x"}
        tested = await client.post(body, "/v1/orders/test")
        assert tested.status_code == 201
        assert refused(await client.order(uuid=tested.json()["uuid"])) == (404, "order_not_found")
        assert (await client.post(body)).status_code == 201

    async def test_open_closed_and_by_id(self, client: Client) -> None:
        resting = {"market": ETH, "side": "bid", "ord_type": "limit", "price": "2900000", "volume": "0.01"}
        placed = [(await client.post({**resting, "identifier": f"o{n}"})).json() for n in range(3)]
        await client.buy(identifier="filled")
        opened = (await client.ask("/v1/orders/open", [("market", ETH)])).json()
        assert [o["identifier"] for o in opened] == ["o2", "o1", "o0"]
        cancelled = await client.ask("/v1/order", [("uuid", placed[1]["uuid"])], "DELETE")
        assert cancelled.status_code == 200
        again = await client.ask("/v1/order", [("uuid", placed[1]["uuid"])], "DELETE")
        assert refused(again) == (404, "order_not_found")
        closed = (
            await client.ask("/v1/orders/closed", [("states[]", "cancel"), ("states[]", "done")])
        ).json()
        assert [(o["identifier"], o["executed_funds"]) for o in closed][1] == ("o1", "0")
        page = (
            await client.ask("/v1/orders/open", [("limit", "1"), ("page", "2"), ("order_by", "asc")])
        ).json()
        assert [o["identifier"] for o in page] == ["o2"]
        named = (
            await client.ask("/v1/orders/uuids", [("identifiers[]", "o0"), ("identifiers[]", "no")])
        ).json()
        assert [o["uuid"] for o in named] == [placed[0]["uuid"]]

    async def test_closed_orders_come_from_seven_days_at_most(self, tmp_path: Path) -> None:
        async with serving(options(tmp_path, (FLAT,) * 24 * 12)) as client:
            for day in range(10):
                await client.wait(START + timedelta(days=day, seconds=1))
                await client.buy(identifier=f"day{day}")

            async def closed(**window: str) -> list[str]:
                found = await client.ask("/v1/orders/closed", [*window.items(), ("order_by", "asc")])
                return [order["identifier"] for order in found.json()]

            assert await closed() == [f"day{n}" for n in range(2, 10)]
            start, end = (START + timedelta(days=n) for n in (1, 3))
            assert await closed(start_time=start.isoformat(), end_time=end.isoformat()) == ["day1", "day2"]
            assert await closed(start_time=start.isoformat()) == [f"day{n}" for n in range(1, 8)]
            late = (START + timedelta(days=8, seconds=1)).isoformat()
            too_long = [("start_time", START.isoformat()), ("end_time", late)]
            assert refused(await client.ask("/v1/orders/closed", too_long)) == (400, "invalid_parameter")


class TestAdmin:
    async def test_lock_step_moves_by_waits_only(self, client: Client) -> None:
        assert await client.seen("/sandbox/clock") == {
            "now": "2024-01-17T16:00:00.000000+00:00",
            "speed": "max",
            "held": False,
            "ended": False,
            "start": "2024-01-17T16:00:00.000000+00:00",
            "end": "2024-01-18T16:00:00.000000+00:00",
        }
        assert (await client.wait(START + HOUR))["now"] == "2024-01-17T17:00:00.000000+00:00"
        ended = await client.wait(START + 100 * HOUR)
        assert (ended["now"], ended["ended"]) == ("2024-01-18T16:00:00.000000+00:00", True)

    async def test_a_held_market_stands(self, client: Client) -> None:
        await client.http.post("/sandbox/clock/hold", json={"owner": "me", "ttl": 60})
        held = await client.wait(START + HOUR, timeout=0.05)
        assert (held["now"], held["held"]) == ("2024-01-17T16:00:00.000000+00:00", True)
        released = (await client.http.post("/sandbox/clock/release", json={"owner": "me"})).json()
        assert released["held"] is False
        assert (await client.wait(START + HOUR))["now"] == "2024-01-17T17:00:00.000000+00:00"

    async def test_at_speed_n_a_wait_returns_when_the_time_has_come(self, tmp_path: Path) -> None:
        async with serving(options(tmp_path, speed=3_600.0)) as client:
            until = START + timedelta(minutes=20)
            reached = await client.wait(until, timeout=20)
            assert reached["now"] >= until.isoformat()

    @pytest.mark.parametrize(
        ("path", "body", "named"),
        [
            ("clock/hold", {"owner": "me"}, "ttl"),
            ("clock/hold", {"owner": "me", "ttl": 0}, "ttl"),
            ("clock/hold", {"owner": "me", "ttl": 5, "forever": True}, "forever"),
            ("clock/wait", {"until": "2024-01-01T00:00:00"}, "until"),
            ("clock/wait", {"until": "2024-01-01T00:00:00Z", "timeout": 31}, "timeout"),
            ("account", {"currency": "krw", "delta": 1}, "currency"),
        ],
    )
    async def test_a_wrong_question_is_named(
        self, client: Client, path: str, body: dict[str, Any], named: str
    ) -> None:
        response = await client.http.post(f"/sandbox/{path}", json=body)
        assert refused(response) == (400, "validation_error")
        assert f"`{named}`" in response.text or f"$.{named}" in response.text

    async def test_the_world_and_its_state(self, client: Client) -> None:
        world = await client.seen("/sandbox/world")
        assert (world["id"], world["markets"], world["fee"]) == (client.world.id, [ETH], "0.0005")
        deposited = await client.http.post("/sandbox/account", json={"currency": "KRW", "delta": "500.5"})
        assert deposited.json()[0]["balance"] == "1000500.5"
        too_much = await client.http.post("/sandbox/account", json={"currency": "KRW", "delta": "-2000000"})
        assert refused(too_much) == (400, "insufficient_funds")
        identifier = str(uuid4())
        await client.buy(identifier=identifier)
        state = await client.seen("/sandbox/state")
        assert [flow["delta"] for flow in state["flows"]] == ["1000000", "500.5"]
        assert [trade["identifier"] for trade in state["trades"]] == [identifier]
        spent = sum(Decimal(t["funds"]) + Decimal(t["fee"]) for t in state["trades"])
        assert Decimal(state["balances"][0]["balance"]) == Decimal("1000500.5") - spent


async def test_the_test_client_signs_as_documented(client: Client) -> None:
    """HS256 over the parts, by hand: the tests' signer and the server's check do not only agree with each other."""
    import hmac
    from base64 import urlsafe_b64encode

    nonce = str(uuid4())
    hashed = hashlib.sha512(b"market=KRW-ETH").hexdigest()
    payload = (
        f'{{"access_key":"{ACCESS}","nonce":"{nonce}","query_hash":"{hashed}","query_hash_alg":"SHA512"}}'
    )
    parts = [urlsafe_b64encode(p.encode()).rstrip(b"=") for p in ('{"alg":"HS256","typ":"JWT"}', payload)]
    signed = b".".join(parts)
    signature = urlsafe_b64encode(hmac.digest(SECRET.encode(), signed, "sha256")).rstrip(b"=")
    headers = {"Authorization": f"Bearer {(signed + b'.' + signature).decode()}"}
    response = await client.http.get("/v1/orders/chance?market=KRW-ETH", headers=headers)
    assert response.status_code == 200


async def test_a_failure_of_its_own_is_no_answer_about_the_order(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(client.world.store, "add_trade", full)
        response = await client.buy(identifier="x")
    assert refused(response) == (500, "server_error")
    assert "x-market-time" in response.headers
    assert (await client.buy(identifier="x")).status_code == 201


async def test_an_endless_market_does_not_jump_for_ever(tmp_path: Path) -> None:
    endless = ExchangeOptions(world_dir=tmp_path, speed="max")
    async with serving(endless) as client:
        far = {"until": "9999-01-01T00:00:00Z"}
        assert refused(await client.http.post("/sandbox/clock/wait", json=far)) == (400, "validation_error")
        assert (await client.wait(client.world.feed.start + timedelta(days=3)))["now"].startswith(
            "2025-01-04T00"
        )


async def test_a_market_just_held_is_shown_where_it_stands(tmp_path: Path) -> None:
    async with serving(options(tmp_path, speed=3_600.0)) as client:
        held = (await client.http.post("/sandbox/clock/hold", json={"owner": "me", "ttl": 60})).json()
        assert await client.seen("/sandbox/clock") == held
