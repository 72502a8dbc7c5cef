"""Messages arrive: in order, at least once, one a second, whatever breaks on the way. Real database, real wire."""

import asyncio
import itertools
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.core.facts import ErrorOccurred, ErrorType, ProcessStarted
from bongsu.core.risk import RiskLimits
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.messages import Voice
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.store import Ledger
from bongsu.ledger.telling import Telling
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN
from bongsu.trading.ports import Messenger
from bongsu.trading.sender import Sender
from ports import free_offset, free_port
from stage import FLAT, BuyOnce, open_stage, write_candles
from stand_in import StandIn

VOICE = Voice("ko", "sandbox")
REPEATED = "재전송"


class Desk:
    """A ledger that has things to say, and the senders that say them."""

    def __init__(self, database: Database, url: str, stand_in: StandIn) -> None:
        self.database = database
        self.url = url
        self.stand_in = stand_in
        self.ledger = Ledger(database, voice=VOICE, day_start=time(9), limits=RiskLimits())

    async def tell(self, *names: str) -> None:
        for name in names:
            await self.ledger.record(ErrorOccurred(ErrorType.INTERNAL, name, "…", {}))

    def lease(self, holder: str = "scheduler", seconds: float = 10) -> Lease:
        return Lease(self.database, "sender", holder, seconds)

    @asynccontextmanager
    async def sending(
        self,
        lease: Lease | None = None,
        *,
        preempts: bool = True,
        messenger: Messenger | None = None,
        **times: float,
    ) -> AsyncIterator[Sender]:
        lease = lease or self.lease()
        sender = Sender(
            Outbox(self.database, lease, Telling(VOICE)),
            messenger or self.stand_in.messenger(),
            lease,
            preempts=preempts,
            **times,
        )
        task = asyncio.create_task(sender.run())
        try:
            yield sender
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.wait([task])

    def arrived(self) -> list[str]:
        """The names told, with a star where the message says that it is a repeat."""
        lines = [message.text.splitlines() for message in self.stand_in.received()]
        return [
            found[2].removeprefix("에러 타입: ") + "*" * found[-2].startswith(REPEATED) for found in lines
        ]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    def counted(self, name: str) -> int:
        ((total,),) = self.rows(f"SELECT coalesce(sum(value), 0) FROM metric_counter WHERE name = '{name}'")
        return int(total)

    async def until(self, condition: Callable[[], bool], patience: float = 60) -> None:
        async with asyncio.timeout(patience):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)

    async def until_sent(self, messages: int) -> None:
        await self.until(lambda: self.counted("notification_sent_total") == messages)


@pytest.fixture
def desk(database: Database, database_url: str, stand_in: StandIn) -> Desk:
    return Desk(database, database_url, stand_in)


async def test_all_arrive_in_order_and_no_two_within_a_second(desk: Desk) -> None:
    await desk.tell("A", "B")
    async with desk.sending():
        await desk.until_sent(1)
        await desk.tell("C")
        await desk.until_sent(3)
    assert desk.arrived() == ["A", "B", "C"]
    times = [message.at for message in desk.stand_in.received()]
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in itertools.pairwise(times))


LISTENING = """SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                AND application_name = 'bongsu-listen-outbox' AND query LIKE 'LISTEN%' AND state = 'idle'"""


async def test_a_new_message_does_not_wait_for_the_poll(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bongsu.trading.sender.POLL", 3600.0)
    async with desk.sending(pace=0):
        await desk.until(lambda: desk.rows(LISTENING) != [])
        for sent, name in enumerate("ABC", 1):
            await desk.tell(name)
            await desk.until_sent(sent)


async def test_a_lost_acknowledgement_repeats_the_message_under_its_number(desk: Desk) -> None:
    desk.stand_in.break_with(kind="lost_reply", count=1)
    await desk.tell("A", "B")
    async with desk.sending(pace=0):
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "A*", "B"]
    assert f"(#{desk.rows('SELECT min(id) FROM notifications')[0][0]})" in desk.stand_in.received()[1].text
    assert desk.counted("notification_failed_total") == 1


async def test_a_sender_killed_between_sending_and_marking_leaves_a_marked_repeat(desk: Desk) -> None:
    desk.stand_in.break_with(kind="late_reply", seconds=60, count=1)
    await desk.tell("A", "B")
    async with desk.sending(patience=1):
        await desk.until(lambda: desk.arrived() == ["A"])
    assert desk.counted("notification_sent_total") == 0
    async with desk.sending(pace=0):
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "A*", "B"]


async def test_a_time_to_wait_is_honoured_by_the_next_sender_too(desk: Desk) -> None:
    desk.stand_in.break_with(kind="rate_limited", retry_after=3, count=1)
    await desk.tell("A")
    async with desk.sending(pace=0):
        await desk.until(lambda: desk.counted("notification_failed_total") == 1)
    async with desk.sending(pace=0):
        await desk.until_sent(1)
    assert desk.arrived() == ["A"]  # it surely had not arrived: no repeat
    ((waited,),) = desk.rows("SELECT ended_at - created_at FROM notifications")
    assert timedelta(seconds=3) <= waited < timedelta(seconds=60)


