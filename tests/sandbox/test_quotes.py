"""Quotes beyond what the bot asks for: seconds, weeks, months, years, public trades, cautions."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.market import HOUR
from bongsu.sandbox.periods import Period, candles
from bongsu.sandbox.tape import Tape
from bongsu.sandbox.world import World
from sandbox.worlds import ETH, FIRST, FLAT, START, Client, options

DAYS = timedelta(days=1)


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    """From Monday 2024-01-01 on: 400 flat hours, three silent weeks, 200 hours more."""
    after = (None,) * 21 * 24 + (FLAT,) * 200
    world = World(options(tmp_path_factory.mktemp("quotes"), after))
    world.close()
    return world.feed.tapes[ETH]


def test_a_week_begins_on_monday_and_a_silent_one_has_no_candle(tape: Tape) -> None:
    found = candles(tape, Period.WEEK, tape.end, 10, tape.end)
    assert [c.opened_at.strftime("%m-%d %a") for c in found] == [
        "02-12 Mon", "02-05 Mon", "01-15 Mon", "01-08 Mon", "01-01 Mon",
    ]  # fmt: skip
    assert sum(c.volume for c in found) == 600 * 100


def test_months_and_years_hold_the_same(tape: Tape) -> None:
    months = candles(tape, Period.MONTH, tape.end, 10, tape.end)
    (year,) = candles(tape, Period.YEAR, tape.end, 10, tape.end)
    assert [c.opened_at.month for c in months] == [2, 1]
    assert year.volume == sum(c.volume for c in months) == 600 * 100
    assert (year.opened_at, year.interval) == (FIRST, 366 * DAYS)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)), st.sampled_from(Period))  # noqa: DTZ001
def test_every_moment_lies_in_one_period(naive: datetime, period: Period) -> None:
    at = naive.replace(tzinfo=START.tzinfo)
    start = period.start(at)
    assert start <= at < period.next(start)
    assert period.start(period.next(start)) == period.next(start)
    assert period.next(period.start(start - timedelta(microseconds=1))) == start


async def test_periods_over_the_wire(client: Client) -> None:
    (week,) = await client.seen("/v1/candles/weeks", market=ETH)
    assert (week["candle_date_time_utc"], week["first_day_of_period"]) == (
        "2024-01-15T00:00:00",
        "2024-01-15",
    )
    assert "unit" not in week
    assert (await client.seen("/v1/candles/months", market=ETH))[0]["first_day_of_period"] == "2024-01-01"
    assert (await client.seen("/v1/candles/years", market=ETH))[0]["candle_acc_trade_volume"] == 40_000
    assert await client.seen("/v1/candles/weeks", market=ETH, count=10, to="2024-01-08T00:00:00Z") == [
        week for week in await client.seen("/v1/candles/weeks", market=ETH, count=10)
        if week["first_day_of_period"] == "2024-01-01"
    ]  # fmt: skip


async def test_seconds(client: Client) -> None:
    await client.wait(START + timedelta(seconds=90))
    found = await client.seen("/v1/candles/seconds", market=ETH, count=2)
    assert [c["candle_date_time_utc"] for c in found] == ["2024-01-17T16:01:29", "2024-01-17T16:01:28"]
    assert "unit" not in found[0]
    (day,) = await client.seen("/v1/candles/days", market=ETH, converting_price_unit="KRW")
    assert day["converted_trade_price"] == day["trade_price"]


class TestTrades:
    async def seen(self, client: Client, **asked: Any) -> list[Any]:
        found: list[Any] = await client.seen("/v1/trades/ticks", market=ETH, **asked)
        return found

    async def test_newest_first_with_all_that_upbit_tells(self, client: Client) -> None:
        await client.wait(START + HOUR)
        (newest,) = await self.seen(client)
        assert set(newest) == {
            "market", "trade_date_utc", "trade_time_utc", "timestamp", "trade_price", "trade_volume",
            "prev_closing_price", "change_price", "ask_bid", "sequential_id",
        }  # fmt: skip
        assert newest["ask_bid"] in ("ASK", "BID")
        several = await self.seen(client, count=5)
        assert several[0] == newest
        times = [trade["timestamp"] for trade in several]
        assert times == sorted(set(times), reverse=True)

    async def test_a_cursor_goes_on_where_the_page_ended(self, client: Client) -> None:
        await client.wait(START + HOUR)
        whole = await self.seen(client, count=40)
        first = await self.seen(client, count=20)
        rest = await self.seen(client, count=20, cursor=first[-1]["sequential_id"])
        assert first + rest == whole

    async def test_an_hours_trades_are_its_volume(self, client: Client) -> None:
        await client.wait(START + HOUR)
        pages, cursor = [], ""
        for _ in range(8):
            page = await self.seen(client, count=500, cursor=cursor)
            pages += page
            cursor = page[-1]["sequential_id"]
        began = START.timestamp() * 1000
        hour = [trade for trade in pages if began <= trade["timestamp"] < began + 3_600_000]
        assert sum(Decimal(str(trade["trade_volume"])) for trade in hour) == pytest.approx(100, rel=1e-4)

    async def test_days_ago_and_a_time_of_that_day(self, client: Client) -> None:
        (last,) = await self.seen(client, days_ago=2)
        assert (last["trade_date_utc"], last["trade_time_utc"]) == ("2024-01-15", "23:59:59")
        for spelled in ("09:30:00", "093000"):
            (one,) = await self.seen(client, days_ago=2, to=spelled)
            assert (one["trade_date_utc"], one["trade_time_utc"]) == ("2024-01-15", "09:29:59")

    @pytest.mark.parametrize(
        "asked",
        [
            {"count": 501},
            {"days_ago": 0},
            {"days_ago": 8},
            {"to": "noon"},
            {"cursor": "x"},
            {"cursor": "9" * 20},
        ],
    )
    async def test_a_wrong_question_is_refused(self, client: Client, asked: dict[str, Any]) -> None:
        answer = await client.http.get("/v1/trades/ticks", params={"market": ETH, **asked})
        assert (answer.status_code, answer.json()["error"]["name"]) == (400, 400)


async def test_cautions_are_shown_by_name_and_stop_nothing(client: Client) -> None:
    async def put(market: str, cautions: list[str]) -> httpx2.Response:
        return await client.http.put(f"/sandbox/markets/{market}/cautions", json=cautions)

    await put(ETH, ["PRICE_FLUCTUATIONS", "GLOBAL_PRICE_DIFFERENCES"])
    (shown,) = await client.seen("/v1/market/all", is_details="true")
    assert {name for name, on in shown["market_event"]["caution"].items() if on} == {
        "PRICE_FLUCTUATIONS",
        "GLOBAL_PRICE_DIFFERENCES",
    }
    assert len(shown["market_event"]["caution"]) == 5
    assert (await client.buy()).status_code == 201
    await put(ETH, [])
    (shown,) = await client.seen("/v1/market/all", is_details="true")
    assert not any(shown["market_event"]["caution"].values())
    assert (await put(ETH, ["MOON"])).status_code == 400
    assert (await put("KRW-NONE", [])).status_code == 404
