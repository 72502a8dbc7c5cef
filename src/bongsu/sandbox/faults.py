"""Fault switches: what goes wrong between a client and the exchange, or a stand-in beside it, on purpose."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bongsu.sandbox import wire

Kind = Literal[
    "latency",  # `seconds` before the request is looked at
    "down",  # the connection is dropped, nothing happened
    "lost_reply",  # done, and the connection dropped without an answer
    "late_reply",  # done, and answered `seconds` later
    "late_accept",  # dropped at once, and done `seconds` later
    "error_before",  # `status`, nothing happened
    "error_after",  # done, and answered with `status`
    "rate_limited",  # 429, nothing happened
]
_TRANSPORT = "transport"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Applies to requests whose method and path match (`*` and `?` as in a shell), from the `skip`-th match on."""

    kind: Kind
    path: str = "*"
    method: str = "*"
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    retry_after: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 1
    description: str | None = None  # of an error of Telegram's; else its usual words for `status`
    migrate_to_chat_id: int | None = None  # the group became a supergroup
    seed: int = 0


@dataclass(slots=True)
class _Armed:
    rule: Rule
    dice: random.Random
    seen: int = 0
    hits: int = 0

    def strikes(self, method: str, path: str) -> bool:
        rule = self.rule
        if not (fnmatchcase(path, rule.path) and fnmatchcase(method, rule.method)):
            return False
        self.seen += 1
        if self.seen <= rule.skip or (rule.count is not None and self.hits >= rule.count):
            return False
        if self.dice.random() >= rule.probability:
            return False
        self.hits += 1
        return True


class Switches:
    """Equal rules strike equal sequences of requests; they end with the process."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []

    def arm(self, rules: Sequence[Rule]) -> None:
        """In place of the rules before."""
        self._armed = [_Armed(rule, random.Random(f"{n}-{rule.seed}")) for n, rule in enumerate(rules)]

    def report(self) -> list[dict[str, Any]]:
        return [{**msgspec.to_builtins(a.rule), "seen": a.seen, "hits": a.hits} for a in self._armed]

    def striking(self, method: str, path: str) -> list[Rule]:
        return [armed.rule for armed in self._armed if armed.strikes(method, path)]


class DroppableProtocol(H11Protocol):
    """Lets the application cut the connection that a request came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


class FaultLine:
    """All latencies of the rules that strike are waited for; then the first other one decides."""

    def __init__(self, app: ASGIApp, switches: Switches) -> None:
        self._app = app
        self._switches = switches
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            return await self._app(scope, receive, send)
        rules = self._switches.striking(scope["method"], scope["path"])
        await asyncio.sleep(sum(rule.seconds for rule in rules if rule.kind == "latency"))
        fault = next((rule for rule in rules if rule.kind != "latency"), None)
        if fault is None:
            return await self._app(scope, receive, send)
        return await self._strike(fault, scope, receive, send)

    async def _strike(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        match rule.kind:
            case "error_before" | "rate_limited":
                await _error(rule, scope)(scope, receive, send)
            case "down":
                await _drop(scope, receive)
            case "late_accept":
                self._accept_late(rule.seconds, scope, await _body(receive))
                await _drop(scope, receive)
            case _:
                await self._strike_after(rule, scope, receive, send)

    async def _strike_after(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        reply = await self._done(scope, await _body(receive))
        match rule.kind:
            case "lost_reply":
                await _drop(scope, receive)
            case "error_after":
                await _error(rule, scope)(scope, receive, send)
            case _:
                await asyncio.sleep(rule.seconds)
                for message in reply:
                    await send(message)

    async def _done(self, scope: Scope, body: bytes) -> list[Message]:
        reply: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            reply.append(message)

        await self._app(scope, receive, keep)
        return reply

    def _accept_late(self, seconds: float, scope: Scope, body: bytes) -> None:
        async def later() -> None:
            await asyncio.sleep(seconds)
            await self._done(scope, body)

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _error(rule: Rule, scope: Scope) -> wire.Json:
    status = 429 if rule.kind == "rate_limited" else rule.status
    if scope["path"].startswith("/telegram/"):
        return _telegram_error(status, rule)
    name = "too_many_requests" if status == 429 else "server_error"
    return wire.Json({"error": {"name": name, "message": f"fault switch: {rule.kind}"}}, status)


_TELEGRAM_SAYS = {
    400: "Bad Request: chat not found",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
}


def _telegram_error(status: int, rule: Rule) -> wire.Json:
    parameters, words = {}, _TELEGRAM_SAYS.get(status, "Internal Server Error")
    if status == 429:
        parameters, words = (
            {"retry_after": rule.retry_after},
            f"Too Many Requests: retry after {rule.retry_after}",
        )
    elif rule.migrate_to_chat_id is not None:
        parameters = {"migrate_to_chat_id": rule.migrate_to_chat_id}
        words = "Bad Request: group chat was upgraded to a supergroup chat"
    answer = {"ok": False, "error_code": status, "description": rule.description or words}
    return wire.Json(answer | ({"parameters": parameters} if parameters else {}), status)


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _drop(scope: Scope, receive: Receive) -> None:
    scope["state"][_TRANSPORT].abort()
    while (await receive())["type"] != "http.disconnect":
        pass
