"""`bongsu trades export`: what stands in the file is what the ledger holds, to the last decimal."""

import asyncio
import csv
import io
import random
import stat
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from bongsu.cli import app
from bongsu.core import facts as f
from bongsu.core.money import Krw
from bongsu.core.order import Side
from bongsu.core.portfolio import FIRST_BALANCE
from bongsu.core.tradingday import KST
from bongsu.errors import CannotStart
from bongsu.ops.trades import plain
from core.samples import BTC, ETH, NOON
from ledger.month import Teller
from web.story import execute, fund, open_books, request, value

EXACT = Decimal("1e-15")  # won: where a quotient has no end
MINUTE = timedelta(minutes=1)
HEAD = (
    "주문 시각(KST),체결 시각(KST),구분,출처,종목,수량,평균 단가(원),금액(원),수수료(원),"
    "취득원가(원),실현손익(원),사유,모드,거래소 주문 UUID"
)
Ask = Callable[..., Result]


@pytest.fixture
def ask(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, ["trades", "export", *words])

    return run


def rows(text: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"), newline="")))


def total(found: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in found if row[column]), Decimal(0))


def asked(url: str, statement: str, **values: Any) -> tuple[Any, ...]:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row


def by_hand(found: list[dict[str, str]]) -> list[Decimal]:
    """The profit of each sell, by average cost, from nothing but the other columns of the file."""
    held: dict[str, tuple[Decimal, Decimal]] = {}
    profits = []
    for row in found:
        if row["구분"] not in ("매수", "매도"):
            continue
        volume, cost = held.get(row["종목"], (Decimal(0), Decimal(0)))
        moved, amount, fee = (Decimal(row[column]) for column in ("수량", "금액(원)", "수수료(원)"))
        if row["구분"] == "매수":
            held[row["종목"]] = (volume + moved, cost + amount + fee)
        else:
            part = cost * moved / volume
            held[row["종목"]] = (volume - moved, cost - part)
            profits.append(amount - fee - part)
    return profits


def test_nine_days_equal_the_ledger_and_parts_make_the_whole(ask: Ask, database_url: str) -> None:
    """`make reports` does it with thirty."""
    assert_exported_to_the_won(ask, database_url, days=9, seed=1, step=6)


def assert_exported_to_the_won(ask: Ask, database_url: str, *, days: int, seed: int, step: int) -> None:
    async def live() -> None:
        async with open_books(database_url) as books:
            await Teller(books, random.Random(seed), step).live(days)

    asyncio.run(live())
    answer = ask("--year", "2024")
    assert answer.exit_code == 0, answer.output
    found = rows(answer.stdout_bytes)
    trades = [row for row in found if row["구분"] in ("매수", "매도")]
    moved = [row for row in found if row["출처"] == "외부"]
    assert len(trades) + len(moved) == len(found)

    number, funds, fees, realized = asked(
        database_url,
        "SELECT count(*), sum(executed_funds), sum(paid_fee), sum(realized) FROM orders WHERE executed_volume > 0",
    )
    assert (len(trades), total(trades, "금액(원)"), total(trades, "수수료(원)")) == (number, funds, fees)
    assert total(trades, "실현손익(원)") == realized
    assert realized == asked(database_url, "SELECT sum(realized) FROM positions")[0] != 0
    flows = asked(database_url, "SELECT count(*), sum(amount) FROM funds_moved")
    came, went = ([row for row in moved if row["구분"] == kind] for kind in ("입금", "출금"))
    assert (len(moved), total(came, "금액(원)") - total(went, "금액(원)")) == flows
    assert went, "no withdrawal in the whole story"
    assert f"거래 {number}건" in answer.stderr

    sold = [Decimal(row["실현손익(원)"]) for row in trades if row["구분"] == "매도"]
    assert sold == [pytest.approx(profit, abs=EXACT) for profit in by_hand(found)]
    assert found == sorted(found, key=lambda row: row["주문 시각(KST)"])
    assert found[0]["주문 시각(KST)"] == "2024-05-27 13:59:00"

    may = rows(ask("--from", "2024-01-01", "--to", "2024-05-31").stdout_bytes)
    june = rows(ask("--from", "2024-06-01", "--to", "2024-12-31").stdout_bytes)
    assert may + june == found
    assert may[-1]["주문 시각(KST)"] < "2024-06-01" <= june[0]["주문 시각(KST)"]


def test_a_year_turns_at_midnight_in_seoul(ask: Ask, database_url: str) -> None:
    turn = datetime(2025, 1, 1, tzinfo=KST)

    async def live() -> None:
        async with open_books(database_url) as books:
            for at in (turn - timedelta(microseconds=1), turn):
                await books.ledger.record(f.FundsMoved("KRW", Krw(Decimal(1)), "x", at))

    asyncio.run(live())
    assert [len(rows(ask("--year", year).stdout_bytes)) for year in ("2024", "2025")] == [1, 1]


