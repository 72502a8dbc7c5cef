"""A process that may end between any two of its steps, on a wire that loses answers, in a time of its own.

What is real: the database, the exchange, its books and its refusals, every statement and every request.
What is not: the process is a task, its death an exception that no code of ours can catch or outlive (whatever it
tries afterwards fails), and its wall clock a number, so that a minute of patience costs nothing. One connection takes the
place of the pool.
"""

import asyncio
import heapq
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any, Self

import httpx2
import msgspec
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from bongsu.ledger.database import _SESSION, Database, Tx
from bongsu.trading import execution

Deliver = Callable[[], Awaitable[Any]]


class Killed(BaseException):
    """Nothing of the process goes on after it."""


class Wall:
    """Wall seconds as the bot sees them, and what happens by itself when they pass."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Deliver]] = []
        self._numbers = itertools.count()

    async def go_by(self, seconds: float) -> None:
        end = self.now + seconds
        while self._due and self._due[0][0] <= end:
            self.now, _, deliver = heapq.heappop(self._due)
            await deliver()
        self.now = end

    def later(self, seconds: float, deliver: Deliver) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), deliver))

    @contextmanager
    def keeps_time(self) -> Iterator[None]:
        """Execution waits by this clock."""
        before = execution.time, execution.asyncio
        execution.time = SimpleNamespace(monotonic=lambda: self.now)  # type: ignore[assignment]
        execution.asyncio = SimpleNamespace(Lock=asyncio.Lock, sleep=self.go_by)  # type: ignore[assignment]
        try:
            yield
        finally:
            execution.time, execution.asyncio = before


class Fate:
    """Ends the process at the `step`-th step of the phase it aims at; at any step without an aim. 0: never."""

    def __init__(self, step: int = 0, aim: str | None = None) -> None:
        self._left = step
        self._aim = aim
        self.phase = "start"
        self.dead = False
        self.at = ""

    def step(self, where: str) -> None:
        if not self.dead and self._left and self._aim in (None, self.phase):
            self._left -= 1
            if not self._left:
                self.dead, self.at = True, f"{self.phase}: {where}"
        if self.dead:
            raise Killed(where)


class Connection(AsyncConnection[Any]):
    """Outlives a process: what that left open is rolled back, as the server does it when a connection is cut."""

    fate: Fate

    @classmethod
    async def to(cls, url: str) -> Self:
        return await cls.connect(url, row_factory=dict_row, **{**_SESSION, "connect_timeout": 30})

    async def execute(self, *args: Any, **kwargs: Any) -> Any:
        self.fate.step("statement")
        return await super().execute(*args, **kwargs)

    async def commit(self) -> None:
        self.fate.step("commit")
        await super().commit()
        self.fate.step("committed")


class MortalDatabase(Database):
    """`piecemeal`: the operations whose statements are no transaction (an ablation)."""

    def __init__(self, url: str, connection: Connection, fate: Fate, piecemeal: frozenset[str]) -> None:
        super().__init__(url, process="mortal")
        self._fate = fate
        self._piecemeal = piecemeal
        self._connection = connection
        connection.fate = fate

    @asynccontextmanager
    async def _connected(self, operation: str) -> AsyncIterator[Tx]:
        self._fate.step(operation)
        if self._piecemeal:
            await self._connection.set_autocommit(operation in self._piecemeal)
        try:
            yield self._connection
            await self._connection.commit()
        except BaseException:
            await self._connection.rollback()
            raise


class Weather:
    """How often what goes wrong between the bot and the exchange; of the orders, and of the questions."""

    LOST, LATE, AFTER, BEFORE, LIMITED = 0.10, 0.05, 0.03, 0.02, 0.01
    UNREAD = 0.02
    UNFINISHED = 0.3  # of the orders are seen before they have come to their end
    UNTOLD = 0.05  # of the messages' acknowledgements are lost
    VERY_LATE = 0.2  # of the late orders come later than the bot's patience

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self.fair = False
        self.hits: Counter[str] = Counter()

    def of_order(self) -> str:
        kinds = ("lost", "late", "5xx after", "5xx before", "429")
        return self._draw(kinds, (self.LOST, self.LATE, self.AFTER, self.BEFORE, self.LIMITED))

    def of_question(self) -> str:
        return self._draw(("unread",), (self.UNREAD,))

    def of_message(self) -> str:
        return self._draw(("untold",), (self.UNTOLD,))

    def lateness(self) -> float:
        """Seconds on the way: mostly up to half a minute, sometimes longer than the bot's patience."""
        if self._dice.random() < self.VERY_LATE:
            return self._dice.uniform(60.0, 300.0)
        return self._dice.uniform(0.012, 30.0)

    def views(self) -> int:
        """How many look-ups see the order unfinished; some more than the bot's patience has."""
        if self.fair or self._dice.random() >= self.UNFINISHED:
            return 0
        self.hits["unfinished"] += 1
        return self._dice.choice((1, 2, 3, 5, 30))

    def _draw(self, kinds: tuple[str, ...], shares: tuple[float, ...]) -> str:
        if self.fair:
            return ""
        left = self._dice.random()
        for kind, share in zip(kinds, shares, strict=True):
            left -= share
            if left < 0:
                self.hits[kind] += 1
                return kind
        return ""


