"""`make bench`: what a trading cycle takes without an AI, and what the sandbox exchange costs. Printed, never asserted.

Lock-step on a generated market, the built-in rules, a real database; nothing else of the stack runs.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import httpx2
from rich.console import Console
from rich.table import Table

from ports import free_port
from stage import open_stage

CYCLES = 300
PATIENCE = 1_200.0
DONE = "SELECT count(*) FROM job_runs WHERE job_name = 'trading_job' AND outcome = 'success'"
SECONDS = """SELECT percentile_cont(ARRAY[0.5, 0.99, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at))
               FROM job_runs WHERE job_name = 'trading_job' AND outcome = 'success'"""


def test_a_cycle(tmp_path: Path, database_url: str) -> None:
    table = Table("figure", "measured", title="A trading cycle of two markets, rules only")
    with open_stage(tmp_path, database_url, candles=None, seed=7) as stage, stage.scheduler():
        stage.until(lambda: stage.value(DONE) >= CYCLES, f"{CYCLES} cycles", PATIENCE)
        milliseconds = " / ".join(f"{seconds * 1e3:.0f}" for seconds in stage.value(SECONDS))
        table.add_row(f"{CYCLES} cycles, p50 / p99 / slowest ms", milliseconds)
        table.add_row("trades among them", str(stage.value("SELECT count(*) FROM orders")))
    Console(width=100).print(table)


def test_the_generated_market(tmp_path: Path) -> None:
    table = Table("figure", "measured", title="The exchange alone, fourteen generated markets")
    port, began = free_port(), time.monotonic()
    place = ("--world-dir", str(tmp_path / "world"), "--port", str(port), "--speed", "max")
    exchange = subprocess.Popen(
        [sys.executable, "-m", "bongsu", "exchange", *place], stderr=subprocess.DEVNULL
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as http:
            _answering(http)
            table.add_row("start to the first answer", f"{time.monotonic() - began:.2f} s")
            table.add_row("memory (PSS) then", f"{_pss(exchange.pid):.0f} MB")
            table.add_row("all tickers, first and second time", f"{_asked(http)} / {_asked(http)}")
            http.post("/sandbox/clock/wait", json={"until": "2025-12-31T00:00:00Z"}).raise_for_status()
            table.add_row("… and a year later", f"{_asked(http)} / {_asked(http)}")
            table.add_row("memory (PSS) then", f"{_pss(exchange.pid):.0f} MB")
    finally:
        exchange.terminate()
        exchange.wait(30)
    Console(width=100).print(table)


def _answering(http: httpx2.Client) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        try:
            http.get("/sandbox/clock").raise_for_status()
        except httpx2.TransportError:
            time.sleep(0.01)
        else:
            return
    raise AssertionError("the exchange does not answer")


def _asked(http: httpx2.Client) -> str:
    began = time.monotonic()
    assert len(http.get("/v1/ticker/all?quote_currencies=KRW").raise_for_status().json()) == 14
    return f"{(time.monotonic() - began) * 1e3:.0f} ms"


def _pss(pid: int) -> float:
    found = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
