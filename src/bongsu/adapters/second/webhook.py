"""A webhook of the owner's: Discord, Slack, ntfy, or a program that takes JSON."""

import asyncio
import re
from urllib.parse import urlsplit

import httpx2
import msgspec

from bongsu.adapters.http import open_client
from bongsu.adapters.second.pieces import fit_to_leave
from bongsu.adapters.second.presets import PRESETS, Notice, Post
from bongsu.core.outgoing import Urgency
from bongsu.core.redaction import HIDDEN, redact
from bongsu.errors import NotDelivered

TOTAL_TIMEOUT = 10.0  # seconds, for one request
PART_PAUSE = 1.0
USUAL_WAIT = 30.0  # seconds after a 429 that names no time
_LONGEST_ANSWER = 200  # characters of a refusal that are worth keeping
_SHORTEST_SECRET = 6  # a shorter piece of an address is a word like any
_ABOUT_THE_MESSAGE = {400, 413, 422}


class _Answer(msgspec.Struct):
    """Discord's and ntfy's: the id of the message, or the time to wait."""

    id: str | int = ""
    retry_after: float | None = None


class WebhookMessenger:
    """The `Messenger` port. The address is a secret, and stands in no error that leaves here.

    `picture_note` is added where the service takes no picture.
    """

    def __init__(
        self,
        url: str,
        preset: str,
        token: str | None = None,
        *,
        picture_note: str = "",
        part_pause: float = PART_PAUSE,
        timeout: float = TOTAL_TIMEOUT,
    ) -> None:
        self._http = open_client("", timeout)
        self._url = url
        self._preset = PRESETS[preset]
        self._authorization = {"Authorization": f"Bearer {token}"} if token else {}
        self._secrets = _parts_of(url) | ({token} if token else set())
        self._picture_note = picture_note
        self._part_pause = part_pause
        self._timeout = timeout
        self._unfinished: tuple[str, int] | None = None  # a long message that broke off, and where

    async def close(self) -> None:
        await self._http.aclose()

    async def send(
        self, text: str, dedupe: str, *, picture: bytes | None = None, urgency: Urgency = Urgency.INFO
    ) -> str:
        """Raises NotDelivered. A long message that broke off goes on where it stopped."""
        if picture is not None and not self._preset.takes_pictures:
            text, picture = f"{text}\n{self._picture_note}".rstrip(), None
        posts = self._preset.posts(Notice(dedupe, fit_to_leave(text), urgency, picture))
        first = self._unfinished[1] if self._unfinished and self._unfinished[0] == dedupe else 0
        message_id = ""
        for number, post in enumerate(posts[first:], first):
            self._unfinished = (dedupe, number)
            if number > first:
                await asyncio.sleep(self._part_pause)
            try:
                message_id = await self._send(post)
            except NotDelivered as failure:
                failure.begun = number > 0
                raise
        self._unfinished = None
        return message_id

    async def _send(self, post: Post) -> str:
        headers = post.headers | self._authorization
        url = httpx2.URL(self._url).copy_merge_params(post.params) if post.params else self._url
        try:
            async with asyncio.timeout(self._timeout):
                response = await self._http.post(url, headers=headers, **post.content)
        except (httpx2.HTTPError, TimeoutError) as error:
            # Not chained: the library's errors carry the request, and its address is a secret.
            unsent = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)
            raise NotDelivered(f"webhook: {type(error).__name__}", permanent=False, unsent=unsent) from None
        answer = _parse(response.content)
        if response.is_success:
            return str(answer.id)
        raise self._refusal(response, answer)

    def _without_address(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text

    def _refusal(self, response: httpx2.Response, answer: _Answer) -> NotDelivered:
        status = response.status_code
        said = redact(self._without_address(response.text)[:_LONGEST_ANSWER])
        message = f"webhook: HTTP {status}: {said}".rstrip(": ")
        if status == 429:
            wait = answer.retry_after or _seconds(response.headers.get("retry-after")) or USUAL_WAIT
            return NotDelivered(message, permanent=False, retry_after=wait)
        # A redirect is not followed: only the address that the owner wrote is called.
        permanent = 300 <= status < 500 and status != 408
        return NotDelivered(message, permanent=permanent, content=status in _ABOUT_THE_MESSAGE)


def _parts_of(url: str) -> set[str]:
    """The address, and what it would give away in pieces."""
    parts = urlsplit(url)
    pieces = re.split(r"[/?&=]", f"{parts.path}?{parts.query}")
    return {url, *(piece for piece in pieces if len(piece) >= _SHORTEST_SECRET)}


def _parse(body: bytes) -> _Answer:
    try:
        return msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Answer()


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None  # a date
