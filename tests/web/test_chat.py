"""The owner's chat over a real PostgreSQL and a real stand-in: what is asked is done once, by nobody else, and on record."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from typing import Any

import httpx2
import psycopg
import pytest

from bongsu.adapters.telegram.chat import TelegramChat
from bongsu.core.chat import AllowList, Said
from bongsu.core.facts import AlertChanged, BackupMade, ControlKind, MarketStatesSeen, PortfolioValued
from bongsu.core.market import MarketState
from bongsu.core.money import Krw
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.reading import Reading
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.settings import SANDBOX_TOKEN, Settings
from bongsu.web.chat.commands import CHANGES, Name
from bongsu.web.chat.dialogue import Dialogue
from bongsu.web.chat.hearing import OLDEST, Ears, Reply
from core.samples import ETH
from stand_in import PATIENCE, StandIn
from web.story import live_a_day, open_books

OWNER = 1000


class Desk:
    """A backend's ears, and what an observer sees of the ledger."""

    def __init__(self, url: str, database: Database) -> None:
        self.url = url
        self.database = database
        self.settings = Settings(_env_file=None)  # type: ignore[call-arg]
        self.ledger = Ledger(
            database,
            voice=Voice("ko", "sandbox"),
            day_start=time_of_day(9),
            limits=self.settings.risk_limits,
        )
        allowed = AllowList(frozenset({OWNER}), frozenset({OWNER}))
        self.ears = Ears("sandbox", allowed, self.ledger, Reading(database), self.settings)
        self.updates = 0

    async def say(self, text: str, **but: Any) -> Reply | None:
        self.updates += 1
        usual = {"update": self.updates, "user": OWNER, "is_bot": False, "chat": OWNER, "private": True}
        usual |= {"text": text, "at": int(time.time()), "query": None, "message": 1}
        return await self.ears.hear(Said(**{**usual, **but}))  # type: ignore[arg-type]

    async def code(self, text: str) -> str:
        asked = await self.say(text)
        assert asked is not None
        return next(word.removeprefix("/ok ") for _, word in asked.buttons[0] if word.startswith("/ok"))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode()).fetchall()

    def killed(self) -> bool:
        return bool(self.rows("SELECT killed FROM switches")[0][0])

    def hearings(self) -> list[str]:
        return [row[0] for row in self.rows("SELECT hearing FROM commands_heard ORDER BY heard_at")]


@pytest.fixture
def desk(database_url: str, database: Database) -> Desk:
    return Desk(database_url, database)


async def test_every_view_answers_in_both_languages_and_nothing_is_invented(desk: Desk) -> None:
    for lang, other in (("en", "KRW-ETH 원"), ("ko", "")):
        switched = await desk.say(f"/lang {lang}")
        assert switched is not None
        for name in set(Name) - CHANGES - {Name.LANG}:
            reply = await desk.say(f"/{name}")
            assert reply is not None, name
            assert reply.buttons
            assert not other or "원" not in reply.text
            assert "0원" not in reply.text  # nothing was valued yet
    texts = {row[0] for row in desk.rows("SELECT message FROM events WHERE kind = 'command'")}
    assert {"/status", "/risk", "/lang ko"} <= texts


async def test_a_held_market_that_is_not_active_is_flagged(desk: Desk) -> None:
    async with open_books(desk.url) as books:
        await live_a_day(books)
        await books.ledger.record(MarketStatesSeen({ETH: MarketState.DELISTED}))
    reply = await desk.say("/positions")
    assert reply is not None
    assert "↳ ⚠️ 상장 폐지, 마지막 가격" in reply.text


async def test_the_last_backup_is_told(desk: Desk) -> None:
    reply = await desk.say("/status")
    assert reply is not None
    assert "백업: 아직 없습니다" in reply.text
    async with open_books(desk.url) as books:
        await books.ledger.record(BackupMade("/b/bongsu-1.dump", 12_345_678))
    reply = await desk.say("/status")
    assert reply is not None
    assert re.search(r"^백업: 20\d\d-.* \(12\.3 MB\)$", reply.text, re.MULTILINE)


async def test_a_report_of_any_day_of_the_ledger(desk: Desk) -> None:
    monday, worth = datetime(2024, 5, 27, tzinfo=UTC), Krw(Decimal(1_000_000))
    async with open_books(desk.url) as books:
        for at in (monday, monday + timedelta(days=1)):
            await books.ledger.record(PortfolioValued(at, worth, worth, {}))
    for asked in ("/report", "/report 2024-05-27"):
        reply = await desk.say(asked)
        assert reply is not None
        assert reply.text.splitlines()[::2][:2] == ["📊 일일 거래 리포트", "📅 기간: 2024-05-27 ~ 2024-05-28"]
    for asked, why in (("2024-05-26", "시작하기 전"), ("2024-05-29", "오지 않은"), ("2024-02-31", "날짜")):
        reply = await desk.say(f"/report {asked}")
        assert reply is not None
        assert why in reply.text


