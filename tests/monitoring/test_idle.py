"""Whatever the state, there is an answer to "why does it do nothing?": on the status page, and as `bot_idle_reason`."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from bongsu.core import facts as f
from bongsu.core.clock import ExchangeSigns
from bongsu.core.market import HOUR
from bongsu.core.order import Side
from bongsu.ledger.projection import project
from bongsu.ledger.reading import Reading
from bongsu.metrics.values import DECIDING, IDLE_REASONS
from bongsu.settings import Settings
from bongsu.web.overview import read_status
from bongsu.web.words import Words, idle_text
from core.samples import ETH, NOON
from web.story import Books, fund, intend, request

State = Callable[[Books], Awaitable[object]]
NEXT = NOON + HOUR + timedelta(minutes=1)


async def execute(books: Books, statement: str) -> None:
    async with books.database.transaction("test") as tx:
        await tx.execute(statement)  # type: ignore[arg-type]


async def at_rest(books: Books) -> None:
    """Alive, leading, reconciled, and done with this candle."""
    await books.ledger.heartbeat("scheduler", "s", ExchangeSigns(0.0, maintenance=False))
    await fund(books)
    await books.ledger.register_job(f.JobName.TRADING, 3600.0, 480.0)
    run = await books.ledger.start_run(f.JobName.TRADING, NOON, next_at=NEXT)
    assert run is not None
    await books.ledger.record(f.JobSucceeded(run, f.JobName.TRADING))


async def nothing(_: Books) -> None: ...


async def begin_deciding(books: Books) -> None:
    await books.ledger.start_run(f.JobName.TRADING, NOON + HOUR)


async def lose_an_order(books: Books) -> None:
    intent = await intend(books, request(ETH, Side.BUY))
    await books.ledger.record(f.OrderOutcomeLost(intent, "time-out"))


async def trip(books: Books, scope: str) -> None:
    loss = Decimal("0.12")
    await books.ledger.record(f.BreakerTripped(scope, loss, Decimal("0.1"), NOON, NOON + HOUR))


STATES: dict[str, tuple[State, str]] = {
    "waiting_for_candle": (nothing, "다음 판단: 2024-06-03 13:01"),
    "deciding": (begin_deciding, ""),
    "scheduler_never_started": (lambda b: execute(b, "DELETE FROM heartbeats"), "bongsu start scheduler"),
    "scheduler_silent": (
        lambda b: execute(b, "UPDATE heartbeats SET beat_at = beat_at - interval '16 s'"),
        "응답이 없습니다",
    ),
    "no_leader": (lambda b: b.lease.release(), "리스"),
    "killed": (lambda b: b.ledger.set_killed(True), "킬 스위치"),
    "order_unknown": (lose_an_order, "KRW-ETH"),
    "ledger_mismatch": (lambda b: b.ledger.record(f.Reconciled(("KRW: 1, 2",), NOON)), "KRW: 1, 2"),
    "paused": (lambda b: b.ledger.record(f.Paused("owner", "휴가", "cli")), "owner: 휴가"),
    "breaker_daily": (lambda b: trip(b, "daily"), "12.00%"),
    "breaker_weekly": (lambda b: trip(b, "weekly"), "12.00%"),
    "exchange_maintenance": (
        lambda b: b.ledger.heartbeat("scheduler", "s", ExchangeSigns(None, maintenance=True)),
        "점검 중",
    ),
    "clock_skew": (
        lambda b: b.ledger.heartbeat("scheduler", "s", ExchangeSigns(-7200.04, maintenance=False)),
        "7200.0초",
    ),
    "not_reconciled": (lambda b: execute(b, "UPDATE switches SET reconciled_at = NULL"), "첫 대조"),
}


def test_no_reason_is_left_out() -> None:
    assert set(STATES) | {"monitoring_blind"} == set(IDLE_REASONS)


@pytest.mark.parametrize("reason", STATES)
async def test_every_state_answers(books: Books, reason: str) -> None:
    bring_about, words = STATES[reason]
    await at_rest(books)
    await bring_about(books)
    samples = await project(books.database, lease_seconds=10.0)
    assert [s.labels["reason"] for s in samples if s.name == "bot_idle_reason"] == [reason]
    async with Reading(books.database).look() as view:
        status = await read_status(view, Settings(), Words("ko"))
    assert [idle.reason for idle in status.idle] == [r for r in (reason,) if r != DECIDING]
    assert words in "".join(idle.text for idle in status.idle)
    expected = {DECIDING: "deciding", "waiting_for_candle": "waiting"}
    assert status.state == expected.get(reason, "blocked")


async def test_several_reasons_stand_side_by_side_the_gravest_first(books: Books) -> None:
    await at_rest(books)
    for reason in ("paused", "breaker_weekly", "killed"):
        await STATES[reason][0](books)
    async with Reading(books.database).look() as view:
        found = [row["reason"] for row in await view.idle_reasons(10.0)]
    assert found == ["killed", "paused", "breaker_weekly"]


@pytest.mark.parametrize("reason", sorted(set(IDLE_REASONS) - {DECIDING}))
def test_every_reason_has_words(reason: str) -> None:
    ko, en = (idle_text(reason, NOON, "x", Words(lang)) for lang in ("ko", "en"))
    assert ko != en
    assert "{" not in ko + en
