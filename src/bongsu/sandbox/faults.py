"""Fault switches: what goes wrong between a client and the exchange, or a stand-in beside it, on purpose."""

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bongsu.sandbox import spoiled
from bongsu.sandbox.fault_replies import refusal
from bongsu.sandbox.fault_rules import Kind, Rule
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.partial import fill_share
from bongsu.sandbox.spoiled import Reply
from bongsu.sandbox.stale import asked_as_of

if TYPE_CHECKING:  # reading YAML is for those who have a scenario
    from bongsu.sandbox.scenario import Scenario

CLOCK_OFFSET: Final = "clock_offset"  # market seconds, in the state of a request
JOURNAL_KEPT: Final = 10_000
_REPLIES_KEPT: Final = 1_000
_TRANSPORT = "transport"
_BOT = re.compile(r"/bot[^/]+")

# Of those that strike a request, the first of these decides what becomes of it.
_DECIDING: Final[frozenset[Kind]] = frozenset(
    {
        "down",
        "timeout_before",
        "timeout_after",
        "lost_reply",
        "late_reply",
        "late_accept",
        "error_before",
        "error_after",
        "rate_limited",
        "banned",
        "key_expired",
        "ip_refused",
        "cut_reply",
    }
)
_SPOILING: Final[frozenset[Kind]] = frozenset(
    {
        "malformed",
        "truncated",
        "html",
        "stale_quotes",
        "outlier_price",
        "crossed_book",
        "null_volume",
    }
)


class Entry(msgspec.Struct, frozen=True):
    """One strike: the `rule` is counted from 0, in the order they were armed in."""

    n: int
    at: datetime  # of the market
    rule: int
    kind: Kind
    method: str
    path: str


class Journal:
    """What was injected, oldest first; the oldest leave when there are too many."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=JOURNAL_KEPT)
        self._written = 0

    def write(self, at: datetime, rule: int, kind: Kind, method: str, path: str) -> None:
        self._written += 1
        # A bot's token is part of its path, and no business of a reader's.
        self._entries.append(Entry(self._written, at, rule, kind, method, _BOT.sub("/bot***", path)))

    def entries(self, after: int, limit: int) -> list[Entry]:
        return [entry for entry in self._entries if entry.n > after][:limit]


@dataclass(slots=True)
class Armed:
    index: int
    rule: Rule
    since: datetime  # of the market
    dice: random.Random
    seen: int = 0
    hits: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)  # by question, for those that are repeated

    @property
    def begins(self) -> datetime:
        return self.since + timedelta(seconds=self.rule.after)

    def first_reply(self, question: str, reply: Reply) -> Reply:
        if len(self.replies) >= _REPLIES_KEPT:
            return self.replies.get(question, reply)
        return self.replies.setdefault(question, reply)

    def strikes(self, scope: Scope, now: datetime) -> bool:
        """Counts, and throws its dice for those requests only that it concerns and that come in its time."""
        rule = self.rule
        signed = any(name == b"authorization" for name, _ in scope["headers"])
        if not rule.concerns(scope["method"], scope["path"], signed=signed):
            return False
        if not rule.open_at((now - self.since).total_seconds()):
            return False
        self.seen += 1
        if self.seen <= rule.skip or (rule.count is not None and self.hits >= rule.count):
            return False
        if self.dice.random() >= rule.probability:
            return False
        self.hits += 1
        return True


class Switches:
    """Equal rules strike equal sequences of requests, at equal market times; they end with the process."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._armed: list[Armed] = []
        self.journal = Journal()

    def arm(self, rules: Sequence[Rule], seed: int = 0) -> None:
        """In place of the rules before."""
        now = self._now()
        self._armed = [
            Armed(n, rule, now, random.Random(f"{n}-{rule.seed}-{seed}")) for n, rule in enumerate(rules)
        ]

    def follow(self, scenario: "Scenario") -> None:
        self.arm(scenario.rules, scenario.seed)

    def report(self) -> list[dict[str, Any]]:
        return [{**msgspec.to_builtins(a.rule), "seen": a.seen, "hits": a.hits} for a in self._armed]

    def striking(self, scope: Scope) -> list[Armed]:
        now = self._now()
        found = [armed for armed in self._armed if armed.strikes(scope, now)]
        for armed in found:
            self.journal.write(now, armed.index, armed.rule.kind, scope["method"], scope["path"])
        return found


