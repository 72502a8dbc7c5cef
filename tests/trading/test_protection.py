"""Stops really sell, profits are taken, limits hold over restarts."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stage import FLAT, BuyOnce, Metronome, Shape, Stage, open_stage, play_misquoted, write_candles

CRASH: Shape = (3_000_000, 3_000_000, 2_700_000, 2_720_000, "100")
LOW: Shape = (2_720_000, 2_730_000, 2_700_000, 2_720_000, "100")
RALLY: Shape = (3_000_000, 3_450_000, 2_995_000, 3_400_000, "100")
HIGH: Shape = (3_400_000, 3_410_000, 3_390_000, 3_400_000, "100")
QUICK = {"lease_seconds": 0.5, "min_trade_interval_hours": 0}


def play_to_the_end(stage: Stage, advisor: Any) -> None:
    with stage.scheduler(advisor):
        stage.until(
            lambda: stage.rows("SELECT 1 FROM pauses WHERE reason = 'replay_ended'"), "the replay ends"
        )


@pytest.mark.parametrize(
    ("after", "kind", "word", "lowest", "highest"),
    [
        ([FLAT, FLAT, CRASH, LOW, LOW], "stop_loss", "손절: 진입가 대비 -", "-0.12", "-0.05"),
        ([FLAT, FLAT, RALLY, HIGH, HIGH], "take_profit", "익절: 진입가 대비 +", "0.095", "0.16"),
    ],
)
def test_an_exit_of_the_rules_really_sells(
    tmp_path: Path, database_url: str, after: list[Shape], kind: str, word: str, lowest: str, highest: str
) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", after)
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        play_to_the_end(stage, BuyOnce())
        sold = stage.rows("SELECT trigger, reason, confidence, at FROM order_intents WHERE side = 'sell'")
        assert [row["trigger"] for row in sold][:1] == [kind]
        assert sold[0]["reason"].startswith(word)
        assert sold[0]["confidence"] == "RULE"
        entry, exit_ = (
            stage.value(
                "SELECT executed_funds / executed_volume FROM orders WHERE side = %(side)s ORDER BY created_at LIMIT 1",
                side=side,
            )
            for side in ("buy", "sell")
        )
        assert Decimal(lowest) < exit_ / entry - 1 < Decimal(highest)
        counted = stage.value(
            "SELECT value FROM metric_counter WHERE name = 'risk_exits_total' AND labels->>'type' = %(kind)s",
            kind=kind,
        )
        assert counted >= 1
        assert stage.observe() == []


def test_on_a_bad_tick_nothing_is_sold_and_nothing_is_valued(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 2000)
    rejected = (
        "SELECT count(*) FROM events WHERE kind = 'price_rejected' AND message LIKE '%%nothing was valued'"
    )
    valued = "SELECT count(*) FROM portfolio_snapshots"
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        with stage.scheduler(BuyOnce(), target=play_misquoted):
            stage.until(lambda: stage.rows("SELECT 1 FROM positions WHERE price IS NOT NULL"), "it is valued")
            (tmp_path / "misquoted").touch()
            stage.until(
                lambda: stage.value(rejected) >= 1, "no valuation is under way that saw the old price"
            )
            before = stage.value(valued)
            stage.until(lambda: stage.value(rejected) >= 4, "bad ticks are rejected")
            assert stage.value(valued) == before
            (tmp_path / "misquoted").unlink()
            stage.until(lambda: stage.value(valued) > before, "it is valued again")
        assert stage.value("SELECT count(*) FROM orders WHERE side = 'sell'") == 0
        assert stage.value("SELECT max(drawdown) FROM portfolio_snapshots") < Decimal("0.02")
        assert stage.value("SELECT count(*) FROM breakers WHERE active") == 0
        assert stage.value("SELECT count(*) FROM job_runs WHERE outcome = 'failure'") == 0
        assert stage.observe() == []


def test_losses_trip_the_breaker_and_it_outlives_a_restart(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT, FLAT, CRASH, *[LOW] * 30])
    limits = {"daily_loss_limit_percent": 1, "weekly_loss_limit_percent": 50, **QUICK}
    with open_stage(tmp_path, database_url, candles=candles, **limits) as stage:
        with stage.scheduler(Metronome()):
            stage.until(
                lambda: stage.rows("SELECT 1 FROM breakers WHERE active AND scope = 'daily'"), "it trips"
            )
        with stage.scheduler(Metronome()):
            stage.until(lambda: stage.ask("/sandbox/clock")["ended"], "the market ends")
        tripped = stage.rows("SELECT tripped_at, until FROM breakers WHERE scope = 'daily'")[0]
        bought = stage.value(
            "SELECT count(*) FROM order_intents WHERE side = 'buy' AND at > %(a)s AND at < %(b)s",
            a=tripped["tripped_at"],
            b=tripped["until"],
        )
        vetoes = stage.value("SELECT count(*) FROM decisions WHERE refusal = 'breaker_daily'")
        assert (bought, vetoes > 0) == (0, True)
        assert tripped["until"].hour == 0  # 09:00 KST
        failures = "SELECT sum(value) FROM metric_counter WHERE name = 'scheduler_job_failure_total'"
        assert stage.value(failures) == 0


def test_after_the_kill_switch_nothing_is_bought(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 400)
    with open_stage(tmp_path, database_url, candles=candles, max_trades_per_day=1000, **QUICK) as stage:
        with stage.scheduler(Metronome()):
            stage.until(lambda: stage.value("SELECT count(*) FROM orders") >= 4, "it trades")
            stage.rows("UPDATE switches SET killed = true RETURNING 1")
            last = stage.value("SELECT max(at) FROM order_intents WHERE side = 'buy'")
            stage.until(
                lambda: stage.value("SELECT count(*) FROM decisions WHERE refusal = 'kill_switch'") > 3,
                "vetoes",
            )
        assert stage.value("SELECT max(at) FROM order_intents WHERE side = 'buy'") == last
        assert stage.observe() == []
