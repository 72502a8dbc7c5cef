"""The reports' figures against what the teller of a month remembers, against the counters, and against one another."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal

import pytest

from bongsu.core.order import Side, Trigger
from bongsu.core.report import Report, Span, span_bounds
from bongsu.core.tradingday import DAY
from bongsu.ledger import reports
from bongsu.ledger.projection import project
from ledger.month import AWAY, BEGAN_AT, FIRST, Teller, Told
from web.story import Books, open_books


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


async def read(books: Books, span: Span, at: datetime) -> Report | None:
    async with books.database.transaction("test") as tx:
        return await reports.read(tx, span, *span_bounds(span, at))


def assert_as_told(report: Report, days: list[Told]) -> None:
    decisions = sum((told.decisions for told in days), Counter())
    orders = [order for told in days for order in told.orders]
    exits = sum((told.exits for told in days), Counter())
    assert (report.buys, report.sells, report.holds) == tuple(decisions[a] for a in ("buy", "sell", "hold"))
    assert report.rejected == sum(told.rejected for told in days)
    assert report.blocked == sum((told.blocked for told in days), Counter())
    assert report.ai_cost == sum(told.cost for told in days)
    assert report.bought == sum(side is Side.BUY for side, _, _ in orders)
    assert report.sold == sum(side is Side.SELL for side, _, _ in orders)
    assert report.volume == sum(funds for _, funds, _ in orders)
    assert report.fees == sum(fee for _, _, fee in orders)
    assert (report.stop_losses, report.take_profits) == (exits[Trigger.STOP_LOSS], exits[Trigger.TAKE_PROFIT])
    assert report.breaker_trips == sum(told.trips for told in days)
    assert report.alarms == sum((told.alarms for told in days), Counter())
    assert report.hours_awake == sum(len(told.hours) for told in days)


def assert_profit(report: Report, teller: Teller) -> None:
    within = [v for v in teller.valued if report.start <= v[0] < report.end]
    later = [v for v in teller.valued if v[0] >= report.end]
    opened, closed = within[0], later[0] if later else teller.valued[-1]
    flows = sum(amount for at, amount in teller.moved if opened[0] < at <= closed[0])
    assert (report.opened, report.closed, report.flows) == (opened[1], closed[1], flows)
    assert report.profit == closed[1] - opened[1] - flows
    stake = min(opened[1], opened[1] + flows)
    assert report.ratio == pytest.approx(report.profit / stake)


async def test_nine_days_to_the_won(books: Books) -> None:
    """A whole week, and the turn of a month; `make reports` tells longer stories."""
    await assert_told_to_the_won(books, days=9, seed=1, step=6)


async def assert_told_to_the_won(books: Books, *, days: int, seed: int, step: int) -> None:
    teller = Teller(books, random.Random(seed), step)
    await teller.live(days)
    daily: dict[datetime, Report] = {}
    for told in teller.days:
        report = await read(books, Span.DAY, told.day)
        assert report is not None
        assert_as_told(report, [told])
        assert_profit(report, teller)
        daily[told.day] = report
    for name in ("decisions", "rejected", "blocked", "orders", "exits", "trips", "alarms", "cost", "moved"):
        assert any(getattr(told, name) for told in teller.days), f"no {name} in the whole story"
    assert daily[FIRST].hours == 24 - BEGAN_AT
    assert {report.hours for day, report in daily.items() if FIRST < day < max(daily)} == {24}
    assert await read(books, Span.DAY, FIRST + AWAY * DAY) is None

    for span in (Span.WEEK, Span.MONTH):
        for start in {span_bounds(span, told.day)[0] for told in teller.days}:
            end = span_bounds(span, start)[1]
            days = [told for told in teller.days if start <= told.day < end]
            report = await read(books, span, start)
            assert report is not None
            assert_as_told(report, days)
            assert_profit(report, teller)
            assert report.realized == sum(daily[told.day].realized for told in days)

    await assert_counted(books, teller, daily)


async def assert_counted(books: Books, teller: Teller, daily: dict[datetime, Report]) -> None:
    """Against what Prometheus would be told."""
    samples = await project(books.database, lease_seconds=10.0)

    def total(name: str, **labels: str) -> Decimal:
        return sum(
            (s.value for s in samples if s.name == name and labels.items() <= s.labels.items()), Decimal(0)
        )

    every, last = list(daily.values()), daily[max(daily)]
    assert total("ai_decision_total", decision="buy") == sum(r.buys for r in every)
    assert total("ai_decision_total") == sum(r.decisions for r in every)
    assert total("ai_validation_rejections_total") == sum(r.rejected for r in every)
    assert total("trade_frequency_blocks_total") == sum(sum(r.blocked.values()) for r in every)
    assert total("trades_total") == sum(r.trades for r in every)
    assert total("trade_volume_krw_total") == sum(r.volume for r in every)
    assert total("trade_fee_krw_total") == sum(r.fees for r in every)
    assert total("risk_exits_total", type="stop_loss") == sum(r.stop_losses for r in every)
    assert total("circuit_breaker_trips_total") == sum(r.breaker_trips for r in every)
    assert total("portfolio_value_krw") == last.closed
    assert total("portfolio_pnl_krw", window="daily") == last.profit
    week = await read(books, Span.WEEK, last.start)
    assert week is not None
    assert total("portfolio_pnl_krw", window="weekly") == week.profit
    async with books.database.transaction("test") as tx:
        row = await (await tx.execute("SELECT sum(realized) AS realized FROM positions")).fetchone()
    assert row is not None
    assert row["realized"] == sum(r.realized for r in every) != 0
    moved = sum(amount for at, amount in teller.moved[1:] if at <= teller.valued[-1][0])
    assert sum(r.profit for r in every) == last.closed - every[0].opened - moved
