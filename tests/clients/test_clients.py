"""The official SDK, ccxt and pyupbit trade at the sandbox, unchanged, each in a process and an environment of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bongsu import settings
from contract.sandboxes import Process, launch, stop

ROOT = Path(__file__).parents[2]
BOTS = Path(__file__).parent


@pytest.fixture(scope="module")
def python() -> str:
    script = [sys.executable, str(ROOT / "scripts" / "fetch_clients.py")]
    return subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[Process]:
    """In lock-step: nothing moves but by what the bot does."""
    process = launch(tmp_path, "max")
    yield process
    stop(process)


def trade(python: str, bot: str, exchange: Process) -> dict[str, Any]:
    keys = (settings.SANDBOX_ACCESS_KEY, settings.SANDBOX_SECRET_KEY)
    command = [python, str(BOTS / f"{bot}.py"), exchange.url, *keys]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def at_the_exchange(exchange: Process) -> dict[str, Any]:
    state: dict[str, Any] = httpx2.get(f"{exchange.url}/sandbox/state", trust_env=False).json()
    return state


def traded(exchange: Process) -> Decimal:
    """What was bought and sold again. There are no other trades, no coins are left and no order waits."""
    state = at_the_exchange(exchange)
    bought, sold = (
        sum(Decimal(t["volume"]) for t in state["trades"] if t["side"] == side) for side in ("bid", "ask")
    )
    assert bought == sold > 0
    assert [b["currency"] for b in state["balances"]] == ["KRW"]
    assert state["balances"][0]["locked"] == "0"
    assert {o["state"] for o in state["orders"]} == {"cancel", "done"}
    return bought


def test_the_official_sdk(python: str, exchange: Process) -> None:
    seen = trade(python, "upbit_sdk_bot", exchange)
    volume = traded(exchange)
    assert (seen["won"], seen["fee"], seen["key"]) == ("1000000", "0.0005", settings.SANDBOX_ACCESS_KEY)
    assert (seen["candles"], len(seen["weeks"]), seen["levels"], seen["trades"]) == (200, 3, 30, 5)
    assert seen["markets"]
    assert (seen["opened"], seen["replaced"]) == (5, True)
    assert (seen["named"], seen["cancelled"], seen["rest"]) == (2, 2, 2)
    assert [Decimal(seen[side][1]) for side in ("bought", "sold")] == [volume, volume]
    assert [seen[side][0] for side in ("bought", "sold")] == ["cancel", "done"]
    assert seen["closed"] == len(at_the_exchange(exchange)["orders"]) == 8


def test_ccxt(python: str, exchange: Process) -> None:
    seen = trade(python, "ccxt_bot", exchange)
    volume = traded(exchange)
    assert (seen["won"], seen["fee"]) == (1_000_000, 0.0005)
    assert (seen["candles"], seen["days"], seen["seconds"], seen["levels"]) == (200, 5, 5, 30)
    assert seen["tickers"]
    assert (seen["opened"], seen["cancelled"]) == (["ccxt-limit"], "canceled")
    assert [Decimal(str(seen["bought"][0])), Decimal(str(seen["sold"][1]))] == [volume, volume]
    assert seen["closed"] == ["canceled", "closed"]


def test_pyupbit(python: str, exchange: Process) -> None:
    seen = trade(python, "pyupbit_bot", exchange)
    volume = traded(exchange)
    assert (seen["won"], seen["fee"], seen["tickers"]) == (1_000_000, "0.0005", True)
    assert (seen["hours"], seen["days"], seen["weeks"], seen["levels"]) == (250, 5, 2, 30)
    assert (seen["found"], seen["cancelled"]) == ("wait", [True, "cancel"])
    assert (seen["bought"][0], Decimal(seen["bought"][1])) == ("cancel", volume)
    assert seen["sold"] == ["done", 1]
    assert seen["old list"] is None  # GET /v1/orders is retired at Upbit too
