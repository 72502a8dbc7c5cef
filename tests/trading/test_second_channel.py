"""What Telegram does not deliver in time goes another way: real database, real sockets, the production senders."""

import asyncio
import itertools
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from bongsu.adapters.second.mail import MailMessenger
from bongsu.adapters.second.webhook import WebhookMessenger
from bongsu.core.channels import Channel, MailAccount, Route, When
from bongsu.core.facts import AlertChanged, ErrorOccurred, ErrorType, MessageResent
from bongsu.core.risk import RiskLimits
from bongsu.errors import LeaseLost
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.messages import Voice
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.second_outbox import SecondOutbox, close_channels
from bongsu.ledger.store import Ledger
from bongsu.ledger.telling import Telling
from bongsu.trading.ports import Messenger
from bongsu.trading.sender import Sender
from second_channel import Answer, Mailbox, Receiver, mail_server, web_server
from stand_in import StandIn

VOICE = Voice("ko", "sandbox")
LATE = timedelta(milliseconds=1)
NEVER = timedelta(hours=1)
WEBHOOK = Channel.WEBHOOK


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with web_server() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as mailbox:
        yield mailbox


class Desk:
    """A ledger whose messages have two ways to their owner."""

    def __init__(self, database: Database, url: str, stand_in: StandIn, receiver: Receiver) -> None:
        self.database = database
        self.url = url
        self.stand_in = stand_in
        self.receiver = receiver
        self.routes: tuple[Route, ...] = (Route(WEBHOOK, When.LATE, LATE),)

    @property
    def telling(self) -> Telling:
        return Telling(VOICE, routes=self.routes)

    def route(self, when: When, patience: timedelta = NEVER) -> None:
        self.routes = (Route(WEBHOOK, when, patience),)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, voice=VOICE, day_start=time(9), limits=RiskLimits(), routes=self.routes)

    async def alarm(self, *names: str, severity: str = "critical") -> None:
        for name in names:
            now = datetime.now(UTC)
            await self.ledger.record(
                AlertChanged(name, True, severity, "요약", "내용", "r", {}, name, now, None)
            )

    async def error(self, name: str) -> None:
        await self.ledger.record(ErrorOccurred(ErrorType.INTERNAL, name, "…", {}))

    @asynccontextmanager
    async def telegram(self, **options: Any) -> AsyncIterator[None]:
        lease = Lease(self.database, "sender", "telegram", 10)
        messenger = options.pop("messenger", None) or self.stand_in.messenger()
        outbox = Outbox(self.database, lease, self.telling)
        async with self._running(Sender(outbox, messenger, lease, preempts=True, pace=0, **options)):
            yield

    @asynccontextmanager
    async def second(
        self,
        messenger: Messenger | None = None,
        channel: Channel = WEBHOOK,
        holder: str = "second",
        **options: Any,
    ) -> AsyncIterator[Lease]:
        lease = Lease(self.database, f"sender_{channel}", holder, 10)
        outbox = SecondOutbox(self.database, lease, self.telling, channel)
        preempts = options.pop("preempts", True)
        way = messenger or WebhookMessenger(f"{self.receiver.url}/hook", "json")
        options = {"pace": 0, "longest_backoff": 0.05, **options}
        async with self._running(Sender(outbox, way, lease, name="웹훅", preempts=preempts, **options)):
            yield lease

    @asynccontextmanager
    async def _running(self, sender: Sender) -> AsyncIterator[None]:
        task = asyncio.create_task(sender.run())
        try:
            yield
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.wait([task])

    def arrived(self) -> list[str]:
        """The alarms told on the webhook, with a star where the message says that it is a repeat."""
        return [_name(request.json["text"]) for request in self.receiver.requests]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(statement).fetchall()

    def states(self) -> list[str]:
        return [state for (state,) in self.rows("SELECT state FROM deliveries ORDER BY notification_id")]

    def counted(self, name: str) -> int:
        ((total,),) = self.rows(f"SELECT coalesce(sum(value), 0) FROM metric_counter WHERE name = '{name}'")
        return int(total)

    async def until(self, condition: Callable[[], bool], patience: float = 60) -> None:
        async with asyncio.timeout(patience):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)

    async def until_sent(self, messages: int) -> None:
        await self.until(lambda: self.counted("second_channel_sent_total") == messages)


def _name(text: str) -> str:
    found = next(line for line in text.splitlines() if line.startswith("경보: "))
    return found.rpartition("(")[2].rstrip(")") + "*" * ("재전송" in text)