async def test_while_telegram_is_down_everything_waits_in_order(desk: Desk) -> None:
    desk.stand_in.break_with(kind="error_before", status=502)
    await desk.tell("A", "B")
    async with desk.sending(pace=0, longest_backoff=0.05):
        await desk.until(lambda: desk.counted("notification_failed_total") >= 3)
        assert desk.rows("SELECT count(*) FROM notifications WHERE state = 'pending'") == [(2,)]
        desk.stand_in.break_with(kind="error_before", status=502, probability=0)
        await desk.until_sent(2)
    assert [name.removesuffix("*") for name in desk.arrived()] == ["A", "B"]


@pytest.mark.parametrize("wrong", [{"token": "123:wrong"}, {"chat": "999"}])
async def test_a_wrong_token_or_chat_keeps_the_queue_and_does_not_hammer(
    desk: Desk, wrong: dict[str, str]
) -> None:
    await desk.tell("A", "B")
    async with desk.sending(messenger=desk.stand_in.messenger(**wrong), pace=0):
        await desk.until(lambda: desk.counted("notification_failed_total") == 1)
        await asyncio.sleep(1)
    assert desk.rows("SELECT state, attempts FROM notifications ORDER BY id") == [
        ("pending", 1),
        ("pending", 0),
    ]
    async with desk.sending(pace=0):  # repaired and restarted: at once
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "B"]


async def test_a_message_refused_for_its_text_does_not_hold_up_the_others(desk: Desk) -> None:
    with psycopg.connect(desk.url) as connection:
        connection.execute("INSERT INTO notifications (kind, text) VALUES ('status', ' ')")
    await desk.tell("B")
    async with desk.sending(pace=0):
        await desk.until_sent(1)
    assert desk.arrived() == ["B"]
    assert desk.counted("notification_dead_letter_total") == 1
    assert desk.rows("SELECT severity FROM events WHERE kind = 'notification_dead'") == [("error",)]


class Broken:
    async def send(self, text: str, dedupe: str, *, picture: bytes | None = None) -> str:
        raise RuntimeError("a defect")


async def test_a_defect_of_the_channel_does_not_end_the_process(desk: Desk) -> None:
    await desk.tell("A")
    async with desk.sending(messenger=Broken(), pace=0):
        await desk.until(lambda: desk.counted("notification_failed_total") == 1)
    assert desk.rows("SELECT state FROM notifications") == [("pending",)]


async def test_a_database_that_goes_away_while_sending_causes_no_repeat(desk: Desk, postgres: Any) -> None:
    name = desk.url.rpartition("/")[2]
    desk.stand_in.break_with(kind="late_reply", seconds=1, count=1)
    await desk.tell("A")
    async with desk.sending(pace=0):
        await desk.until(lambda: desk.arrived() == ["A"])
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        postgres.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await asyncio.sleep(2)
        postgres.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await desk.until_sent(1)
    assert desk.arrived() == ["A"]


# --- who sends


async def test_of_two_senders_one_sends(desk: Desk) -> None:
    await desk.tell("A", "B", "C", "D")
    backend = desk.lease("backend")
    async with desk.sending(pace=0.1), desk.sending(backend, preempts=False, pace=0.1):
        await desk.until_sent(4)
        assert backend.epoch is None
    assert desk.arrived() == ["A", "B", "C", "D"]


async def test_the_scheduler_takes_over_from_the_backend_at_once(desk: Desk) -> None:
    # The backend would wait an hour for a silent scheduler: what it takes sooner was given up.
    backend, scheduler = desk.lease("backend", seconds=3600), desk.lease("scheduler")
    async with desk.sending(backend, preempts=False, pace=0):
        await desk.until(lambda: backend.epoch is not None)
        async with desk.sending(scheduler, pace=0):
            await desk.until(lambda: scheduler.epoch is not None)
            await desk.tell("A")
            await desk.until_sent(1)
            await desk.until(lambda: backend.epoch is None)
            assert desk.rows("SELECT holder FROM leases WHERE name = 'sender'") == [("scheduler",)]
        # … and gives it back when it ends
        await desk.tell("B")
        await desk.until_sent(2)
        assert desk.rows("SELECT holder FROM leases WHERE name = 'sender'") == [("backend",)]
    assert desk.arrived() == ["A", "B"]


async def test_what_arrives_just_then_does_not_arrive_twice(desk: Desk) -> None:
    desk.stand_in.break_with(kind="late_reply", seconds=2, count=1)
    backend, scheduler = desk.lease("backend"), desk.lease("scheduler")
    await desk.tell("A", "B")
    async with desk.sending(backend, preempts=False, pace=0):
        await desk.until(lambda: desk.arrived() == ["A"])
        async with desk.sending(scheduler, pace=0):
            await desk.until_sent(2)
    assert desk.rows("SELECT epoch >= 2 FROM leases WHERE name = 'sender'") == [(True,)]
    assert desk.arrived() == ["A", "B"]


