"""A stage for whole-bot tests: a real exchange process, a real database, real schedulers that can be killed.

The observer at the end sees only the exchange, the database and the inbox: it shares no code with the bot.
"""

import asyncio
import gzip
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from bongsu.core.decision import Action, Advice, Reason
from bongsu.core.snapshot import MarketSnapshot
from bongsu.settings import (
    SANDBOX_ACCESS_KEY,
    SANDBOX_CHAT,
    SANDBOX_SECRET_KEY,
    SANDBOX_TOKEN,
    Settings,
    Wiring,
)
from observer import Observer
from ports import free_offset, free_port

REPOSITORY = Path(__file__).resolve().parents[1]
RECORDED = REPOSITORY.parent / "shared" / "data"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
PLAYABLE = FIRST + timedelta(hours=400)

Shape = tuple[int, int, int, int, str]  # open, high, low, close, volume
FLAT: Shape = (3_000_000, 3_010_000, 2_990_000, 3_000_000, "100")

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["bongsu.app", "bongsu.core.indicators", "stage"])


def recorded(name: str) -> str:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"recorded candles are not beside the checkout: {path}")
    return str(path)


def write_candles(path: Path, hours: Sequence[Shape | None], warm_up: int = 400) -> str:
    """A recording: flat hours of warm-up, then `hours`, where None is silent."""
    rows = ["time_kst,open,high,low,close,volume,value_krw"]
    for n, shape in enumerate([*(FLAT,) * warm_up, *hours]):
        if shape is not None:
            local = (FIRST + timedelta(hours=n + 9)).strftime("%Y-%m-%dT%H:%M:%S")
            rows.append(f"{local},{','.join(map(str, shape))},{Decimal(shape[4]) * shape[3]}")
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    return str(path)


class Metronome:
    """Buys when it holds nothing, sells when it does: a lot of orders, honestly argued."""

    name = "metronome"

    async def advise(self, snapshot: MarketSnapshot) -> Advice:
        action = Action.BUY if snapshot.position is None else Action.SELL
        reason = Reason("박자", "price", float(snapshot.price))
        return Advice(snapshot.market, action, Decimal("0.9"), Decimal("0.2"), (reason,), None)


class BuyOnce(Metronome):
    name = "buy-once"

    async def advise(self, snapshot: MarketSnapshot) -> Advice:
        advice = await super().advise(snapshot)
        hold = Advice(snapshot.market, Action.HOLD, Decimal("0.5"), Decimal(0), advice.reasons, None)
        return advice if advice.action is Action.BUY else hold


@dataclass
class Stage:
    directory: Path
    database_url: str
    exchange: str
    offset: int
    settings: dict[str, Any] = field(default_factory=dict)

    def ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.exchange}{path}",
            data=None if body is None else json.dumps(body).encode(),
            method=method or ("GET" if body is None else "POST"),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"null")

    def arm(self, *rules: dict[str, Any]) -> None:
        self.ask("/sandbox/faults", list(rules), "PUT")

    def disarm(self) -> None:
        self.ask("/sandbox/faults", method="DELETE")

    def now(self) -> datetime:
        return datetime.fromisoformat(self.ask("/sandbox/clock")["now"])

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def value(self, query: str, **values: Any) -> Any:
        return next(iter(self.rows(query, **values)[0].values()))

    def until(self, condition: Callable[[], Any], what: str, patience: float = 120.0) -> Any:
        """Polls; a condition that never comes is a failure that says which."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {patience:.0f} s: {what}")

    @contextmanager
    def scheduler(self, advisor: Any = None, offset: int = 0, target: Any = None) -> Iterator[BaseProcess]:
        """A scheduler process, ended by SIGTERM at the end unless it is dead by then."""
        process = self.start_scheduler(advisor, offset, target)
        try:
            yield process
        finally:
            if process.is_alive():
                process.terminate()
            process.join(60)
            assert not process.is_alive(), "the scheduler does not stop"

    def wiring(self, offset: int = 0) -> dict[str, Any]:
        return {
            "bongsu_state_dir": str(self.directory),
            "bongsu_port_offset": self.offset + offset,
            "database_url": self.database_url,
            "exchange_url": self.exchange,
            "telegram_api_url": f"{self.exchange}/telegram",
        }

    def start_scheduler(self, advisor: Any = None, offset: int = 0, target: Any = None) -> BaseProcess:
        log = self.directory / "scheduler.log"
        process = _processes.Process(
            target=target or play, args=(self.settings, self.wiring(offset), advisor, str(log)), daemon=True
        )
        process.start()
        return process

    def observe(self) -> list[str]:
        """Every way in which the ledger tells another story than the exchange; empty when it tells the same."""
        return Observer(self.database_url, self.ask("/sandbox/state")).all()


def play(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The scheduler's process. The settings are the production ones but for what the test names."""
    from bongsu import app

    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    asyncio.run(app.run_scheduler(Settings(_env_file=None, **settings), Wiring(**wiring), advisor))  # type: ignore[call-arg]


