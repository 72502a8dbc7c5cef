"""`make bench`: from the owner's kill to the last order that may buy, while a bot buys as often as it can.

Figures are printed, never asserted against a clock; that no buy is written after a kill is.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from ports import free_offset
from stage import FLAT, Metronome, Stage, open_stage, write_candles

ROUNDS = 10
EAGER = {
    "min_trade_interval_hours": 0,
    "max_trades_per_day": 1000,
    "daily_loss_limit_percent": 100,
    "weekly_loss_limit_percent": 100,
}
BUYS = "SELECT count(*) FROM order_intents WHERE side = 'buy' AND opened_at > to_timestamp(%(since)s)"
KILLED = "SELECT extract(epoch FROM max(ended_at))::float8 FROM controls WHERE kind = 'kill'"
LAST_BUY = "SELECT extract(epoch FROM max(opened_at))::float8 FROM order_intents WHERE side = 'buy'"


def test_a_kill(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 20_000)
    with (
        open_stage(tmp_path, database_url, candles=candles, **EAGER) as stage,
        _backend(stage) as environment,
        stage.scheduler(Metronome()),
    ):
        cli = [_typed_in_a_terminal(stage, environment) for _ in range(ROUNDS)]
        chat = [_typed_in_the_chat(stage) for _ in range(ROUNDS)]
        assert stage.observe() == []
    table = Table("from", "until", "median", "worst", title=f"A kill, {ROUNDS} times each (limit 2 s)")
    for name, rounds, ends in (
        (
            "bongsu kill --yes",
            cli,
            (
                "no buy can be written",
                "last buy written",
                "the command has ended",
                "… of which its own work (CPU)",
            ),
        ),
        (
            "/kill in the chat",
            chat,
            ("no buy can be written, code and all", "last buy written", "the code is shown"),
        ),
    ):
        for end, seconds in zip(ends, zip(*rounds, strict=True), strict=True):
            table.add_row(name, end, f"{median(seconds):.2f} s", f"{max(seconds):.2f} s")
    Console(width=110).print(table)


@contextmanager
def _backend(stage: Stage) -> Iterator[dict[str, str]]:
    """It hears the chat. Yields the environment in which a terminal finds the bot."""
    environment = os.environ | {
        "BONGSU_STATE_DIR": str(stage.directory / "state"),
        "BONGSU_ENV_FILE": str(stage.directory / ".env"),
        "BONGSU_LOG_DIR": str(stage.directory / "logs"),
        "BONGSU_PORT_OFFSET": str(free_offset(8000)),
        "DATABASE_URL": stage.database_url,
        "EXCHANGE_URL": stage.exchange,
        "TELEGRAM_API_URL": f"{stage.exchange}/telegram",
    }
    with (stage.directory / "backend.log").open("wb") as log:
        backend = subprocess.Popen(
            [sys.executable, "-m", "bongsu", "backend"], env=environment, stdout=log, stderr=log
        )
    try:
        stage.until(lambda: stage.rows("SELECT 1 FROM leases WHERE name = 'commands'"), "the chat is heard")
        yield environment
    finally:
        backend.terminate()
        backend.wait(60)


def _typed_in_a_terminal(stage: Stage, environment: dict[str, str]) -> tuple[float, ...]:
    began, spent = _wait_for_a_buy(stage), os.times()
    command = [sys.executable, "-m", "bongsu", "kill", "--yes"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    ended, after = time.time(), os.times()
    work = after.children_user + after.children_system - spent.children_user - spent.children_system
    return (*_judged(stage, began), ended - began, work)


def _typed_in_the_chat(stage: Stage) -> tuple[float, ...]:
    newest = max((m["id"] for m in stage.ask("/sandbox/inbox?limit=1000")), default=0)
    began = _wait_for_a_buy(stage)
    stage.ask("/sandbox/chat/type", {"text": "/kill"})
    code = stage.until(lambda: _code(stage, newest), "the code")
    shown = time.time()
    stage.ask("/sandbox/chat/type", {"text": code})
    stage.until(lambda: stage.value("SELECT killed FROM switches"), "killed")
    return (*_judged(stage, began), shown - began)


def _code(stage: Stage, after: int) -> str | None:
    for message in stage.ask(f"/sandbox/inbox?after={after}&limit=1000"):
        for row in message["buttons"]:
            for button in row:
                if button["callback_data"].startswith("/ok "):
                    return str(button["callback_data"].removeprefix("/ok "))
    return None


def _judged(stage: Stage, began: float) -> tuple[float, float]:
    """Once the bot has decided again: seconds to the kill, and to the last buy that was written."""
    vetoes = "SELECT count(*) FROM decisions WHERE refusal = 'kill_switch'"
    before = stage.value(vetoes)
    stage.until(lambda: stage.value(vetoes) > before, "a buy that the kill switch stops")
    killed, last = stage.value(KILLED), stage.value(LAST_BUY)
    assert last <= killed, "a buy was written after the kill"
    stage.rows("UPDATE switches SET killed = false RETURNING 1")
    return killed - began, max(0.0, last - began)


def _wait_for_a_buy(stage: Stage) -> float:
    """Now, and the bot is buying."""
    since = time.time()
    stage.until(lambda: stage.value(BUYS, since=since), "the bot buys")
    return time.time()
