"""The bot says itself that no alarm can reach it; and what is called outside while one can."""

import asyncio
import http.server
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bongsu.adapters.deadman import DeadmanSwitch
from bongsu.core.sight import Sight
from bongsu.ledger.voice import Voice
from bongsu.ledger.watchdog import WatchdogLog
from bongsu.monitoring.deadman import Deadman
from bongsu.monitoring.lookout import Lookout
from races import races
from web.frozen import way_to
from web.story import Books, open_books

SHORT = 0.4  # seconds


async def rows(books: Books, statement: str) -> list[dict[str, Any]]:
    async with books.database.transaction("read") as tx:
        return await (await tx.execute(statement.encode())).fetchall()


async def alarms(books: Books) -> list[tuple[bool, str]]:
    """Each MonitoringBlind: whether it fires, and the messages about it."""
    return [
        (row["firing"], row["text"])
        for row in await rows(
            books,
            "SELECT a.firing, n.text FROM alerts a CROSS JOIN notifications n "
            "WHERE a.name = 'MonitoringBlind' AND n.kind = 'alert' ORDER BY n.id",
        )
    ]


class CountedLog(WatchdogLog):
    """Counts the looks at it, also those that failed."""

    looks = 0

    async def look(self) -> Sight:
        try:
            return await super().look()
        finally:
            self.looks += 1

    async def seen_again(self, times: int) -> None:
        """By somebody who looks, acts on it, and looks again: all but the last look is acted on by then."""
        wanted = self.looks + times
        async with asyncio.timeout(60):
            while self.looks < wanted:  # noqa: ASYNC110 - by another task
                await asyncio.sleep(0.01)


async def until(books: Books, told: int, watchdog_comes: WatchdogLog | None = None) -> list[tuple[bool, str]]:
    async with asyncio.timeout(60):
        while len(found := await alarms(books)) < told:
            if watchdog_comes:
                await watchdog_comes.note(datetime.now(UTC))
            await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def lookout(books: Books, patience: float = SHORT) -> AsyncIterator[CountedLog]:
    log = CountedLog(books.database)
    await books.ledger.heartbeat("backend", f"backend@test:{id(log)}")
    task = asyncio.create_task(Lookout(books.ledger, log, Voice("ko", "sandbox"), patience).run())
    try:
        yield log
    finally:
        task.cancel()


async def test_silence_is_told_once_and_its_end_once(books: Books) -> None:
    began = datetime.now(UTC)
    async with lookout(books) as log:
        ((firing, text),) = await until(books, 1)
        assert datetime.now(UTC) - began >= timedelta(seconds=SHORT), "after the grace"
        assert firing
        assert text.startswith("🔴 경보 발생\n")
        for words in ("알람 수신 불가 (MonitoringBlind)", "bongsu restart prometheus", "모의거래는 계속"):
            assert words in text
        assert "대응 방법: docs/runbooks/MonitoringBlind.md" in text
        found = await until(books, 2, log)
        assert found[1][1].startswith("✅ 경보 해제\n")
        assert found[0][0] == (len(found) > 2)
        await until(books, 3)  # silent again: a new alarm


async def test_a_watchdog_that_comes_keeps_it_quiet(books: Books) -> None:
    for gap in races(SHORT, 2.0, 10.0):  # between two of them
        async with lookout(books, patience=gap.seconds) as log:
            noted, longest = gap.began, 0.0
            while noted - gap.began < gap.seconds * 1.5:
                await log.note(datetime.now(UTC))
                await asyncio.sleep(gap.seconds / 20)
                longest, noted = max(longest, time.monotonic() - noted), time.monotonic()
            told = await alarms(books)
        gap.won = longest < gap.seconds / 2
        assert told == [] or not gap.won


async def test_after_a_restart_there_is_a_grace_and_nothing_told_is_forgotten(books: Books) -> None:
    log = WatchdogLog(books.database)
    await log.note(datetime.now(UTC) - timedelta(hours=8))  # a night ago
    async with lookout(books, patience=60) as log:
        await log.seen_again(2)
        assert await alarms(books) == []
    async with lookout(books):
        await until(books, 1)
    async with lookout(books, patience=60) as log:
        await log.seen_again(2)
        assert [firing for firing, _ in await alarms(books)] == [True], "not told to be over by the grace"
        await log.note(datetime.now(UTC))
        await until(books, 2)


