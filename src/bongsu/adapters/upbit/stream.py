"""One of Upbit's WebSockets, kept open: what is heard is passed on as a hint, and so is each new beginning."""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2
from httpx2.websockets import HTTPXWSException, WebSocketUpgradeError
from wsproto.events import BytesMessage, Event, TextMessage
from wsproto.utilities import ProtocolError

from bongsu.adapters.upbit.frames import ALIVE, StreamRefused, parse_hint
from bongsu.adapters.upbit.wire import Unreadable
from bongsu.core.hints import Hint, LineOpened
from bongsu.errors import Banned

if TYPE_CHECKING:
    from httpx2.websockets import AsyncWebSocketSession

OPENING: Final = 10.0  # wall seconds for a handshake, and for an answer to a sign of life
SILENCE: Final = 30.0  # after so long without a word a sign of life is asked for; Upbit itself waits 120 s
SHORTEST, LONGEST = 1.0, 60.0  # between two attempts
NOT_SPOKEN: Final = 600.0  # until an exchange that speaks no WebSocket is tried again
_NOT_SPOKEN_STATUS = frozenset({400, 403, 404, 405, 410, 426, 501})

_ON_THE_LINE = (HTTPXWSException, ProtocolError, httpx2.TransportError, OSError, Unreadable, StreamRefused)

_log = logging.getLogger(__name__)


class LineLost(Exception):
    """What was said is not known any more: open it anew, and ask."""


class NotSpoken(Exception):
    """This exchange does not offer such a stream."""


@dataclass(frozen=True, slots=True)
class Patience:
    """In wall seconds: `silence` until a sign of life is asked for, `stale` without news until the line is opened anew."""

    silence: float = SILENCE
    answer: float = OPENING
    stale: float = float("inf")
    shortest: float = SHORTEST
    longest: float = LONGEST
    not_spoken: float = NOT_SPOKEN


class Stream:
    """`dial` opens the line, `request` makes the subscription, `note` hears whether the line stands."""

    def __init__(
        self,
        name: str,
        dial: Callable[[], AbstractAsyncContextManager["AsyncWebSocketSession"]],
        request: Callable[[], bytes],
        hear: Callable[[Hint], None],
        note: Callable[[bool], None] = lambda _: None,
        patience: Patience = Patience(),
    ) -> None:
        self._name = name
        self._dial = dial
        self._request = request
        self._hear = hear
        self._note = note
        self._patience = patience
        self._failed = 0  # attempts in a row

    async def run(self) -> None:
        """For ever. Nothing that happens on the line is raised: whoever needs to know asks by REST anyway."""
        while True:
            self._note(False)
            try:
                await self._converse()
            except NotSpoken as why:
                _log.info("%s stream is not spoken here (%s); all is asked for as ever", self._name, why)
                await asyncio.sleep(self._patience.not_spoken)
            except (LineLost, Banned) as why:
                pause = self._pause()
                level = logging.INFO if self._failed == 1 else logging.DEBUG  # once for each loss
                _log.log(level, "%s stream lost (%s); next attempt in %.1f s", self._name, why, pause)
                await asyncio.sleep(pause)

    def _pause(self) -> float:
        """Twice as long each time, and never the same for all who were cut off together."""
        longest = min(self._patience.longest, self._patience.shortest * 2.0 ** min(self._failed, 10))
        self._failed += 1
        return longest * random.uniform(0.5, 1.0)

    async def _converse(self) -> None:
        """Raises LineLost, NotSpoken or Banned."""
        end: Exception = LineLost("ended")
        try:
            async with self._dial() as socket:
                await socket.send_bytes(self._request())
                await socket.send_text(ALIVE)
                await self._listen(socket)
        except* _ON_THE_LINE as broken:  # httpx2 groups what happens on an open line
            end = _judge(_first(broken))
        raise end

    async def _listen(self, socket: "AsyncWebSocketSession") -> None:
        opened, told = False, time.monotonic()
        while True:
            hint = parse_hint(await self._frame(socket))
            if not opened:
                # The answer to the sign of life comes after the subscription was made: nothing lies between.
                opened, self._failed = True, 0
                self._note(True)
                self._hear(LineOpened())
            if hint is not None:
                told = time.monotonic()
                self._hear(hint)
            elif time.monotonic() - told > self._patience.stale:
                raise Unreadable("alive, but without news for too long")

    async def _frame(self, socket: "AsyncWebSocketSession") -> str | bytes:
        """The next message; a line that is silent is asked for a sign of life, once."""
        for patience in (self._patience.silence, self._patience.answer):
            try:
                async with asyncio.timeout(patience):
                    event = await socket.receive()
            except TimeoutError:
                await socket.send_text(ALIVE)
            else:
                return bytes(event.data) if isinstance(event, BytesMessage) else _text(event)
        raise Unreadable("silent")


def _text(event: Event) -> str:
    if not isinstance(event, TextMessage):
        raise Unreadable(f"no message: {type(event).__name__}")
    return event.data


def _first(group: BaseExceptionGroup[Exception]) -> Exception:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _judge(error: Exception) -> LineLost | NotSpoken:
    if not isinstance(error, WebSocketUpgradeError):
        return LineLost(f"{type(error).__name__} {error}".rstrip())
    status = error.response.status_code
    return (NotSpoken if status in _NOT_SPOKEN_STATUS else LineLost)(f"HTTP {status}")