async def test_a_channel_that_cannot_be_reached_leaves_no_repeat(desk: Desk) -> None:
    await desk.tell("A")
    nobody = TelegramMessenger(f"http://127.0.0.1:{free_port()}", SANDBOX_TOKEN, SANDBOX_CHAT)
    async with desk.sending(messenger=nobody, pace=0):
        await desk.until(lambda: desk.counted("notification_failed_total") == 1)
    async with desk.sending(pace=0):
        await desk.until_sent(1)
    assert desk.arrived() == ["A"]


async def test_the_backend_takes_over_from_a_scheduler_that_fell_silent(desk: Desk) -> None:
    silent = desk.lease("scheduler", seconds=3)
    assert await silent.take(by_force=True)
    ((last_heard_of,),) = desk.rows("SELECT renewed_at FROM lease_renewals WHERE name = 'sender'")
    await desk.tell("A")
    async with desk.sending(desk.lease("backend", seconds=3), preempts=False, pace=0):
        await desk.until_sent(1)
    assert desk.arrived() == ["A"]
    ((sent_at,),) = desk.rows("SELECT ended_at FROM notifications")
    assert sent_at - last_heard_of >= timedelta(seconds=3)


async def test_preempting_is_for_the_start_only(desk: Desk) -> None:
    """Else two schedulers would take the lease from one another for ever."""
    first, second = desk.lease("first"), desk.lease("second")
    async with desk.sending(first), desk.sending(second):
        taken = "SELECT epoch FROM leases WHERE name = 'sender'"
        await desk.until(lambda: desk.rows(taken) == [(2,)])  # each preempts at its start
        await desk.until(lambda: (first.epoch is None) != (second.epoch is None))
        await asyncio.sleep(5)
        assert desk.rows(taken) == [(2,)]


# --- what the log and a process about to end see


async def test_the_log_says_that_the_start_was_told(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    desk.stand_in.break_with(kind="rate_limited", count=1)
    await desk.ledger.record(ProcessStarted("scheduler", "0.1.0"))
    async with desk.sending(pace=0):
        await desk.until_sent(1)
        await desk.until(lambda: "✅ Telegram 시작 알림 전송 완료" in caplog.messages)
    assert "Telegram 알림 전송 실패" in caplog.messages


async def test_a_process_about_to_end_waits_for_its_last_message(desk: Desk) -> None:
    lease = desk.lease()
    async with desk.sending(lease, pace=0.2) as sender:
        await desk.tell("A", "B", "C")
        await desk.until(lambda: lease.epoch is not None)
        assert await sender.drain(60)
        assert desk.arrived() == ["A", "B", "C"]


async def test_it_does_not_wait_longer_than_it_may(desk: Desk) -> None:
    desk.stand_in.break_with(kind="down")
    lease = desk.lease()
    async with desk.sending(lease) as sender:
        await desk.tell("A")
        await desk.until(lambda: lease.epoch is not None)
        assert not await sender.drain(0.5)


async def test_who_does_not_send_has_nothing_to_wait_for(desk: Desk) -> None:
    await desk.tell("A")
    async with desk.sending(), desk.sending(desk.lease("backend"), preempts=False) as standby:
        assert not await asyncio.wait_for(standby.drain(3600), 60)


def test_the_scheduler_itself_tells_of_its_start(tmp_path: Path, database_url: str) -> None:
    """Its log says so, where its owner looks, although a backend was sending before it came."""
    candles = write_candles(tmp_path / "KRW-ETH-1h.csv.gz", [FLAT] * 3)
    with open_stage(tmp_path, database_url, candles=candles) as stage:
        environment = {
            "BONGSU_STATE_DIR": str(tmp_path),
            "BONGSU_ENV_FILE": str(tmp_path / "none"),
            "BONGSU_PORT_OFFSET": str(free_offset(8000)),
            "DATABASE_URL": database_url,
            "EXCHANGE_URL": stage.exchange,
            "TELEGRAM_API_URL": f"{stage.exchange}/telegram",
        }
        with (tmp_path / "backend.log").open("wb") as log:
            backend = subprocess.Popen(
                [sys.executable, "-m", "bongsu", "backend"],
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
            )
        try:
            held = "SELECT 1 FROM lease_renewals WHERE name = 'sender' AND renewed_at IS NOT NULL"
            stage.until(lambda: stage.rows(held), "the backend sends")
            with psycopg.connect(database_url) as slow:
                slow.execute("SELECT 1 FROM lease_renewals WHERE name = 'sender' FOR UPDATE")
                scheduler = stage.start_scheduler(BuyOnce())
                takes_over = """SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
                                AND wait_event_type = 'Lock' AND query LIKE '%%AS free%%'"""
                stage.until(lambda: stage.rows(takes_over), "the scheduler wants to send")
                assert stage.rows("SELECT 1 FROM notifications") == [], "the backend would tell it"
                slow.rollback()
                told = "SELECT 1 FROM notifications WHERE state = 'sent' AND text LIKE '✅ 봇 시작됨%%'"
                stage.until(lambda: stage.rows(told), "the start is told")
            scheduler.terminate()
            scheduler.join(60)
        finally:
            backend.kill()
            backend.wait()
    assert "✅ Telegram 시작 알림 전송 완료" in (tmp_path / "scheduler.log").read_text()
