"""The control API: who may ask, what is on record, and that a kill is final before it is answered."""

import asyncio
import json

import httpx2
import psycopg
import pytest

from bongsu.core.order import Side
from bongsu.core.risk import Veto, VetoReason
from bongsu.settings import Wiring
from bongsu.web.control import Codes
from bongsu.web.guard import RateLimit
from bongsu.web.problems import Refused
from core.samples import BTC, ETH
from web.story import ACCOUNT, Books, fund, request

WHY = {"who": "cli", "why": "시험"}


async def post(client: httpx2.AsyncClient, kind: str, body: object = WHY, **headers: str) -> httpx2.Response:
    return await client.post(f"/api/v1/control/{kind}", json=body, headers=headers)


async def test_a_wish_is_a_row_that_can_be_followed(
    books: Books, owner: httpx2.AsyncClient, database_url: str
) -> None:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute("LISTEN controls")
        answer = await post(owner, "pause")
        assert answer.status_code == 202
        async for _ in listener.notifies(timeout=60, stop_after=1):
            break
        else:
            pytest.fail("the scheduler was not woken")
    followed = (await owner.get(answer.json()["href"])).json()
    assert (followed["kind"], followed["state"], followed["who"]) == ("pause", "pending", "cli")
    assert [row["kind"] for row in await books.ledger.pending_controls()] == ["pause"]
    assert (await owner.get("/api/v1/status")).json()["waiting"] == [followed]


async def test_close_names_its_market(books: Books, owner: httpx2.AsyncClient) -> None:
    assert (await post(owner, "close")).status_code == 422
    assert (await post(owner, "close", {**WHY, "market": "BTC"})).status_code == 422
    assert (await post(owner, "close", {**WHY, "market": "KRW-BTC"})).status_code == 202
    assert (await books.ledger.pending_controls())[0]["args"] == {"market": "KRW-BTC"}


async def test_after_a_kill_is_answered_no_buy_can_be_written(
    books: Books, owner: httpx2.AsyncClient
) -> None:
    await fund(books)
    answer = await post(owner, "kill")
    assert answer.status_code == 202
    refused = await books.ledger.open_intent(request(ETH, Side.BUY), ACCOUNT, ())
    assert isinstance(refused, Veto)
    assert refused.reason is VetoReason.KILL_SWITCH
    followed = (await owner.get(answer.json()["href"])).json()
    assert followed["state"] == "done"
    events = (await owner.get("/api/v1/events", params={"kind": "control_kill"})).json()["items"]
    assert [(event["source"], event["context"]["why"]) for event in events] == [("cli", "시험")]


async def test_a_kill_waits_for_the_intent_that_is_being_written(
    books: Books, owner: httpx2.AsyncClient, database_url: str
) -> None:
    """Else it would be answered while a buy that passed the gate is still on its way into the ledger."""
    await fund(books)
    async with await psycopg.AsyncConnection.connect(database_url) as intent_in_writing:
        await intent_in_writing.execute("SELECT killed FROM switches FOR UPDATE")
        kill = asyncio.create_task(post(owner, "kill"))
        done, _ = await asyncio.wait({kill}, timeout=0.5)
        assert not done
        await intent_in_writing.commit()
    assert (await kill).status_code == 202


async def test_kills_beside_intents_never_let_one_through_afterwards(
    books: Books, owner: httpx2.AsyncClient, database_url: str
) -> None:
    await fund(books)
    wishes = [request(market, Side.BUY, amount="10000") for market in (ETH, BTC)]

    async def kill_and_count() -> int:
        assert (await post(owner, "kill")).status_code == 202
        return await written(database_url)

    *_, when_answered = await asyncio.gather(
        *(books.ledger.open_intent(wish, ACCOUNT, ()) for wish in wishes), kill_and_count()
    )
    assert await written(database_url) == when_answered


async def written(database_url: str) -> int:
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        row = await (await connection.execute("SELECT count(*) FROM order_intents")).fetchone()
    assert row is not None
    return int(row[0])


async def test_unkilling_takes_two_steps(books: Books, owner: httpx2.AsyncClient) -> None:
    first = await post(owner, "unkill")
    assert first.status_code == 428
    code = first.json()["confirm"]
    assert (await post(owner, "unkill", {**WHY, "confirm": "guess"})).status_code == 428
    assert await books.ledger.pending_controls() == []
    assert (await post(owner, "unkill", {**WHY, "confirm": code})).status_code == 202
    assert (await post(owner, "unkill", {**WHY, "confirm": code})).status_code == 428  # once only
    assert [row["kind"] for row in await books.ledger.pending_controls()] == ["unkill"]


def test_codes_die(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("bongsu.web.control.time.monotonic", lambda: now)
    codes = Codes()
    code = codes.issue()
    now += 121
    assert not codes.redeem(code)


async def test_nothing_changes_without_the_token(
    books: Books, client: httpx2.AsyncClient, wiring: Wiring
) -> None:
    token = wiring.api_token_file.read_text()
    shown = (
        "",
        "Bearer",
        "Bearer wrong",
        f"Basic {token}",
        f"bearer  {token}",
        f"Bearer {token[:-1]}",
        "Bearer 한글",
    )
    for kind in ("pause", "resume", "kill", "unkill", "run-now", "close"):
        for header in shown:
            answer = await client.post(
                f"/api/v1/control/{kind}", json=WHY, headers={"authorization": header.encode()}
            )
            assert answer.status_code == 401, (kind, header)
            assert answer.headers["www-authenticate"] == "Bearer"
    assert await books.ledger.pending_controls() == []


async def test_other_sites_cannot_ask(books: Books, owner: httpx2.AsyncClient) -> None:
    own = await post(owner, "pause", origin="http://127.0.0.1:8100")
    assert own.status_code == 202
    for origin in ("http://evil.example", "null", "http://127.0.0.1:3000", "https://127.0.0.1:8100"):
        assert (await post(owner, "pause", origin=origin)).status_code == 403, origin
    form = await owner.post(
        "/api/v1/control/pause", content=json.dumps(WHY), headers={"content-type": "text/plain"}
    )
    assert form.status_code == 415


async def test_only_our_names_are_served(client: httpx2.AsyncClient) -> None:
    for host in ("127.0.0.1:8100", "localhost", "LOCALHOST:18000", "[::1]:8000", "backend:8000"):
        assert (await client.get("/health", headers={"host": host})).status_code == 200, host
    for host in ("evil.example", "127.0.0.1.evil.example:8000", "0.0.0.0:8000", "localhost.:8000", ""):
        answer = await client.get("/health", headers={"host": host})
        assert answer.status_code == 421, host


async def test_a_wish_with_unknown_fields_is_refused(owner: httpx2.AsyncClient) -> None:
    assert (await post(owner, "pause", {**WHY, "until": "tomorrow"})).status_code == 422
    assert (await post(owner, "pause", {"who": "x" * 41})).status_code == 422


async def test_too_many_wishes_never_keep_a_kill_out(owner: httpx2.AsyncClient) -> None:
    answers = [(await post(owner, "pause")).status_code for _ in range(21)]
    assert answers == [202] * 20 + [429]
    assert (await post(owner, "kill")).status_code == 202


def test_the_rate_is_limited_and_recovers() -> None:
    now = 0.0
    limit = RateLimit(2, 10.0, clock=lambda: now)
    limit()
    now = 4.0
    limit()
    with pytest.raises(Refused) as refusal:
        limit()
    assert refusal.value.headers["Retry-After"] == "7"
    now = 10.0
    limit()