@pytest.mark.parametrize(
    "but",
    [{"user": 7}, {"chat": 7}, {"private": False}, {"is_bot": True}, {"user": 7, "chat": 7}],
    ids=str,
)
async def test_strangers_are_not_answered_and_change_nothing(desk: Desk, but: dict[str, Any]) -> None:
    code = await desk.code("/kill")
    for text in ("/status", "/kill", code, f"/ok {code}"):
        assert await desk.say(text, **but) is None
    assert not desk.killed()
    assert desk.hearings() == ["code_asked", *["stranger"] * 4]
    told = desk.rows("SELECT text FROM notifications WHERE state = 'pending'")  # the others later, together
    assert len(told) == 1
    assert "허락되지 않은 명령" in told[0][0]


async def test_strangers_cannot_fill_the_ledger(desk: Desk) -> None:
    for _ in range(30):
        await desk.say("/status", user=7, chat=7)
    assert len(desk.hearings()) == 10


async def test_a_change_wants_its_code_and_only_that(desk: Desk) -> None:
    code = await desk.code("/kill")
    assert not desk.killed()
    wrong = await desk.say(f"{(int(code) + 1) % 1_000_000:06d}")
    assert wrong is not None
    assert "코드가 틀렸거나" in wrong.text
    assert not desk.killed()
    assert await desk.say(code) is not None
    assert desk.killed()
    assert desk.hearings() == ["code_asked", "wrong_code", "carried_out"]
    (who, why, state) = desk.rows("SELECT who, why, state FROM controls")[0]
    assert (who, why, state) == (f"telegram:{OWNER}", "/kill", "done")
    assert "🛑 킬 스위치 켜짐" in desk.rows("SELECT text FROM notifications")[0][0]


@pytest.mark.parametrize(
    ("text", "kind", "args"),
    [
        ("/pause", "pause", {}),
        ("/resume", "resume", {}),
        ("/close eth", "close", {"market": "KRW-ETH"}),
        ("/unkill", "unkill", {}),
    ],
)
async def test_wishes_go_the_way_of_the_control_api(
    desk: Desk, text: str, kind: str, args: dict[str, str]
) -> None:
    await desk.say(await desk.code(text))
    assert desk.rows("SELECT kind, args, state FROM controls") == [(kind, args, "pending")]
    called_off = await desk.code(text)
    await desk.say("/no")
    await desk.say(called_off)
    assert len(desk.rows("SELECT id FROM controls")) == 1


async def test_an_update_is_good_for_one_hearing(desk: Desk) -> None:
    code = await desk.code("/kill")
    confirmed = desk.updates + 1
    assert await desk.say(code) is not None
    await desk.ledger.set_killed(False)
    fresh = await desk.code("/kill")
    assert await desk.say(fresh, update=confirmed) is None
    assert not desk.killed()
    before = len(desk.hearings())
    assert await desk.say("/status", update=1) is None
    assert len(desk.hearings()) == before


async def test_old_words_are_not_heard(desk: Desk) -> None:
    code = await desk.code("/kill")
    for at in (time.time() - OLDEST - 5, time.time() + OLDEST + 5):
        assert await desk.say(code, at=int(at)) is None
        assert await desk.say("/status", at=int(at)) is None
    assert not desk.killed()
    assert desk.hearings()[1:] == ["stale"] * 4


def alarm(firing: bool, name: str = "JobFailed") -> AlertChanged:
    at = datetime(2026, 11, 24, tzinfo=UTC)
    more = {"runbook_url": "", "labels": {}, "fingerprint": name, "starts_at": at}
    return AlertChanged(
        name=name, firing=firing, severity="warning", summary="요약", description="설명",
        ends_at=None if firing else at, **more,  # type: ignore[arg-type]
    )  # fmt: skip


async def test_a_muted_alert_is_kept_and_told_when_the_mute_ends(desk: Desk) -> None:
    await desk.say(await desk.code("/mute JobFailed 1h"))
    await desk.ledger.record(alarm(True))
    await desk.ledger.record(alarm(True, "OtherAlarm"))
    alerts = "SELECT text FROM notifications WHERE kind = 'alert' ORDER BY id"
    assert [("OtherAlarm" in text) for (text,) in desk.rows(alerts)] == [True]
    shown = await desk.say("/alerts")
    assert shown is not None
    assert "• JobFailed" in shown.text
    assert "🔕 JobFailed" in shown.text
    assert await desk.ledger.end_mutes() == 0
    await desk.say(await desk.code("/mute JobFailed off"))
    assert await desk.ledger.end_mutes() == 1
    assert "(JobFailed)" in desk.rows(alerts)[-1][0]
    await desk.ledger.record(alarm(False))
    assert len(desk.rows(alerts)) == 3


