"""Held messages: each is told itself, in one digest or in one group, exactly once, and none overtakes its like."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from bongsu.core.channels import Channel, QuietHours, Route, When
from bongsu.core.outgoing import Urgency
from bongsu.core.risk import RiskLimits
from bongsu.core.tradingday import KST, NINE
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.messages import ALERT_STORM, STORM, Message
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.projection import project
from bongsu.ledger.store import Ledger
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import Voice
from stage import seeded

VOICE = Voice("ko", "sandbox")


def hours_around_now(*, before: int = 2, after: int = 2) -> QuietHours:
    now = datetime.now(KST).replace(second=0, microsecond=0, tzinfo=None)
    return QuietHours((now - timedelta(hours=before)).time(), (now + timedelta(hours=after)).time())


class Desk:
    """The outbox of a test: written into, and taken out of as the sender does."""

    def __init__(self, database: Database, url: str, lease: Lease) -> None:
        self.database = database
        self.url = url
        self.lease = lease
        self.quiet: QuietHours | None = None
        self.routes: tuple[Route, ...] = ()
        self.arrived: list[tuple[int, str]] = []

    @property
    def telling(self) -> Telling:
        return Telling(VOICE, self.quiet, self.routes)

    async def tell(self, title: str, *lines: str, **more: Any) -> None:
        message = Message(more.pop("kind", "status"), VOICE.letter(title, *lines), **more)
        async with self.database.transaction("record") as tx:
            await self.telling.enqueue(tx, message, datetime.now(UTC))

    async def deliver(self) -> list[str]:
        """All that is due, in order."""
        outbox, before = Outbox(self.database, self.lease, self.telling), len(self.arrived)
        while message := await outbox.next(pace=0, patience=0):
            self.arrived.append((message.id, message.text))
            await outbox.sent(message, "1")
        return [text for _, text in self.arrived[before:]]

    def let_pass(self, time: timedelta) -> None:
        """What is on record becomes that much older."""
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "UPDATE notifications SET created_at = created_at - %(time)s, hold_until = hold_until - %(time)s",
                {"time": time},
            )

    def rows(self, statement: str) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture
async def desk(database_url: str, database: Database) -> Desk:
    lease = Lease(database, "sender", "me", 600)
    assert await lease.take()
    return Desk(database, database_url, lease)


def titles(texts: list[str]) -> list[str]:
    return [text.partition("\n")[0] for text in texts]


# --- storms


async def test_the_first_is_told_at_once_and_the_others_together(desk: Desk) -> None:
    for name in ("A", "B", "B"):
        await desk.tell("⚠️ 에러", f"메시지: {name}", "시각: 언제", topic="error")
    assert titles(await desk.deliver()) == ["⚠️ 에러"]
    assert await desk.deliver() == []
    desk.let_pass(STORM)
    (group,) = await desk.deliver()
    lines = [line for line in group.split("\n") if not line.startswith("기간: ")]
    assert lines == [
        *("⚠️ 에러 · 같은 알림 2건 더", "━" * 20, "", "메시지: B", "(2건)", "모드: 모의거래"),
    ]


async def test_the_group_counts_as_told(desk: Desk) -> None:
    """A storm that goes on is told once in each window, however long it lasts."""
    told = []
    for _ in range(4):
        for _ in range(3):
            await desk.tell("⚠️ 에러", topic="error")
        told += titles(await desk.deliver())
        desk.let_pass(STORM)
    told += titles(await desk.deliver())
    more = "⚠️ 에러 · 같은 알림 {}건 더"
    assert told == ["⚠️ 에러", *[more.format(n) for n in (2, 3, 3, 3)]]


async def test_a_single_one_more_is_told_as_it_is(desk: Desk) -> None:
    await desk.tell("⚠️ 에러", "A", topic="error")
    await desk.tell("⚠️ 에러", "B", topic="error")
    await desk.deliver()
    desk.let_pass(STORM)
    (told,) = await desk.deliver()
    assert told == VOICE.letter("⚠️ 에러", "B")


async def test_another_topic_and_no_topic_do_not_wait(desk: Desk) -> None:
    await desk.tell("A", topic="a")
    await desk.tell("B", topic="b")
    await desk.tell("C")
    await desk.tell("C")
    assert titles(await desk.deliver()) == ["A", "B", "C", "C"]


async def test_what_ends_is_not_told_before_what_began(desk: Desk) -> None:
    alarm = {"kind": "alert", "window": ALERT_STORM, "urgency": Urgency.CRITICAL}
    firing = {"topic": "alert:X:firing", "before_it": "alert:X:resolved", **alarm}
    resolved = {"topic": "alert:X:resolved", "before_it": "alert:X:firing", **alarm}
    for name in ("1", "2", "3"):
        await desk.tell("🔴", name, **firing)
    await desk.tell("✅", "1", **resolved)
    assert titles(await desk.deliver()) == ["🔴", "🔴 · 같은 알림 2건 더", "✅"]
    await desk.tell("✅", "2", **resolved)
    await desk.tell("🔴", "4", **firing)
    assert titles(await desk.deliver()) == ["✅"], "a moment ago was told that it fires"
    desk.let_pass(ALERT_STORM)
    assert titles(await desk.deliver()) == ["🔴"]


async def test_many_different_ones_are_counted_not_cut_silently(desk: Desk) -> None:
    for number in range(40):
        await desk.tell("⚠️ 에러", f"메시지: {number}", topic="error")
    await desk.deliver()
    desk.let_pass(STORM)
    (group,) = await desk.deliver()
    assert group.startswith("⚠️ 에러 · 같은 알림 39건 더")
    assert "그 밖에 29건: bongsu outbox list" in group


# --- quiet hours


async def test_at_night_only_the_critical_ring_and_in_the_morning_comes_one_digest(desk: Desk) -> None:
    desk.quiet = hours_around_now()
    await desk.tell("🤖 거래 실행", "종목: KRW-ETH", "시각: 02:00", kind="trade")
    await desk.tell("🔴 경보", urgency=Urgency.CRITICAL)
    for _ in range(3):
        await desk.tell("⚠️ 에러", "메시지: A", "시각: 03:00", topic="error", urgency=Urgency.WARNING)
    await desk.tell("✅ 봇 시작됨", log_line="✅ Telegram 시작 알림 전송 완료")
    assert titles(await desk.deliver()) == ["🔴 경보"]
    desk.let_pass(timedelta(hours=2))
    (digest,) = await desk.deliver()
    span = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ~ (?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d")
    assert span.sub("…", digest).split("\n") == [
        *("🌙 조용한 시간에 모인 알림 5건", "━" * 20, "기간: …", ""),
        *("🤖 거래 실행", "종목: KRW-ETH", "시각: 02:00", ""),
        *("⚠️ 에러 (3건, …)", "메시지: A", ""),
        *("✅ 봇 시작됨", "모드: 모의거래"),
    ]
    assert desk.rows("SELECT log_line FROM notifications WHERE text LIKE '🌙%'") == [
        {"log_line": "✅ Telegram 시작 알림 전송 완료"}
    ]


async def test_a_report_is_told_by_itself_with_its_picture(desk: Desk) -> None:
    desk.quiet = hours_around_now()
    await desk.tell("📊 리포트", kind="report")
    await desk.tell("📈 그림", kind="report", picture=b"\x89PNG")
    await desk.tell("A")
    await desk.tell("B")
    assert await desk.deliver() == []
    desk.let_pass(timedelta(hours=2))
    assert titles(await desk.deliver()) == ["📊 리포트", "📈 그림", "🌙 조용한 시간에 모인 알림 2건"]


async def test_what_was_held_is_told_though_the_setting_is_gone(desk: Desk) -> None:
    desk.quiet = hours_around_now()
    await desk.tell("A")
    desk.quiet = None
    assert await desk.deliver() == []
    desk.let_pass(timedelta(hours=2))
    assert titles(await desk.deliver()) == ["A"]


async def test_a_held_message_is_no_backlog(desk: Desk) -> None:
    async def age() -> float:
        samples = await project(desk.database, lease_seconds=10)
        return next(float(s.value) for s in samples if s.name == "notification_outbox_oldest_age_seconds")

    desk.quiet = hours_around_now()
    await desk.tell("A")
    assert await age() == 0
    desk.let_pass(timedelta(hours=2))
    async with desk.database.transaction("outbox") as tx:
        await desk.telling.tell_due(tx)
    (waiting,) = desk.rows("SELECT state, created_at < now() - interval '1 hour' AS old FROM notifications")
    assert waiting == {"state": "pending", "old": True}
    assert await age() < 60


# --- the second channel's share


async def test_what_is_told_together_goes_the_second_way_too(desk: Desk) -> None:
    desk.routes = (Route(Channel.WEBHOOK, When.ALL, timedelta(0)),)
    for _ in range(3):
        await desk.tell("⚠️ 에러", topic="error")
    await desk.deliver()
    desk.let_pass(STORM)
    await desk.deliver()
    routed = desk.rows(
        "SELECT text FROM deliveries JOIN notifications ON id = notification_id ORDER BY notification_id"
    )
    assert titles([row["text"] for row in routed]) == ["⚠️ 에러", "⚠️ 에러 · 같은 알림 2건 더"]


async def test_what_was_told_long_ago_goes_and_what_a_channel_still_owes_stays(desk: Desk) -> None:
    desk.routes = (Route(Channel.WEBHOOK, When.CRITICAL, timedelta(0)),)
    for _ in range(3):
        await desk.tell("⚠️ 에러", topic="error")
    await desk.deliver()
    desk.let_pass(STORM)
    await desk.tell("🔴 owed", urgency=Urgency.CRITICAL)
    await desk.tell("🔴 done", urgency=Urgency.CRITICAL)
    await desk.deliver()
    with psycopg.connect(desk.url) as connection:
        connection.execute("UPDATE notifications SET ended_at = ended_at - interval '8 days'")
        done = "SELECT id FROM notifications WHERE text LIKE '🔴 done%'"
        connection.execute(f"UPDATE deliveries SET state = 'sent' WHERE notification_id = ({done})")
    ledger = Ledger(desk.database, voice=VOICE, day_start=NINE, limits=RiskLimits())
    await ledger.prune(9)
    assert len(desk.rows("SELECT 1 FROM notifications")) == 6
    await ledger.prune(7)
    assert titles([row["text"] for row in desk.rows("SELECT text FROM notifications")]) == ["🔴 owed"]


# --- whatever happens


async def test_every_message_is_told_exactly_once(desk: Desk) -> None:
    dice = seeded()
    written = 0
    topics = [None, "error:a", "error:b", "alert:X:firing", "alert:X:resolved", "alert:Y:firing"]
    opposite = {"alert:X:firing": "alert:X:resolved", "alert:X:resolved": "alert:X:firing"}
    for _ in range(150):
        match dice.randrange(10):
            case 0:
                desk.quiet = dice.choice([None, hours_around_now()])
            case 1:
                desk.let_pass(timedelta(seconds=dice.choice([5, 70, 700, 4000])))
            case 2 | 3:
                await desk.deliver()
            case _:
                topic = dice.choice(topics)
                written += 1
                await desk.tell(
                    f"제목 {topic}",
                    f"메시지: {dice.choice(['같음', written])}",
                    kind=dice.choice(["status", "status", "status", "report"]) if topic is None else "alert",
                    topic=topic,
                    before_it=opposite.get(topic or ""),
                    urgency=dice.choice(list(Urgency)),
                    window=dice.choice([STORM, ALERT_STORM]),
                )
    desk.let_pass(timedelta(days=1))
    await desk.deliver()
    audit_each_told_once(desk, written)


def audit_each_told_once(desk: Desk, written: int) -> None:
    rows = {row["id"]: row for row in desk.rows("SELECT * FROM notifications")}
    members = Counter(row["told_in"] for row in rows.values() if row["told_in"])
    events = [row for row in rows.values() if row["id"] not in members]
    assert len(events) == written, "a row for each event, and one for each digest and group"
    arrived = Counter(number for number, _ in desk.arrived)
    assert set(arrived.values()) == {1}
    for row in rows.values():
        told_itself, told_in = arrived[row["id"]], row["told_in"]
        assert (row["state"], told_itself) == (("merged", 0) if told_in else ("sent", 1)), row
        if told_in:
            assert told_in > row["id"]
            assert row["held_for"] in ("quiet", "storm")
        if row["urgency"] == "critical" and row["id"] not in members:
            assert row["held_for"] != "quiet", "the critical rings at night"
    texts = dict(desk.arrived)
    for number, size in members.items():
        if number in texts:
            assert f" {size}건" in texts[number].partition("\n")[0]
    assert sum(members.values()) > 10, "something was told together"
    assert sum(row["held_for"] == "quiet" for row in rows.values()) > 5
