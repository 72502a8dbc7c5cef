"""The outbox's side of the promise: oldest first, one leader, nothing counted twice."""

from typing import Any

import psycopg
import pytest

from bongsu.errors import LeaseLost
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.messages import Voice
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.telling import Telling

AT_ONCE = {"pace": 0.0, "patience": 0.0}


@pytest.fixture
async def lease(database: Database) -> Lease:
    mine = Lease(database, "sender", "me", 10)
    assert await mine.take()
    return mine


@pytest.fixture
def outbox(database: Database, lease: Lease) -> Outbox:
    return Outbox(database, lease, Telling(Voice("ko", "sandbox")))


class Rows:
    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def add(self, *texts: str) -> None:
        for text in texts:
            self(f"INSERT INTO notifications (kind, text) VALUES ('status', '{text}')")

    def counters(self) -> dict[str, int]:
        found = self("SELECT name, sum(value) FROM metric_counter GROUP BY name HAVING sum(value) > 0")
        return {name: int(value) for name, value in found}


@pytest.fixture
def rows(database_url: str) -> Rows:
    return Rows(database_url)


async def test_nothing_to_say(outbox: Outbox) -> None:
    assert await outbox.next(**AT_ONCE) is None


async def test_the_oldest_is_next_until_it_is_delivered(outbox: Outbox, rows: Rows) -> None:
    rows.add("A", "B")
    first = await outbox.next(**AT_ONCE)
    assert first is not None
    assert (first.text, first.repeated) == ("A", False)
    await outbox.sent(first, "77")
    second = await outbox.next(**AT_ONCE)
    assert second is not None
    assert second.text == "B"
    assert rows("SELECT channel_id, state FROM notifications WHERE text = 'A'") == [("77", "sent")]


async def test_one_that_must_wait_holds_up_the_others(outbox: Outbox, rows: Rows) -> None:
    rows.add("A", "B")
    first = await outbox.next(**AT_ONCE)
    assert first is not None
    await outbox.failed(first, "429", permanent=False, refused=True, retry_after=60)
    waiting = await outbox.next(**AT_ONCE)
    assert waiting is not None
    assert waiting.id == first.id
    assert 50 < waiting.wait <= 60
    assert rows("SELECT attempts FROM notifications ORDER BY id") == [(1,), (0,)]


async def test_the_pace_is_kept_whoever_sent_the_message_before(
    outbox: Outbox, rows: Rows, database: Database
) -> None:
    rows.add("A", "B")
    first = await outbox.next(pace=60, patience=0)
    assert first is not None
    assert first.wait == 0
    await outbox.sent(first, "1")
    other = Lease(database, "sender", "other", 10)
    assert await other.take(by_force=True)
    second = await Outbox(database, other, Telling(Voice("ko", "sandbox"))).next(pace=60, patience=0)
    assert second is not None
    assert 50 < second.wait <= 60


async def test_who_takes_over_waits_for_the_attempt_that_was_begun(
    outbox: Outbox, rows: Rows, database: Database
) -> None:
    rows.add("A", "B")
    begun = await outbox.next(pace=0, patience=60)
    assert begun is not None
    lease = Lease(database, "sender", "other", 10)
    assert await lease.take(by_force=True)
    other = Outbox(database, lease, Telling(Voice("ko", "sandbox")))
    waiting = await other.next(pace=0, patience=60)
    assert waiting is not None
    assert (waiting.id, waiting.wait > 50) == (begun.id, True)
    assert rows("SELECT attempts FROM notifications ORDER BY id") == [(1,), (0,)]
    await outbox.sent(begun, "1")
    following = await other.next(pace=0, patience=60)
    assert following is not None
    assert (following.text, following.repeated, following.wait) == ("B", False, 0)