@pytest.fixture
async def desk(database_url: str, stand_in: StandIn, receiver: Receiver) -> AsyncIterator[Desk]:
    database = Database(database_url, process="test", max_connections=8)
    await database.open()
    yield Desk(database, database_url, stand_in, receiver)
    await database.close()


# --- when


async def test_what_is_critical_and_late_goes_the_second_way_in_order(desk: Desk) -> None:
    desk.stand_in.break_with(kind="down")
    await desk.alarm("A", "B")
    await desk.error("not critical")
    async with desk.telegram(), desk.second():
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "B"]
    assert desk.states() == ["sent", "sent"]
    assert desk.rows("SELECT DISTINCT state FROM notifications") == [("pending",)], (
        "Telegram goes on by itself"
    )


async def test_what_telegram_delivers_in_time_does_not(desk: Desk) -> None:
    desk.route(When.LATE, NEVER)
    await desk.alarm("A")
    async with desk.second(), desk.telegram():
        await desk.until(lambda: desk.states() == ["spared"])
    assert desk.arrived() == []


async def test_what_telegram_refuses_for_good_does_not_wait_for_it(desk: Desk) -> None:
    desk.route(When.LATE, NEVER)
    await desk.alarm("A", "B")
    wrong = desk.stand_in.messenger(token="123:wrong")
    async with desk.second(), desk.telegram(messenger=wrong):
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "B"]


async def test_that_telegram_is_broken_is_told_at_once(desk: Desk) -> None:
    desk.route(When.LATE, NEVER)
    await desk.alarm("A")
    await desk.alarm("NotificationBacklog", severity="warning")
    async with desk.second():
        await desk.until_sent(1)
    assert desk.arrived() == ["NotificationBacklog"]
    assert desk.states() == ["pending", "sent"]


@pytest.mark.parametrize(("when", "told"), [(When.CRITICAL, ["A"]), (When.ALL, ["A", "W"])])
async def test_by_setting_it_does_not_wait_for_telegram_at_all(
    desk: Desk, when: When, told: list[str]
) -> None:
    desk.route(when)
    await desk.alarm("A")
    await desk.alarm("W", severity="warning")
    async with desk.telegram(), desk.second():
        await desk.until_sent(len(told))
    assert desk.arrived() == told
    assert desk.states() == ["sent"] * len(told), "Telegram spares nothing that goes there anyway"


async def test_a_channel_that_was_switched_off_keeps_nothing_for_later(desk: Desk) -> None:
    await desk.alarm("A")
    await close_channels(desk.database, [Channel.MAIL])
    assert desk.states() == ["spared"]
    await desk.alarm("B")
    await close_channels(desk.database, [WEBHOOK])
    assert desk.states() == ["spared", "pending"]


# --- how


async def test_while_the_second_channel_is_away_everything_waits_in_order(desk: Desk) -> None:
    desk.receiver.usual = Answer(503)
    await desk.alarm("A", "B")
    async with desk.second():
        await desk.until(lambda: desk.counted("second_channel_failed_total") >= 3)
        desk.receiver.usual = Answer(200)
        await desk.until_sent(2)
    told = [name for name, _ in itertools.groupby(desk.arrived())]
    assert told == ["A", "A*", "B"], "nobody knows whether the first one arrived"


async def test_a_time_to_wait_is_honoured_and_leaves_no_repeat(desk: Desk) -> None:
    desk.receiver.answers = [Answer(429, json.dumps({"retry_after": 1.5}))]
    await desk.alarm("A")
    async with desk.second():
        await desk.until_sent(1)
    assert desk.arrived() == ["A", "A"]
    ((waited,),) = desk.rows("SELECT ended_at - due_at FROM deliveries")
    assert waited >= timedelta(seconds=1.5)


async def test_a_channel_that_is_broken_keeps_its_queue_and_is_told_of_on_telegram(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    desk.receiver.usual = Answer(404, "no such hook")
    desk.route(When.ALL)
    await desk.alarm("A", "B")
    async with desk.second(), desk.telegram():
        told = "SELECT text FROM notifications WHERE topic = 'second:webhook' AND state = 'sent'"
        await desk.until(lambda: desk.rows(told) != [])
    ((text,),) = desk.rows(told)
    assert text.startswith("⚠️ 둘째 알림 경로 고장 (웹훅)\n")
    assert "HTTP 404: no such hook" in text
    assert len(desk.receiver.requests) == 1, "no hammering"
    assert desk.states() == ["pending", "pending"]
    assert "웹훅 알림 전송 실패" in caplog.messages
    desk.receiver.usual = Answer(200)
    async with desk.second():  # repaired and restarted: at once
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "A", "B"]


