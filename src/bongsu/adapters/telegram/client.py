"""The chat that is told everything."""

import asyncio

import httpx2
import msgspec

from bongsu.adapters.telegram.api import BotApi, MarkupRefused
from bongsu.adapters.telegram.text import Part, render_parts
from bongsu.core.outgoing import Urgency
from bongsu.errors import NotDelivered

PART_PAUSE = 1.0  # Telegram wants no more than a message a second in one chat


class _Sent(msgspec.Struct):
    message_id: int


class TelegramMessenger:
    """The `Messenger` port."""

    def __init__(
        self,
        api_url: str,
        token: str,
        chat_id: str,
        *,
        part_pause: float = PART_PAUSE,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._api = BotApi(api_url, token, transport)
        self._chat_id = chat_id
        self._part_pause = part_pause
        self._unfinished: tuple[str, int] | None = (
            None  # a long message that broke off, and how much of it arrived
        )

    async def close(self) -> None:
        await self._api.close()

    async def send(
        self,
        text: str,
        dedupe: str,
        *,
        picture: bytes | None = None,
        urgency: Urgency = Urgency.INFO,  # noqa: ARG002 - a chat rings alike for all; its owner may mute it
    ) -> str:
        """Raises NotDelivered. The id is that of the last part.

        A long message that broke off goes on where it stopped when it is sent again under the same `dedupe`.
        """
        parts = render_parts(text)
        if picture is not None and len(parts) == 1:
            return await self._send_picture(picture, parts[0])
        first = self._unfinished[1] if self._unfinished and self._unfinished[0] == dedupe else 0
        message_id = ""
        for number, part in enumerate(parts[first:], first):
            self._unfinished = (dedupe, number)
            if number > first:
                await asyncio.sleep(self._part_pause)
            try:
                message_id = await self._send_part(part)
            except NotDelivered as failure:
                failure.begun = number > 0
                raise
        self._unfinished = None
        return message_id

    async def _send_picture(self, picture: bytes, caption: Part) -> str:
        to, files = {"chat_id": self._chat_id}, {"photo": ("equity.png", picture, "image/png")}
        markup = {"caption": caption.html, "parse_mode": "HTML"}
        try:
            sent = await self._api.call("sendPhoto", to | markup, files=files)
        except MarkupRefused:
            sent = await self._api.call("sendPhoto", to | {"caption": caption.plain}, files=files)
        return str(message_number(sent))

    async def _send_part(self, part: Part) -> str:
        to = {"chat_id": self._chat_id}
        try:
            sent = await self._api.call("sendMessage", to | {"text": part.html, "parse_mode": "HTML"})
        except MarkupRefused:
            sent = await self._api.call("sendMessage", to | {"text": part.plain})
        return str(message_number(sent))


def message_number(sent: msgspec.Raw) -> int:
    """Raises NotDelivered for an answer that names none."""
    try:
        return msgspec.json.decode(sent, type=_Sent).message_id
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotDelivered("Telegram: unreadable reply", permanent=False) from None
