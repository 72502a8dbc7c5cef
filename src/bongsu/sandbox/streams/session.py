"""One connection: what it hears, what it watches for, what it says."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from bongsu.core.market import Market
from bongsu.sandbox.news import News, OrderNews
from bongsu.sandbox.streams import account, wording
from bongsu.sandbox.streams.asking import PRIVATE, Format, Misunderstood, Request, Wish, parse_request
from bongsu.sandbox.streams.faults import StreamSwitches
from bongsu.sandbox.streams.limits import Limit
from bongsu.sandbox.streams.quotes import Follower, Quotes
from bongsu.sandbox.world import World

LOOK_SECONDS = 0.25
LOOKS_A_CANDLE = 4  # candles are told once a second
UP_SECONDS = 10.0
_MOST_WAITING = 2_000


@dataclass(slots=True)
class Heard:
    """When the peer last sent anything at all, a ping included; `monotonic`."""

    at: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    path: str
    kinds: frozenset[str]


class Over(Exception):
    """The connection has ended."""


class Session:
    def __init__(
        self,
        socket: WebSocket,
        endpoint: Endpoint,
        world: World,
        quotes: Quotes,
        switches: StreamSwitches,
        limit: Limit,
    ) -> None:
        self._socket = socket
        self._endpoint = endpoint
        self._world = world
        self._quotes = quotes
        self._switches = switches
        self._limit = limit
        self._heard: Heard = socket.scope["state"]["heard"]
        self._told_at = monotonic()
        self._stalled_until = 0.0
        self._up_at: float | None = None  # when the next sign of life is due, once one was asked for
        self._format: Format = "DEFAULT"
        self._wishes: dict[str, Wish] = {}
        self._followers: dict[str, list[Follower]] = {}
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue(_MOST_WAITING)
        self._looks = 0

    async def run(self) -> None:
        """Until either side ends it."""
        self._world.exchange.bulletin.listen(self._hear_news)
        try:
            async with asyncio.TaskGroup() as tasks:
                for part in (self._listen, self._watch, self._speak):
                    tasks.create_task(part())
        except* (Over, WebSocketDisconnect):
            pass
        finally:
            self._world.exchange.bulletin.leave(self._hear_news)

    @property
    def subscriptions(self) -> list[dict[str, Any]]:
        return [_subscribed(wish) for wish in self._wishes.values()]

    # -- hearing --------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise Over
            said = message.get("text")
            self._answer(message.get("bytes", b"") if said is None else said)

    def _answer(self, said: str | bytes) -> None:
        if said in ("PING", b"PING"):
            self._show_life()
        elif not self._limit.admits():
            self._complain("too_many_requests", "5 requests a second, 100 a minute")
        else:
            try:
                request = parse_request(said, self._endpoint.kinds, self._is_market)
            except Misunderstood as wrong:
                self._complain(wrong.name, wrong.message)
            else:
                self._grant(request)

    def _is_market(self, market: Market) -> bool:
        return market in self._world.feed.tapes

    def _grant(self, request: Request) -> None:
        """A type that is asked for again takes the place of itself; the others stay."""
        self._format = request.format or self._format
        for wish in request.wishes:
            self._subscribe(wish)
        if request.lists:
            self._list(request.ticket)

    def _subscribe(self, wish: Wish) -> None:
        self._world.tick()
        followed = {} if wish.kind in PRIVATE else wish.markets()
        followers = [self._quotes.follow(wish.kind, *one) for one in followed.items()]
        if wish.snapshot:
            for follower in followers:
                self._tell(follower.snapshot(), "SNAPSHOT")
        if wish.realtime:
            self._wishes[wish.kind] = wish
            self._followers[wish.kind] = followers

    def _list(self, ticket: str) -> None:
        answer = {"method": "LIST_SUBSCRIPTIONS", "result": self.subscriptions, "ticket": ticket}
        self._post(wording.written(answer, self._format))

    def _complain(self, name: str, message: str) -> None:
        self._post(wording.plainly({"error": {"name": name, "message": message}}))

    def _show_life(self) -> None:
        self._up_at = monotonic() + UP_SECONDS
        self._post(wording.plainly({"status": "UP"}))

    # -- watching -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._world.tick()
            self._looks += 1
            for kind, followers in self._followers.items():
                if not kind.startswith("candle") or self._looks % LOOKS_A_CANDLE == 0:
                    for follower in followers:
                        self._tell(follower.news(), "REALTIME")
            await self._keep_alive()

    async def _keep_alive(self) -> None:
        now = monotonic()
        if self._up_at is not None and now >= self._up_at:
            self._show_life()
        if now - max(self._heard.at, self._told_at) > self._world.options.idle_seconds:
            await self._socket.close()
            raise Over

    def _hear_news(self, news: News) -> None:
        kind = "myOrder" if isinstance(news, OrderNews) else "myAsset"
        wish = self._wishes.get(kind)
        if wish is None or (
            isinstance(news, OrderNews) and wish.codes and news.order.ticket.market not in wish.codes
        ):
            return
        self._tell([account.told(news, self._world.id)], "REALTIME")

    # -- saying ---------------------------------------------------------------------------------

    def _tell(self, messages: list[dict[str, Any]], stream: str) -> None:
        for message in messages:
            self._told_at = monotonic()
            self._send(message["type"], wording.written({**message, "stream_type": stream}, self._format))

    def _send(self, kind: str, body: bytes) -> None:
        rule = self._switches.striking(self._endpoint.path, kind)
        match None if rule is None else rule.kind:
            case "drop":
                self.cut()
            case "stall" if rule is not None:
                self._stalled_until = monotonic() + rule.seconds
            case "duplicate":
                self._post(body)
                self._post(body)
            case "malformed":
                self._post(body[: len(body) // 2])
            case _:
                self._post(body)

    def _post(self, body: bytes) -> None:
        if monotonic() < self._stalled_until:
            return
        try:
            self._outbox.put_nowait(body)
        except asyncio.QueueFull:
            self.cut()  # who reads so slowly is let go, for nobody keeps what waits for them

    def cut(self) -> None:
        self._socket.scope["state"]["transport"].abort()

    async def _speak(self) -> None:
        while True:
            await self._socket.send_bytes(await self._outbox.get())


def _subscribed(wish: Wish) -> dict[str, Any]:
    listed: dict[str, Any] = {"type": wish.kind}
    if wish.codes:
        listed["codes"] = list(wish.codes)
    return {**listed, "level": 0} if wish.kind == "orderbook" else listed
