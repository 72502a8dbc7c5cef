"""A hint makes the bot look sooner. What it then does, it does for what it sees."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from bongsu.adapters.clock import SandboxClock
from bongsu.core.facts import JobName
from bongsu.core.hints import BalancesStirred, LineOpened, OrderStirred, PriceHeard
from bongsu.core.market import Market
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.portfolio import Position
from bongsu.core.risk import RiskLimits
from bongsu.trading.hints import Hints
from stage import BuyOnce, open_stage

AGAIN = 5.0  # seconds until what stirred nothing is done again
ETH, BTC = Market("KRW-ETH"), Market("KRW-BTC")
HELD = Position(
    ETH, Volume(Decimal(1)), Krw(Decimal(1_000_000)), Krw(Decimal(0)), datetime(2025, 1, 1, tzinfo=UTC)
)
BETWEEN = """SELECT count(*) FROM job_runs WHERE job_name = %(job)s AND outcome = 'success'
              AND scheduled_for > %(since)s AND scheduled_for <> date_trunc('minute', scheduled_for)"""


def heard(market: Market, price: int) -> PriceHeard:
    return PriceHeard(market, Price(Decimal(price)))


@pytest.fixture
def hints() -> Hints:
    made = Hints(RiskLimits(), SandboxClock.__new__(SandboxClock))
    made.watch([HELD])
    return made


def test_a_new_line_is_a_reason_to_ask_for_everything_once(hints: Hints) -> None:
    hints.hear(LineOpened())
    assert [hints.take(job) for job in JobName] == [
        job in (JobName.RECONCILE, JobName.POSITION) for job in JobName
    ]
    assert not any(hints.take(job) for job in JobName)


@pytest.mark.parametrize("hint", [OrderStirred(ETH, None), BalancesStirred()])
def test_what_stirs_the_account_is_a_reason_to_reconcile(
    hints: Hints, hint: OrderStirred | BalancesStirred
) -> None:
    hints.hear(hint)
    assert [job for job in JobName if hints.take(job)] == [JobName.RECONCILE]


@pytest.mark.parametrize(
    ("price", "looks"),
    [(949_000, True), (950_000, True), (951_000, False), (1_099_000, False), (1_100_000, True)],
)
def test_a_price_counts_where_it_calls_for_an_exit(hints: Hints, price: int, looks: bool) -> None:
    hints.hear(heard(BTC, 1))
    assert not hints.take(JobName.POSITION)
    hints.hear(heard(ETH, price))
    assert hints.take(JobName.POSITION) is looks


def test_a_price_that_stays_there_does_not_make_a_busy_loop(hints: Hints) -> None:
    for _ in range(100):
        hints.hear(heard(ETH, 900_000))
    assert hints.take(JobName.POSITION)
    hints.hear(heard(ETH, 900_000))
    assert not hints.take(JobName.POSITION)


def test_what_is_sold_is_not_watched(hints: Hints) -> None:
    hints.watch([])
    hints.hear(heard(ETH, 1))
    assert not hints.take(JobName.POSITION)


async def test_who_rests_is_woken_when_something_stirs(hints: Hints) -> None:
    resting = asyncio.create_task(hints.rest(3600))
    await asyncio.sleep(0)
    hints.hear(OrderStirred(ETH, None))
    async with asyncio.timeout(60):
        await resting
    again = asyncio.create_task(hints.rest(3600))
    await asyncio.wait([again], timeout=0.05)
    assert not again.done(), "and once only"
    again.cancel()


def test_a_deposit_is_seen_at_once_and_a_line_that_comes_back_is_a_reason_to_look(
    tmp_path: Path, database_url: str
) -> None:
    """At the pace of life a job has its turn at each minute; those between two have another reason."""
    with (
        open_stage(tmp_path, database_url, candles=None, speed="1", lease_seconds=0.5) as stage,
        stage.scheduler(BuyOnce()),
    ):

        def looks_when(job: str, stir: Callable[[], object]) -> None:
            """Out of turn. A turn that is due just then would do as well, and shows nothing: so it is stirred again."""
            since, stirred = stage.now(), 0.0

            def looked() -> bool:
                nonlocal stirred
                if time.monotonic() - stirred > AGAIN and len(stage.ask("/sandbox/streams")) == 2:
                    stirred = time.monotonic()
                    stir()
                return bool(stage.value(BETWEEN, job=job, since=since))

            stage.until(looked, f"{job} out of turn")

        looks_when(
            JobName.RECONCILE, lambda: stage.ask("/sandbox/account", {"currency": "KRW", "delta": "12345"})
        )
        looks_when(JobName.POSITION, lambda: stage.ask("/sandbox/streams", method="DELETE"))
