"""`/health` and `/ready` tell the truth; `/metrics` answers whatever the database does."""

import asyncio
import re
import time
import uuid

import httpx2
import pytest
from fastapi import FastAPI

from bongsu.core.tradingday import NINE
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.settings import Wiring
from conftest import PASSWORD, ROLE, Server
from web.conftest import backend_of
from web.frozen import way_to
from web.story import OFTEN, Books, live_a_day, open_books

_FAILED = re.compile(r'http_route_duration_seconds_count\{method="(\w+)",route="(.+)",status="5xx"\}')


def speaking_to(books: Books, wiring: Wiring) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=backend_of(books, wiring), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=30)


def checks(answer: httpx2.Response) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in answer.json()["checks"]}


async def test_ready_with_a_scheduler_that_never_was(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/ready")
    assert answer.status_code == 200
    assert checks(answer) == {"database": True, "schema": True, "scheduler": False}
    assert answer.json()["scheduler_heartbeat_age_seconds"] is None


async def test_ready_names_a_silent_scheduler(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    assert checks(await client.get("/ready"))["scheduler"]
    async with books.database.transaction("test") as tx:
        await tx.execute("UPDATE heartbeats SET beat_at = beat_at - interval '16 s'")
    assert not checks(await client.get("/ready"))["scheduler"]


async def test_without_a_schema_it_is_not_ready(postgres: Server, wiring: Wiring) -> None:
    name = f"empty_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name} OWNER {ROLE}")
    database = Database(postgres.url(name, ROLE, PASSWORD), process="backend")
    await database.open()
    ledger = Ledger(database, voice=Voice("ko", "sandbox"), day_start=NINE, limits=OFTEN)
    books = Books(database, ledger, Lease(database, "scheduler", "nobody", 10.0))
    async with speaking_to(books, wiring) as client:
        answer = await client.get("/ready")
        assert answer.status_code == 503
        assert checks(answer) == {"database": True, "schema": False}
        told = await until_metrics(client, db_up="1.0", ledger_up="0.0")
        assert (await client.get("/")).status_code == 503
        assert (await client.get("/api/v1/trades")).status_code == 503
        before, after = failures(told), failures(lines(await client.get("/metrics")))
        assert after == before | {("GET", route): 1.0 for route in ("/ready", "/", "/api/v1/trades")}
    await database.close()
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def test_the_database_goes_away_and_comes_back(database_url: str, wiring: Wiring) -> None:
    async with (
        way_to(database_url) as way,
        open_books(way.url) as books,
        speaking_to(books, wiring) as client,
    ):
        await live_a_day(books)
        await until_metrics(client, ledger_up="1.0")
        way.cut()
        assert (await client.get("/health")).status_code == 200
        answer = await client.get("/ready")
        assert answer.status_code == 503
        assert checks(answer) == {"database": False, "schema": False}
        refused = await client.get("/api/v1/trades")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        page = await client.get("/")
        assert page.status_code == 503
        assert "원장을 읽을 수 없습니다" in page.text
        way.mend()
        began = time.monotonic()
        while (await client.get("/ready")).status_code != 200:
            assert time.monotonic() - began < 60, "it does not come back by itself"


@pytest.mark.parametrize("ailment", ["cut", "freeze"])
async def test_metrics_answer_in_time_and_without_old_figures(
    database_url: str, wiring: Wiring, ailment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bongsu.monitoring.ledger_series.PATIENCE", 0.05)
    monkeypatch.setattr("bongsu.monitoring.ledger_series.READ_EVERY", 0.0)
    monkeypatch.setattr("bongsu.monitoring.ledger_series.HANGS_AFTER", 0.5)
    monkeypatch.setattr("bongsu.monitoring.ledger_series.FRESH_FOR", 1.0)
    async with (
        way_to(database_url) as way,
        open_books(way.url) as books,
        speaking_to(books, wiring) as client,
    ):
        await live_a_day(books)
        await until_metrics(client, db_up="1.0", ledger_up="1.0")
        getattr(way, ailment)()
        sick = await until_metrics(client, db_up="0.0", ledger_up="0.0")
        assert not [name for name in sick if name.startswith(("trades_total", "portfolio_", "scheduler_job"))]
        way.mend()
        well = await until_metrics(client, db_up="1.0", ledger_up="1.0")
        assert well['trades_total{side="sell",symbol="KRW-BTC"}'] == "1.0"


async def test_an_unforeseen_error_is_answered_counted_and_on_record(
    backend: FastAPI, client: httpx2.AsyncClient
) -> None:
    @backend.get("/defect")
    async def defect() -> None:
        raise ZeroDivisionError("1/0")

    internal = 'bot_errors_total{error_type="internal"}'
    assert lines(await client.get("/metrics"))[internal] == "0.0", (
        "HighErrorRate sees the first one as an increase"
    )
    answer = await client.get("/defect")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    await until_metrics(client, **{internal: "1.0"})
    events = (await client.get("/api/v1/events", params={"severity": "error"})).json()["items"]
    assert [event["context"] for event in events] == [{"method": "GET", "path": "/defect"}]


async def test_metrics_do_not_count_themselves(client: httpx2.AsyncClient) -> None:
    for path in ("/metrics", "/metrics", "/health", "/nowhere", "/api/v1/decisions/7"):
        await client.get(path)
    told = lines(await client.get("/metrics"))
    assert told["http_request_duration_seconds_count"] == "3.0"
    assert told["http_requests_in_progress"] == "0.0"
    counted = {name: told[name] for name in told if name.startswith("http_route_duration_seconds_count")}
    assert {name for name, times in counted.items() if times != "0.0"} == {
        'http_route_duration_seconds_count{method="GET",route="/health",status="2xx"}',
        'http_route_duration_seconds_count{method="GET",route="other",status="4xx"}',
        'http_route_duration_seconds_count{method="GET",route="/api/v1/decisions/{decision_id}",status="4xx"}',
    }


def failures(told: dict[str, str]) -> dict[tuple[str, str], float]:
    """By method and route."""
    series = {_FAILED.fullmatch(name): float(times) for name, times in told.items()}
    return {(found[1], found[2]): times for found, times in series.items() if found}


async def test_every_route_s_failures_stand_at_zero_before_it_is_asked(
    backend: FastAPI, client: httpx2.AsyncClient
) -> None:
    """A series that is born with the first of them would not show it as an increase."""
    told = failures(lines(await client.get("/metrics")))
    offered = {(method.upper(), path) for path, how in backend.openapi()["paths"].items() for method in how}
    pages = {("GET", path) for path in ("/", "/runbooks/{name}", "other")}
    assert told == dict.fromkeys(offered | pages, 0.0)


async def until_metrics(client: httpx2.AsyncClient, **wanted: str) -> dict[str, str]:
    """Each answer comes at once, whatever is asked for."""
    deadline = time.monotonic() + 60
    while True:
        began = time.monotonic()
        told = lines(await client.get("/metrics"))
        assert time.monotonic() - began < 20, "it does not wait for a database that hangs"
        if wanted.items() <= told.items():
            return told
        assert time.monotonic() < deadline, f"never {wanted}: {told.get('db_up')}, {told.get('ledger_up')}"
        await asyncio.sleep(0.05)


def lines(answer: httpx2.Response) -> dict[str, str]:
    """Each series with its value."""
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    plain = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in plain)