# -- over the wire


class Phone:
    """The owner's hands."""

    def __init__(self, stand_in: StandIn) -> None:
        self._url = stand_in.url
        self._seen = max((one["id"] for one in self.inbox()), default=0)

    def inbox(self) -> list[dict[str, Any]]:
        asked = {"after": getattr(self, "_seen", 0), "limit": 1000}
        found: list[dict[str, Any]] = httpx2.get(
            f"{self._url}/sandbox/inbox", params=asked, timeout=PATIENCE
        ).json()
        return found

    def type(self, text: str, **more: Any) -> int:
        return int(self._post("type", {"text": text, **more})["update_id"])

    def tap(self, message: int, word: str) -> int:
        return int(self._post("tap", {"message_id": message, "word": word})["update_id"])

    def _post(self, what: str, body: dict[str, Any]) -> Any:
        done = httpx2.post(f"{self._url}/sandbox/chat/{what}", json=body, timeout=PATIENCE)
        return done.raise_for_status().json()

    async def until(self, seen: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if found := await asyncio.to_thread(seen):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE} s: {what}: {self.inbox()}")

    async def answer(self, number: int) -> dict[str, Any]:
        """The n-th message that came since the test began."""
        found = await self.until(lambda: (m := self.inbox()) and len(m) >= number and m[number - 1], "answer")
        assert isinstance(found, dict)
        return found


@asynccontextmanager
async def listening(desk: Desk, stand_in: StandIn, name: str = "one") -> AsyncIterator[Dialogue]:
    talk = TelegramChat(f"{stand_in.url}/telegram", SANDBOX_TOKEN)
    dialogue = Dialogue(talk, desk.ears, Lease(desk.database, "commands", name, 10), desk.ledger)
    running = asyncio.create_task(dialogue.run())
    try:
        yield dialogue
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await talk.close()


async def test_a_kill_by_phone_reaches_the_ledger(
    desk: Desk, stand_in: StandIn, record_property: Callable[[str, object], None]
) -> None:
    phone = Phone(stand_in)
    async with listening(desk, stand_in):
        phone.type("/kill")
        asked = await phone.answer(1)
        confirm = asked["buttons"][0][0]["callback_data"]
        tapped_at = time.time()
        update = phone.tap(asked["id"], confirm)
        await phone.until(desk.killed, "killed")
        killed_at = desk.rows("SELECT extract(epoch FROM killed_at)::float8 FROM switches")[0][0]
        record_property("kill_seconds", killed_at - tapped_at)
        print(f"no new order {killed_at - tapped_at:.3f} s after the tap")
        await phone.until(lambda: "✅ /kill" in phone.inbox()[0]["text"], "the question becomes the answer")
        await desk.ledger.request_control(ControlKind.PAUSE, {}, who="test", why="between")
        await desk.ledger.set_killed(False)
        phone._post("tap", {"message_id": asked["id"], "word": confirm, "update_id": update})
        phone.type("/status")
        await phone.answer(2)
        assert not desk.killed(), "a repeated update did it again"
    assert len(desk.rows("SELECT id FROM controls WHERE kind = 'kill'")) == 1


async def test_two_backends_answer_once_and_one_takes_over(desk: Desk, stand_in: StandIn) -> None:
    phone = Phone(stand_in)
    async with listening(desk, stand_in, "two"):
        async with listening(desk, stand_in, "one"):
            for number in range(1, 4):
                phone.type("/risk")
                await phone.answer(number)
        phone.type("/risk")
        await phone.answer(4)
    assert len(phone.inbox()) == 4
    assert desk.hearings() == ["answered"] * 4


async def test_a_broken_wire_heals(desk: Desk, stand_in: StandIn) -> None:
    phone = Phone(stand_in)
    stand_in.break_with(kind="error_before", status=409, count=2)
    try:
        async with listening(desk, stand_in):
            phone.type("/help")
            await phone.answer(1)
    finally:
        httpx2.delete(f"{stand_in.url}/sandbox/faults", timeout=PATIENCE)
    assert desk.rows("SELECT count(*) FROM events WHERE message LIKE 'ChatTaken%'") == [(1,)]
    assert "다른 프로그램" in desk.rows("SELECT text FROM notifications")[0][0]
