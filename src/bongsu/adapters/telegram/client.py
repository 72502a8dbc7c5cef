"""Telegram's Bot API, of which we need one method."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from bongsu.adapters.http import open_client
from bongsu.adapters.telegram.text import Part, render_parts
from bongsu.errors import NotDelivered

TOTAL_TIMEOUT = 10.0  # seconds, for one message
PART_PAUSE = 1.0  # Telegram wants no more than a message a second in one chat

_ABOUT_THE_TEXT = ("message is too long", "text is empty", "text must be", "can't parse entities")


class _Parameters(msgspec.Struct):
    retry_after: float | None = None


class _Sent(msgspec.Struct):
    message_id: int


class _Reply(msgspec.Struct):
    ok: bool
    result: _Sent | None = None
    description: str = ""
    parameters: _Parameters | None = None


_decoder = msgspec.json.Decoder(_Reply)


class TelegramMessenger:
    """The `Messenger` port. The token is part of every address, so no error of the HTTP library leaves this class."""

    def __init__(
        self,
        api_url: str,
        token: str,
        chat_id: str,
        *,
        part_pause: float = PART_PAUSE,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = open_client(f"{api_url}/bot{quote(token, safe=':')}", TOTAL_TIMEOUT, transport)
        self._token = token
        self._chat_id = chat_id
        self._part_pause = part_pause
        self._unfinished: tuple[str, int] | None = (
            None  # a long message that broke off, and how much of it arrived
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def send(self, text: str, dedupe: str) -> str:
        """Raises NotDelivered. The id is that of the last part.

        A long message that broke off goes on where it stopped when it is sent again under the same `dedupe`.
        """
        parts = render_parts(text)
        first = self._unfinished[1] if self._unfinished and self._unfinished[0] == dedupe else 0
        message_id = ""
        for number, part in enumerate(parts[first:], first):
            self._unfinished = (dedupe, number)
            if number > first:
                await asyncio.sleep(self._part_pause)
            message_id = await self._send_part(part)
        self._unfinished = None
        return message_id

    async def _send_part(self, part: Part) -> str:
        try:
            return await self._post({"chat_id": self._chat_id, "text": part.html, "parse_mode": "HTML"})
        except _MarkupRefused:
            return await self._post({"chat_id": self._chat_id, "text": part.plain})

    async def _post(self, body: dict[str, Any]) -> str:
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT):
                response = await self._http.post("/sendMessage", json=body)
        except (httpx2.HTTPError, TimeoutError) as error:
            # Not chained: the library's errors carry the request, and its address carries the token.
            raise NotDelivered(f"Telegram: {type(error).__name__}", permanent=False) from None
        reply = _parse(response.content)
        if response.is_success and reply is not None and reply.ok and reply.result is not None:
            return str(reply.result.message_id)
        raise self._refusal(response.status_code, reply)

    def _refusal(self, status: int, reply: _Reply | None) -> NotDelivered:
        description = (reply.description if reply else "unreadable reply").replace(self._token, "***")
        message = f"Telegram: HTTP {status}: {description}"
        if status == 400 and "can't parse entities" in description:
            return _MarkupRefused(message, permanent=True)
        retry_after = reply.parameters.retry_after if reply and reply.parameters else None
        # A refusal that Telegram did not word itself comes from something in between, and may pass.
        permanent = reply is not None and 400 <= status < 500 and status != 429
        content = status == 400 and any(words in description for words in _ABOUT_THE_TEXT)
        return NotDelivered(message, permanent=permanent, retry_after=retry_after, content=content)


class _MarkupRefused(NotDelivered):
    """Send it without markup."""


def _parse(body: bytes) -> _Reply | None:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
