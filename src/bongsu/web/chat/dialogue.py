"""Listens to the owner's chat, one process at a time, and answers. What is asked for is done before anything is answered."""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Protocol

from bongsu.core.backoff import doubled
from bongsu.core.chat import Buttons, Said
from bongsu.core.facts import ErrorOccurred, ErrorType
from bongsu.errors import ChatTaken, LeaseLost, LedgerUnavailable, NotDelivered
from bongsu.ledger.store import Ledger
from bongsu.trading.ports import Lease
from bongsu.web.chat.commands import MENU
from bongsu.web.chat.hearing import Ears, Reply

RENEWAL = 2.0  # seconds
MUTES_EVERY = 5.0
LONGEST_BACKOFF = 30.0
PERMANENT_BACKOFF = 300.0
TELL_AGAIN = 3600.0
_TRIES = 3
_WAITING = 100  # answers that nobody can read any more are let go

_log = logging.getLogger(__name__)


class Conversation(Protocol):
    """Everything raises NotDelivered."""

    async def listen(self) -> list[Said]: ...

    async def say(self, chat: int, text: str, buttons: Buttons = ()) -> int: ...

    async def change(self, chat: int, message: int, text: str, buttons: Buttons = ()) -> None: ...

    async def acknowledge(self, query: str) -> None: ...

    async def show_menu(self, commands: Sequence[tuple[str, str]], language: str | None) -> None: ...


class Dialogue:
    def __init__(self, talk: Conversation, ears: Ears, lease: Lease, ledger: Ledger) -> None:
        self._talk = talk
        self._ears = ears
        self._lease = lease
        self._ledger = ledger
        self._leads = asyncio.Event()
        self._answers: asyncio.Queue[tuple[Said, Reply]] = asyncio.Queue(_WAITING)
        self._failures = 0  # in a row
        self._told_at = float("-inf")  # that another program reads the chat

    async def run(self) -> None:
        """For ever. Cancelled, it gives the lease up."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._keep_lease(), self._listen(), self._answer(), self._end_mutes()):
                    tasks.create_task(part)
        finally:
            await self._release()

    # -- the lease

    async def _keep_lease(self) -> None:
        while True:
            try:
                if self._lease.epoch is not None:
                    await self._lease.renew()
                elif await self._lease.take():
                    self._leads.set()
                    _log.info("this process listens to the chat", extra={"epoch": self._lease.epoch})
            except LeaseLost:
                self._leads.clear()
                _log.info("another process listens to the chat")
            except LedgerUnavailable as away:
                _log.debug("the chat's lease cannot be renewed: %s", away)
            await asyncio.sleep(RENEWAL)

    async def _release(self) -> None:
        try:
            await self._lease.release()
        except LedgerUnavailable as away:
            _log.debug("the chat's lease runs out by itself: %s", away)

    async def _end_mutes(self) -> None:
        while True:
            await self._leads.wait()
            try:
                await self._ledger.end_mutes()
            except LedgerUnavailable as away:
                _log.debug("mutes cannot be ended: %s", away)
            await asyncio.sleep(MUTES_EVERY)

    # -- listening

    async def _listen(self) -> None:
        menu_shown = False
        while True:
            await self._leads.wait()
            try:
                if not menu_shown:
                    await self._show_menu()
                    menu_shown = True
                heard = await self._talk.listen()
            except NotDelivered as failure:
                await asyncio.sleep(await self._backoff(failure))
                continue
            self._failures = 0
            for said in heard:
                await self._hear(said)

    async def _show_menu(self) -> None:
        for language in (None, "en"):
            texts = [(name.value, en if language else ko) for name, (ko, en) in MENU.items()]
            await self._talk.show_menu(texts, language)

    async def _hear(self, said: Said) -> None:
        try:
            reply = await self._ears.hear(said)
        except LedgerUnavailable as away:
            _log.warning("a command was not carried out: %s", away)
            reply = _AWAY
        except Exception as defect:  # noqa: BLE001 - one command's defect ends no listening
            _log.exception("a command broke")
            told = ErrorOccurred(ErrorType.INTERNAL, type(defect).__name__, str(defect), {"in": "chat"})
            await self._ledger.record_in_time(told)
            reply = _BROKEN
        if reply is not None and not self._answers.full():
            self._answers.put_nowait((said, reply))

    async def _backoff(self, failure: NotDelivered) -> float:
        self._failures += 1
        _log.debug("the chat cannot be read: %s", failure)
        if isinstance(failure, ChatTaken):
            await self._tell_that_it_is_taken(failure)
        if failure.permanent:
            return PERMANENT_BACKOFF
        return failure.retry_after or doubled(self._failures, longest=LONGEST_BACKOFF)

    async def _tell_that_it_is_taken(self, failure: ChatTaken) -> None:
        """It is the owner who can end it: messages go out, but commands are lost to the other program."""
        now = time.monotonic()
        if now - self._told_at < TELL_AGAIN:
            return
        self._told_at = now
        _log.warning("another program reads this bot's chat")
        said = {"telegram": str(failure)}
        await self._ledger.record_in_time(ErrorOccurred(ErrorType.CONFIG, "ChatTaken", _TAKEN, said))

    # -- answering

    async def _answer(self) -> None:
        while True:
            said, reply = await self._answers.get()
            for _ in range(_TRIES):
                try:
                    await self._deliver(said, reply)
                    break
                except NotDelivered as failure:
                    _log.warning("an answer was not delivered: %s", failure)
                    if failure.permanent:
                        break
                    await asyncio.sleep(failure.retry_after or 1.0)

    async def _deliver(self, said: Said, reply: Reply) -> None:
        if said.query is not None:
            try:
                await self._talk.acknowledge(said.query)
            except NotDelivered as late:
                _log.debug("a tap was not acknowledged: %s", late)
        if reply.instead:
            await self._talk.change(said.chat, said.message, reply.text, reply.buttons)
        else:
            await self._talk.say(said.chat, reply.text, reply.buttons)


_TAKEN = (
    "다른 프로그램이 같은 봇 토큰으로 대화를 읽고 있어 명령을 놓칠 수 있습니다. 그 프로그램이나 웹훅을 꺼 주세요 "
    "(another program or a webhook takes this bot's updates: end it, or commands are lost)"
)
_AWAY = Reply(
    "데이터베이스가 응답하지 않아 아무것도 하지 못했습니다. (The database is away; nothing was done.)"
)
_BROKEN = Reply("명령을 처리하다 오류가 났습니다. 기록해 두었습니다. (An error; it is on record.)")
