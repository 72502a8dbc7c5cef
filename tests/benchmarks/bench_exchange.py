"""`make bench`: the sandbox exchange on one core, its clients on the others. Figures are printed, never asserted.

An order is on disk (SQLite, synchronous=FULL) when it is answered, so the disk is in its figures.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bongsu import settings
from bongsu.adapters.upbit.auth import Credentials
from contract.sandboxes import Process, launch, stop

ROUNDS = 300
CONNECTIONS = 8
ORDERS = 800
MARKET = "KRW-ETH"
KEY = Credentials(settings.SANDBOX_ACCESS_KEY, settings.SANDBOX_SECRET_KEY)
LIMIT = {"market": MARKET, "side": "bid", "ord_type": "limit", "price": "1000000", "volume": "0.005"}
BUY = {"market": MARKET, "side": "bid", "ord_type": "price", "price": "5000"}


@dataclass(frozen=True)
class Wire:
    connection: HTTPConnection

    def ask(self, method: str, path: str, query: str = "", body: dict[str, str] | None = None) -> bytes:
        asked = query if body is None else "&".join(f"{name}={value}" for name, value in body.items())
        headers = {"Authorization": KEY.sign(asked), "Content-Type": "application/json"}
        whole = f"{path}?{query}" if query else path
        self.connection.request(method, whole, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        read = answer.read()
        assert answer.status < 300, read
        return read


def wire(exchange: Process) -> Wire:
    return Wire(HTTPConnection(exchange.url.removeprefix("http://"), timeout=60))


@contextmanager
def on_one_core(directory: Path) -> Iterator[Process]:
    exchange = launch(directory, "max")
    os.sched_setaffinity(exchange.popen.pid, {max(os.sched_getaffinity(0))})
    try:
        yield exchange
    finally:
        stop(exchange)


def milliseconds(ask: Callable[[], object]) -> str:
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        took.append((time.perf_counter() - began) * 1000)
    took.sort()
    return " / ".join(f"{took[int(len(took) * share)]:.1f}" for share in (0.5, 0.95, 0.99)) + " ms"


def placed_and_cancelled(one: Wire, names: Iterator[int]) -> None:
    name = f"bench-{next(names)}"
    one.ask("POST", "/v1/orders", body={**LIMIT, "identifier": name})
    one.ask("DELETE", "/v1/order", f"identifier={name}")


def cpu_seconds(exchange: Process) -> float:
    fields = Path(f"/proc/{exchange.popen.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def orders_a_second(exchange: Process) -> tuple[float, float]:
    """Limit orders, each placed and cancelled, from several connections at once: by the clock, and by the core's time.

    The second figure is that of a machine which does nothing else.
    """
    names = count(1_000_000)

    def work(wanted: int) -> None:
        one = wire(exchange)
        for _ in range(wanted):
            placed_and_cancelled(one, names)

    began, spent = time.perf_counter(), cpu_seconds(exchange)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(work, [ORDERS // CONNECTIONS] * CONNECTIONS))
    return 2 * ORDERS / (time.perf_counter() - began), 2 * ORDERS / (cpu_seconds(exchange) - spent)


def test_the_exchange(tmp_path: Path) -> None:
    table = Table("what", "p50 / p95 / p99", title="Sandbox exchange on one core, one connection")
    with on_one_core(tmp_path) as exchange:
        one, names = wire(exchange), count()
        for path, query in (
            ("/v1/ticker", f"markets={MARKET}"),
            ("/v1/orderbook", f"markets={MARKET}"),
            ("/v1/candles/minutes/60", f"market={MARKET}&count=200"),
            ("/v1/accounts", ""),
            ("/v1/orders/chance", f"market={MARKET}"),
        ):
            table.add_row(
                f"GET {path}", milliseconds(lambda path=path, query=query: one.ask("GET", path, query))
            )
        table.add_row(
            "a limit order, placed and cancelled", milliseconds(lambda: placed_and_cancelled(one, names))
        )
        one.ask("POST", "/sandbox/account", body={"currency": "KRW", "delta": "100000000"})
        table.add_row("a market buy", milliseconds(lambda: one.ask("POST", "/v1/orders", body=BUY)))
        by_clock, by_core = orders_a_second(exchange)
        table.add_row(f"order requests a second, {CONNECTIONS} connections", f"{by_clock:.0f} /s")
        table.add_row("… a second of the core's own time", f"{by_core:.0f} /s")
    Console(width=100).print(table)
