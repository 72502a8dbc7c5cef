"""While the exchange is closed the jobs pause; nothing fails, nobody is alarmed, and it goes on by itself."""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from stage import FLAT, BuyOnce, Stage, open_stage, write_candles

CLOSED = {"kind": "error_before", "path": "/v1/*", "status": 503}
QUICK = {"lease_seconds": 0.5}
JOBS = {"trading_job", "position_job", "portfolio_job", "reconcile_job"}
DECIDED = "SELECT count(*) FROM decisions WHERE outcome = 'accepted'"


def paused(stage: Stage) -> set[str]:
    counted = stage.rows(
        "SELECT labels->>'job_name' AS job FROM metric_counter WHERE name = 'scheduler_job_skipped_total'"
        " AND labels->>'reason' = 'maintenance' AND value > 0"
    )
    return {row["job"] for row in counted}


def close_and_open(stage: Stage, closed_for: Callable[[], Any], what: str) -> None:
    """The exchange works, is closed until `closed_for`, and the bot decides again."""
    with stage.scheduler(BuyOnce()):
        stage.until(lambda: stage.rows("SELECT 1 FROM positions WHERE volume > 0"), "a position is held")
        stage.arm(CLOSED)
        stage.until(
            lambda: stage.rows("SELECT 1 FROM heartbeats WHERE exchange_maintenance"), "it is noticed"
        )
        stage.until(closed_for, what)
        decided = stage.value(DECIDED)
        stage.disarm()
        stage.until(lambda: stage.value(DECIDED) >= decided + 3, "it decides again")


def complaints(stage: Stage) -> list[dict[str, Any]]:
    return [
        *stage.rows("SELECT * FROM job_runs WHERE outcome = 'failure'"),
        *stage.rows("SELECT text FROM notifications WHERE kind = 'error'"),
        *stage.rows("SELECT reason FROM pauses WHERE reason = 'job_failures'"),
        *stage.rows(
            "SELECT 1 FROM decisions WHERE outcome = 'accepted' GROUP BY candle_closed_at HAVING count(*) > 1"
        ),
        *({"observed": wrong} for wrong in stage.observe()),
    ]


def test_jobs_pause_and_go_on_by_themselves(tmp_path: Path, database_url: str) -> None:
    """Three hours, each a failed run before, would have paused the buys."""
    hours = "SELECT count(*) FROM job_runs WHERE job_name = 'trading_job' AND reason = 'maintenance'"
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 2000)
    with open_stage(tmp_path, database_url, candles=candles, speed="1200", **QUICK) as stage:
        close_and_open(stage, lambda: stage.value(hours) >= 3 and paused(stage) >= JOBS, "every job pauses")
        assert complaints(stage) == []


def test_in_lock_step_the_market_waits_and_no_hour_is_lost(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 2000)
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        close_and_open(stage, lambda: paused(stage), "a job pauses")
        assert complaints(stage) == []
        closes = stage.rows(
            "SELECT candle_closed_at AS at FROM decisions WHERE outcome = 'accepted' ORDER BY 1"
        )
        assert {after["at"] - before["at"] for before, after in pairwise(closes)} == {timedelta(hours=1)}