async def test_an_attempt_without_an_outcome_is_made_again_in_time(outbox: Outbox, rows: Rows) -> None:
    rows.add("A")
    first = await outbox.next(pace=0, patience=60)
    assert first is not None
    await outbox.failed(first, "…", permanent=False, refused=False, retry_after=None)
    again = await outbox.next(pace=0, patience=60)
    assert again is not None
    assert (again.repeated, again.wait) == (True, 0)


async def test_a_message_written_by_an_unfinished_transaction_does_not_block(
    outbox: Outbox, rows: Rows, database_url: str
) -> None:
    with psycopg.connect(database_url) as unfinished:
        unfinished.execute("INSERT INTO notifications (kind, text) VALUES ('status', 'later')")
        rows.add("A")
        found = await outbox.next(**AT_ONCE)
        assert found is not None
        assert found.text == "A"


@pytest.mark.parametrize(("refused", "repeated"), [(True, False), (False, True)])
async def test_only_an_attempt_of_unknown_outcome_makes_a_repeat(
    outbox: Outbox, rows: Rows, refused: bool, repeated: bool
) -> None:
    rows.add("A")
    first = await outbox.next(**AT_ONCE)
    assert first is not None
    await outbox.failed(first, "…", permanent=False, refused=refused, retry_after=None)
    again = await outbox.next(**AT_ONCE)
    assert again is not None
    assert again.repeated is repeated
    assert again.text.startswith("A\n재전송: ") is repeated


async def test_a_repeat_that_is_refused_stays_a_repeat(outbox: Outbox, rows: Rows) -> None:
    rows.add("A")
    assert await outbox.next(**AT_ONCE)
    again = await outbox.next(**AT_ONCE)
    assert again is not None
    await outbox.failed(again, "429", permanent=False, refused=True, retry_after=None)
    third = await outbox.next(**AT_ONCE)
    assert third is not None
    assert third.repeated


async def test_the_repeat_line_stands_before_the_mode(outbox: Outbox, rows: Rows) -> None:
    rows.add("A\n모드: 모의거래")
    await outbox.next(**AT_ONCE)
    again = await outbox.next(**AT_ONCE)
    assert again is not None
    assert [line.split(":")[0] for line in again.text.splitlines()] == ["A", "재전송", "모드"]


async def test_what_was_delivered_is_counted_once_whoever_leads(
    outbox: Outbox, rows: Rows, database: Database
) -> None:
    rows.add("A")
    message = await outbox.next(**AT_ONCE)
    assert message is not None
    other = Lease(database, "sender", "other", 10)
    assert await other.take(by_force=True)
    await outbox.sent(message, "1")
    await outbox.sent(message, "2")
    assert rows.counters() == {"notification_sent_total": 1}


async def test_who_does_not_lead_begins_and_gives_up_nothing(
    outbox: Outbox, rows: Rows, database: Database, lease: Lease
) -> None:
    rows.add("A")
    message = await outbox.next(**AT_ONCE)
    assert message is not None
    assert await Lease(database, "sender", "other", 10).take(by_force=True)
    with pytest.raises(LeaseLost):
        await outbox.failed(message, "…", permanent=True, refused=True, retry_after=None)
    with pytest.raises(LeaseLost):
        await outbox.dead(message, "…")
    with pytest.raises(LeaseLost):
        await outbox.next(**AT_ONCE)
    assert rows("SELECT state, attempts FROM notifications") == [("pending", 1)]
    assert rows.counters() == {}


async def test_a_dead_message_is_counted_and_an_event_without_secrets(outbox: Outbox, rows: Rows) -> None:
    rows.add("A", "B")
    message = await outbox.next(**AT_ONCE)
    assert message is not None
    await outbox.dead(
        message, "HTTP 400 at https://api.telegram.org/bot123456789:" + "x" * 35 + "/sendMessage"
    )
    assert rows.counters() == {"notification_dead_letter_total": 1, "bot_errors_total": 1}
    ((told, source),) = rows("SELECT message, source FROM events")
    assert source == "telegram"
    assert "xxx" not in told
    following = await outbox.next(**AT_ONCE)
    assert following is not None
    assert following.text == "B"
