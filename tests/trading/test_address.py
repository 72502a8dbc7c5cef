"""The key's list of addresses no longer has ours, as when a home's address changes, and has it again."""

from pathlib import Path

from stage import BuyOnce, open_stage, play_pressing

PAUSED = "SELECT 1 FROM pauses WHERE reason = 'address_refused'"
SKIPPED = "SELECT 1 FROM job_runs WHERE outcome = 'skipped' AND reason = 'blocked'"
TOLD = "SELECT text FROM notifications WHERE strpos(text, '공인 IP를 거부함') > 0 ORDER BY id"
DONE = "SELECT count(*) FROM job_runs WHERE job_name = 'reconcile_job' AND outcome = 'success'"


def test_all_stands_still_while_our_address_is_refused_and_goes_on_by_itself(
    tmp_path: Path, database_url: str
) -> None:
    with open_stage(tmp_path, database_url, candles=None, speed="60") as stage:
        with stage.scheduler(BuyOnce(), target=play_pressing):
            stage.until(lambda: stage.value(DONE), "it works")
            stage.ask("/sandbox/key", {"address_allowed": False}, "PUT")
            stage.until(lambda: stage.rows(PAUSED), "it pauses")
            stage.until(lambda: stage.rows(SKIPPED), "jobs are skipped")
            stage.ask("/sandbox/key", method="DELETE")
            stage.until(lambda: not stage.rows(PAUSED), "it goes on")
            done = stage.value(DONE)
            stage.until(lambda: stage.value(DONE) > done, "it works again")
        told = [row["text"] for row in stage.rows(TOLD)]
        assert [text.splitlines()[0] for text in told] == ["⏸️ 거래 일시 정지", "▶️ 거래 재개"]
        assert "손절과 익절도 나가지 않습니다" in told[0]
        assert stage.rows("SELECT reason FROM job_runs WHERE outcome = 'failure'") == []
        assert stage.rows("SELECT 1 FROM pauses") == []
        assert stage.observe() == []
