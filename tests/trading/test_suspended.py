"""The whole bot while the exchange warns of its market, suspends it, takes it off the list."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stage import FLAT, BuyOnce, Metronome, Stage, open_stage, play, write_candles

ETH = "KRW-ETH"
QUICK = {"lease_seconds": 0.5, "min_trade_interval_hours": 0, "max_trades_per_day": 1000}
HELD = "SELECT volume FROM positions WHERE volume > 0"
BOUGHT = "SELECT count(*) FROM orders WHERE side = 'buy'"
VETOED = "SELECT count(*) FROM decisions WHERE refusal = 'market_state'"
FAILED = "SELECT count(*) FROM job_runs WHERE outcome = 'failure'"


def play_watchful(settings: dict[str, Any], wiring: dict[str, Any], advisor: Any, log: str) -> None:
    """The same scheduler; a minute is a tenth of a second to it when it looks at the markets."""
    from bongsu.trading import listing

    listing.EVERY = 0.1
    play(settings, wiring, advisor, log)


@contextmanager
def standing_still(stage: Stage) -> Iterator[None]:
    stage.ask("/sandbox/clock/hold", {"owner": "test", "ttl": 600})
    yield
    stage.ask("/sandbox/clock/release", {"owner": "test"})


def put(stage: Stage, state: str) -> None:
    """Returns once the bot knows."""
    stage.ask(f"/sandbox/markets/{ETH}/state", {"state": state}, "PUT")
    stage.until(lambda: stage.rows("SELECT 1 FROM market_states WHERE state = %(state)s", state=state), state)


def test_under_a_warning_it_sells_and_buys_no_more_until_that_is_over(
    tmp_path: Path, database_url: str
) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 2000)
    with (
        open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage,
        stage.scheduler(Metronome(), target=play_watchful),
    ):
        stage.until(lambda: stage.rows(HELD), "a position is held")
        with standing_still(stage):
            put(stage, "warning")
            bought = stage.value(BOUGHT)
        stage.until(lambda: stage.value(VETOED) >= 3, "buys are vetoed")
        assert not stage.rows(HELD), "the position was sold"
        assert stage.value(BOUGHT) == bought
        assert stage.value(FAILED) == 0
        with standing_still(stage):
            put(stage, "active")
        stage.until(lambda: stage.value(BOUGHT) > bought, "it buys again")
        assert stage.observe() == []


def test_a_delisted_position_is_worth_its_last_price_and_stops_nothing_else(
    tmp_path: Path, database_url: str
) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 2000)
    with (
        open_stage(tmp_path, database_url, candles=candles, **QUICK) as stage,
        stage.scheduler(BuyOnce(), target=play_watchful),
    ):
        stage.until(lambda: stage.rows("SELECT 1 FROM positions WHERE price > 0"), "a position is valued")
        with standing_still(stage):
            put(stage, "delisted")
            before = stage.rows("SELECT p.at, o.price, o.valued_at FROM portfolio p, positions o")[0]
        valued = "SELECT at FROM portfolio WHERE at > %(at)s + interval '5 hours'"
        stage.until(lambda: stage.rows(valued, at=before["at"]), "hours go by")
        skipped = (
            "SELECT count(*) FROM decisions WHERE outcome = 'skipped' AND refusal_detail LIKE '%%delisted'"
        )
        stage.until(lambda: stage.value(skipped) >= 3, "decisions are skipped")
        worth = "SELECT cash + volume * price = equity FROM portfolio, positions"
        assert stage.value(worth)
        after = stage.rows("SELECT price, valued_at FROM positions")[0]
        assert after == {"price": before["price"], "valued_at": before["valued_at"]}
        checked = "SELECT clock_timestamp() - risk_checked_at < interval '30 s' FROM switches"
        assert stage.value(checked)
        assert stage.value(FAILED) == 0
        assert stage.observe() == []
