"""What a start has shown is told once for each start of the stack, as soon as it is known or the patience is over."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from bongsu.adapters.clock import WallClock
from bongsu.core import facts as f
from bongsu.core.clock import ExchangeSigns
from bongsu.core.start_check import AlarmServers, Start
from bongsu.core.tradingday import KST, NINE
from bongsu.ledger.start_log import StartLog
from bongsu.trading.examination import Examination
from bongsu.trading.timetable import timetable
from core.samples import ETH, NOON, start_check
from web.story import Books, fund, open_books


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as books:
        yield books


async def starts(books: Books, *, scheduler: bool = True, backend: bool = True) -> None:
    if backend:
        await books.ledger.record(f.ProcessStarted("backend", "1"))
    if scheduler:
        await books.ledger.record(f.ProcessStarted("scheduler", "1"))


async def rows(books: Books, query: str) -> list[dict[str, object]]:
    async with books.database.transaction("show") as tx:
        return await (await tx.execute(query.encode())).fetchall()


async def test_a_start_of_the_stack_is_told_once(books: Books) -> None:
    await starts(books)
    assert await books.ledger.record(f.StartChecked(start_check()))
    await starts(books, backend=False)  # it crashed
    assert not await books.ledger.record(f.StartChecked(start_check()))
    await books.ledger.record(f.ProcessStopped("scheduler", "stopped"))
    await starts(books, backend=False)  # restarted by its owner: the stack goes on
    assert not await books.ledger.record(f.StartChecked(start_check()))
    told = await rows(books, "SELECT urgency FROM notifications WHERE text LIKE '🩺%'")
    assert told == [{"urgency": "info"}]


async def test_the_next_start_of_the_stack_is_told_and_a_storm_of_crashes_is_not(books: Books) -> None:
    await starts(books)
    assert await books.ledger.record(f.StartChecked(start_check()))
    await starts(books)  # all of it crashed a moment later
    assert not await books.ledger.record(f.StartChecked(start_check()))
    await books.ledger.record(f.ProcessStopped("scheduler", "stopped"))
    await starts(books)
    assert await books.ledger.record(f.StartChecked(start_check()))
    await rows(books, "UPDATE events SET recorded_at = recorded_at - interval '11 minutes' RETURNING id")
    await starts(books)  # the power was off
    assert await books.ledger.record(f.StartChecked(start_check()))


async def examine(books: Books, *, prometheus: bool, patience: float = 30.0) -> None:
    async def nothing() -> None: ...

    async def alarms() -> AlarmServers | None:
        return AlarmServers(62, 1) if prometheus else None

    async def second() -> tuple[()]:
        return ()

    jobs = timetable(dict.fromkeys(f.JobName, nothing), NINE)
    await Examination(
        books.ledger,
        WallClock(),
        jobs,
        Start("sandbox", (ETH,), inbox=True, rules=62),
        StartLog(books.database, books.lease).look,
        lambda: ExchangeSigns(0.1, maintenance=False),
        second,
        alarms,
        patience,
    ).run()


async def run(books: Books, job: f.JobName) -> None:
    await books.ledger.register_job(job, 60.0, 45.0)
    number = await books.ledger.start_run(job, NOON)
    assert number is not None
    await books.ledger.record(f.JobSucceeded(number, job))


async def test_it_is_told_from_the_ledger_as_soon_as_all_is_known(books: Books) -> None:
    await starts(books)
    await fund(books)
    await run(books, f.JobName.RECONCILE)
    await run(books, f.JobName.POSITION)
    await books.ledger.heartbeat("backend", "backend@test:2")
    await rows(books, "UPDATE watchdog SET proven_at = clock_timestamp() RETURNING proven_at")
    await rows(
        books,
        "UPDATE notifications SET state = 'sent', ended_at = clock_timestamp() RETURNING id",
    )
    around = {f"{(datetime.now(KST) + timedelta(minutes=59, seconds=late)):%H}" for late in (0, 60)}
    await examine(books, prometheus=True, patience=3600.0)
    ((row),) = await rows(books, "SELECT text FROM notifications WHERE text LIKE '🩺%'")
    assert str(row["text"]).startswith("🩺 시작 점검: 이상 없음")
    assert any(f"다음 판단: {hour}:01 KST" in str(row["text"]) for hour in around)


async def test_what_does_not_come_is_not_waited_for_for_ever(books: Books) -> None:
    await starts(books)
    await examine(books, prometheus=False, patience=0.0)
    ((row),) = await rows(books, "SELECT text FROM notifications WHERE text LIKE '🩺%'")
    text = str(row["text"])
    assert "❔ 계좌 대조: 확인하지 못함" in text
    assert "❔ 모니터링: 아직 확인하지 못함: Prometheus, Alertmanager, 정기 신호(Watchdog), 백엔드" in text
    assert "❔ 알람 규칙: 확인하지 못함" in text


async def test_what_was_before_the_start_proves_nothing(books: Books) -> None:
    await run(books, f.JobName.RECONCILE)
    await books.ledger.heartbeat("backend", "backend@test:2")
    await rows(books, "UPDATE watchdog SET proven_at = clock_timestamp() RETURNING proven_at")
    await books.lease.release()
    assert await books.lease.take()  # the next leader
    await starts(books)
    seen = await StartLog(books.database, books.lease).look()
    assert (seen.reconciled, seen.backend, seen.watchdog, seen.delivered) == (None, False, False, False)


async def test_a_defect_in_the_examination_is_told_and_ends_nothing(books: Books) -> None:
    async def broken() -> tuple[()]:
        raise RuntimeError("kaputt")

    async def none() -> None:
        return None

    await Examination(
        books.ledger, WallClock(), (), Start("sandbox", (ETH,), inbox=True, rules=None),
        StartLog(books.database, books.lease).look, lambda: ExchangeSigns(None, maintenance=False), broken, none,
    ).run()  # fmt: skip
    assert await rows(books, "SELECT 1 AS one FROM events WHERE message LIKE '%kaputt%'")
