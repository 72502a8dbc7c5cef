"""Cancelling and replacing over Upbit's wire: one, several by name, all of a kind."""

from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from bongsu.sandbox.orders import Order
from sandbox.worlds import ETH, Client, token

RESTING = {"market": ETH, "side": "bid", "ord_type": "limit", "price": "2900000", "volume": "0.01"}


def refused(response: httpx2.Response) -> tuple[int, Any]:
    return response.status_code, response.json()["error"]["name"]


async def place(client: Client, *identifiers: str, **change: Any) -> list[Any]:
    placed = [await client.post({**RESTING, "identifier": name, **change}) for name in identifiers]
    assert [response.status_code for response in placed] == [201] * len(placed)
    return [response.json() for response in placed]


def waiting(client: Client) -> list[str | None]:
    orders: list[Order] = client.world.exchange.waiting_orders()
    return [order.ticket.identifier for order in orders]


class TestByName:
    @pytest.mark.parametrize("brackets", ["[]", "%5B%5D", ""])
    async def test_both_spellings_of_a_list_are_taken(self, client: Client, brackets: str) -> None:
        """The documentation sends the brackets as they are, the official SDK encodes them; both hash them plain."""
        one, other = await place(client, "a", "b")
        for method, path in (("GET", "/v1/orders/uuids"), ("DELETE", "/v1/orders/uuids")):
            names = [one["uuid"], other["uuid"]]
            sent = "&".join(f"uuids{brackets}={name}" for name in names)
            plain = "&".join(f"uuids{'[]' if brackets else ''}={name}" for name in names)
            headers = {"Authorization": f"Bearer {token(plain)}"}
            answer = await client.http.request(method, f"{path}?{sent}", headers=headers)
            assert answer.status_code == 200
        assert answer.json()["success"]["count"] == 2
        assert waiting(client) == []

    async def test_what_was_cancelled_and_what_was_not(self, client: Client) -> None:
        await place(client, "a", "b")
        await client.buy(10_000, identifier="filled")
        asked = [("identifiers[]", name) for name in ("a", "filled", "nobody")]
        answer = (await client.ask("/v1/orders/uuids", asked, "DELETE")).json()
        assert [o["identifier"] for o in answer["success"]["orders"]] == ["a"]
        assert [o["identifier"] for o in answer["failed"]["orders"]] == ["filled"]
        assert (answer["success"]["count"], answer["failed"]["count"]) == (1, 1)
        assert set(answer["success"]["orders"][0]) == {"uuid", "market", "identifier"}
        assert waiting(client) == ["b"]

    @pytest.mark.parametrize(
        "asked",
        [
            [],
            [("uuids[]", "nonsense")],
            [("identifiers[]", str(n)) for n in range(21)],
            [("identifiers[]", "a"), ("uuids[]", "00000000-0000-0000-0000-000000000000")],
        ],
    )
    async def test_a_wrong_question_cancels_nothing(
        self, client: Client, asked: list[tuple[str, str]]
    ) -> None:
        await place(client, "a")
        answer = await client.ask("/v1/orders/uuids", asked, "DELETE")
        assert refused(answer) == (400, "invalid_parameter")
        assert waiting(client) == ["a"]


class TestAllOpen:
    async def cancel(self, client: Client, **asked: str) -> list[str]:
        answer = (await client.ask("/v1/orders/open", list(asked.items()), "DELETE")).json()
        assert answer["success"]["count"] == len(answer["success"]["orders"])
        assert answer["failed"] == {"count": 0, "orders": []}
        return [order["identifier"] for order in answer["success"]["orders"]]

    async def test_the_twenty_newest_unless_told(self, client: Client) -> None:
        names = [f"o{n}" for n in range(23)]
        await place(client, *names)
        assert await self.cancel(client) == names[:2:-1]
        assert await self.cancel(client, count="2", order_by="asc") == ["o0", "o1"]
        assert waiting(client) == ["o2"]

    async def test_by_side_and_by_pair(self, client: Client) -> None:
        client.world.exchange.move_from_outside("ETH", Decimal(1))
        await place(client, "bid")
        await place(client, "ask", side="ask", price="3100000")
        assert await self.cancel(client, pairs="KRW-BTC,KRW-XRP") == []
        assert await self.cancel(client, excluded_pairs=ETH) == []
        assert await self.cancel(client, quote_currencies="BTC,USDT") == []
        assert await self.cancel(client, cancel_side="ask", pairs=ETH.lower()) == ["ask"]
        assert await self.cancel(client, cancel_side="all", quote_currencies="KRW") == ["bid"]

    @pytest.mark.parametrize(
        "asked",
        [
            {"cancel_side": "buy"},
            {"order_by": "newest"},
            {"count": "301"},
            {"count": "0"},
            {"pairs": ETH, "excluded_pairs": "KRW-BTC"},
            {"pairs": ",".join(["KRW-A"] * 21)},
        ],
    )
    async def test_a_wrong_question_cancels_nothing(self, client: Client, asked: dict[str, str]) -> None:
        await place(client, "a")
        answer = await client.ask("/v1/orders/open", list(asked.items()), "DELETE")
        assert refused(answer) == (400, "invalid_parameter")
        assert waiting(client) == ["a"]


