"""Orders, exactly once: whatever is lost, late or killed, exchange and ledger tell one story."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest

from stage import FLAT, BuyOnce, Metronome, Stage, open_stage, play_unfenced, seeded, write_candles

ORDERS = "/v1/orders"
REFUSALS = "SELECT value FROM metric_counter WHERE name = 'scheduler_lease_rejections_total'"
EPOCHS_SINCE = "SELECT DISTINCT epoch FROM order_intents WHERE opened_at > %(since)s"
BUSY = {"min_trade_interval_hours": 0, "max_trades_per_day": 1000, "lease_seconds": 0.5}


def hours(count: int) -> list[Any]:
    return [FLAT] * count


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "lost_reply"},
        {"kind": "error_after", "status": 500},
        {"kind": "error_before", "status": 503},
        {"kind": "late_accept", "seconds": 1.5},
        {"kind": "late_reply", "seconds": 6},
        {"kind": "down"},
        {"kind": "rate_limited"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_a_lost_answer_neither_doubles_nor_loses_an_order(
    tmp_path: Path, database_url: str, fault: dict[str, Any]
) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", hours(3))
    with open_stage(tmp_path, database_url, candles=candles, unknown_patience_seconds=3, **BUSY) as stage:
        stage.arm({"path": ORDERS, "method": "POST", "count": 1, **fault})
        with stage.scheduler(BuyOnce()):
            stage.until(lambda: stage.rows("SELECT 1 FROM fills"), "the buy is settled")
            stage.until(lambda: stage.ask("/sandbox/clock")["ended"], "the market ends")
        assert stage.observe() == []
        assert len(stage.ask("/sandbox/state")["orders"]) == 1


@pytest.mark.parametrize("fence", [True, False], ids=["with the fence", "without it"])
def test_the_fence_is_what_stops_a_late_order(tmp_path: Path, database_url: str, fence: bool) -> None:
    """Accepted after everybody stopped looking: with the fence it cannot be, without it a trade is lost."""
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", hours(2000))
    with open_stage(tmp_path, database_url, candles=candles, unknown_patience_seconds=1, **BUSY) as stage:
        stage.arm({"path": ORDERS, "method": "POST", "count": 1, "kind": "late_accept", "seconds": 6})
        with stage.scheduler(BuyOnce(), target=None if fence else play_unfenced):
            stage.until(
                lambda: stage.rows("SELECT 1 FROM order_intents WHERE closed_at IS NOT NULL"),
                "the intent is closed",
            )
            first = stage.value("SELECT identifier::text FROM order_intents ORDER BY opened_at LIMIT 1")
            stage.until(lambda: first in placed(stage), "the late order is accepted")
        lost = [line for line in stage.observe() if line.startswith("lost trade")]
        assert bool(lost) is not fence


def placed(stage: Stage) -> list[str]:
    return [order["identifier"] for order in stage.ask("/sandbox/state")["orders"]]


@pytest.mark.slow
def test_twenty_kills_during_trading(tmp_path: Path, database_url: str) -> None:
    dice = seeded()
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", hours(4000))
    with open_stage(tmp_path, database_url, candles=candles, unknown_patience_seconds=2, **BUSY) as stage:
        faults = [
            {"kind": "lost_reply", "probability": 0.10},
            {"kind": "late_accept", "probability": 0.05, "seconds": 0.4},
            {"kind": "error_after", "probability": 0.03},
        ]
        seed = dice.randrange(2**31)
        stage.arm(*({"path": ORDERS, "method": "POST", "seed": seed, **fault} for fault in faults))
        for kill in range(20):
            kill_while_trading(stage, "job_runs" if kill % 2 else "order_intents", dice.uniform(0.0, 1.0))
        stage.disarm()
        with stage.scheduler(Metronome()):
            traded = stage.value("SELECT count(*) FROM orders")
            stage.until(
                lambda: stage.value("SELECT count(*) FROM orders") >= traded + 4,
                "it trades on after all kills",
            )
        assert stage.rows("SELECT 1 FROM order_intents WHERE state IN ('open', 'unknown')") == []
        assert stage.observe() == []
        orders = len(placed(stage))
        print(f"{orders} orders under 20 kills")
        assert orders > 8, "the kills fell into trading"


def kill_while_trading(stage: Stage, table: str, after: float) -> None:
    """SIGKILL `after` seconds from the moment this scheduler has written into that table."""
    rows = f"SELECT count(*) FROM {table}"
    before = stage.value(rows)
    process = stage.start_scheduler(Metronome())
    stage.until(lambda: stage.value(rows) > before, f"the scheduler writes {table}")
    time.sleep(after)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)


@contextmanager
def leader_and_standby(stage: Stage) -> Iterator[BaseProcess]:
    """The second one starts when the first one leads: which is which is no matter of chance."""
    with stage.scheduler(Metronome()) as leader:
        stage.until(lambda: stage.value("SELECT epoch FROM leases WHERE name = 'scheduler'") == 1, "it leads")
        with stage.scheduler(Metronome(), offset=1):
            yield leader


def test_of_two_schedulers_one_trades(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", hours(2000))
    # A machine that stops for longer than the lease would make the standby the leader before the kill.
    with open_stage(tmp_path, database_url, candles=candles, **{**BUSY, "lease_seconds": 2}) as stage:
        with leader_and_standby(stage) as leader:
            stage.until(lambda: stage.value("SELECT count(*) FROM orders") >= 6, "the leader trades")
            assert stage.value("SELECT epoch FROM leases WHERE name = 'scheduler'") == 1
            stage.until(lambda: stage.value(REFUSALS) == 1, "the standby is counted, once")
            assert leader.pid is not None
            os.kill(leader.pid, signal.SIGKILL)
            leader.join(60)
            stage.until(
                lambda: stage.value("SELECT epoch FROM leases WHERE name = 'scheduler'") == 2,
                "the standby leads",
            )
            before = stage.value("SELECT count(*) FROM orders")
            stage.until(lambda: stage.value("SELECT count(*) FROM orders") > before + 2, "the standby trades")
        assert stage.observe() == []


def test_a_stopped_leader_cannot_trade_when_it_wakes(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", hours(2000))
    with open_stage(tmp_path, database_url, candles=candles, **BUSY) as stage:
        with leader_and_standby(stage) as leader:
            stage.until(lambda: stage.value("SELECT count(*) FROM orders") >= 2, "the leader trades")
            assert leader.pid is not None
            os.kill(leader.pid, signal.SIGSTOP)
            stage.until(
                lambda: stage.value("SELECT epoch FROM leases WHERE name = 'scheduler'") > 1,
                "the standby leads",
            )
            taken_over = stage.value("SELECT taken_at FROM leases WHERE name = 'scheduler'")
            os.kill(leader.pid, signal.SIGCONT)
            before = stage.value("SELECT count(*) FROM orders")
            stage.until(
                lambda: stage.value("SELECT count(*) FROM orders") > before + 10, "the new leader trades on"
            )
            # On a loaded machine the lead may change once more; under the old epoch nothing can be written.
            epochs = {row["epoch"] for row in stage.rows(EPOCHS_SINCE, since=taken_over)}
            assert epochs
            assert 1 not in epochs
        assert stage.observe() == []