async def test_it_outlives_the_database(database_url: str) -> None:
    async with way_to(database_url) as way, open_books(way.url) as books, lookout(books):
        way.cut()
        await asyncio.sleep(SHORT)
        way.mend()
        await until(books, 1)


class Switch:
    """Counts calls; answers what it is told to."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200

    def server(self) -> http.server.ThreadingHTTPServer:
        switch = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                switch.calls.append(self.path)
                self.send_response(switch.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        return http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)


@pytest.fixture
def switch() -> Iterator[tuple[Switch, str]]:
    outside = Switch()
    server = outside.server()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield outside, f"http://127.0.0.1:{server.server_port}/ping/secret-uuid"
    server.shutdown()
    server.server_close()


@asynccontextmanager
async def deadman(books: Books, url: str) -> AsyncIterator[CountedLog]:
    calling = DeadmanSwitch(url)
    log = CountedLog(books.database)
    task = asyncio.create_task(Deadman(calling, books.ledger, log, 60.0, every=0.05).run())
    try:
        yield log
    finally:
        task.cancel()
        await calling.close()


async def called(switch: Switch, times: int) -> None:
    """That often from now on."""
    wanted = len(switch.calls) + times
    async with asyncio.timeout(60):
        while len(switch.calls) < wanted:  # noqa: ASYNC110 - by a thread
            await asyncio.sleep(0.01)


async def calls_in(switch: Switch, log: CountedLog, looks: int) -> int:
    await log.seen_again(2)  # what is on its way
    before = len(switch.calls)
    await log.seen_again(looks)
    return len(switch.calls) - before


async def all_well(books: Books) -> None:
    await books.ledger.heartbeat("scheduler", "scheduler@test:1")
    await WatchdogLog(books.database).note(datetime.now(UTC))


UNWELL = {
    "the scheduler is dead": "UPDATE heartbeats SET beat_at = beat_at - interval '16 s'",
    "no alarm can arrive": "UPDATE watchdog SET proven_at = proven_at - interval '60 s'",
}


@pytest.mark.parametrize("trouble", UNWELL)
async def test_the_switch_is_called_while_all_is_well(
    books: Books, switch: tuple[Switch, str], trouble: str
) -> None:
    outside, url = switch
    async with deadman(books, url) as log:
        assert await calls_in(outside, log, 4) == 0, "nothing is known yet"
        await all_well(books)
        await called(outside, 3)
        assert set(outside.calls) == {"/ping/secret-uuid"}
        async with books.database.transaction("record") as tx:
            await tx.execute(UNWELL[trouble].encode())
        assert await calls_in(outside, log, 4) == 0, trouble
        await all_well(books)
        await called(outside, 3)


async def test_without_the_database_nobody_is_told_that_all_is_well(
    database_url: str, switch: tuple[Switch, str]
) -> None:
    outside, url = switch
    async with way_to(database_url) as way, open_books(way.url) as books, deadman(books, url) as log:
        await all_well(books)
        await called(outside, 3)
        way.cut()
        assert await calls_in(outside, log, 1) == 0


@pytest.mark.parametrize("status", [302, 500])
async def test_a_failing_call_is_counted_and_told_once_and_gives_no_address_away(
    books: Books, switch: tuple[Switch, str], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    outside, url = switch
    outside.status = status
    async with deadman(books, url):
        await all_well(books)
        await called(outside, 3)
    assert set(outside.calls) == {"/ping/secret-uuid"}, "a redirect is not followed"
    told = [row["text"] for row in await rows(books, "SELECT text FROM notifications WHERE kind = 'error'")]
    assert len(told) == 1
    assert f"HTTP {status}" in told[0]
    assert caplog.text.count("dead-man") == 1
    assert "secret-uuid" not in told[0] + caplog.text
