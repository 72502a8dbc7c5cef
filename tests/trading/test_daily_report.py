"""One report for each trading day, at nine, late rather than never."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bongsu.core import facts as f
from bongsu.core.clock import ClockState
from bongsu.core.money import Krw
from bongsu.core.tradingday import DAY, day_offset
from bongsu.ledger.picture import draw_equity
from bongsu.trading.daily_report import DailyReport
from ledger.month import FIRST as MONDAY
from stage import FLAT, BuyOnce, open_stage, write_candles
from web.story import Books, open_books

REPORTS = "SELECT trading_day, late, jsonb_array_length(report) AS told FROM daily_reports ORDER BY 1"
TOLD = "SELECT text FROM notifications WHERE kind = 'report' AND picture IS NULL ORDER BY id"
PICTURES = "SELECT text, picture FROM notifications WHERE picture IS NOT NULL ORDER BY id"
MILLION = Krw(Decimal(1_000_000))


@dataclass
class Standing:
    """A market's clock that we turn."""

    at: datetime
    lockstep: bool = True
    speed: float = 0.0

    @property
    def state(self) -> ClockState:
        return ClockState(self.at, self.speed, self.lockstep, ended=False)

    def now(self) -> datetime:
        return self.at

    async def wait_until(self, when: datetime, patience: float) -> ClockState:
        raise NotImplementedError

    def standing_still(self, owner: str) -> Any:
        raise NotImplementedError


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


async def rows(books: Books, query: str) -> list[dict[str, Any]]:
    async with books.database.transaction("test") as tx:
        return await (await tx.execute(query)).fetchall()


async def value(books: Books, *times: datetime) -> None:
    for at in times:
        await books.ledger.record(f.PortfolioValued(at, MILLION, MILLION, {}))


async def report(books: Books, at: datetime) -> None:
    await DailyReport(books.ledger, Standing(at)).run()


async def test_each_day_is_told_once_whoever_asks_again(books: Books) -> None:
    await report(books, MONDAY)
    assert await rows(books, REPORTS) == []
    await value(books, MONDAY + timedelta(hours=5))
    await report(books, MONDAY + timedelta(hours=20))
    assert await rows(books, REPORTS) == []
    await value(books, MONDAY + DAY)
    for _ in range(2):
        await report(books, MONDAY + DAY)
    assert await rows(books, REPORTS) == [{"trading_day": MONDAY, "late": False, "told": 1}]
    assert len(await rows(books, TOLD)) == 1
    twin = f.DailyReported(MONDAY, MONDAY, True, await books.ledger.reports_of(MONDAY, MONDAY), ())
    await books.ledger.record(twin)
    assert len(await rows(books, TOLD)) == len(await rows(books, REPORTS)) == 1


async def test_a_nine_o_clock_that_was_slept_through_is_told_late(books: Books) -> None:
    await value(books, MONDAY, MONDAY + timedelta(hours=23, minutes=50), MONDAY + DAY + timedelta(minutes=40))
    await report(books, MONDAY + DAY + timedelta(minutes=40))
    assert [row["late"] for row in await rows(books, REPORTS)] == [True]
    (told,) = await rows(books, TOLD)
    assert "\n지연: " in told["text"]


@pytest.mark.parametrize(("speed", "late"), [(1.0, True), (60.0, True), (3600.0, False)])
async def test_a_fast_market_is_not_late_because_the_job_had_to_begin(
    books: Books, speed: float, late: bool
) -> None:
    at = MONDAY + DAY + timedelta(minutes=40)
    await value(books, MONDAY, at)
    await DailyReport(books.ledger, Standing(at, lockstep=False, speed=speed)).run()
    assert [row["late"] for row in await rows(books, REPORTS)] == [late]


async def test_the_week_s_curve_comes_behind_the_figures(books: Books) -> None:
    for n in range(10):
        await value(books, MONDAY + n * DAY, MONDAY + n * DAY + timedelta(hours=1))
    await report(books, MONDAY + 9 * DAY)
    (sent,) = await rows(books, PICTURES)
    assert sent["text"].splitlines()[:3] == [
        "📈 자산 추이 (원)",
        "━" * 20,
        "📅 기간: 2024-05-29 ~ 2024-06-05",
    ]
    assert bytes(sent["picture"]) == draw_equity(
        await books.ledger.equity_curve(MONDAY + 2 * DAY, MONDAY + 9 * DAY)
    )
    order = await rows(books, "SELECT picture IS NULL AS figures FROM notifications ORDER BY id")
    assert [row["figures"] for row in order] == [True, False]


