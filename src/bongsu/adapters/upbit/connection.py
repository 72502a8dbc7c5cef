"""One request, one verdict: signed, within the limits, counted; its reply parsed, or named as an error."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar

import httpx2
import msgspec
import stamina

from bongsu.adapters.upbit.auth import Credentials
from bongsu.adapters.upbit.closing import Closing
from bongsu.adapters.upbit.limits import RateLimits
from bongsu.adapters.upbit.refusals import ADDRESS_REFUSED, ORDER_NOT_FOUND, ban_duration, parse_refusal
from bongsu.adapters.upbit.wire import Unreadable
from bongsu.core.clock import ClockState
from bongsu.errors import (
    Banned,
    ExchangeError,
    ExchangeRefused,
    ExchangeUnavailable,
    NotAuthorized,
    RateLimited,
)

if TYPE_CHECKING:  # loaded when a stream is opened: a process that opens none need not hold it
    from httpx2.websockets import AsyncWebSocketSession

T = TypeVar("T")
Params = Sequence[tuple[str, str]]
OnRequest = Callable[[str, str, float], None]  # endpoint, outcome, seconds
OnBan = Callable[[datetime], None]  # until when

ATTEMPTS = 3
READ_DEADLINE = 10.0  # seconds, over all attempts and the waiting between them
ATTEMPT_TIMEOUT = 4.0
WRITE_DEADLINE = 5.0
MESSAGES_WAITING = 64  # of a WebSocket; beyond them the exchange waits
PROMPT = 1.0  # a reply that took longer says little about the time


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str  # label of its metrics
    method: str
    path: str
    group: str  # of the rate limits
    signed: bool


class Connection:
    """Reads are tried three times, writes go out once. While we are banned nothing goes out at all."""

    def __init__(
        self,
        http: httpx2.AsyncClient,
        credentials: Credentials,
        limits: RateLimits,
        on_request: OnRequest,
        on_ban: OnBan,
        monotonic: Callable[[], float],
        market_clock: Callable[[], ClockState] | None = None,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._limits = limits
        self._on_request = on_request
        self._on_ban = on_ban
        self._monotonic = monotonic
        self._market_clock = market_clock
        self._silent_until = float("-inf")  # monotonic
        self.ban_until: datetime | None = None
        self.exchange_time: datetime | None = None  # as of the last reply; market time of a local exchange
        self.clock_offset: float | None = None
        self.address_refused = False
        self.closing = Closing()

    async def close(self) -> None:
        await self._http.aclose()

    def open_socket(self, path: str, *, signed: bool) -> AbstractAsyncContextManager["AsyncWebSocketSession"]:
        """A WebSocket on the same line. Raises Banned; what goes wrong on it is httpx2's."""
        from httpx2.websockets import AsyncWebSocketClient

        self._keep_silence()
        headers = {"Authorization": self._credentials.sign("")} if signed else {}
        return AsyncWebSocketClient(self._http, queue_size=MESSAGES_WAITING).connect(path, headers=headers)

    async def read(self, endpoint: Endpoint, params: Params, parse: Callable[[bytes], T]) -> T:
        """Raises ExchangeUnavailable, ExchangeRefused, RateLimited or Banned."""
        try:
            async with asyncio.timeout(READ_DEADLINE):
                async for attempt in stamina.retry_context(
                    on=(ExchangeUnavailable, RateLimited),
                    attempts=ATTEMPTS,
                    timeout=None,
                    wait_initial=0.2,
                    wait_max=1.0,
                    wait_jitter=0.3,
                ):
                    with attempt:
                        return await self._ask(endpoint, params, parse, ATTEMPT_TIMEOUT)
        except TimeoutError as late:
            raise ExchangeUnavailable(f"{endpoint.name}: no answer within {READ_DEADLINE:.0f} s") from late
        raise AssertionError("the last attempt either answers or raises")

    async def write(self, endpoint: Endpoint, params: Params, parse: Callable[[bytes], T]) -> T:
        """Raises what `read` does, after one sending; all but a refusal leave the outcome open."""
        try:
            async with asyncio.timeout(WRITE_DEADLINE):
                return await self._ask(endpoint, params, parse, WRITE_DEADLINE)
        except TimeoutError as late:
            raise ExchangeUnavailable(f"{endpoint.name}: no answer within {WRITE_DEADLINE:.0f} s") from late

    async def _ask(
        self, endpoint: Endpoint, params: Params, parse: Callable[[bytes], T], timeout: float
    ) -> T:
        await self._limits.wait(endpoint.group)
        self._keep_silence()
        outcome, started = "timeout", time.perf_counter()
        try:
            async with asyncio.timeout(timeout):
                response = await self._http.send(self._build(endpoint, params))
            self._learn(endpoint, response, time.perf_counter() - started)
            answer, outcome = self._judge(endpoint, response, parse)
            self._note_address(endpoint, answer)
        except httpx2.DecodingError as garbled:
            outcome = "malformed"
            raise ExchangeUnavailable(f"{endpoint.name}: unreadable reply") from garbled
        except (TimeoutError, httpx2.TransportError) as silence:
            raise ExchangeUnavailable(f"{endpoint.name}: {type(silence).__name__}") from silence
        finally:
            # A request that was given up from outside counts as well: it got no answer.
            self._on_request(endpoint.name, outcome, time.perf_counter() - started)
        if isinstance(answer, ExchangeError):
            raise answer
        return answer

    def _build(self, endpoint: Endpoint, params: Params) -> httpx2.Request:
        """A fresh one for each sending, since a nonce is good for one."""
        headers = {}
        if endpoint.signed:
            headers["Authorization"] = self._credentials.sign(
                "&".join(f"{key}={value}" for key, value in params)
            )
        if endpoint.method == "GET":
            return self._http.build_request("GET", endpoint.path, params=list(params), headers=headers)
        headers["Content-Type"] = "application/json; charset=utf-8"
        body = msgspec.json.encode(dict(params))
        return self._http.build_request(endpoint.method, endpoint.path, content=body, headers=headers)

    def _learn(self, endpoint: Endpoint, response: httpx2.Response, seconds: float) -> None:
        """What every reply tells beside its answer: the time, and how much of the limit is left."""
        self._limits.learn(endpoint.group, response.headers.get("Remaining-Req"))
        self.closing.note(endpoint.name, response.status_code)
        market_time = _moment(response.headers.get("X-Market-Time"), datetime.fromisoformat)
        server_time = _moment(response.headers.get("Date"), parsedate_to_datetime)
        self.exchange_time = market_time or server_time or self.exchange_time
        if seconds > PROMPT:
            return
        if market_time is not None:
            self.clock_offset = self._market_offset(market_time, seconds)
        elif server_time is not None:
            # The header is cut to whole seconds, and was written about half way through the request.
            middle = datetime.now(UTC) - timedelta(seconds=seconds / 2)
            self.clock_offset = (server_time - middle).total_seconds() + 0.5

    def _market_offset(self, market_time: datetime, seconds: float) -> float | None:
        """Of a market on its own time: against the time we trade by, in wall seconds. None where neither is known."""
        state = self._market_clock() if self._market_clock is not None else None
        if state is None or state.speed <= 0:
            return None
        return (market_time - state.now).total_seconds() / state.speed + seconds / 2

    def _judge(
        self, endpoint: Endpoint, response: httpx2.Response, parse: Callable[[bytes], T]
    ) -> tuple[T | ExchangeError, str]:
        """The answer, or the error that stands for it, and its label."""
        status, body = response.status_code, response.content
        if status == 418:
            return self._ban(body), "banned"
        if status == 429:
            self._limits.exceeded(endpoint.group)
            return RateLimited(f"{endpoint.name}: too many requests"), "rate_limited"
        if status >= 500:
            return ExchangeUnavailable(f"{endpoint.name}: HTTP {status}"), "server_error"
        if status >= 400:
            return _refusal(endpoint, status, body)
        if status not in (200, 201):
            return ExchangeUnavailable(f"{endpoint.name}: HTTP {status}"), "malformed"
        try:
            return parse(body), "ok"
        except Unreadable as why:
            return ExchangeUnavailable(f"{endpoint.name}: unreadable reply: {why}"), "malformed"

    def _note_address(self, endpoint: Endpoint, answer: object) -> None:
        """By signed requests, whose answer says whether our address is on the key's list; silence says nothing."""
        if isinstance(answer, NotAuthorized) and answer.name in ADDRESS_REFUSED:
            self.address_refused = True
        elif endpoint.signed and not isinstance(answer, (ExchangeUnavailable, RateLimited, Banned)):
            self.address_refused = False

    def _ban(self, body: bytes) -> Banned:
        until = datetime.now(UTC) + ban_duration(body)
        self.keep_silent(until)
        self._on_ban(until)
        return Banned(f"banned until {until:%Y-%m-%d %H:%M:%S} UTC", until)

    def keep_silent(self, until: datetime) -> None:
        """Of two bans the longer one holds."""
        left = (until - datetime.now(UTC)).total_seconds()
        if left > 0 and (self.ban_until is None or until > self.ban_until):
            self._silent_until, self.ban_until = self._monotonic() + left, until

    def _keep_silence(self) -> None:
        if self.ban_until is None:
            return
        if self._monotonic() < self._silent_until:
            raise Banned(f"silent until {self.ban_until:%Y-%m-%d %H:%M:%S} UTC", self.ban_until)
        self.ban_until = None


def _refusal(endpoint: Endpoint, status: int, body: bytes) -> tuple[ExchangeError, str]:
    refusal: ExchangeRefused | None = parse_refusal(status, body)
    if refusal is None:
        return ExchangeUnavailable(f"{endpoint.name}: unreadable refusal, HTTP {status}"), "malformed"
    if isinstance(refusal, NotAuthorized):
        return refusal, "auth"
    # To be told that there is no such order is an answer, not a fault.
    return refusal, "ok" if refusal.name == ORDER_NOT_FOUND else "client_error"


def _moment(text: str | None, parse: Callable[[str], datetime]) -> datetime | None:
    try:
        at = parse(text) if text else None
        return at.astimezone(UTC) if at is not None and at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
