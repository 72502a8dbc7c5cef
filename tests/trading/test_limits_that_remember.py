"""Limits that remember, on a real ledger: a trailing stop's peak, and the loss of a week."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import httpx2
import pytest

from adapters.scripted import CHANCE, INSTRUMENTS, NOW, Script, answer, client, refusal
from bongsu.core.order import Side
from bongsu.core.risk import RiskLimits, VetoReason, buying_blocked
from bongsu.core.tradingday import NINE
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Clock
from bongsu.trading.protect import Protection
from bongsu.trading.ranges import TrueRanges
from bongsu.trading.valuation import Valuation
from core.samples import BTC, ETH, NOON
from web.story import ACCOUNT, OFTEN, Books, execute, fund, open_books, request

TRAILING = replace(OFTEN, trailing_atr=Decimal(2))
WIDE = 25_000  # every hour of the script is that wide: so is their average


class Market(Script):
    """Quotes as they are set; 150 hours of equal candles; it takes no order."""

    def __init__(self) -> None:
        self.ticker = self.mid = 4_000_000
        self.silent = False
        super().__init__(self._serve)

    def _serve(self, asked: httpx2.Request) -> httpx2.Response:
        served = {
            "/v1/ticker": lambda: [
                {"market": ETH, "trade_price": self.ticker, **_STAMP, "acc_trade_price_24h": 1e10}
            ],
            "/v1/orderbook": lambda: [{"market": ETH, **_STAMP, "orderbook_units": [_around(self.mid)]}],
            "/v1/candles/minutes/60": lambda: [_candle(n) for n in range(150)],
        }
        if asked.url.path in served:
            if self.silent and "candles" in asked.url.path:
                return answer("", 500)
            return answer(json.dumps(served[asked.url.path]()))
        if asked.url.path == "/v1/orders/chance":
            return answer(CHANCE)
        return answer(INSTRUMENTS) if "instruments" in asked.url.path else refusal("insufficient_funds_ask")


_STAMP = {"timestamp": int(NOW.timestamp() * 1000)}


def _around(mid: int) -> dict[str, float]:
    return {"ask_price": mid + 500, "bid_price": mid - 500, "ask_size": 9.0, "bid_size": 9.0}


def _candle(hours_ago: int) -> dict[str, Any]:
    opened = NOON - timedelta(hours=hours_ago + 1)
    at = f"{opened:%Y-%m-%dT%H:%M:%S}"
    prices = {"opening_price": 4e6, "high_price": 4e6 + WIDE, "low_price": 4e6, "trade_price": 4e6}
    return {
        "market": ETH,
        "candle_date_time_utc": at,
        "candle_date_time_kst": at,
        **prices,
        **_STAMP,
        "unit": 60,
    } | {
        "candle_acc_trade_price": 1e9,
        "candle_acc_trade_volume": 250.0,
    }


class Noon:
    at = NOON + timedelta(minutes=2)

    def now(self) -> datetime:
        return self.at

    @asynccontextmanager
    async def standing_still(self, _: str) -> AsyncIterator[None]:
        yield


def protection(books: Books, market: Market, limits: RiskLimits = TRAILING) -> Protection:
    exchange, clock = client(market), cast(Clock, Noon())
    execution = Execution(exchange, books.ledger, clock, account=ACCOUNT, patience=1.0, blind=lambda: ())
    return Protection(exchange, books.ledger, clock, execution, limits, TrueRanges(exchange, clock), "ko")


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """0.07 ETH bought at 4,000,000."""
    async with open_books(database_url) as opened:
        await fund(opened)
        await execute(opened, request(ETH, Side.BUY), price="4000000", volume="0.07")
        yield opened


async def rows(books: Books, query: str) -> list[tuple[Any, ...]]:
    async with books.database.transaction("test") as tx:
        return [tuple(row.values()) for row in await (await tx.execute(query.encode())).fetchall()]


SOLD = "SELECT trigger, reason FROM order_intents WHERE side = 'sell'"
PEAK = "SELECT peak FROM positions"


async def test_it_follows_the_price_up_and_sells_two_ranges_below_the_peak_even_after_a_restart(
    books: Books,
) -> None:
    market = Market()
    before = protection(books, market)
    for quote in (4_000_000, 4_100_000, 4_060_000):
        market.ticker = market.mid = quote
        await before.run()
    assert await rows(books, PEAK) == [(4_100_000,)]
    after = protection(books, market)
    market.ticker = market.mid = 4_050_001
    await after.run()
    assert await rows(books, SOLD) == []
    market.ticker = market.mid = 4_050_000
    await after.run()
    assert await rows(books, SOLD) == [("trailing_stop", "트레일링 스톱: 최고가 4,100,000원 대비 -1.22%")]


async def test_no_bad_tick_raises_the_peak(books: Books) -> None:
    market = Market()
    for market.ticker, market.mid in (
        (40_000_000, 4_000_000),
        (4_000_000, 40_000_000),
        (4_060_000, 4_020_000),
    ):
        await protection(books, market).run()
    assert await rows(books, PEAK) == [(4_020_000,)]  # the lower one of two that agree
    assert await rows(books, SOLD) == []


async def test_it_is_off_by_default_and_rests_where_no_range_is_known(books: Books) -> None:
    market = Market()
    market.silent = True
    for limits in (OFTEN, TRAILING):
        for quote in (4_300_000, 3_900_000):
            market.ticker = market.mid = quote
            await protection(books, market, limits).run()
    assert await rows(books, SOLD) == []
    asked = [one.url.path for one in market.requests]
    assert asked.index("/v1/candles/minutes/60") > asked.index("/v1/ticker") + 3, (
        "nobody asks while it is off"
    )


async def test_a_week_of_small_losses_blocks_buys_until_monday(books: Books) -> None:
    """No day loses a tenth, the week loses 15 %: on Wednesday it trips, and on Monday at 09:00 in Seoul it resets."""
    market, clock = Market(), Noon()
    exchange, ledger = client(market), books.ledger
    execution = Execution(
        exchange, ledger, cast(Clock, clock), account=ACCOUNT, patience=1.0, blind=lambda: ()
    )
    active, vetoes = "SELECT scope FROM breakers WHERE active", []
    for days, price in ((0, 4_000_000), (1, 2_800_000), (2, 1_800_000), (6, 1_800_000), (7, 1_800_000)):
        clock.at = NOON + timedelta(days=days)
        market.ticker = market.mid = price
        # A new one each day: what it knows of the week is on record.
        await Valuation(exchange, ledger, cast(Clock, clock), execution, OFTEN, NINE).run()
        state = await ledger.risk_state(clock.at, ())
        veto = buying_blocked(BTC, state, OFTEN, clock.at)
        vetoes.append((days, veto.reason if veto else None, await rows(books, active)))
    weekly = (VetoReason.BREAKER_WEEKLY, [("weekly",)])
    assert vetoes == [(0, None, []), (1, None, []), (2, *weekly), (6, *weekly), (7, None, [])]
    assert await rows(books, "SELECT until FROM breakers WHERE scope = 'weekly'") == [
        (datetime(2024, 6, 10, tzinfo=UTC),)
    ]