def test_partial_sells_external_trades_and_formulas(ask: Ask, database_url: str) -> None:
    async def live() -> None:
        async with open_books(database_url) as books:
            await fund(books)
            await execute(
                books,
                request(ETH, Side.BUY, reason='=HYPERLINK("x")\r\n둘째 줄'),
                price="4000000",
                volume="0.03",
            )
            for minutes, side, amount, price in (
                (1, Side.BUY, "200000", "4100000"),
                (2, Side.SELL, "0.02", "4300000"),
            ):
                await value(books, NOON + minutes * MINUTE, {ETH: price})
                wish = request(ETH, side, amount=amount, at=NOON + minutes * MINUTE)
                await execute(books, wish, price=price, volume="0.04" if side is Side.BUY else "0.02")
            wish = request(ETH, Side.SELL, amount="0.05", at=NOON + 3 * MINUTE)
            await execute(books, wish, price="3900000", volume="0.05")
            await books.ledger.record(
                f.FundsMoved("BTC", Decimal("-0.00000001"), "@SUM(1)", NOON + 4 * MINUTE)
            )

    asyncio.run(live())
    with psycopg.connect(database_url) as connection:  # as a later version may book trades by hand
        connection.execute(
            "INSERT INTO orders (uuid, market, side, state, executed_volume, executed_funds, paid_fee, created_at, origin)"
            " VALUES (gen_random_uuid(), %s, 'sell', 'done', 0.5, 100, 0.05, %s, 'external')",
            (BTC, NOON + 5 * MINUTE),
        )
    day = f"{NOON.astimezone(KST):%Y-%m-%d}"
    answer = ask("--from", day, "--to", day)
    found = rows(answer.stdout_bytes)
    # 120,000 + 164,000 won and their fees of 142 for 0.07: 4,059,171.43 a coin
    first, second = (row for row in found if row["구분"] == "매도" and row["출처"] == "봇")
    assert Decimal(first["취득원가(원)"]) == pytest.approx(Decimal(284142) * 2 / 7, abs=EXACT)
    assert Decimal(first["실현손익(원)"]) == pytest.approx(85957 - Decimal(284142) * 2 / 7, abs=EXACT)
    assert total([first, second], "취득원가(원)") == 284142
    profits = [Decimal(row["실현손익(원)"]) for row in (first, second)]
    own = [row for row in found if row["출처"] == "봇"]
    assert profits == [pytest.approx(profit, abs=EXACT) for profit in by_hand(own)]
    assert found[1]["사유"] == '\'=HYPERLINK("x")  둘째 줄'
    moved, strange = found[-2:]
    assert (moved["구분"], moved["종목"], moved["수량"], moved["금액(원)"]) == (
        "출금",
        "BTC",
        "0.00000001",
        "",
    )
    assert moved["사유"] == "'@SUM(1)"
    assert (strange["출처"], strange["실현손익(원)"], strange["취득원가(원)"]) == ("외부", "", "")
    assert {row["모드"] for row in found} == {"sandbox"}
    assert "모의거래의 기록입니다" in answer.stderr


def test_money_that_was_there_before_the_bot_is_said_in_words(ask: Ask, database_url: str) -> None:
    async def live() -> None:
        async with open_books(database_url) as books:
            await books.ledger.record(f.FundsMoved("ETH", Decimal(1), FIRST_BALANCE, NOON))

    asyncio.run(live())
    (found,) = rows(ask("--year", str(NOON.year)).stdout_bytes)
    assert (found["종목"], found["사유"]) == ("ETH", "처음 잔고")


def test_the_bytes_are_as_excel_wants_them(ask: Ask, database_url: str, tmp_path: Path) -> None:
    async def live() -> None:
        async with open_books(database_url) as books:
            await fund(books)

    asyncio.run(live())
    text = ask("--year", str(NOON.year)).stdout_bytes
    assert text.startswith(b"\xef\xbb\xbf" + HEAD.encode() + b"\r\n")
    file = tmp_path / "세금.csv"
    saved = ask("--year", str(NOON.year), "-o", str(file))
    assert (saved.exit_code, saved.stdout_bytes, file.read_bytes()) == (0, b"", text)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_bytes(b"mine")
    again = ask("--year", str(NOON.year), "-o", str(file))
    assert isinstance(again.exception, CannotStart)
    assert "이미 있습니다" in str(again.exception)
    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--year 하나"),
        (("--year", "2024", "--from", "2024-01-01"), "--year 하나"),
        (("--from", "2024-01-01"), "--year 하나"),
        (("--from", "2024-01-02", "--to", "2024-01-01"), "앞섭니다"),
        (("--from", "어제", "--to", "2024-01-01"), "2026-11-23 처럼"),
    ],
)
def test_a_wrong_time_is_said_plainly(ask: Ask, words: tuple[str, ...], said: str) -> None:
    answer = ask(*words)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert said in answer.stderr


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\u200b=1", "＝1", "\r\n-cmd", "−x".replace("−", "－")]
)
def test_no_text_is_a_formula(text: str) -> None:
    assert plain(text).startswith("'")
    assert not set("\r\n\t") & set(plain(text))


def test_what_is_no_formula_stays_as_it_is() -> None:
    for text in ("손절: 진입가 대비 -5.12%", 'RSI "28", MACD', "", date.min.isoformat()):
        assert plain(text) == text
