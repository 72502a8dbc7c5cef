"""A stand-in for the Telegram Bot API: as strict as the real one, and nothing leaves the machine."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bongsu.sandbox import wire
from bongsu.sandbox.chat import Chat, Tapped, Typed
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.mailbox import Mailbox, Message
from bongsu.sandbox.multipart import read_parameters
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.picture import require_picture
from bongsu.sandbox.telegram_text import Declined, bad_request, caption, keyboard, menu, shown

_BOT = {"id": 1, "is_bot": True, "first_name": "Bongsu sandbox", "username": "bongsu_sandbox_bot"}
_LONGEST_POLL = 50  # seconds

Asked = dict[str, Any]


async def decline(_: Request, declined: Exception) -> Response:
    if not isinstance(declined, Declined):
        raise declined
    answer = {"ok": False, "error_code": declined.status, "description": declined.description}
    return wire.Json(answer, declined.status)


class TelegramStandIn:
    def __init__(self, exchange: Exchange, chat: Chat, token: str, chat_id: str) -> None:
        self._exchange = exchange
        self._chat = chat
        self._token = token
        self._chat_id = chat_id
        self._menus: dict[str, list[dict[str, str]]] = {}
        self._methods: dict[str, Callable[[Asked], Awaitable[Any]]] = {
            "getme": self._me,
            "getchat": self._describe_chat,
            "getupdates": self._fetch_updates,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "editmessagetext": self._edit_message_text,
            "answercallbackquery": self._answer_callback_query,
            "setmycommands": self._set_my_commands,
            "getmycommands": self._my_commands,
        }

    def routes(self) -> list[Route]:
        return [
            Route("/telegram/bot{token}/{method}", self._call, methods=["GET", "POST"]),
            Route("/sandbox/chat/type", self._type, methods=["POST"]),
            Route("/sandbox/chat/tap", self._tap, methods=["POST"]),
            Route("/sandbox/chat/answers", self._answers),
            Route("/sandbox/inbox/{number:int}/photo", self._photo),
        ]

    async def _call(self, request: Request) -> wire.Json:
        if request.path_params["token"] != self._token:
            raise Declined(401, "Unauthorized")
        method = self._methods.get(request.path_params["method"].lower())
        if method is None:
            raise Declined(404, "Not Found: method not found")
        return wire.Json({"ok": True, "result": await method(await read_parameters(request))})

    # -- the bot's methods ----------------------------------------------------------------------

    async def _me(self, _: Asked) -> Asked:
        return _BOT

    async def _describe_chat(self, asked: Asked) -> Asked:
        return {"id": int(self._require_chat(asked)), "type": "private", "first_name": "주인"}

    async def _fetch_updates(self, asked: Asked) -> list[Asked]:
        kinds = asked.get("allowed_updates")
        try:
            kinds = msgspec.json.decode(kinds) if isinstance(kinds, str) else kinds
            wanted = msgspec.convert(kinds, list[str] | None)
        except (msgspec.DecodeError, msgspec.ValidationError):
            raise bad_request("can't parse allowed updates JSON array") from None
        limit = min(max(_whole(asked, "limit", 100), 1), 100)
        timeout = min(max(_whole(asked, "timeout", 0), 0), _LONGEST_POLL)
        return await self._chat.poll(_whole(asked, "offset", 0), limit, timeout, wanted)

    async def _send_message(self, asked: Asked) -> Asked:
        chat_id, source = self._require_chat(asked), _text(asked, "text")
        text, buttons = (
            shown(source, asked.get("parse_mode")),
            keyboard(asked.get("reply_markup")),
        )
        return _sent(self._keep(chat_id, text, source, asked.get("parse_mode"), buttons=buttons))

    async def _send_photo(self, asked: Asked) -> Asked:
        chat_id, source = self._require_chat(asked), _text(asked, "caption")
        text, photo = caption(source, asked.get("parse_mode")), require_picture(asked.get("photo"))
        buttons = keyboard(asked.get("reply_markup"))
        return _sent(self._keep(chat_id, text, source, asked.get("parse_mode"), buttons=buttons, photo=photo))

    async def _edit_message_text(self, asked: Asked) -> Asked:
        self._require_chat(asked)
        number, source, mode = _whole(asked, "message_id", 0), _text(asked, "text"), asked.get("parse_mode")
        before = self._mailbox.message(number)
        if before is None:
            raise bad_request("message to edit not found")
        if before.pictured:
            raise bad_request("there is no text in the message to edit")
        text, buttons = shown(source, mode), keyboard(asked.get("reply_markup"))
        if (text, buttons) == (before.text, before.buttons):
            raise bad_request(
                "message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message"
            )
        with self._exchange.store.transaction():
            self._mailbox.edit_message(number, text, source, mode, buttons)
        after = self._mailbox.message(number)
        assert after is not None  # we have just edited it
        return _sent(after)

    async def _answer_callback_query(self, asked: Asked) -> bool:
        self._chat.answer(str(asked.get("callback_query_id", "")), _text(asked, "text"))
        return True

    async def _set_my_commands(self, asked: Asked) -> bool:
        self._menus[_text(asked, "language_code")] = menu(asked.get("commands"))
        return True

    async def _my_commands(self, asked: Asked) -> list[dict[str, str]]:
        return self._menus.get(_text(asked, "language_code"), [])

    @property
    def _mailbox(self) -> Mailbox:
        return self._exchange.store.mailbox

    def _require_chat(self, asked: Asked) -> str:
        chat_id = str(asked.get("chat_id", ""))
        if not chat_id:
            raise bad_request("chat_id is empty")
        if chat_id != self._chat_id:
            raise bad_request("chat not found")
        return chat_id

    def _keep(self, chat_id: str, text: str, source: str, parse_mode: str | None, **more: Any) -> Message:
        with self._exchange.store.transaction():
            return self._mailbox.add_message(
                market_time=self._exchange.now,
                chat_id=chat_id,
                text=text,
                source=source,
                parse_mode=parse_mode,
                **more,
            )

    # -- the owner's hands ----------------------------------------------------------------------

    async def _type(self, request: Request) -> wire.Json:
        return wire.Json({"update_id": self._chat.type(await _parse(request, Typed))})

    async def _tap(self, request: Request) -> wire.Json:
        return wire.Json({"update_id": self._chat.tap(await _parse(request, Tapped))})

    async def _answers(self, _: Request) -> wire.Json:
        return wire.Json([msgspec.to_builtins(answer) for answer in self._chat.answers()])

    async def _photo(self, request: Request) -> Response:
        photo = self._mailbox.photo(request.path_params["number"])
        if photo is None:
            raise Refused("not_found", "no picture", 404)
        return Response(photo, media_type="image/png")


def _sent(message: Message) -> Asked:
    words = {"caption": message.text} if message.pictured else {"text": message.text}
    return {
        "message_id": message.id,
        "from": _BOT,
        "chat": {"id": int(message.chat_id), "type": "private"},
        "date": int(message.at.timestamp()),
        **words,
    }


def _text(asked: Asked, name: str) -> str:
    value = asked.get(name)
    return value if isinstance(value, str) else ""


def _whole(asked: Asked, name: str, default: int) -> int:
    try:
        return int(asked.get(name, default))
    except (TypeError, ValueError):
        raise bad_request(f"can't parse {name}") from None


async def _parse(request: Request, what: type[Any]) -> Any:
    try:
        return msgspec.json.decode(await request.body(), type=what)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Refused("validation_error", str(wrong)) from None
