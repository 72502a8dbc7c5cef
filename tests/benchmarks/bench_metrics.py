"""`make bench`: what a scrape costs, with 2,500 series, ten scrapers at once and a database two seconds late."""

import asyncio
import json
import socket
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
import yaml
from fastapi import FastAPI
from rich.console import Console
from rich.table import Table

from bongsu.ledger.projection import project
from bongsu.metric import Owner
from bongsu.monitoring.ledger_series import LedgerSeries
from bongsu.monitoring.telemetry import Telemetry
from bongsu.ops.stack import alarm_tools
from bongsu.settings import Settings, Wiring
from bongsu.web.app import create_backend
from bongsu.web.serve import spare_collections
from ops.alertmanager import find_tool
from ports import free_port
from web.frozen import Way, way_to
from web.story import Books, live_a_day, open_books

SERIES = 2500
SECONDS = 30.0
LATE = 2.0
DAYS = 15
A_DAY = 8640  # scrapes
BLOCKS = 24  # of at most 18 hours, and the newest of two
LOG_HOURS = 3  # what Prometheus keeps beside its blocks
MARKETS = tuple(f"KRW-C{n:02}" for n in range(50))

_SLEEPY = f"""
ALTER TABLE metric_counter RENAME TO counted;
CREATE VIEW metric_counter AS
  WITH nap AS MATERIALIZED (SELECT pg_sleep({LATE})) SELECT c.* FROM nap CROSS JOIN counted c"""


async def become_far(way: Way, _books: Books) -> None:
    way.delay = LATE


async def become_slow(_way: Way, books: Books) -> None:
    async with books.database.transaction("test") as tx:
        await tx.execute(_SLEEPY)


@dataclass(frozen=True)
class Storage:
    """What the real Prometheus made of the scrapes: bytes in its blocks and in its log."""

    samples: int
    series: int
    chunks: int
    index: int
    log: int
    scrape_p99: float  # seconds, as it measured them itself

    def gigabytes(self, series: int) -> float:
        each = self.chunks / self.samples * A_DAY * DAYS + self.index / self.series * BLOCKS
        return series * (each + self.log / self.samples * A_DAY / 24 * LOG_HOURS) / 1e9


@pytest.mark.parametrize("late", [become_far, become_slow])
async def test_a_scrape(database_url: str, tmp_path: Path, late: Any) -> None:
    async with way_to(database_url) as way, open_books(way.url) as books:
        await live_a_day(books)
        await books.ledger.prepare("world-1", "sandbox", MARKETS)  # type: ignore[arg-type]
        telemetry, series = _telling(books)
        await series.refresh()
        _fill(telemetry)
        backend = create_backend(
            Settings(), Wiring(bongsu_state_dir=tmp_path), books.database, books.ledger, telemetry
        )
        await late(way, books)
        async with _serving(backend, series) as port:
            with _prometheus(tmp_path, port) as prometheus:
                told = await _scraped(port)
                stored = await asyncio.to_thread(_stored, prometheus, tmp_path)
            bodies = await telemetry.render(), await telemetry.render(compressed=True)
        way.delay = 0
    _print(late.__name__, told, stored, *bodies)


def _telling(books: Books) -> tuple[Telemetry, LedgerSeries]:
    series = LedgerSeries(partial(project, books.database, lease_seconds=10.0, markets=MARKETS))
    telemetry = Telemetry(
        Owner.BACKEND,
        config_hash="abc",
        mode="sandbox",
        connections=lambda: books.database.connections,
        ledger=series,
    )
    books.database.observe = telemetry.transaction_ended
    return telemetry, series


def _fill(telemetry: Telemetry) -> None:
    """Routes beside the backend's own, up to the number of series we promise for."""
    for n in range(74):
        for status in (200, 404, 500):
            telemetry.request_began()
            telemetry.request_ended("GET", f"/r{n}", status, 0.01)