async def test_days_that_were_missed_are_made_up_for_and_days_off_are_not_invented(books: Books) -> None:
    await value(books, MONDAY, MONDAY + DAY)
    await report(books, MONDAY + DAY)
    await value(books, MONDAY + 2 * DAY, MONDAY + 4 * DAY)  # Thursday the bot was off
    await report(books, MONDAY + 4 * DAY)
    days = [(row["trading_day"] - MONDAY).days for row in await rows(books, REPORTS)]
    assert days == [0, 1, 2]


async def test_an_old_ledger_sends_its_last_day_and_no_flood(books: Books) -> None:
    await value(books, *(MONDAY + n * DAY for n in range(6)))
    await report(books, MONDAY + 5 * DAY)
    assert [(row["trading_day"] - MONDAY).days for row in await rows(books, REPORTS)] == [4]


async def test_the_week_and_the_month_come_with_their_last_valued_day(books: Books) -> None:
    for n in range(9):
        if n != 6:  # Sunday off: the week ends with Saturday
            await value(books, MONDAY + n * DAY)
            await report(books, MONDAY + n * DAY)
    titles = [row["text"].splitlines()[0] for row in await rows(books, TOLD)]
    daily = "📊 일일 거래 리포트"
    month, week = (
        "📊 월간 거래 리포트",
        "📊 주간 거래 리포트",
    )  # the sixth day of this week is the 1st of June
    assert titles == [daily] * 5 + [month, daily, week, daily]


async def test_a_week_made_up_for_is_told_with_its_last_day_only(books: Books) -> None:
    await value(books, MONDAY, MONDAY + DAY)
    await report(books, MONDAY + DAY)
    await value(books, *(MONDAY + n * DAY for n in range(2, 8)))
    await report(books, MONDAY + 7 * DAY)
    titles = [row["text"].splitlines()[0][2:4] for row in await rows(books, TOLD)]
    assert titles == ["일일"] * 5 + ["월간", "일일", "일일", "주간"]


async def test_without_a_new_valuation_it_waits_no_longer_than_its_patience(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bongsu.trading.daily_report._PATIENCE", 0.0)
    await value(books, MONDAY, MONDAY + DAY - timedelta(minutes=1))
    await DailyReport(books.ledger, Standing(MONDAY + DAY, lockstep=False)).run()
    (told,) = await rows(books, TOLD)
    assert "안내: 2024-05-28 08:59:00까지의 값입니다." in told["text"]


def test_a_report_that_failed_is_owed_at_the_next_start_and_runs_again_in_its_place(
    tmp_path: Path, database_url: str
) -> None:
    """The market begins at 07:00 KST: nine o'clock is two hours away."""
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 20, warm_up=406)
    runs = "SELECT scheduled_for AS at, outcome FROM job_runs WHERE job_name = 'daily_report_job' ORDER BY id DESC LIMIT 1"
    with open_stage(tmp_path, database_url, candles=candles, lease_seconds=0.5) as stage:
        with stage.scheduler(BuyOnce()):
            stage.until(lambda: stage.rows(REPORTS), "the first day is told", 180)
            stage.until(
                lambda: [m for m in stage.ask("/sandbox/inbox?limit=1000") if m["photo"]],
                "its picture arrives",
                180,
            )
        first = stage.rows(REPORTS)
        stage.rows("DELETE FROM daily_reports RETURNING 1")
        stage.rows("UPDATE job_runs SET outcome = 'failure' WHERE job_name = 'daily_report_job' RETURNING 1")
        with stage.scheduler(BuyOnce()):
            stage.until(lambda: stage.rows(REPORTS), "it is told again", 180)
        assert stage.rows(REPORTS)[0]["trading_day"] == first[0]["trading_day"]
        assert stage.rows(runs)[0]["outcome"] == "success"
        assert [m["text"].splitlines()[2] for m in stage.rows(TOLD)] == [
            "📅 기간: 2024-01-17 ~ 2024-01-18"
        ] * 2


def test_the_job_is_due_when_the_trading_day_begins() -> None:
    assert day_offset() == timedelta(0)
    assert day_offset(time(0)) == timedelta(hours=15)
    assert day_offset(time(10, 30)) == timedelta(hours=1, minutes=30)
