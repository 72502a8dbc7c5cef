"""`bongsu report` as its reader types it."""

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bongsu.cli import app
from bongsu.core import facts as f
from bongsu.core.money import Krw
from bongsu.core.tradingday import DAY
from ledger.month import FIRST as MONDAY
from web.story import open_books


async def _live(url: str) -> None:
    """Two days of a week that end at noon of the third; 12,000 won came in and 3,000 were won."""
    async with open_books(url) as books:
        for hours, equity in ((0, 1_000_000), (23, 1_012_000), (24, 1_015_000), (51, 1_013_000)):
            at = MONDAY + timedelta(hours=hours)
            if hours == 23:
                await books.ledger.record(f.FundsMoved("KRW", Krw(Decimal(12_000)), "by hand", at))
            worth = Krw(Decimal(equity))
            await books.ledger.record(f.PortfolioValued(at, worth, worth, {}))


@pytest.fixture
def ask(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["report", *words])

    return run


def test_any_day_week_and_month_of_the_ledger(ask: Any, database_url: str) -> None:
    assert (ask().exit_code, "아직 자산 평가가 없습니다" in ask().stderr) == (1, True)
    asyncio.run(_live(database_url))
    day = ask("--date", "2024-05-27")
    assert (day.exit_code, day.stderr) == (0, "")
    lines = day.stdout.splitlines()
    assert lines[:3] == ["📊 일일 거래 리포트", "━" * 20, "📅 기간: 2024-05-27 ~ 2024-05-28"]
    assert {"AI 판단 통계", "• 손익: +3,000원 (+0.30%)", "• 입출금 (손익 아님): +12,000원"} <= set(lines)

    week = ask("--date", "2024-06-02", "--week").stdout.splitlines()
    assert {"📊 주간 거래 리포트", "• 손익: +1,000원 (+0.10%)"} <= set(week)
    assert week[-2] == "안내: 2024-05-29 12:00:00까지의 값입니다."
    assert ask("--month").stdout.splitlines()[2] == "📅 기간: 2024-05-01 ~ 2024-06-01"
    assert ask("--week").stdout.splitlines() == week

    shape = json.loads(ask("--json", "--date", "2024-05-27").stdout)
    assert (shape["profit"], shape["ratio"], shape["ended"], shape["hours"]) == ("3000", "0.003", True, 24)
    assert (shape["start"], shape["closed"], shape["blocked"]) == ("2024-05-27T00:00:00Z", "1015000", {})


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--date", "2024-05-26"), 1, "시작하기 전"),
        (("--date", "2024-05-28"), 1, "꺼져 있어"),
        (("--date", "2024-05-30"), 1, "아직 오지 않은"),
        (("--date", "어제"), 2, "2026-11-23 처럼"),
        (("--week", "--month"), 2, "하나만"),
    ],
)
def test_what_there_is_not_is_said_plainly(
    ask: Any, database_url: str, words: tuple[str, ...], code: int, said: str
) -> None:
    async def live() -> None:
        async with open_books(database_url) as books:
            for day in (0, 2):
                at = MONDAY + day * DAY
                worth = Krw(Decimal(1_000_000))
                await books.ledger.record(f.PortfolioValued(at, worth, worth, {}))

    asyncio.run(live())
    answer = ask(*words)
    assert (answer.exit_code, answer.stdout) == (code, "")
    assert said in answer.stderr
