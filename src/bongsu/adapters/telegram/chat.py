"""The other direction: what the owner types and taps, and answers to it."""

from collections.abc import Sequence
from typing import Any, TypeVar

import httpx2
import msgspec

from bongsu.adapters.telegram.api import BotApi, MarkupRefused
from bongsu.adapters.telegram.client import message_number
from bongsu.adapters.telegram.text import Part, render_parts
from bongsu.core.chat import Buttons, Place, Said
from bongsu.errors import NotDelivered

T = TypeVar("T")

POLL = 25.0  # seconds that Telegram waits for news
_KINDS = ["message", "callback_query"]


class _Named(msgspec.Struct):
    id: int
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    title: str = ""

    @property
    def name(self) -> str:
        called = self.title or f"{self.first_name} {self.last_name}".strip()
        return f"{called} (@{self.username})" if self.username else called


class _User(_Named):
    is_bot: bool = False


class _Place(_Named, kw_only=True):
    type: str


class _Message(msgspec.Struct):
    message_id: int
    chat: _Place
    date: int = 0
    text: str = ""
    sender: _User | None = msgspec.field(name="from", default=None)


class _Query(msgspec.Struct):
    id: str
    sender: _User = msgspec.field(name="from")
    word: str = msgspec.field(name="data", default="")
    message: _Message | None = None


class _Update(msgspec.Struct):
    update_id: int
    message: _Message | None = None
    callback_query: _Query | None = None


class _Numbered(msgspec.Struct):
    update_id: int


class TelegramChat:
    """The `Conversation` port."""

    def __init__(self, api_url: str, token: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._api = BotApi(api_url, token, transport)
        self._offset = 0

    async def close(self) -> None:
        await self._api.close()

    async def find_name(self) -> str:
        """The bot's own, as links have it. Raises NotDelivered."""
        return _parsed(await self._api.call("getMe", {}), _User).username

    async def find_place(self, chat: int) -> Place:
        """Raises NotDelivered."""
        found = _parsed(await self._api.call("getChat", {"chat_id": chat}), _Place)
        return Place(found.id, found.type == "private", found.name)

    async def listen(self, wait: float = POLL) -> list[Said]:
        """What came since the last call, oldest first; that call's are confirmed by this one. Raises NotDelivered."""
        asked = {"offset": self._offset, "timeout": int(wait), "allowed_updates": _KINDS}
        raw = await self._api.call("getUpdates", asked, wait=wait)
        try:
            numbered = msgspec.json.decode(raw, type=list[msgspec.Raw])
            heard = [(msgspec.json.decode(one, type=_Numbered).update_id, one) for one in numbered]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise NotDelivered("Telegram: unreadable updates", permanent=False) from None
        self._offset = max([self._offset, *(number + 1 for number, _ in heard)])
        return [said for _, one in heard if (said := _said(one)) is not None]

    async def say(self, chat: int, text: str, buttons: Buttons = ()) -> int:
        """Answers the number of the last message. Raises NotDelivered."""
        number = 0
        parts = render_parts(text)
        for part in parts:
            keys = _keyboard(buttons) if part is parts[-1] else {}
            number = message_number(await self._put("sendMessage", {"chat_id": chat, **keys}, part))
        return number

    async def change(self, chat: int, message: int, text: str, buttons: Buttons = ()) -> None:
        """Puts it in the place of an earlier answer. Raises NotDelivered."""
        first, *rest = render_parts(text)
        if rest:
            await self.say(chat, text, buttons)
            return
        where = {"chat_id": chat, "message_id": message, **_keyboard(buttons)}
        try:
            await self._put("editMessageText", where, first)
        except NotDelivered as refusal:
            if "message is not modified" not in str(refusal):
                raise

    async def acknowledge(self, query: str) -> None:
        """The button stops turning. Raises NotDelivered."""
        await self._api.call("answerCallbackQuery", {"callback_query_id": query})

    async def show_menu(self, commands: Sequence[tuple[str, str]], language: str | None) -> None:
        """Of (command, what it does), for clients in `language`, or for all others. Raises NotDelivered."""
        rows = [{"command": name, "description": what} for name, what in commands]
        tongue = {} if language is None else {"language_code": language}
        await self._api.call("setMyCommands", {"commands": rows, **tongue})

    async def _put(self, method: str, where: dict[str, Any], part: Part) -> msgspec.Raw:
        try:
            return await self._api.call(method, where | {"text": part.html, "parse_mode": "HTML"})
        except MarkupRefused:
            return await self._api.call(method, where | {"text": part.plain})


def _parsed(raw: msgspec.Raw, what: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=what)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotDelivered("Telegram: unreadable reply", permanent=False) from None


def _said(raw: msgspec.Raw) -> Said | None:
    """None for what is no words of a person's: it is confirmed all the same, else it would come again for ever."""
    try:
        update = msgspec.json.decode(raw, type=_Update)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if update.message is not None and update.message.sender is not None:
        message = update.message
        return _heard(update.update_id, message.sender, message, message.text, at=message.date)
    query = update.callback_query
    if query is not None and query.message is not None:
        return _heard(update.update_id, query.sender, query.message, query.word, query=query.id, at=None)
    return None


def _heard(
    number: int, user: _User | None, message: _Message, text: str, *, at: int | None, query: str | None = None
) -> Said:
    assert user is not None  # the caller has looked
    return Said(
        update=number,
        user=user.id,
        is_bot=user.is_bot,
        chat=message.chat.id,
        private=message.chat.type == "private",
        text=text,
        at=at,
        query=query,
        message=message.message_id,
        name=user.name,
    )


def _keyboard(buttons: Buttons) -> dict[str, Any]:
    rows = [[{"text": text, "callback_data": word} for text, word in row] for row in buttons]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}