async def test_a_message_refused_for_what_it_says_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.receiver.answers = [Answer(413)]
    await desk.alarm("A", "B")
    async with desk.second():
        await desk.until_sent(1)
    assert desk.states() == ["dead", "sent"]
    assert desk.counted("second_channel_dead_letter_total") == 1
    assert desk.rows("SELECT source FROM events WHERE kind = 'notification_dead'") == [("webhook",)]
    ((number,),) = desk.rows("SELECT notification_id FROM deliveries WHERE state = 'dead'")
    assert [await desk.ledger.record(MessageResent(number, "webhook", "me")) for _ in range(2)] == [
        True,
        False,
    ]
    async with desk.second():
        await desk.until_sent(2)
    assert desk.arrived() == ["A", "B", "A"], "once, and it is no repeat: it had surely not arrived"


async def test_of_two_senders_one_sends_and_the_other_takes_over(desk: Desk) -> None:
    async with desk.second(holder="backend", preempts=False) as backend:
        await desk.until(lambda: backend.epoch is not None)
        async with desk.second(holder="scheduler") as scheduler:
            await desk.until(lambda: scheduler.epoch is not None)
            await desk.alarm("A", "B")
            await desk.until_sent(2)
            assert desk.rows("SELECT holder FROM leases WHERE name = 'sender_webhook'") == [("scheduler",)]
        await desk.alarm("C")
        await desk.until_sent(3)
    assert desk.arrived() == ["A", "B", "C"]


async def test_each_channel_has_its_own_order_and_its_own_end(desk: Desk, mailbox: Mailbox) -> None:
    desk.routes = tuple(Route(channel, When.ALL, NEVER) for channel in Channel)
    desk.receiver.usual = Answer(503)
    account = MailAccount("127.0.0.1", mailbox.port, "none", "bongsu@example.com", ("owner@example.com",))
    await desk.alarm("A", "B")
    async with desk.second(), desk.second(MailMessenger(account), Channel.MAIL):
        await desk.until_sent(2)
    assert [_name(mail.get_content()) for mail in mailbox.mails] == ["A", "B"]
    assert desk.rows("SELECT state, count(*) FROM deliveries WHERE channel = 'webhook' GROUP BY 1") == [
        ("pending", 2)
    ]


# --- whoever dies, whoever leads


@asynccontextmanager
async def outbox_of(desk: Desk, holder: str) -> AsyncIterator[SecondOutbox]:
    lease = Lease(desk.database, "sender_webhook", holder, 10)
    assert await lease.take(by_force=True)
    yield SecondOutbox(desk.database, lease, desk.telling, WEBHOOK)


async def test_who_died_while_sending_leaves_a_repeat_behind_that_says_so(desk: Desk) -> None:
    await desk.alarm("A")
    async with outbox_of(desk, "died") as died:
        await desk.until(lambda: desk.rows("SELECT 1 FROM deliveries WHERE due_at <= now()") != [])
        begun = await died.next(pace=0, patience=60)
    async with outbox_of(desk, "next") as following:
        waiting = await following.next(pace=0, patience=60)
        assert begun is not None
        assert waiting is not None
        assert (begun.repeated, waiting.repeated, waiting.wait > 50) == (False, True, True)
        assert "재전송" in waiting.text


async def test_who_does_not_lead_begins_and_gives_up_nothing(desk: Desk) -> None:
    await desk.alarm("A")
    async with outbox_of(desk, "old") as old:
        await desk.until(lambda: desk.rows("SELECT 1 FROM deliveries WHERE due_at <= now()") != [])
        message = await old.next(pace=0, patience=0)
        assert message is not None
        async with outbox_of(desk, "new"):
            with pytest.raises(LeaseLost):
                await old.next(pace=0, patience=0)
            with pytest.raises(LeaseLost):
                await old.failed(message, "…", permanent=True, refused=True, retry_after=None)
            with pytest.raises(LeaseLost):
                await old.dead(message, "…")
            await old.sent(message, "1")  # what was delivered was delivered
            await old.sent(message, "1")
    assert desk.states() == ["sent"]
    assert desk.counted("second_channel_sent_total") == 1


async def test_the_pace_is_kept_whoever_sent_the_message_before(desk: Desk) -> None:
    desk.route(When.CRITICAL)
    await desk.alarm("A", "B")
    async with outbox_of(desk, "old") as old, outbox_of(desk, "new") as new:
        with pytest.raises(LeaseLost):
            await old.next(pace=60, patience=0)
        first = await new.next(pace=60, patience=0)
        assert first is not None
        await new.sent(first, "1")
        second = await new.next(pace=60, patience=0)
        assert second is not None
        assert 50 < second.wait <= 60
