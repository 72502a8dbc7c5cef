"""The exchange as a process: killed, resumed, ended, refused."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from bongsu.core.market import HOUR
from bongsu.errors import CannotStart
from bongsu.sandbox.store import FILE
from bongsu.sandbox.world import ExchangeOptions, World
from ports import free_port
from sandbox.worlds import ETH, FLAT, START, recording, token

RUN = """
import sys
from pathlib import Path
from bongsu.errors import CannotStart
from bongsu.sandbox.serve import ExchangeOptions, run
world, port, speed, seed, *candles = sys.argv[1:]
try:
    run(ExchangeOptions(
        world_dir=Path(world), port=int(port), speed="max" if speed == "max" else float(speed), seed=int(seed),
        candles=tuple(candles), access_key="test-access-key", secret_key="test-secret-key-of-forty-characters-here!",
    ))
except CannotStart as reason:
    sys.exit(f"{type(reason).__name__}: {reason}")
"""


class Exchange:
    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-c", RUN, *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{arguments[1]}", trust_env=False, timeout=60)

    def ready(self) -> "Exchange":
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            assert self.process.poll() is None, self.process.communicate()
            try:
                self.seen("/sandbox/clock")
            except httpx2.TransportError:
                time.sleep(0.02)
            else:
                return self
        raise AssertionError("the exchange does not answer")

    def seen(self, path: str) -> Any:
        return self.http.get(path).raise_for_status().json()

    def now(self) -> datetime:
        return datetime.fromisoformat(self.seen("/sandbox/clock")["now"])

    def buy(self, **body: str) -> httpx2.Response:
        body = {"market": ETH, "side": "bid", "ord_type": "price", "price": "5000", **body}
        bearer = token("&".join(f"{name}={value}" for name, value in body.items()))
        return self.http.post("/v1/orders", json=body, headers={"Authorization": f"Bearer {bearer}"})

    def end(self, caught: signal.Signals) -> int:
        self.process.send_signal(caught)
        return self.process.wait(60)


Start = Callable[..., Exchange]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    port = free_port()
    with ExitStack() as stack:

        def started(*candles: str, speed: str = "max", seed: str = "1", port: int = port) -> Exchange:
            exchange = Exchange(str(tmp_path / "world"), str(port), speed, seed, *candles)
            stack.callback(exchange.process.communicate)
            stack.callback(exchange.process.kill)
            stack.callback(exchange.http.close)
            return exchange

        yield started


@pytest.mark.parametrize("caught", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once_and_cleanly_while_somebody_waits(
    start: Start, caught: signal.Signals
) -> None:
    exchange = start(speed="1").ready()
    with socket.create_connection(("127.0.0.1", exchange.http.base_url.port)) as waiting:
        body = b'{"until":"2030-01-01T00:00:00Z","timeout":30}'
        head = f"POST /sandbox/clock/wait HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        waiting.sendall(head.encode() + body)
        exchange.seen("/sandbox/clock")
        began = time.monotonic()
        assert exchange.end(caught) == 0
        assert time.monotonic() - began < 20, "the wait it was asked for lasts thirty"
        assert waiting.recv(100).startswith(b"HTTP/1.1 200")


def test_nothing_accepted_is_lost_by_a_kill(start: Start) -> None:
    accepted: list[str] = []
    for _ in range(3):
        exchange = start().ready()
        known = {order["identifier"] for order in exchange.seen("/sandbox/state")["orders"]}
        assert set(accepted) <= known
        for _ in range(10):
            identifier = str(uuid4())
            assert exchange.buy(identifier=identifier).status_code == 201
            accepted.append(identifier)
        exchange.end(signal.SIGKILL)
    exchange = start().ready()
    state = exchange.seen("/sandbox/state")
    assert [order["identifier"] for order in state["orders"]] == accepted
    spent = sum(Decimal(trade["funds"]) + Decimal(trade["fee"]) for trade in state["trades"])
    assert Decimal(state["balances"][0]["balance"]) == 1_000_000 - spent
    assert Decimal(state["balances"][1]["balance"]) == sum(Decimal(t["volume"]) for t in state["trades"])
    assert exchange.buy(identifier=accepted[0]).json()["error"]["name"] == "duplicate_identifier"


def test_killed_between_fills_it_plays_on_as_if_nothing_had_happened(start: Start, tmp_path: Path) -> None:
    swing = (3_000_000, 3_090_000, 2_910_000, 3_030_000, "1")
    candles = recording(tmp_path, (swing,) * 12)
    resting = {"ord_type": "limit", "price": "2950000", "volume": "0.25"}
    exchange = start(candles).ready()
    assert exchange.buy(**resting).status_code == 201
    for hour in (17, 18, 20):
        exchange.http.post("/sandbox/clock/wait", json={"until": f"2024-01-17T{hour}:30:00Z"})
        exchange.end(signal.SIGKILL)
        exchange = start(candles).ready()
        assert exchange.now() == datetime.fromisoformat(f"2024-01-17T{hour}:30:00+00:00")
    trades = exchange.seen("/sandbox/state")["trades"]
    assert [(trade["volume"], trade["at"][11:19]) for trade in trades] == [
        ("0.1", "16:11:20"),
        ("0.1", "17:11:20"),
        ("0.05", "18:11:20"),
    ]


def test_the_clock_never_goes_back_over_a_kill(start: Start) -> None:
    seen = [START.replace(year=2020)]
    for _ in range(3):
        exchange = start(speed="3600").ready()
        seen.append(exchange.now())
        exchange.http.post("/sandbox/clock/wait", json={"until": (seen[-1] + 2 * HOUR).isoformat()})
        seen.append(exchange.now())
        exchange.end(signal.SIGKILL)
    assert seen == sorted(seen)


def test_it_resumes_where_it_was_ended(start: Start) -> None:
    exchange = start(speed="600").ready()
    exchange.http.post("/sandbox/clock/hold", json={"owner": "test", "ttl": 60})
    held = exchange.now()
    exchange.end(signal.SIGTERM)
    assert start(speed="max").ready().now() == held


def test_two_equal_worlds_do_equal_things(start: Start, tmp_path: Path) -> None:
    states = []
    for _ in range(2):
        exchange = start(seed="42").ready()
        for hour in range(1, 6):
            exchange.http.post("/sandbox/clock/wait", json={"until": f"2025-01-01T0{hour}:01:00Z"})
            exchange.buy(price="77777", identifier=f"buy-{hour}")
        states.append(exchange.seen("/sandbox/state"))
        exchange.end(signal.SIGTERM)
        (tmp_path / "world").rename(tmp_path / f"world-{len(states)}")
    assert states[0] == states[1]
    assert len(states[0]["trades"]) >= 5


def refusal(exchange: Exchange) -> str:
    assert exchange.process.wait(60) == 1
    assert exchange.process.stderr is not None
    return exchange.process.stderr.read()


def test_another_worlds_directory_is_refused(start: Start) -> None:
    start(seed="1").ready().end(signal.SIGTERM)
    assert "WorldMismatch" in refusal(start(seed="2"))
    start(seed="1").ready()


def test_a_bad_file_starts_nothing(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "KRW-ETH-1h.csv"
    path.write_text("time_kst,open,high,low,close,volume,value_krw\n2024-01-01T09:00:00,1,1,1,0,1,1\n")
    assert f"CandleFileInvalid: {path}, line 2: low 1 lies above" in refusal(start(str(path)))
    assert not (tmp_path / "world").exists()


def test_a_taken_port_is_named(start: Start) -> None:
    running = start().ready()
    port = running.http.base_url.port
    assert f"PortTaken: port {port}" in refusal(start())


def test_a_second_exchange_in_one_world_is_refused(start: Start) -> None:
    start().ready()
    assert "another exchange plays this world" in refusal(start(port=free_port()))


def test_a_world_being_played_is_not_erased(start: Start, tmp_path: Path) -> None:
    running = start().ready()
    with pytest.raises(CannotStart, match="another exchange plays this world"):
        World(ExchangeOptions(world_dir=tmp_path / "world", fresh=True))
    assert running.buy().status_code == 201


def test_a_broken_store_is_named_and_can_be_erased(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database " * 1_000)
    with pytest.raises(CannotStart, match=f"{FILE}: file is not a database; erase this world with --fresh"):
        World(ExchangeOptions(world_dir=tmp_path))
    World(ExchangeOptions(world_dir=tmp_path, fresh=True)).close()


def test_two_recordings_that_overlap_in_part(start: Start, tmp_path: Path) -> None:
    ether = recording(tmp_path, (FLAT,) * 2)
    bitcoin = recording(tmp_path, (FLAT,) * 5, "KRW-BTC")
    exchange = start(ether, bitcoin).ready()
    assert exchange.seen("/sandbox/world")["markets"] == ["KRW-ETH", "KRW-BTC"]
    exchange.http.post("/sandbox/clock/wait", json={"until": "2024-01-17T18:30:00Z"})
    assert exchange.buy().json()["error"]["name"] == "market_offline"
    assert exchange.buy(market="KRW-BTC").status_code == 201
