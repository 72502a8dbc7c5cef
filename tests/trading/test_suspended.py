"""The whole bot while the exchange warns of its market, or takes it off the list."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stage import FLAT, BuyOnce, Metronome, Stage, open_stage, play_watchful, write_candles

ETH, BTC = "KRW-ETH", "KRW-BTC"
QUICK = {"lease_seconds": 0.5, "min_trade_interval_hours": 0, "max_trades_per_day": 1000}
HELD = "SELECT volume FROM positions WHERE volume > 0"
BOUGHT = "SELECT count(*) FROM orders WHERE side = 'buy'"
VETOED = "SELECT count(*) FROM decisions WHERE refusal = 'market_state'"
VALUED = "SELECT count(*) FROM positions WHERE volume > 0 AND price > 0"
SKIPPED = "SELECT count(*) FROM decisions WHERE market = 'KRW-ETH' AND refusal_detail LIKE '%%delisted'"
FAILED = "SELECT count(*) FROM job_runs WHERE outcome = 'failure'"


def prices(stage: Stage) -> dict[str, dict[str, Any]]:
    return {row["market"]: row for row in stage.rows("SELECT market, price, valued_at FROM positions")}


def put(stage: Stage, state: str) -> None:
    """Returns once the bot knows."""
    stage.ask(f"/sandbox/markets/{ETH}/state", {"state": state}, "PUT")
    stage.until(lambda: stage.rows("SELECT 1 FROM market_states WHERE state = %(state)s", state=state), state)


def test_under_a_warning_it_sells_and_buys_no_more_until_that_is_over(
    tmp_path: Path, database_url: str
) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 2000)
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        with stage.scheduler(Metronome(), target=play_watchful):
            stage.until(lambda: stage.rows(HELD), "a position is held")
            put(stage, "warning")
            stage.until(lambda: stage.value(VETOED) >= 1, "no order is on its way any more")
            bought = stage.value(BOUGHT)
            stage.until(lambda: stage.value(VETOED) >= 4, "buys are vetoed")
            assert not stage.rows(HELD), "the position was sold"
            assert stage.value(BOUGHT) == bought
            assert stage.value(FAILED) == 0
            put(stage, "active")
            stage.until(lambda: stage.value(BOUGHT) > bought, "it buys again")
        assert stage.observe() == []


def test_a_delisted_position_is_worth_its_last_price_and_stops_nothing_else(
    tmp_path: Path, database_url: str
) -> None:
    candles = [write_candles(tmp_path / f"{market}-1h.csv.gz", [FLAT] * 2000) for market in (ETH, BTC)]
    with open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage:
        with stage.scheduler(BuyOnce(), target=play_watchful):
            stage.until(lambda: stage.value(VALUED) == 2, "both positions are valued")
            put(stage, "delisted")
            stage.until(lambda: stage.value(SKIPPED) >= 1, "no job is under way that did not know")
            before, failed = prices(stage), stage.value(FAILED)
            stage.until(lambda: stage.value(SKIPPED) >= 4, "decisions are skipped")
            after = prices(stage)
            assert after[ETH] == before[ETH]
            assert after[BTC]["valued_at"] > before[BTC]["valued_at"]
            assert stage.value(
                "SELECT cash + (SELECT sum(volume * price) FROM positions) = equity FROM portfolio"
            )
            assert stage.value("SELECT clock_timestamp() - risk_checked_at < interval '30 s' FROM switches")
            assert stage.value(FAILED) == failed
        assert stage.observe() == []


def test_a_cycle_by_hand_looks_at_the_markets_itself(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 3)
    with open_stage(tmp_path, database_url, candles=candles) as stage:
        stage.ask(f"/sandbox/markets/{ETH}/state", {"state": "warning"}, "PUT")
        wiring = {name.upper(): str(value) for name, value in stage.wiring().items()}
        command = [sys.executable, "-m", "bongsu", "trade"]
        run = subprocess.run(
            command, check=False, cwd=tmp_path, env={**os.environ, **wiring}, capture_output=True
        )
        assert run.returncode == 0, run.stderr.decode()
        assert stage.rows("SELECT market, state FROM market_states") == [{"market": ETH, "state": "warning"}]