def play_unfenced(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler with the fence taken out: it looks the order up and never sends it again."""
    from bongsu.trading.execution import Execution

    async def believe_the_lookup(self: Execution, intent: object) -> bool:
        return True

    Execution._fence = believe_the_lookup  # type: ignore[method-assign,assignment]
    play(settings, wiring, advisor, log)


def play_watchful(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler; a minute is a tenth of a second to it when it looks at the markets."""
    from bongsu.trading import listing

    listing.EVERY = 0.1
    play(settings, wiring, advisor, log)


def play_misquoted(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler; while a file `misquoted` stands in the state directory, tickers show a tenth of the price."""
    from dataclasses import replace

    from bongsu.adapters.upbit.client import UpbitExchange
    from bongsu.core.money import Price

    read, switch = UpbitExchange.tickers, Path(wiring["bongsu_state_dir"]) / "misquoted"

    async def misread(self: UpbitExchange, markets: Any) -> Any:
        seen = await read(self, markets)
        return (
            {m: replace(t, price=Price(t.price / 10)) for m, t in seen.items()} if switch.exists() else seen
        )

    UpbitExchange.tickers = misread  # type: ignore[method-assign]
    play(settings, wiring, advisor, log)


def play_pressing(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler; an exchange that is closed to it is asked again at once."""
    from bongsu.trading import opening

    opening.EVERY = opening.ADDRESS_EVERY = 0.1
    play(settings, wiring, advisor, log)


def play_alone(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler in live mode without the rest of a stack, whose health it does not ask for."""
    from bongsu.ops.live import gate

    gate._STACK = ()
    play(settings, wiring, advisor, log)


def play_impatient(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler in live mode; it waits a tenth of a second for the rest of the stack to be well."""
    from bongsu.ops.live import gate

    gate.PATIENCE = 0.1
    play(settings, wiring, advisor, log)


def live_settings(upbit: str) -> dict[str, Any]:
    """Of an owner who has done everything but type the phrase; `upbit` stands in for Upbit and for Telegram."""
    return {
        "bongsu_mode": "live",
        "upbit_api_url": upbit,
        "upbit_access_key": SANDBOX_ACCESS_KEY,
        "upbit_secret_key": SANDBOX_SECRET_KEY,
        "upbit_ip_allowlist_set": True,
        "upbit_no_withdraw_right": True,
        "telegram_enabled": True,
        "telegram_bot_token": SANDBOX_TOKEN,
        "telegram_chat_id": SANDBOX_CHAT,
    }


@contextmanager
def open_stage(
    directory: Path,
    database_url: str,
    *,
    candles: str | Sequence[str] | None,
    speed: str = "max",
    seed: int = 1,
    real_time: bool = False,
    **settings: Any,
) -> Iterator[Stage]:
    port = free_port()
    command = [sys.executable, "-m", "bongsu", "exchange", "--world-dir", str(directory / "world")]
    command += ["--port", str(port), "--speed", speed, "--seed", str(seed)]
    if real_time:
        command += ["--real-time", "--start", (datetime.now(UTC) - timedelta(hours=1)).isoformat()]
    for recording in [candles] if isinstance(candles, str) else candles or ():
        command += ["--candles", recording]
    with (directory / "exchange.log").open("wb") as log:
        exchange = subprocess.Popen(command, stdout=log, stderr=log)
    # The metrics of a scheduler are on 8001 and the offset, those of a second one on the next port.
    stage = Stage(directory, database_url, f"http://127.0.0.1:{port}", free_offset(8001, 8002), settings)
    try:
        stage.until(lambda: _answers(stage, exchange, directory), "the exchange answers")
        yield stage
    finally:
        exchange.send_signal(signal.SIGTERM)
        exchange.wait(60)


def _answers(stage: Stage, exchange: subprocess.Popen[bytes], directory: Path) -> bool:
    if exchange.poll() is not None:
        pytest.fail((directory / "exchange.log").read_text())
    try:
        stage.ask("/sandbox/clock")
    except OSError:
        return False
    return True


def seeded() -> random.Random:
    """The seed is printed, so that a failure can be played again with BONGSU_TEST_SEED."""
    seed = int(os.environ.get("BONGSU_TEST_SEED", random.SystemRandom().randrange(2**32)))
    print(f"BONGSU_TEST_SEED={seed}")
    return random.Random(seed)