class TestInPlaceOfAnother:
    async def replace(self, client: Client, **body: str) -> httpx2.Response:
        return await client.post(body, "/v1/orders/cancel_and_new")

    async def test_the_answer_is_the_old_order_and_names_the_new_one(self, client: Client) -> None:
        (old,) = await place(client, "old")
        answer = await self.replace(
            client,
            prev_order_identifier="old",
            new_ord_type="limit",
            new_price="2800000",
            new_volume="remain_only",
            new_identifier="new",
        )
        assert answer.status_code == 201
        new = (await client.order(identifier="new")).json()
        assert answer.json()["uuid"] == old["uuid"]
        assert (answer.json()["new_order_uuid"], answer.json()["new_order_identifier"]) == (
            new["uuid"],
            "new",
        )
        assert (new["price"], new["volume"], new["side"], new["state"]) == ("2800000", "0.01", "bid", "wait")
        assert (await client.order(uuid=old["uuid"])).json()["state"] == "cancel"

    async def test_a_market_order_may_take_its_place(self, client: Client) -> None:
        (old,) = await place(client, "old")
        answer = await self.replace(
            client, prev_order_uuid=old["uuid"], new_ord_type="price", new_price="10000"
        )
        new = (await client.order(uuid=answer.json()["new_order_uuid"])).json()
        assert (new["ord_type"], new["trades_count"]) == ("price", 1)

    @pytest.mark.parametrize(
        ("body", "name"),
        [
            ({"new_ord_type": "limit", "new_price": "2900000", "new_volume": "0.01"}, "invalid_parameter"),
            ({"prev_order_identifier": "nobody", "new_ord_type": "limit"}, "order_not_found"),
            (
                {"prev_order_identifier": "old", "new_ord_type": "limit", "new_price": "1"},
                "invalid_volume_bid",
            ),
            (
                {"prev_order_identifier": "old", "new_ord_type": "price", "new_volume": "remain_only"},
                "validation_error",
            ),
            (
                {
                    "prev_order_identifier": "old",
                    "new_ord_type": "limit",
                    "new_price": "2900000",
                    "new_volume": "0.01",
                    "new_identifier": "old",
                },
                "duplicate_identifier",
            ),
            (
                {"prev_order_identifier": "old", "new_ord_type": "price", "new_price": "2000000"},
                "insufficient_funds_bid",
            ),
        ],
    )
    async def test_what_is_refused_leaves_the_old_order(
        self, client: Client, body: dict[str, str], name: str
    ) -> None:
        await place(client, "old")
        assert refused(await self.replace(client, **body))[1] == name
        assert waiting(client) == ["old"]


class TestSelfMatchPrevention:
    async def test_who_names_no_type_cancels_the_maker(self, client: Client) -> None:
        assert (await place(client, "a"))[0]["smp_type"] == "cancel_maker"

    @pytest.mark.parametrize("smp", ["cancel_maker", "cancel_taker", "reduce"])
    async def test_post_only_goes_with_none_and_means_it(self, client: Client, smp: str) -> None:
        body = {**RESTING, "time_in_force": "post_only"}
        assert (await client.post(body)).json()["smp_type"] == "none"
        assert (await client.post({**body, "smp_type": "none"})).status_code == 201
        assert refused(await client.post({**body, "smp_type": smp})) == (400, "validation_error")

    async def test_what_was_prevented_is_told(self, client: Client) -> None:
        (book,) = await client.seen("/v1/orderbook", markets=ETH)
        best = book["orderbook_units"][0]
        await client.http.post("/sandbox/account", json={"currency": "KRW", "delta": 10**9})
        await client.http.post("/sandbox/account", json={"currency": "ETH", "delta": 1})
        price = str(int(best["ask_price"]))
        await place(client, "eats", price=price, volume=str(best["ask_size"]))
        await place(client, "maker", side="ask", price=price, volume="0.5")
        await place(client, "taker", price=price, volume="0.2", smp_type="reduce")
        maker, taker = [(await client.order(identifier=name)).json() for name in ("maker", "taker")]
        assert (maker["state"], maker["remaining_volume"], maker["prevented_locked"]) == (
            "wait",
            "0.3",
            "0.2",
        )
        assert (taker["state"], taker["prevented_volume"]) == ("cancel", "0.2")
        assert taker["prevented_locked"] == str(int(int(price) * 0.2))


async def test_a_token_for_one_spelling_is_not_one_for_another_list(client: Client) -> None:
    one, other = await place(client, "a", "b")
    headers = {"Authorization": f"Bearer {token('uuids[]=' + one['uuid'])}"}
    path = f"/v1/orders/uuids?{quote('uuids[]')}={other['uuid']}"
    assert refused(await client.http.delete(path, headers=headers)) == (401, "invalid_query_payload")
