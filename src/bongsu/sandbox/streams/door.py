"""Where connections come in: who may, how often, and the protocol that their frames go through."""

from time import monotonic
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from bongsu.sandbox import wire
from bongsu.sandbox.auth import Gate
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.streams import wording
from bongsu.sandbox.streams.asking import PRIVATE, PUBLIC
from bongsu.sandbox.streams.faults import Rule, StreamSwitches
from bongsu.sandbox.streams.limits import CONNECTIONS, FROM_A_PAGE, REQUESTS, Limit, Limits
from bongsu.sandbox.streams.quotes import Quotes
from bongsu.sandbox.streams.session import Endpoint, Heard, Session
from bongsu.sandbox.world import World

LARGEST_REQUEST = 65_536
_PUBLIC = Endpoint("/websocket/v1", PUBLIC)
_PRIVATE = Endpoint("/websocket/v1/private", PRIVATE)
_REFUSED = 1008


class StreamProtocol(WSProtocol):
    """Tells the application when the peer was last heard, for it does not see the pings."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._heard = Heard(monotonic())
        self.app_state = {**self.app_state, "heard": self._heard}

    def data_received(self, received: bytes) -> None:
        self._heard.at = monotonic()
        super().data_received(received)


class Streams:
    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate
        self._switches = StreamSwitches()
        self._quotes = Quotes(world.exchange)
        self._limits = Limits(CONNECTIONS, monotonic)
        self._limits_of_pages = Limits(FROM_A_PAGE, monotonic)
        self._open: dict[Session, str] = {}

    def routes(self) -> list[BaseRoute]:
        return [
            WebSocketRoute(_PUBLIC.path, self.public),
            WebSocketRoute(_PRIVATE.path, self.private),
            Route("/sandbox/streams", self.sessions),
            Route("/sandbox/streams", self.cut, methods=["DELETE"]),
            Route("/sandbox/streams/faults", self.faults),
            Route("/sandbox/streams/faults", self.arm, methods=["PUT"]),
            Route("/sandbox/streams/faults", self.disarm, methods=["DELETE"]),
        ]

    # -- connections ----------------------------------------------------------------------------

    async def public(self, socket: WebSocket) -> None:
        if await self._may_connect(socket, _PUBLIC):
            await socket.accept()
            await self._serve(socket, _PUBLIC)

    async def private(self, socket: WebSocket) -> None:
        """Who is not known is let in to be told so, and then is let go."""
        if not await self._may_connect(socket, _PRIVATE):
            return
        await socket.accept()
        try:
            self._gate.admit(socket.headers.get("authorization"), [])
        except Refused as refused:
            wrong = {"error": {"name": "INVALID_AUTH", "message": refused.message}}
            await socket.send_bytes(wording.plainly(wrong))
            await socket.close(_REFUSED)
        else:
            await self._serve(socket, _PRIVATE)

    async def _may_connect(self, socket: WebSocket, endpoint: Endpoint) -> bool:
        status = self._switches.refusal(endpoint.path)
        if status is None and not self._is_in_time(socket):
            status = 429
        if status is not None:
            name = "too_many_requests" if status == 429 else "server_error"
            await socket.send_denial_response(wire.Json({"error": {"name": name, "message": name}}, status))
        return status is None

    def _is_in_time(self, socket: WebSocket) -> bool:
        """Counted by account where one is named, else by address."""
        address = socket.client.host if socket.client else ""
        if "origin" in socket.headers:
            return self._limits_of_pages.admits(address)
        return self._limits.admits("account" if "authorization" in socket.headers else address)

    async def _serve(self, socket: WebSocket, endpoint: Endpoint) -> None:
        spans = FROM_A_PAGE if "origin" in socket.headers else REQUESTS
        session = Session(
            socket, endpoint, self._world, self._quotes, self._switches, Limit(spans, monotonic)
        )
        self._open[session] = endpoint.path
        try:
            await session.run()
        finally:
            del self._open[session]

    # -- the observer ---------------------------------------------------------------------------

    async def sessions(self, _: Request) -> Response:
        return wire.Json(
            [{"path": path, "subscriptions": one.subscriptions} for one, path in self._open.items()]
        )

    async def cut(self, _: Request) -> Response:
        """All connections, as if the line had been."""
        for session in tuple(self._open):
            session.cut()
        return wire.Json([])

    async def faults(self, _: Request) -> Response:
        return wire.Json(self._switches.report())

    async def arm(self, request: Request) -> Response:
        """Raises Refused, which names the field."""
        try:
            self._switches.arm(msgspec.json.decode(await request.body(), type=list[Rule]))
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise Refused("validation_error", str(wrong)) from None
        return wire.Json(self._switches.report())

    async def disarm(self, _: Request) -> Response:
        self._switches.arm([])
        return wire.Json([])
