"""`make bench`: what a scrape costs, with 2,500 series, ten scrapers at once and a database two seconds away."""

import asyncio
import gzip
import json
import statistics
import sys
import threading
import time
from functools import partial

import httpx2
import uvicorn
from rich.console import Console
from rich.table import Table

from bongsu.ledger.projection import project
from bongsu.metrics import Owner
from bongsu.monitoring.ledger_series import LedgerSeries
from bongsu.monitoring.telemetry import Telemetry
from bongsu.settings import Settings, Wiring
from bongsu.web.app import create_backend
from ports import free_port
from web.frozen import way_to
from web.story import live_a_day, open_books

SERIES = 2500
SCRAPERS = 10
SECONDS = 20.0
DELAY = 2.0
DAYS = 15
BYTES_A_SAMPLE = 1.5  # of Prometheus's storage, compressed


async def test_a_scrape(database_url: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    markets = tuple(f"KRW-C{n:02}" for n in range(50))
    async with way_to(database_url) as way, open_books(way.url) as books:
        await live_a_day(books)
        await books.ledger.prepare("world-1", "sandbox", markets)  # type: ignore[arg-type]
        series = LedgerSeries(partial(project, books.database, lease_seconds=10.0, markets=markets))
        telemetry = Telemetry(
            Owner.BACKEND,
            config_hash="abc",
            mode="sandbox",
            connections=lambda: books.database.connections,
            ledger=series,
        )
        books.database.observe = telemetry.transaction_ended
        await series.refresh()
        _fill(telemetry)
        backend = create_backend(
            Settings(), Wiring(bongsu_state_dir=tmp_path), books.database, books.ledger, telemetry
        )
        port = free_port()
        server = uvicorn.Server(
            uvicorn.Config(backend, port=port, log_config=None, access_log=False, lifespan="off")
        )
        tasks = [asyncio.create_task(server.serve()), asyncio.create_task(series.run())]
        scrapers = await asyncio.create_subprocess_exec(
            sys.executable, __file__, f"http://127.0.0.1:{port}", stdout=asyncio.subprocess.PIPE
        )
        way.delay = DELAY
        told, _ = await scrapers.communicate()
        times, up = json.loads(told)
        body, packed = await telemetry.render(), await telemetry.render(compressed=True)
        way.delay = 0
        server.should_exit = True
        await tasks[0]
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    _print(times, up, body, len(packed))


def _fill(telemetry: Telemetry) -> None:
    """Routes, up to the number of series we promise for."""
    for n in range(82):
        for status in (200, 404, 500):
            telemetry.request_began()
            telemetry.request_ended("GET", f"/r{n}", status, 0.01)


def scrape(base: str) -> tuple[list[float], float]:
    """As ten Prometheuses would: seconds of each scrape, and the share that had the ledger in it."""
    times: list[float] = []
    ups: list[bool] = []

    def one() -> None:
        with httpx2.Client(base_url=base, timeout=10, headers={"accept-encoding": "gzip"}) as client:
            until = time.monotonic() + SECONDS
            while time.monotonic() < until:
                began = time.monotonic()
                with client.stream("GET", "/metrics") as answer:
                    raw = b"".join(answer.iter_raw())
                times.append(time.monotonic() - began)
                ups.append(b"\nledger_up 1.0" in gzip.decompress(raw))
                time.sleep(1.0)

    threads = [threading.Thread(target=one) for _ in range(SCRAPERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, sum(ups) / len(ups)


def _print(times: list[float], up: float, body: bytes, wire: int) -> None:
    series = sum(bool(line) and not line.startswith(b"#") for line in body.splitlines())
    cuts = statistics.quantiles(times, n=100)
    disk = series * 8640 * DAYS * BYTES_A_SAMPLE / 1e9
    table = Table("figure", "measured", "promised", title=f"/metrics, database {DELAY:g} s away")
    table.add_row("scrapes", str(len(times)), f"{SCRAPERS} at once")
    table.add_row("series", str(series), f"about {SERIES}")
    table.add_row(
        "p50 / p99 / slowest ms",
        f"{cuts[49] * 1e3:.1f} / {cuts[98] * 1e3:.1f} / {max(times) * 1e3:.1f}",
        "p99 100",
    )
    table.add_row("bytes plain / on the wire", f"{len(body):,} / {wire:,}", "about 10,000")
    table.add_row("scrapes with the ledger", f"{up:.0%}", "")
    table.add_row(f"Prometheus, {DAYS} days, GB (reckoned)", f"{disk:.2f}", "1.5")
    Console(width=110).print(table)


if __name__ == "__main__":
    print(json.dumps(scrape(sys.argv[1])))