@asynccontextmanager
async def _serving(backend: FastAPI, series: LedgerSeries) -> AsyncIterator[int]:
    backend.add_api_route("/nothing", lambda: None, status_code=204)
    spare_collections()
    listening = socket.create_server(("127.0.0.1", 0))  # who comes early waits
    server = uvicorn.Server(uvicorn.Config(backend, log_config=None, access_log=False, lifespan="off"))
    serving = asyncio.create_task(server.serve([listening]))
    reading = asyncio.create_task(series.run())
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        reading.cancel()
        await asyncio.gather(reading, serving, return_exceptions=True)


async def _scraped(port: int) -> dict[str, Any]:
    scrapers = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "scrapers.py"),
        str(port),
        str(SECONDS),
        stdout=asyncio.subprocess.PIPE,
    )
    told, _ = await scrapers.communicate()
    return dict(json.loads(told))


@contextmanager
def _prometheus(directory: Path, port: int) -> Iterator[str]:
    """A real one, the eleventh to scrape."""
    config, here = directory / "prometheus.yml", free_port()
    targets = [{"targets": [f"127.0.0.1:{port}"]}]
    job = {"job_name": "backend", "scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": targets}
    config.write_text(yaml.safe_dump({"scrape_configs": [job]}))
    command = [find_tool(alarm_tools.PROMETHEUS), f"--config.file={config}", "--web.enable-admin-api"]
    command += [f"--storage.tsdb.path={directory / 'tsdb'}", f"--web.listen-address=127.0.0.1:{here}"]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen([*map(str, command)], stdout=log, stderr=log)
    try:
        yield f"http://127.0.0.1:{here}"
    finally:
        process.kill()
        process.wait()


def _stored(prometheus: str, directory: Path) -> Storage:
    query = "quantile_over_time(0.99, scrape_duration_seconds[10m])"
    found = httpx2.get(f"{prometheus}/api/v1/query", params={"query": query}).json()["data"]["result"]
    log = sum(file.stat().st_size for file in (directory / "tsdb/wal").iterdir() if file.is_file())
    name = httpx2.post(f"{prometheus}/api/v1/admin/tsdb/snapshot").raise_for_status().json()["data"]["name"]
    (block,) = (directory / "tsdb/snapshots" / name).iterdir()
    stats = json.loads((block / "meta.json").read_text())["stats"]
    return Storage(
        stats["numSamples"],
        stats["numSeries"],
        sum(file.stat().st_size for file in (block / "chunks").iterdir()),
        (block / "index").stat().st_size,
        log,
        float(found[0]["value"][1]),
    )


def _print(title: str, told: dict[str, Any], stored: Storage, plain: bytes, packed: bytes) -> None:
    series = sum(bool(line) and not line.startswith(b"#") for line in plain.splitlines())
    table = Table("figure", "measured", "promised", title=f"/metrics, database {LATE:g} s late: {title}")
    table.add_row("series", str(series), f"at least {SERIES}")
    table.add_row("scrapes, ten at once", str(len(told["times"]["/metrics"])), "")
    for path, promised in (("/metrics", "p99 100"), ("/nothing", "(an empty answer)")):
        table.add_row(f"{path} p50 / p99 / slowest ms", _spread(told["times"][path]), promised)
    cold = " / ".join(f"{told['cold'][path] * 1e3:.1f}" for path in told["cold"])
    table.add_row("the first round of both, ms", cold, "")
    table.add_row("Prometheus's own p99 ms", f"{stored.scrape_p99 * 1e3:.1f}", "100")
    table.add_row("scrapes with the ledger", f"{told['up']:.1%}", "all but few")
    table.add_row("bytes plain / on the wire", f"{len(plain):,} / {len(packed):,}", "about 10,000")
    table.add_row("bytes a sample, in blocks", f"{stored.chunks / stored.samples:.2f}", "")
    table.add_row("bytes a sample, in the log", f"{stored.log / stored.samples:.2f}", "")
    table.add_row(f"{DAYS} days of it in Prometheus, GB", f"{stored.gigabytes(series):.2f}", "1.5")
    Console(width=100).print(table)


def _spread(times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100)
    return f"{cuts[49] * 1e3:.1f} / {cuts[98] * 1e3:.1f} / {max(times) * 1e3:.1f}"
