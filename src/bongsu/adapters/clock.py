"""The market's time: the real one's, or the time that a local exchange keeps."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import uuid4

import httpx2
import msgspec

from bongsu.adapters.http import open_client
from bongsu.core.clock import ClockState
from bongsu.errors import ExchangeUnavailable

HOLD_TTL = (
    3.0  # wall seconds after which the exchange lets go of a holder that died: its heir need not wait long
)
RENEW_EVERY = 1.0
RENEW_AGAIN = 0.5  # after a renewal that failed
LONGEST_POLL = 20.0  # the exchange allows 30
REPLY_TIMEOUT = 5.0
FIRST_PAUSE = 0.05  # before asking again for a time that a reply did not reach; doubled from then on
LONGEST_PAUSE = 1.0
RETRY = 0.5  # before asking again an exchange that did not answer

_log = logging.getLogger(__name__)


class WallClock:
    """A real market runs on real time and cannot be held."""

    @property
    def state(self) -> ClockState:
        return ClockState(self.now(), 1.0, lockstep=False, ended=False)

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def close(self) -> None:
        """Nothing is open."""

    async def wait_until(self, when: datetime, patience: float) -> ClockState:
        await asyncio.sleep(max(0.0, min((when - self.now()).total_seconds(), patience)))
        return self.state

    @contextlib.asynccontextmanager
    async def standing_still(self, owner: str) -> AsyncIterator[None]:  # noqa: ARG002 - nobody can hold it
        yield


class _ClockReply(msgspec.Struct):
    now: Annotated[datetime, msgspec.Meta(tz=True)]
    speed: float | Literal["max"]
    held: bool
    ended: bool
    end: Annotated[datetime, msgspec.Meta(tz=True)] | None


_decoder = msgspec.json.Decoder(_ClockReply)


class SandboxClock:
    """Follows the clock of the local exchange: asked for in every wait, and reckoned on from the last reply in between.

    While the market is held, in lock-step, and after the end the last reply is exact.
    """

    def __init__(self, http: httpx2.AsyncClient, reply: _ClockReply) -> None:
        self._http = http
        self._reply = reply
        self._heard_at = time.monotonic()
        self._answering = True

    @classmethod
    async def connect(cls, base_url: str, transport: httpx2.AsyncBaseTransport | None = None) -> Self:
        """Raises ExchangeUnavailable."""
        http = open_client(base_url, REPLY_TIMEOUT, transport)
        try:
            return cls(http, await _ask(http, "GET", "/sandbox/clock"))
        except BaseException:
            await http.aclose()
            raise

    async def close(self) -> None:
        await self._http.aclose()

    @property
    def state(self) -> ClockState:
        lockstep = self._reply.speed == "max"
        speed = 0.0 if isinstance(self._reply.speed, str) else self._reply.speed
        return ClockState(self.now(), speed, lockstep, self._reply.ended)

    def now(self) -> datetime:
        reply = self._reply
        if reply.held or reply.ended or isinstance(reply.speed, str):
            return reply.now
        reckoned = reply.now + timedelta(seconds=(time.monotonic() - self._heard_at) * reply.speed)
        return min(reckoned, reply.end) if reply.end is not None else reckoned

    async def wait_until(self, when: datetime, patience: float) -> ClockState:
        """An exchange that does not answer takes up the patience; whether the time was reached is in the state."""
        give_up = time.monotonic() + patience
        old_end = self._reply.ended
        pause = FIRST_PAUSE
        while True:
            left = give_up - time.monotonic()
            await self._poll(when, max(0.0, min(left, LONGEST_POLL)))
            news = self._reply.ended and not old_end
            if news or self._reply.now >= when or time.monotonic() >= give_up:
                return self.state
            await asyncio.sleep(min(pause, max(0.0, give_up - time.monotonic())))
            pause = min(2 * pause, LONGEST_PAUSE)

    @contextlib.asynccontextmanager
    async def standing_still(self, owner: str) -> AsyncIterator[None]:
        """Raises ExchangeUnavailable when the market cannot be held; then nothing inside was run.

        Holds may overlap; each is one of its own. The hold of a process that dies ends after HOLD_TTL.
        """
        holder = f"{owner}-{uuid4().hex[:8]}"
        leave = asyncio.Event()
        renewal = None
        try:
            await self._hold(holder)
            renewal = asyncio.create_task(self._keep_holding(holder, leave))
            yield
        finally:
            leave.set()
            await asyncio.shield(asyncio.create_task(self._let_go(holder, renewal)))

    async def _poll(self, when: datetime, seconds: float) -> None:
        until = {"until": when.astimezone(UTC).isoformat(), "timeout": seconds}
        try:
            async with asyncio.timeout(seconds + REPLY_TIMEOUT):
                self._accept(
                    await _ask(self._http, "POST", "/sandbox/clock/wait", until, seconds + REPLY_TIMEOUT)
                )
        except (ExchangeUnavailable, TimeoutError) as silence:
            if self._answering:
                _log.warning("the market clock does not answer: %r", silence)
            self._answering = False
            await asyncio.sleep(min(seconds, RETRY))

    async def _hold(self, holder: str) -> None:
        self._accept(
            await _ask(self._http, "POST", "/sandbox/clock/hold", {"owner": holder, "ttl": HOLD_TTL})
        )

    async def _keep_holding(self, holder: str, leave: asyncio.Event) -> None:
        pause = RENEW_EVERY
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await leave.wait()
                    return
            try:
                await self._hold(holder)
                pause = RENEW_EVERY
            except ExchangeUnavailable as silence:
                _log.warning("the hold on the market was not renewed: %s", silence)
                pause = RENEW_AGAIN

    async def _let_go(self, holder: str, renewal: asyncio.Task[None] | None) -> None:
        """What was done inside stands whether or not this arrives: a hold that is not renewed ends by itself."""
        if renewal is not None:
            await renewal  # a renewal under way must not arrive after the release
        try:
            self._accept(await _ask(self._http, "POST", "/sandbox/clock/release", {"owner": holder}))
        except ExchangeUnavailable as silence:
            _log.warning("the hold on the market was not released: %s", silence)

    def _accept(self, reply: _ClockReply) -> None:
        self._answering = True
        # Replies to requests that overlap may overtake one another; market time never goes back.
        if reply.now >= self._reply.now:
            self._reply = reply
            self._heard_at = time.monotonic()


async def _ask(
    http: httpx2.AsyncClient,
    method: str,
    path: str,
    body: Mapping[str, object] | None = None,
    timeout: float = REPLY_TIMEOUT,
) -> _ClockReply:
    try:
        response = await http.request(method, path, json=body, timeout=timeout)
        if response.is_success:
            return _decoder.decode(response.content)
    except (httpx2.HTTPError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExchangeUnavailable(f"{path}: {type(error).__name__}") from error
    raise ExchangeUnavailable(f"{path}: HTTP {response.status_code}")
