"""A key's rights, its end and its addresses, as a client meets them."""

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from bongsu.core.market import HOUR
from bongsu.sandbox.endpoints import ENDPOINTS, Endpoint
from bongsu.sandbox.key import TRADING, Right
from sandbox.worlds import ACCESS, ETH, START, Client, token


def refused(response: httpx2.Response) -> tuple[int, Any]:
    return response.status_code, response.json()["error"]["name"]


async def put(client: Client, **key: Any) -> None:
    (await client.http.put("/sandbox/key", json=key)).raise_for_status()


async def knock(client: Client, endpoint: Endpoint) -> httpx2.Response:
    path = endpoint.path.replace("{unit}", "60")
    return await client.http.request(endpoint.method, path, headers={"Authorization": f"Bearer {token('')}"})


async def test_a_trading_key_may_neither_withdraw_nor_deposit(client: Client) -> None:
    others = [endpoint for endpoint in ENDPOINTS if endpoint.right not in (None, *TRADING)]
    assert [e.name for e in others if refused(await knock(client, e)) != (403, "out_of_scope")] == []
    assert len(others) > 20


async def test_each_endpoint_wants_its_right_and_no_other(client: Client) -> None:
    for endpoint in ENDPOINTS:
        if endpoint.right is None:
            continue
        await put(client, rights=sorted(set(Right) - {endpoint.right}))
        assert refused(await knock(client, endpoint)) == (403, "out_of_scope"), endpoint.name
        await put(client, rights=[endpoint.right])
        answer = await knock(client, endpoint)
        assert answer.status_code != 403, endpoint.name
        if not endpoint.served:
            assert refused(answer) == (404, "not_supported")
            assert endpoint.name in answer.json()["error"]["message"]


async def test_an_order_without_the_right_is_not_placed_and_burns_nothing(client: Client) -> None:
    await put(client, rights=["view_orders", "view_account"])
    assert refused(await client.buy(identifier="x")) == (403, "out_of_scope")
    await client.http.delete("/sandbox/key")
    assert (await client.buy(identifier="x")).status_code == 201


async def test_a_key_lasts_another_year_unless_it_is_told_when_it_ends(client: Client) -> None:
    assert (await client.ask("/v1/api_keys")).json() == [
        {"access_key": ACCESS, "expire_at": "2025-01-17T01:00:00+09:00"}
    ]
    await put(client, expires_at=(START + HOUR).isoformat())
    (key,) = (await client.ask("/v1/api_keys")).json()
    assert key["expire_at"] == "2024-01-18T02:00:00+09:00"
    await client.wait(START + HOUR - timedelta(seconds=1))
    assert (await client.ask("/v1/accounts")).status_code == 200
    await client.wait(START + HOUR)
    assert refused(await client.ask("/v1/accounts")) == (401, "expired_access_key")
    assert (await client.http.get(f"/v1/ticker?markets={ETH}")).status_code == 200


async def test_another_address_is_refused_by_name_until_it_is_allowed(client: Client) -> None:
    await put(client, address_allowed=False)
    assert refused(await client.ask("/v1/accounts")) == (401, "no_authorization_i_p")
    await put(client, address_allowed=True)
    assert (await client.ask("/v1/accounts")).status_code == 200


async def test_what_was_moved_from_outside_is_listed(client: Client) -> None:
    await client.http.post("/sandbox/account", json={"currency": "KRW", "delta": "-1000.5"})
    await client.http.post("/sandbox/account", json={"currency": "ETH", "delta": "2"})
    await put(client, rights=["view_deposits", "view_withdrawals"])
    deposits = (await client.ask("/v1/deposits")).json()
    assert [(d["currency"], d["amount"], d["state"]) for d in deposits] == [
        ("ETH", "2", "ACCEPTED"),
        ("KRW", "1000000", "ACCEPTED"),
    ]
    assert [d["currency"] for d in (await client.ask("/v1/deposits", [("currency", "KRW")])).json()] == [
        "KRW"
    ]
    (withdrawn,) = (await client.ask("/v1/withdraws")).json()
    assert (withdrawn["amount"], withdrawn["type"], withdrawn["state"]) == ("1000.5", "withdraw", "DONE")


@pytest.mark.parametrize(
    "body", [{"rights": ["everything"]}, {"expires_at": "2024-01-01T00:00:00"}, {"key": "x"}]
)
async def test_what_is_no_setting_of_a_key_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert refused(await client.http.put("/sandbox/key", json=body)) == (400, "validation_error")
    assert (await client.seen("/sandbox/key"))["rights"] == sorted(TRADING)
