"""Telegram's Bot API as a wire: one call, its answer or why there is none."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from bongsu.adapters.http import open_client
from bongsu.errors import ChatTaken, NotDelivered

TOTAL_TIMEOUT = 10.0  # seconds, for one call that does not wait for news

Files = Mapping[str, tuple[str, bytes, str]]  # by field: name, content, media type

_NOBODY_REACHED = (httpx2.ConnectError, httpx2.ConnectTimeout)
_ABOUT_THE_MESSAGE = (
    "message is too long",
    "caption is too long",
    "text is empty",
    "text must be",
    "can't parse entities",
    "PHOTO_INVALID",
    "IMAGE_PROCESS_FAILED",
)


class MarkupRefused(NotDelivered):
    """Send it without markup."""


class _Parameters(msgspec.Struct):
    retry_after: float | None = None
    migrate_to_chat_id: int | None = None


class _Reply(msgspec.Struct):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    description: str = ""
    parameters: _Parameters | None = None


_decoder = msgspec.json.Decoder(_Reply)


class BotApi:
    """The token is part of every address, so no error of the HTTP library leaves this class."""

    def __init__(self, api_url: str, token: str, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._http = open_client(f"{api_url}/bot{quote(token, safe=':')}", TOTAL_TIMEOUT, transport)
        self._token = token

    async def close(self) -> None:
        await self._http.aclose()

    async def call(
        self, method: str, body: dict[str, Any], *, wait: float = 0.0, files: Files | None = None
    ) -> msgspec.Raw:
        """`wait` is how long Telegram itself may wait, in seconds. With `files` the body's values are texts.

        Raises NotDelivered.
        """
        patience = TOTAL_TIMEOUT + wait
        try:
            async with asyncio.timeout(patience):
                carried: dict[str, Any] = {"data": body, "files": files} if files else {"json": body}
                response = await self._http.post(f"/{method}", timeout=patience, **carried)
        except (httpx2.HTTPError, TimeoutError) as error:
            # Not chained: the library's errors carry the request, and its address carries the token.
            unsent = isinstance(error, _NOBODY_REACHED)
            raise NotDelivered(f"Telegram: {type(error).__name__}", permanent=False, unsent=unsent) from None
        reply = _parse(response.content)
        if response.is_success and reply is not None and reply.ok:
            return reply.result
        raise self._refusal(response.status_code, reply)

    def _refusal(self, status: int, reply: _Reply | None) -> NotDelivered:
        description = (reply.description if reply else "unreadable reply").replace(self._token, "***")
        parameters = (reply and reply.parameters) or _Parameters()
        message = f"Telegram: HTTP {status}: {description}"
        if parameters.migrate_to_chat_id is not None:
            message += f" (TELEGRAM_CHAT_ID={parameters.migrate_to_chat_id})"
        if status == 400 and "can't parse entities" in description:
            return MarkupRefused(message, permanent=True)
        if status == 409:
            return ChatTaken(message, permanent=False)
        # A refusal that Telegram did not word itself comes from something in between, and may pass.
        permanent = reply is not None and 400 <= status < 500 and status != 429
        content = status == 400 and any(words in description for words in _ABOUT_THE_MESSAGE)
        return NotDelivered(message, permanent=permanent, retry_after=parameters.retry_after, content=content)


def _parse(body: bytes) -> _Reply | None:
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
