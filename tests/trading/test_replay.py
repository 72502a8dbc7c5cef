"""A hundred and more hours in lock-step: no error, equal books, and the same seed gives the same trades."""

from pathlib import Path
from typing import Any

import pytest

from stage import Stage, open_stage, recorded

TRADES = """SELECT f.market, f.side, f.price, f.volume, f.funds, f.at, o.paid_fee
              FROM fills f JOIN orders o ON o.uuid = f.order_uuid ORDER BY f.at, f.uuid"""
RECORDED, GENERATED, AGAIN = 120, 60, 40  # hours; `make replay` plays a whole recording


def play(stage: Stage, hours: int) -> list[dict[str, Any]]:
    """The trades of that many decided hours; what came later is not looked at."""
    decided = "SELECT count(DISTINCT candle_closed_at) FROM decisions WHERE outcome = 'accepted'"
    with stage.scheduler():
        stage.until(lambda: stage.value(decided) >= hours, f"{hours} hours are decided", 400)
    assert stage.observe() == []
    assert stage.rows("SELECT kind, message FROM events WHERE severity = 'error'") == []
    return traded_within(stage, hours)


def traded_within(stage: Stage, hours: int) -> list[dict[str, Any]]:
    last = stage.rows("SELECT DISTINCT candle_closed_at AS at FROM decisions ORDER BY 1")[hours - 1]["at"]
    return [trade for trade in stage.rows(TRADES) if trade["at"] <= last]


@pytest.mark.slow
def test_ledger_and_exchange_agree_after_120_recorded_hours(tmp_path: Path, database_url: str) -> None:
    candles = recorded("KRW-ETH-1h-2024-01_2024-08.csv.gz")
    with open_stage(tmp_path, database_url, candles=candles, lease_seconds=0.5) as stage:
        assert play(stage, RECORDED), "the rules trade within them"


@pytest.mark.slow
def test_they_agree_after_60_generated_hours_and_the_same_seed_gives_the_same_trades(
    tmp_path: Path, postgres: Any, migrated_template: str
) -> None:
    stories = []
    for name, hours in (("first", GENERATED), ("second", AGAIN)):
        database = f"replay_{name}"
        postgres.execute(f"CREATE DATABASE {database} TEMPLATE {migrated_template} OWNER trading_user")
        directory = tmp_path / name
        directory.mkdir()
        with open_stage(directory, postgres.url(database), candles=None, seed=7, lease_seconds=0.5) as stage:
            assert play(stage, hours), "the rules trade"
            stories.append(traded_within(stage, AGAIN))
        postgres.execute(f"DROP DATABASE {database} WITH (FORCE)")
    assert stories[0] == stories[1] != []
