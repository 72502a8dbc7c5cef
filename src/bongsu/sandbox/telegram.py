"""A stand-in for the Telegram Bot API: as strict as the real one, and nothing leaves the machine."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bongsu.errors import BongsuError
from bongsu.sandbox import wire
from bongsu.sandbox.exchange import Exchange

MAX_UNITS = 4096  # UTF-16 code units, counted after the markup is taken out
_BOT = {"id": 1, "is_bot": True, "first_name": "Bongsu sandbox", "username": "bongsu_sandbox_bot"}
_STYLES = ("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler")
_TAGS = frozenset((*_STYLES, "a", "code", "pre", "blockquote", "tg-emoji"))
_TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s[^<>]*)?)>")


class Declined(BongsuError):
    """As the Bot API declines: a status and a description."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


async def decline(_: Request, declined: Exception) -> Response:
    if not isinstance(declined, Declined):
        raise declined
    answer = {"ok": False, "error_code": declined.status, "description": declined.description}
    return wire.Json(answer, declined.status)


class TelegramStandIn:
    def __init__(self, exchange: Exchange, token: str, chat_id: str) -> None:
        self._exchange = exchange
        self._token = token
        self._chat_id = chat_id
        self._methods: dict[str, Callable[[dict[str, Any]], Any]] = {
            "getme": lambda _: _BOT,
            "sendmessage": self._send_message,
        }

    def routes(self) -> list[Route]:
        return [Route("/telegram/bot{token}/{method}", self._call, methods=["GET", "POST"])]

    async def _call(self, request: Request) -> wire.Json:
        if request.path_params["token"] != self._token:
            raise Declined(401, "Unauthorized")
        method = self._methods.get(request.path_params["method"].lower())
        if method is None:
            raise Declined(404, "Not Found: method not found")
        return wire.Json({"ok": True, "result": method(await _parameters(request))})

    def _send_message(self, asked: dict[str, Any]) -> dict[str, Any]:
        chat_id, source, mode = str(asked.get("chat_id", "")), asked.get("text"), asked.get("parse_mode")
        if not chat_id:
            raise Declined(400, "Bad Request: chat_id is empty")
        if chat_id != self._chat_id:
            raise Declined(400, "Bad Request: chat not found")
        text = shown(source if isinstance(source, str) else "", mode)
        at = datetime.now(UTC)
        with self._exchange.store.transaction():
            message = self._exchange.store.add_message(
                at=at,
                market_time=self._exchange.now,
                chat_id=chat_id,
                text=text,
                source=str(source),
                parse_mode=mode,
            )
        return {
            "message_id": message.id,
            "from": _BOT,
            "chat": {"id": int(chat_id), "type": "private"},
            "date": int(at.timestamp()),
            "text": text,
        }


def shown(source: str, parse_mode: object) -> str:
    """The text as its reader sees it. Raises Declined."""
    if parse_mode not in (None, "", "HTML"):
        raise Declined(400, "Bad Request: unsupported parse_mode")
    _encodable(source)
    text = (_without_markup(source) if parse_mode == "HTML" else source).strip()
    if not text:
        raise Declined(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > MAX_UNITS:
        raise Declined(400, "Bad Request: message is too long")
    return text


def _encodable(source: str) -> None:
    try:
        source.encode()
    except UnicodeEncodeError:
        raise Declined(400, "Bad Request: strings must be encoded in UTF-8") from None


def _without_markup(source: str) -> str:
    text: list[str] = []
    open_tags: list[str] = []
    position = 0
    while (found := source.find("<", position)) >= 0:
        text.append(html.unescape(source[position:found]))
        position = _step_over_tag(source, found, open_tags)
    if open_tags:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{open_tags[-1]}"')
    text.append(html.unescape(source[position:]))
    return "".join(text)


def _step_over_tag(source: str, start: int, open_tags: list[str]) -> int:
    """Where the text goes on."""
    offset = len(source[:start].encode())
    tag = _TOKEN.match(source, start)
    if tag is None:
        raise _unparsable(f'Unsupported start tag "{source[start + 1 : start + 11]}" at byte offset {offset}')
    closing, name = bool(tag[1]), tag[2].lower()
    if not closing:
        if name not in _TAGS or (name == "span" and 'class="tg-spoiler"' not in tag[3]):
            raise _unparsable(f'Unsupported start tag "{name}" at byte offset {offset}')
        open_tags.append(name)
    elif not open_tags:
        raise _unparsable(f"Unexpected end tag at byte offset {offset}")
    elif open_tags[-1] != name:
        expected = f'expected "</{open_tags[-1]}>", found "</{name}>"'
        raise _unparsable(f"Unmatched end tag at byte offset {offset}, {expected}")
    else:
        open_tags.pop()
    return tag.end()


def _unparsable(reason: str) -> Declined:
    return Declined(400, f"Bad Request: can't parse entities: {reason}")


async def _parameters(request: Request) -> dict[str, Any]:
    asked: dict[str, Any] = dict(request.query_params)
    raw = await request.body()
    if not raw:
        return asked
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return {**asked, **dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))}
    try:
        return {**asked, **msgspec.json.decode(raw, type=dict[str, Any])}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Declined(400, "Bad Request: can't parse JSON object") from None
