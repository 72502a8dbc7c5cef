"""A scheduler with real money: before a stand-in of Upbit, on this machine's time, with a ledger of its own."""

from pathlib import Path

from bongsu.ops.live.consent import keep_consent
from bongsu.settings import Settings
from stage import BuyOnce, Stage, live_settings, open_stage, play_alone, play_impatient

CAP = 100_000
RIGHTS = ["view_account", "view_orders", "make_orders", "view_withdrawals"]
STARTED = "SELECT count(*) FROM events WHERE kind = 'process_started'"
WARNED = "SELECT count(*) FROM events WHERE kind = 'trade_vetoed' AND context->>'reason' = 'first_week_cap'"
CAPPED = "SELECT value FROM metric_counter WHERE name = 'first_week_cap_blocks_total'"


def log(stage: Stage) -> str:
    return (stage.directory / "scheduler.log").read_text()


def exit_code(stage: Stage, target: object) -> int | None:
    process = stage.start_scheduler(BuyOnce(), target=target)
    process.join(60)
    process.kill()
    process.join()
    return process.exitcode


def consent(stage: Stage) -> None:
    keep_consent(stage.directory, Settings(_env_file=None, **stage.settings))  # type: ignore[call-arg]


def test_the_first_day_with_real_money(tmp_path: Path, database_url: str) -> None:
    with open_stage(tmp_path, database_url, candles=None, speed="1", real_time=True) as stage:
        stage.settings |= live_settings(stage.exchange) | {"lease_seconds": 0.5}
        # Nobody gave the word; then nobody would hear an alarm.
        assert exit_code(stage, play_alone) == 1
        assert "bongsu live confirm" in log(stage)
        consent(stage)
        assert exit_code(stage, play_impatient) == 1
        assert "확인하지 못했습니다" in log(stage)
        assert stage.rows("SELECT 1 FROM live_start") == []

        # With all well it begins, and holds no more than the cap, in both markets together.
        with stage.scheduler(BuyOnce(), target=play_alone):
            stage.until(lambda: stage.value(WARNED), "the second market is held back by the cap")
        bought = stage.value("SELECT sum(executed_funds + paid_fee) FROM orders")
        assert CAP * 0.95 < bought <= CAP
        assert stage.observe() == []
        assert stage.value(CAPPED) == stage.value(WARNED)
        (world,) = stage.rows("SELECT id, mode FROM world")
        assert world == {"id": "live", "mode": "live"}
        assert stage.value(
            "SELECT key_ends_at > now() + interval '364 days' FROM heartbeats WHERE key_ends_at > now()"
        )
        told = [row["text"] for row in stage.rows("SELECT text FROM notifications ORDER BY id")]
        assert told[0].startswith("🔔 실거래 시작\n")
        assert any("첫 주의 보유 한도 100,000원" in text for text in told)
        assert not any("모드:" in text for text in told)

        # What is held must be protected, whoever would hear of it: only what is dangerous refuses now.
        with stage.scheduler(BuyOnce(), target=play_impatient):
            stage.until(lambda: stage.value(STARTED) == 2, "it leads, and protects")
        stage.ask("/sandbox/key", {"rights": RIGHTS}, "PUT")
        assert exit_code(stage, play_impatient) == 1
        assert "출금 권한이 있습니다" in log(stage)


def test_real_and_played_money_never_share_a_ledger(tmp_path: Path, database_url: str) -> None:
    with open_stage(tmp_path, database_url, candles=None, speed="1", real_time=True) as stage:
        stage.rows("INSERT INTO world (id, mode) VALUES ('another', 'sandbox') RETURNING id")
        stage.settings |= live_settings(stage.exchange)
        consent(stage)
        assert exit_code(stage, play_alone) == 1
        assert "another" in log(stage)
        assert stage.ask("/sandbox/state")["orders"] == []
