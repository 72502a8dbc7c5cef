"""The owner's side of the chat: what they type and tap reaches the bot when it asks for it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time
from typing import Annotated, Any

import msgspec

from bongsu.sandbox.clock import MarketClock
from bongsu.sandbox.store import Store
from bongsu.sandbox.telegram_text import Declined

_LOOK_UP = 0.5  # seconds after which a poll notices that the process stops
_TYPED_IDS = 1_000_000_000  # numbers of the owner's own messages: above all of the bot's
_CONFLICT = Declined(
    409,
    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
)


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who does it and where. In a private chat the two numbers are one."""

    user_id: int | None = None
    chat_id: int | None = None
    chat_type: str = "private"
    is_bot: bool = False
    name: str = "주인"
    seconds_ago: Annotated[int, msgspec.Meta(ge=0)] = 0
    update_id: int | None = None  # a number that was delivered before: an update that is repeated


class Typed(Person, frozen=True, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4096)]


class Tapped(Person, frozen=True, kw_only=True):
    """A button below a message. `word` need not be on it: whoever forges an update forges this, too."""

    message_id: int
    word: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class Answered:
    query_id: str
    text: str


class Chat:
    def __init__(self, store: Store, clock: MarketClock, chat_id: str) -> None:
        self._store = store
        self._clock = clock
        self._owner = int(chat_id)
        self._news = asyncio.Event()
        self._poll = 0  # the one that is served
        self._kinds: list[str] | None = None
        self._typed = 0
        self._queries: dict[str, str | None] = {}
        self._repeats: list[dict[str, Any]] = []  # delivered once more, confirmed or not

    # -- the owner ------------------------------------------------------------------------------

    def type(self, typed: Typed) -> int:
        """Answers the update's number."""
        self._typed += 1
        command = typed.text.split()[0] if typed.text.startswith("/") else ""
        marks = [{"type": "bot_command", "offset": 0, "length": len(command)}] if command else []
        body = {
            "message_id": _TYPED_IDS + self._typed,
            **self._stamp(typed),
            "text": typed.text,
            **({"entities": marks} if marks else {}),
        }
        return self._deliver("message", body, typed.update_id)

    def tap(self, tapped: Tapped) -> int:
        query = f"{_TYPED_IDS + len(self._queries)}"
        self._queries[query] = None
        stamp = self._stamp(tapped)
        under = self._store.mailbox.message(tapped.message_id)
        message = {
            "message_id": tapped.message_id,
            "chat": stamp["chat"],
            "date": int(under.at.timestamp()) if under else 0,
            **({"text": under.text} if under else {}),
        }
        body = {"id": query, "from": stamp["from"], "message": message, "chat_instance": "1"}
        return self._deliver("callback_query", {**body, "data": tapped.word}, tapped.update_id)

    def answers(self) -> list[Answered]:
        return [Answered(query, text) for query, text in self._queries.items() if text is not None]

    def _stamp(self, person: Person) -> dict[str, Any]:
        user = person.user_id if person.user_id is not None else self._owner
        chat = person.chat_id if person.chat_id is not None else user
        return {
            "from": {"id": user, "is_bot": person.is_bot, "first_name": person.name},
            "chat": {"id": chat, "type": person.chat_type},
            "date": int(time()) - person.seconds_ago,
        }

    def _deliver(self, kind: str, body: dict[str, Any], number: int | None) -> int:
        if number is None:
            with self._store.transaction():
                number = self._store.mailbox.add_update(kind, body)
        else:
            self._repeats.append({"update_id": number, kind: body})
        self._wake()
        return number

    # -- the bot --------------------------------------------------------------------------------

    async def poll(
        self, offset: int, limit: int, timeout: float, kinds: list[str] | None
    ) -> list[dict[str, Any]]:
        """Confirms what is below `offset` and waits for what is not. Raises Declined when another asks meanwhile."""
        self._poll += 1
        mine = self._poll
        self._wake()
        self._kinds = kinds if kinds is not None else self._kinds
        if offset > 0:
            with self._store.transaction():
                self._store.mailbox.confirm_updates(offset)
        deadline = monotonic() + timeout
        while not (waiting := self._waiting(limit)):
            left = deadline - monotonic()
            if left <= 0 or self._clock.closed:
                return []
            await self._sleep(min(left, _LOOK_UP))
            if self._poll != mine:
                raise _CONFLICT
        return waiting

    def _waiting(self, limit: int) -> list[dict[str, Any]]:
        repeats, self._repeats = self._repeats, []
        return [*repeats, *self._store.mailbox.updates(self._kinds or None, limit)]

    def answer(self, query: str, text: str) -> None:
        """Raises Declined."""
        if query not in self._queries:
            raise Declined(
                400, "Bad Request: query is too old and response timeout expired or query ID is invalid"
            )
        if len(text) > 200:
            raise Declined(400, "Bad Request: MESSAGE_TOO_LONG")
        self._queries[query] = text

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
