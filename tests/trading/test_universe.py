"""The scanner on a real ledger: who is asked about in which hour, and that the alarms do not mistake it for a fault."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest

from adapters.scripted import Script, answer, client
from bongsu.core import facts as f
from bongsu.core.market import HOUR, Market
from bongsu.core.money import Krw
from bongsu.core.order import Side
from bongsu.core.scanning import ScanRules
from bongsu.settings import Settings
from bongsu.trading.ports import Clock
from bongsu.trading.universe import Configured, Scanner, universe_of
from core.samples import BTC, ETH, NOON
from stage import BuyOnce, open_stage
from web.story import Books, execute, fund, open_books, request

XRP, SOL, DOGE, USDT = (Market(f"KRW-{coin}") for coin in ("XRP", "SOL", "DOGE", "USDT"))
BILLIONS = {BTC: 300, XRP: 50, SOL: 40, DOGE: 30, USDT: 900}
RULES = ScanRules(most=10, least_value=Krw(Decimal(10**10)), left_out=frozenset({USDT}), at_once=2)


class Markets(Script):
    def __init__(self) -> None:
        self.cautioned: set[Market] = set()
        super().__init__(self._serve)

    def _serve(self, asked: httpx2.Request) -> httpx2.Response:
        if asked.url.path == "/v1/market/all":
            shown = [
                {"market": m, "market_event": _event(m in self.cautioned)} for m in (*BILLIONS, "BTC-ETH")
            ]
            return answer(json.dumps(shown))
        assert (asked.url.path, asked.url.params["quote_currencies"]) == ("/v1/ticker/all", "KRW")
        return answer(json.dumps([_ticker(market, value) for market, value in BILLIONS.items()]))


def _event(cautioned: bool) -> dict[str, Any]:
    return {"warning": False, "caution": {"PRICE_FLUCTUATIONS": cautioned, "TRADING_VOLUME_SOARING": False}}


def _ticker(market: str, billions: int) -> dict[str, Any]:
    return {
        "market": market,
        "trade_price": 100.0,
        "timestamp": 1717243199912,
        "acc_trade_price_24h": billions * 1e9,
    }


class Hours:
    at = NOON

    def now(self) -> datetime:
        return self.at


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


async def rows(books: Books, query: str) -> list[tuple[Any, ...]]:
    async with books.database.transaction("test") as tx:
        return [tuple(row.values()) for row in await (await tx.execute(query.encode())).fetchall()]


async def hours(books: Books, markets: Markets, number: int) -> list[tuple[Market, ...]]:
    """Every chosen market is skipped in its turn, which is a turn all the same."""
    clock, turns = Hours(), []
    for hour in range(number):
        clock.at = NOON + hour * HOUR
        # A new one each hour: that a process starts anew changes nobody's turn.
        scanner = Scanner(client(markets), books.ledger, cast(Clock, clock), RULES)
        turns.append(tuple(await scanner.choose()))
        for market in turns[-1]:
            await books.ledger.record(
                f.DecisionSkipped(market, clock.at, clock.at, "rules", f.DecisionSkip.STALE, "still")
            )
            await books.ledger.save_freshness(market, HOUR, clock.at, 1.0)
    return turns


async def test_two_at_a_time_in_turn_and_what_is_held_among_them(books: Books) -> None:
    await fund(books)
    await execute(books, request(ETH, Side.BUY), price="4000000", volume="0.07")  # not on the list any more
    markets = Markets()
    assert await hours(books, markets, 3) == [(ETH, BTC), (XRP, SOL), (DOGE, ETH)]
    markets.cautioned.add(BTC)
    assert BTC not in [market for turn in await hours(books, markets, 4) for market in turn]


async def test_a_market_that_waits_for_its_turn_is_no_stale_one_and_a_new_ones_counters_begin_at_zero(
    books: Books,
) -> None:
    await hours(books, Markets(), 2)
    assert await rows(books, "SELECT market FROM market_freshness ORDER BY market") == [(DOGE,), (SOL,)]
    counted = "SELECT count(*) FROM metric_counter WHERE labels->>'symbol' = 'KRW-SOL' AND value = 0"
    assert (await rows(books, counted))[0][0] >= 9
    told = await rows(books, "SELECT message FROM events WHERE kind = 'markets_scanned' ORDER BY id")
    assert told == [("KRW-BTC, KRW-XRP of 4",), ("KRW-SOL, KRW-DOGE of 4",)]


async def test_it_is_off_unless_switched_on(books: Books) -> None:
    off = Settings(_env_file=None)  # type: ignore[call-arg]
    on = Settings(_env_file=None, market_scanner=True)  # type: ignore[call-arg]
    clock = cast(Clock, Hours())
    universe = universe_of(off.scan_rules, off.markets, client(Markets()), books.ledger, clock)
    assert isinstance(universe, Configured)
    assert tuple(universe.known()) == (ETH, BTC)
    assert isinstance(universe_of(on.scan_rules, on.markets, client(Markets()), books.ledger, clock), Scanner)
    assert on.scan_rules is not None
    assert (on.scan_rules.most, on.scan_rules.least_value, on.scan_rules.at_once) == (10, 10**10, 2)
    assert USDT in on.scan_rules.left_out


def test_with_the_scanner_the_whole_bot_trades_many_markets_within_its_limits(
    tmp_path: Path, database_url: str
) -> None:
    refused = "SELECT count(*) FROM decisions WHERE refusal = 'max_positions'"
    often = {"min_trade_interval_hours": 0, "max_trades_per_day": 1000}
    with open_stage(tmp_path, database_url, candles=None, market_scanner=True, **often) as stage:
        with stage.scheduler(BuyOnce()):
            stage.until(lambda: stage.value(refused), "a fourth market is wanted")
        assert stage.value("SELECT count(*) FROM positions WHERE volume > 0") == 3
        assert stage.value("SELECT count(*) FROM decisions WHERE market = 'KRW-USDT'") == 0
        assert stage.value("SELECT count(*) FROM job_runs WHERE outcome = 'failure'") == 0
        assert stage.value("SELECT min(cash / equity) FROM portfolio_snapshots") >= Decimal("0.1")
        assert stage.observe() == []