class Storm(Weather):
    """For what happens too seldom: more orders are late, and all of these very late."""

    LATE, VERY_LATE = 0.40, 1.0


def in_process(app: Any) -> httpx2.ASGITransport:
    """To an application without a server; what a server keeps for each connection is there, and empty."""

    async def served(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "state": {}}, receive, send)

    return httpx2.ASGITransport(app=served)


class Wire(httpx2.AsyncBaseTransport):
    """To the exchange and the chat. The requests of a dead process may still be on their way."""

    def __init__(self, app: Any, wall: Wall, weather: Weather, dice: random.Random) -> None:
        self._to = in_process(app)
        self._wall = wall
        self._weather = weather
        self._dice = dice
        self._views: dict[str, int] = {}

    def of(self, fate: Fate) -> "_End":
        return _End(self, fate)

    async def carry(self, request: httpx2.Request, fate: Fate) -> httpx2.Response:
        await self._wall.go_by(self._dice.uniform(0.002, 0.05))
        if request.method == "POST":
            what = self._order if request.url.path == "/v1/orders" else self._message
            return await what(request, fate)
        if self._weather.of_question():
            raise httpx2.ReadTimeout("unread")
        response = await self.deliver(request)
        return self._unfinished(request, response) if request.url.path == "/v1/order" else response

    async def deliver(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._to.handle_async_request(request)
        body = b"".join([part async for part in response.stream])  # type: ignore[union-attr]
        return httpx2.Response(response.status_code, headers=response.headers, content=body)

    async def _order(self, request: httpx2.Request, fate: Fate) -> httpx2.Response:
        fault = self._weather.of_order()
        self._step_on_the_way(request, fate, fault)
        if fault == "late":
            self._send_late(request)
            await self._wall.go_by(self._dice.choice((0.0, 5.0)))
            raise httpx2.ReadTimeout(fault)
        if fault in ("5xx before", "429"):
            return _refusal(429 if fault == "429" else 503)
        response = await self.deliver(request)
        fate.step("accepted")
        if fault == "lost":
            raise httpx2.ReadError(fault)
        return _refusal(500) if fault == "5xx after" else response

    def _step_on_the_way(self, request: httpx2.Request, fate: Fate, fault: str) -> None:
        """What a process sent before it died arrives all the same, or not."""
        try:
            fate.step("sent")
        except Killed:
            if fault not in ("5xx before", "429"):
                self._weather.hits["sent by the dead"] += 1
                self._send_late(request)
            raise

    def _send_late(self, request: httpx2.Request) -> None:
        self._wall.later(self._weather.lateness(), lambda: self.deliver(request))

    async def _message(self, request: httpx2.Request, fate: Fate) -> httpx2.Response:
        fate.step("sent")
        response = await self.deliver(request)
        fate.step("arrived")
        if self._weather.of_message():
            raise httpx2.ReadError("untold")
        return response

    def _unfinished(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        """The same order a moment earlier: waiting, and with some of its fills."""
        if response.status_code != 200:
            return response
        order = msgspec.json.decode(response.content)
        left = self._views.setdefault(order["identifier"], self._weather.views())
        if not left or not order["trades"]:
            return response
        self._views[order["identifier"]] = left - 1
        order["trades"] = order["trades"][: self._dice.randrange(len(order["trades"]))]
        if self._dice.random() < 0.5:  # else it is final, and its fills are listed late
            done = sum(_decimal(trade["volume"]) for trade in order["trades"])
            order |= {"state": "wait", "executed_volume": f"{done:f}"}
        return httpx2.Response(200, headers=_plain(response), content=msgspec.json.encode(order))


class _End(httpx2.AsyncBaseTransport):
    """One process's end of the wire."""

    def __init__(self, wire: Wire, fate: Fate) -> None:
        self._wire = wire
        self._fate = fate

    async def __aenter__(self) -> Self:
        return self

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self._fate.step(f"{request.method} {request.url.path}"[:40].partition("/bot")[0])
        return await self._wire.carry(request, self._fate)


def _refusal(status: int) -> httpx2.Response:
    return httpx2.Response(status, content=b'{"error":{"name":"server_error","message":"x"}}')


def _plain(response: httpx2.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "content-length"}


def _decimal(text: str) -> Any:
    from decimal import Decimal

    return Decimal(text)
