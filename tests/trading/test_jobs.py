"""The scheduler's jobs: each candle once, failures counted and told, the first one too."""

import os
import signal
from pathlib import Path

from stage import FLAT, BuyOnce, Metronome, open_stage, write_candles

QUICK = {"lease_seconds": 0.5}


def test_a_failing_job_is_counted_and_told_at_once_and_three_pause_the_buys(
    tmp_path: Path, database_url: str
) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 6)
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        stage.arm({"kind": "error_before", "path": "/v1/accounts", "status": 500})
        with stage.scheduler(BuyOnce()):
            told = "SELECT text FROM notifications WHERE kind = 'error' ORDER BY id LIMIT 1"
            text = stage.until(lambda: stage.rows(told), "the first failure is told")[0]["text"]
            assert text.startswith(
                "⚠️ 시스템 에러 발생\n━━━━━━━━━━━━━━━━━━━━\n에러 타입: ExchangeUnavailable\n메시지: "
            )
            stage.until(
                lambda: stage.rows("SELECT 1 FROM pauses WHERE reason = 'job_failures'"), "buys are paused"
            )
        failures = stage.value(
            "SELECT count(*) FROM job_runs WHERE outcome = 'failure' AND job_name = 'trading_job'"
        )
        counted = stage.value(
            "SELECT value FROM metric_counter WHERE name = 'scheduler_job_failure_total'"
            " AND labels->>'job_name' = 'trading_job'"
        )
        assert failures == counted >= 3
        assert stage.value("SELECT count(*) FROM orders") == 0


def test_a_candle_is_decided_once_whatever_happens_to_the_process(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 40)
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        for wanted in (5, 10, 15):
            process = stage.start_scheduler(Metronome())
            stage.until(
                lambda wanted=wanted: (
                    stage.value("SELECT count(*) FROM decisions WHERE outcome = 'accepted'") >= wanted
                ),
                f"{wanted} decisions",
            )
            assert process.pid is not None
            os.kill(process.pid, signal.SIGKILL)
            process.join(60)
        with stage.scheduler(Metronome()):
            stage.until(lambda: stage.ask("/sandbox/clock")["ended"], "the market ends")
        twice = """SELECT candle_closed_at FROM decisions WHERE outcome = 'accepted'
                    GROUP BY candle_closed_at HAVING count(*) > 1"""
        assert stage.rows(twice) == []
        runs = stage.rows(
            "SELECT 1 FROM job_runs WHERE job_name = 'trading_job' GROUP BY scheduled_for HAVING count(*) > 1"
        )
        assert runs == []
        orphans = stage.value("SELECT count(*) FROM job_runs WHERE starts_with(reason, 'orphaned')")
        assert orphans == stage.value(
            "SELECT sum(value) FROM metric_counter WHERE name = 'scheduler_job_failure_total'"
        )
        assert stage.observe() == []
