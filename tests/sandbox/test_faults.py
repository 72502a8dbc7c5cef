"""Each fault switch, seen from both ends: what the client got, and what the exchange did."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from races import races
from sandbox.worlds import START, Client, options, serving

ORDERS = {"method": "POST", "path": "/v1/orders"}
CUT = (httpx2.RemoteProtocolError, httpx2.ReadError)


async def identifiers(client: Client) -> list[str]:
    return [order["identifier"] for order in (await client.seen("/sandbox/state"))["orders"]]


async def until_placed(client: Client, identifier: str) -> None:
    async with asyncio.timeout(60):
        while identifier not in await identifiers(client):  # noqa: ASYNC110 - the other side of the wire
            await asyncio.sleep(0.01)


async def test_a_lost_reply_was_done(client: Client) -> None:
    await client.arm(kind="lost_reply", count=1, **ORDERS)
    with pytest.raises(CUT):
        await client.buy(identifier="x")
    assert await identifiers(client) == ["x"]
    duplicate = await client.buy(identifier="x")
    assert duplicate.json()["error"]["name"] == "duplicate_identifier"


async def test_down_does_nothing(client: Client) -> None:
    await client.arm(kind="down", **ORDERS)
    with pytest.raises(CUT):
        await client.buy(identifier="x")
    assert await identifiers(client) == []


@pytest.mark.parametrize(("kind", "done"), [("error_before", []), ("error_after", ["x"])])
async def test_an_error_comes_before_or_after_acceptance(client: Client, kind: str, done: list[str]) -> None:
    await client.arm(kind=kind, status=503, count=1, **ORDERS)
    response = await client.buy(identifier="x")
    assert (response.status_code, response.json()["error"]["name"]) == (503, "server_error")
    assert "x-market-time" in response.headers
    assert await identifiers(client) == done
    again = await client.buy(identifier="x")
    assert again.status_code == (400 if done else 201)  # not accepted, not burnt


async def test_a_late_acceptance_comes_after_the_connection_was_cut(client: Client) -> None:
    for race in races():
        late = f"late-{race.seconds:.0f}"
        await client.arm(kind="late_accept", seconds=race.seconds, count=1, **ORDERS)
        began = time.monotonic()
        with pytest.raises(CUT):
            await client.buy(identifier=late)
        at_first = await identifiers(client)
        if race.in_time():
            assert late not in at_first
            await until_placed(client, late)
            assert time.monotonic() - began >= race.seconds


async def test_a_late_acceptance_finds_its_identifier_taken(client: Client) -> None:
    """What is sent after it, and as late, tells when it has come."""
    for race in races():
        taken, after = f"taken-{race.seconds:.0f}", f"after-{race.seconds:.0f}"
        await client.arm(kind="late_accept", seconds=race.seconds, count=2, **ORDERS)
        for name in (taken, after):
            with pytest.raises(CUT):
                await client.buy(identifier=name)
        again = await client.buy(20_000, identifier=taken)
        if race.in_time():
            assert again.status_code == 201
            await until_placed(client, after)
            assert (await identifiers(client)).count(taken) == 1
            assert (await client.order(identifier=taken)).json()["price"] == "20000"


async def test_a_late_reply_was_done_at_once(client: Client) -> None:
    for race in races():
        late = f"late-{race.seconds:.0f}"
        await client.arm(kind="late_reply", seconds=race.seconds, **ORDERS)
        began = time.monotonic()
        waiting = asyncio.create_task(client.buy(identifier=late))
        await until_placed(client, late)
        answered = waiting.done()
        if race.in_time():
            assert not answered
        assert (await waiting).status_code == 201
        assert time.monotonic() - began >= race.seconds


async def test_latency_comes_first(client: Client) -> None:
    await client.arm(kind="latency", seconds=0.2, **ORDERS)
    began = time.monotonic()
    assert (await client.buy(identifier="x")).status_code == 201
    assert time.monotonic() - began >= 0.2


async def test_a_request_held_up_is_answered_at_its_own_time(tmp_path: Path) -> None:
    async with serving(options(tmp_path, speed=60.0)) as client:
        await client.arm(kind="latency", seconds=0.5, path="/v1/accounts")
        before = client.world.clock.now()
        answered = (await client.ask("/v1/accounts")).headers["x-market-time"]
        assert answered >= (before + (START - START)).isoformat()
        assert client.world.exchange.now.timestamp() - before.timestamp() >= 30


async def test_a_rate_limit(client: Client) -> None:
    await client.arm(kind="rate_limited", path="/v1/*")
    response = await client.http.get("/v1/market/all")
    assert (response.status_code, response.json()["error"]["name"]) == (429, "too_many_requests")


async def test_rules_hit_only_what_they_name(client: Client) -> None:
    await client.arm(kind="error_before", path="/v1/order*", method="GET")
    assert (await client.http.get("/v1/orderbook?markets=KRW-ETH")).status_code == 500
    assert (await client.http.get("/v1/ticker?markets=KRW-ETH")).status_code == 200
    assert (await client.buy()).status_code == 201
    await client.arm(kind="error_before")
    assert (await client.http.get("/sandbox/clock")).status_code == 200


async def test_skip_count_and_probability(client: Client) -> None:
    async def statuses(n: int) -> list[int]:
        return [(await client.http.get("/v1/market/all")).status_code for _ in range(n)]

    await client.arm(kind="error_before", skip=2, count=2)
    assert await statuses(6) == [200, 200, 500, 500, 200, 200]
    (report,) = await client.seen("/sandbox/faults")
    assert (report["seen"], report["hits"]) == (6, 2)
    await client.arm(kind="error_before", probability=0.3, seed=4)
    first = await statuses(60)
    await client.arm(kind="error_before", probability=0.3, seed=4)
    assert await statuses(60) == first
    assert 5 < first.count(500) < 35
    await client.http.delete("/sandbox/faults")
    assert set(await statuses(20)) == {200}


@pytest.mark.parametrize(
    ("rule", "named"),
    [
        ({"kind": "meteor"}, "kind"),
        ({}, "kind"),
        ({"kind": "latency", "secnds": 3}, "secnds"),
        ({"kind": "latency", "seconds": -1}, "seconds"),
        ({"kind": "latency", "probability": 1.5}, "probability"),
        ({"kind": "error_before", "status": 200}, "status"),
        ({"kind": "error_before", "count": 0}, "count"),
    ],
)
async def test_a_wrong_rule_is_named_and_leaves_the_others(
    client: Client, rule: dict[str, Any], named: str
) -> None:
    await client.arm(kind="latency", seconds=0)
    response = await client.http.put("/sandbox/faults", json=[rule])
    assert (response.status_code, response.json()["error"]["name"]) == (400, "validation_error")
    assert named in response.text
    assert [armed["kind"] for armed in await client.seen("/sandbox/faults")] == ["latency"]


class TestTelegram:
    async def send(self, client: Client, text: str = "안녕") -> httpx2.Response:
        body = {"chat_id": "1000", "text": text}
        return await client.http.post("/telegram/botsandbox:local/sendMessage", json=body)

    async def test_it_is_told_to_wait(self, client: Client) -> None:
        await client.arm(kind="rate_limited", path="/telegram/*", retry_after=7)
        response = await self.send(client)
        assert response.status_code == 429
        assert response.json()["parameters"] == {"retry_after": 7}
        assert await client.seen("/sandbox/inbox") == []

    async def test_down(self, client: Client) -> None:
        await client.arm(kind="down", path="/telegram/*")
        with pytest.raises(CUT):
            await self.send(client)
        assert await client.seen("/sandbox/inbox") == []

    async def test_a_lost_acknowledgement_was_received(self, client: Client) -> None:
        await client.arm(kind="lost_reply", path="/telegram/*", count=1)
        with pytest.raises(CUT):
            await self.send(client)
        await self.send(client)
        assert [message["text"] for message in await client.seen("/sandbox/inbox")] == ["안녕", "안녕"]

    async def test_an_error(self, client: Client) -> None:
        await client.arm(kind="error_before", path="/telegram/*", status=502)
        assert (await self.send(client)).json() == {
            "ok": False,
            "error_code": 502,
            "description": "Internal Server Error",
        }
