"""Who may talk to the backend at all: middlewares around every route."""

import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from bongsu.web.problems import Refused, answer

HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]", "backend"})
OTHER = "other"  # neither a method nor a route that we know
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RequestClock(Protocol):
    def request_began(self) -> None: ...

    def request_ended(self, method: str, route: str, status: int, seconds: float) -> None: ...


class Timed:
    """Every request but those of `/metrics`, by route template so that the series stay bounded."""

    def __init__(self, app: ASGIApp, clock: RequestClock) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/metrics":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        self._clock.request_began()
        try:
            await self._app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else OTHER
            self._clock.request_ended(method, _route(scope), status, time.perf_counter() - began)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path", None) or OTHER


class Numbered:
    """A name of its own for each request: on its log lines, and in the answer, so that a caller can say which it was."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = secrets.token_hex(4)

        async def with_name(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request
            await send(message)

        bind_contextvars(
            request=request
        )  # for good: the task is this request's, and an error is logged further out
        await self._app(scope, receive, with_name)


class Guarded:
    """Refuses a Host that is not ours (a web page elsewhere could point its name at us) and sets the headers
    that keep a browser in bounds."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = self._app if host_name(Headers(scope=scope).get("host", "")) in HOSTS else answer(_STRANGE_HOST)
        await app(scope, receive, with_headers)


def host_name(host: str) -> str:
    """Without the port: an SSH tunnel may end at another one."""
    name, separator, port = host.rpartition(":")
    return (name if separator and port.isdigit() else host).lower()


_STRANGE_HOST = Refused(
    421,
    "받지 않는 Host입니다",
    f"이 서버는 {', '.join(sorted(HOSTS))} 로만 부를 수 있습니다 (this Host is not served)",
    "http://127.0.0.1 로 접속하거나 SSH 터널을 쓰세요 (use 127.0.0.1, or an SSH tunnel)",
)


def same_origin_json(request: Request) -> None:
    """A dependency of everything that changes something: no other site's page may send it."""
    origin = request.headers.get("origin")
    if origin is not None and origin.lower() != f"http://{request.headers.get('host', '').lower()}":
        raise Refused(
            403,
            "다른 사이트에서 온 요청입니다",
            f"Origin {origin} 은(는) 받지 않습니다 (a request of another site)",
            "이 서버의 페이지나 명령줄에서 보내 주세요 (send it from this server's page or the command line)",
        )
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refused(
            415,
            "JSON이 아닙니다",
            "본문은 application/json 이어야 합니다 (the body must be JSON)",
            "Content-Type: application/json 으로 보내 주세요",
        )


class RateLimit:
    """A dependency: at most `calls` in `seconds`, for all callers together."""

    def __init__(self, calls: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._calls = calls
        self._seconds = seconds
        self._clock = clock
        self._recent: deque[float] = deque()

    def __call__(self) -> None:
        now = self._clock()
        while self._recent and now - self._recent[0] >= self._seconds:
            self._recent.popleft()
        if len(self._recent) >= self._calls:
            wait = int(self._seconds - (now - self._recent[0])) + 1
            raise Refused(
                429,
                "요청이 너무 잦습니다",
                f"{self._seconds:g}초에 {self._calls}번까지 받습니다 (too many requests)",
                f"{wait}초 뒤에 다시 보내 주세요 (try again in {wait} s)",
                headers={"Retry-After": str(wait)},
            )
        self._recent.append(now)
