"""The backend as a process: it outlives its database, and goes when it is told to."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import psycopg

from ports import free_port
from web.frozen import way_to

PATIENCE = 60  # seconds; machines that run tests are slow


@asynccontextmanager
async def backend_process(
    database_url: str, tmp_path: Path
) -> AsyncIterator[tuple[asyncio.subprocess.Process, httpx2.AsyncClient]]:
    port = free_port()
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "BONGSU_STATE_DIR": str(tmp_path / "state"),
        "BONGSU_LOG_DIR": str(tmp_path / "logs"),
        "BONGSU_ENV_FILE": str(tmp_path / "none.env"),
        "BONGSU_PORT_OFFSET": str(port - 8000),
    }
    log = (tmp_path / "backend.out").open("wb")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bongsu", "backend", env=environment, cwd=tmp_path, stdout=log, stderr=log
    )
    try:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield process, client
    finally:
        log.close()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(client: httpx2.AsyncClient, path: str, wanted: Callable[[httpx2.Response], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if wanted(await client.get(path)):
                return
        except httpx2.TransportError:
            pass
        assert time.monotonic() < deadline, f"{path} never became as wanted"
        await asyncio.sleep(0.1)


def starts(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(value), 0)::int FROM metric_counter"
            " WHERE name = 'bot_process_starts_total' AND labels ->> 'process' = 'backend'"
        ).fetchone()
    assert row is not None
    return int(row[0])


async def test_it_is_ready_beats_and_leaves_at_once(database_url: str, tmp_path: Path) -> None:
    async with backend_process(database_url, tmp_path) as (process, client):
        await until(client, "/ready", lambda answer: answer.status_code == 200)
        await until(client, "/api/v1/status", lambda answer: "backend@" in answer.text)
        assert starts(database_url) == 1
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0, (tmp_path / "backend.out").read_text()
        assert time.monotonic() - began < 5 + 25  # five promised, the others for a busy machine


async def test_it_outlives_its_database(database_url: str, tmp_path: Path) -> None:
    async with way_to(database_url) as way, backend_process(way.url, tmp_path) as (process, client):
        await until(client, "/ready", lambda answer: answer.status_code == 200)
        way.cut()
        await until(client, "/ready", lambda answer: answer.status_code == 503)
        assert (await client.get("/health")).status_code == 200
        await until(client, "/metrics", lambda answer: "\nledger_up 0.0" in answer.text)
        refused = await client.get("/api/v1/trades")
        assert refused.status_code == 503
        said = [json.loads(line) for line in (tmp_path / "backend.out").read_text().splitlines()]
        assert [line for line in said if line.get("request") == refused.headers["X-Request-ID"]]
        way.mend()
        await until(client, "/ready", lambda answer: answer.status_code == 200)
        await until(client, "/metrics", lambda answer: "\nledger_up 1.0" in answer.text)
        assert process.returncode is None