class DroppableProtocol(H11Protocol):
    """Lets the application cut the connection that a request came by."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, _TRANSPORT: transport}


class FaultLine:
    """Of the rules that strike: what goes before is done by all, then one decides, or else all spoil the reply."""

    def __init__(self, app: ASGIApp, switches: Switches, move: Callable[[str, Decimal], None]) -> None:
        """`move` changes the account from outside."""
        self._app = app
        self._switches = switches
        self._move = move
        self._late: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            return await self._app(scope, receive, send)
        struck = self._switches.striking(scope)
        await self._go_before(struck, scope)
        deciding = next((armed.rule for armed in struck if armed.rule.kind in _DECIDING), None)
        if deciding is not None:
            return await self._strike(deciding, scope, receive, send)
        if spoiling := [armed for armed in struck if armed.rule.kind in _SPOILING]:
            return await self._spoil(spoiling, scope, receive, send)
        return await self._app(scope, receive, send)

    async def _go_before(self, struck: list[Armed], scope: Scope) -> None:
        await asyncio.sleep(sum(armed.rule.seconds for armed in struck if armed.rule.kind == "latency"))
        for armed in struck:
            match (rule := armed.rule).kind:
                case "balance_change":
                    with suppress(Refused):  # nobody can take out what is not there
                        self._move(rule.currency, rule.delta)
                case "clock_offset":
                    scope["state"][CLOCK_OFFSET] = scope["state"].get(CLOCK_OFFSET, 0.0) + rule.offset
                case "stale_candles":
                    scope["query_string"] = asked_as_of(scope["query_string"], armed.begins)
                case "partial_fill":
                    fill_share.set(rule.share)

    async def _strike(self, rule: Rule, scope: Scope, receive: Receive, send: Send) -> None:
        match rule.kind:
            case "error_before" | "rate_limited" | "banned" | "key_expired" | "ip_refused":
                await refusal(rule, scope["path"])(scope, receive, send)
            case "down":
                await _drop(scope, receive)
            case "timeout_before":
                await _stay_silent(rule.seconds, scope, receive)
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
            case "timeout_after":
                await _stay_silent(rule.seconds, scope, receive)
            case "error_after":
                await refusal(rule, scope["path"])(scope, receive, send)
            case "cut_reply":
                await _cut(Reply.of(reply), scope, receive, send)
            case _:
                await asyncio.sleep(rule.seconds)
                for message in reply:
                    await send(message)

    async def _spoil(self, spoiling: list[Armed], scope: Scope, receive: Receive, send: Send) -> None:
        reply = Reply.of(await self._done(scope, await _body(receive)))
        for armed in spoiling:
            reply = _spoiled(armed, reply, scope)
        for message in reply.messages():
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


def _spoiled(armed: Armed, reply: Reply, scope: Scope) -> Reply:
    rule = armed.rule
    match rule.kind:
        case "malformed":
            return spoiled.nonsense(reply, armed.dice)
        case "truncated":
            return spoiled.truncated(reply)
        case "html":
            return spoiled.web_page(reply, rule.status)
        case "stale_quotes":
            return armed.first_reply(f"{scope['path']}?{scope['query_string'].decode('latin-1')}", reply)
        case "outlier_price":
            return spoiled.with_prices_times(reply, rule.factor)
        case "crossed_book":
            return spoiled.with_best_exchanged(reply)
        case _:
            return spoiled.without_volumes(reply)


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _stay_silent(seconds: float, scope: Scope, receive: Receive) -> None:
    """Shorter where the client gives up before."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await _disconnected(receive)
    await _drop(scope, receive)


async def _cut(reply: Reply, scope: Scope, receive: Receive, send: Send) -> None:
    start, body = reply.messages()
    await send(start)
    await send({**body, "body": reply.body[: len(reply.body) // 2], "more_body": True})
    await _drop(scope, receive)


async def _drop(scope: Scope, receive: Receive) -> None:
    scope["state"][_TRANSPORT].abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
