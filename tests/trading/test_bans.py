"""Who is banned stays silent, and whoever starts after him as well."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bongsu.errors import LedgerUnavailable
from bongsu.ledger.ban_log import BanLog
from bongsu.trading import bans as bans_module
from bongsu.trading.bans import Bans
from stage import FLAT, BuyOnce, Stage, open_stage, write_candles
from web.story import open_books


async def test_the_last_ban_is_on_record(database_url: str) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    async with open_books(database_url) as books:
        log = BanLog(books.database)
        assert await log.silent_until() is None
        bans = Bans(log.write)
        for until in (soon, soon + timedelta(hours=1, microseconds=5)):
            bans.remember(until)
            await bans.close()
        assert await log.silent_until() == soon + timedelta(hours=1, microseconds=5)


async def test_while_the_ledger_is_away_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bans_module, "_AGAIN", 0.01)
    tries: list[datetime] = []

    async def write(until: datetime) -> None:
        tries.append(until)
        if len(tries) < 3:
            raise LedgerUnavailable("away")

    bans, soon = Bans(write), datetime.now(UTC) + timedelta(hours=1)
    bans.remember(datetime.now(UTC) - timedelta(seconds=1))  # one that has ended is nothing to write
    bans.remember(soon)
    await bans.close()
    assert tries == [soon] * 3


def test_a_scheduler_that_starts_anew_does_not_knock(tmp_path: Path, database_url: str) -> None:
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 24)
    with open_stage(tmp_path, database_url, candles=candles, lease_seconds=0.5) as stage:
        stage.arm({"kind": "banned", "path": "/v1/*", "seconds": 3600})
        runs_until_refused(stage)
        knocked = stage.ask("/sandbox/faults")[0]["seen"]
        assert knocked >= 1
        runs_until_refused(stage)
        assert stage.ask("/sandbox/faults")[0]["seen"] == knocked


def runs_until_refused(stage: Stage) -> None:
    """A scheduler, until one of its jobs has failed for want of an answer."""
    failed = "SELECT count(*) FROM job_runs WHERE outcome = 'failure'"
    before = stage.value(failed)
    with stage.scheduler(BuyOnce()):
        stage.until(lambda: stage.value(failed) > before, "a job meets the ban")
        stage.until(
            lambda: stage.value("SELECT count(*) FROM events WHERE kind = 'exchange_banned'"),
            "it is on record",
        )
