"""The sandbox exchange as a process: Upbit's wire, the stand-ins beside it and the admin endpoints on one port."""

import asyncio
import logging
import signal
import socket
from collections.abc import MutableSequence
from contextlib import closing
from datetime import timedelta
from email.utils import format_datetime
from types import FrameType

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bongsu.errors import PortTaken
from bongsu.sandbox import wire
from bongsu.sandbox.admin import Admin
from bongsu.sandbox.ai.provider import Provider
from bongsu.sandbox.auth import Gate
from bongsu.sandbox.chat import Chat
from bongsu.sandbox.desk import Desk
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.faults import CLOCK_OFFSET, DroppableProtocol, FaultLine, Switches
from bongsu.sandbox.keeping import Keeping
from bongsu.sandbox.key import ApiKey
from bongsu.sandbox.key_switch import KeySwitch
from bongsu.sandbox.lookups import Lookups
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.quotas import Quotas
from bongsu.sandbox.quotation import Quotation
from bongsu.sandbox.streams.door import LARGEST_REQUEST, StreamProtocol, Streams
from bongsu.sandbox.telegram import TelegramStandIn, decline
from bongsu.sandbox.telegram_text import Declined
from bongsu.sandbox.trading import Trading
from bongsu.sandbox.world import ExchangeOptions, World, world_id

__all__ = ["ExchangeOptions", "application", "run", "server_config", "world_id"]

_log = logging.getLogger(__name__)
_TICK_SECONDS = 1.0
_GRACE_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75  # longer than a client keeps an idle connection: else orders meet a closing one


def run(options: ExchangeOptions) -> None:
    """Blocks until SIGTERM or SIGINT. Raises CannotStart and its kinds before anything is served."""
    listener = _listen(options.host, options.port)
    with closing(listener):
        world = World(options)
        _play(world, listener)


def _play(world: World, listener: socket.socket) -> None:
    _log.info("plays world %s on port %d from %s", world.id, world.options.port, world.exchange.now)
    try:
        asyncio.run(_serve(world, listener))
    finally:
        world.close()
        _log.info("stopped: world %s stands at %s", world.id, world.exchange.now)


def application(world: World) -> ASGIApp:
    switches = Switches(world.clock.now)
    if world.scenario is not None:
        switches.follow(world.scenario)
    exchange, options = world.exchange, world.options
    key = ApiKey(options.access_key, options.secret_key)
    gate = Gate(key, lambda: exchange.now)
    chat = Chat(world.store, world.clock, options.telegram_chat_id)
    routes = [
        *Admin(world, switches).routes(),
        *KeySwitch(key).routes(),
        *upbit_routes(exchange, key, gate),
        *Streams(world, gate).routes(),
        *TelegramStandIn(exchange, chat, options.telegram_token, options.telegram_chat_id).routes(),
        *Provider(options.ai_key).routes(),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            Refused: _refuse,
            Declined: decline,
            404: _no_such_page,
            405: _no_such_page,
            Exception: _fail,
        },
    )
    return Stamped(FaultLine(_played(app, world), switches, exchange.move_from_outside), world)


def upbit_routes(exchange: Exchange, key: ApiKey, gate: Gate) -> list[Route]:
    desk = Desk(gate)
    return [
        *Quotation(exchange).routes(),
        *Lookups(exchange, desk).routes(),
        *Trading(exchange, desk).routes(),
        *Keeping(exchange, key, desk).routes(),
    ]


def _played(app: ASGIApp, world: World) -> ASGIApp:
    """Plays the market up to the moment a request is looked at, however late a fault lets it in."""

    async def play(scope: Scope, receive: Receive, send: Send) -> None:
        world.tick()
        await app(scope, receive, send)

    return play


class Stamped:
    """Every answer bears the market's time and what is left of the quota; who has none left gets no further."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world
        self._quotas = Quotas(world.options.speed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        page = any(name == b"origin" for name, _ in scope["headers"])
        verdict = self._quotas.use(scope["method"], scope["path"], page=page)

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                offset = timedelta(seconds=scope["state"].get(CLOCK_OFFSET, 0.0))
                self._stamp(message["headers"], verdict.header, offset)
            await send(message)

        app = self._app if verdict.refused is None else wire.refusal(verdict.refused)
        return await app(scope, receive, stamped)

    def _stamp(
        self, headers: MutableSequence[tuple[bytes, bytes]], remaining: str | None, offset: timedelta
    ) -> None:
        self._world.tick()
        now = self._world.exchange.now + offset
        headers.append((b"date", format_datetime(now, usegmt=True).encode()))
        headers.append((b"x-market-time", now.isoformat(timespec="microseconds").encode()))
        if remaining is not None:
            headers.append((b"remaining-req", remaining.encode()))


async def _refuse(_: Request, refused: Exception) -> Response:
    if not isinstance(refused, Refused):
        raise refused
    return wire.refusal(refused)


async def _no_such_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return wire.Json({"error": {"name": status, "message": f"{request.method} {request.url.path}"}}, status)


async def _fail(_: Request, __: Exception) -> Response:
    return wire.Json(
        {"error": {"name": "server_error", "message": "the sandbox failed; its log says why"}}, 500
    )


class _Server(uvicorn.Server):
    """Lets those go who wait for the clock, so that a stop does not wait for them."""

    def __init__(self, config: uvicorn.Config, world: World) -> None:
        super().__init__(config)
        self._world = world
        self._loop = asyncio.get_running_loop()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._loop.call_soon_threadsafe(self._world.clock.close)
        super().handle_exit(sig, frame)


def server_config(world: World) -> uvicorn.Config:
    return uvicorn.Config(
        application(world),
        http=DroppableProtocol,
        ws=StreamProtocol,
        ws_max_size=LARGEST_REQUEST,
        ws_ping_interval=None,  # who is idle is found out by their silence
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


async def _serve(world: World, listener: socket.socket) -> None:
    # uvicorn raises the signal again when it has stopped; for us a stop is no failure.
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda *_: None)
    async with asyncio.TaskGroup() as tasks:
        ticking = tasks.create_task(_tick(world))
        await _Server(server_config(world), world).serve(sockets=[listener])
        ticking.cancel()


async def _tick(world: World) -> None:
    while True:
        await asyncio.sleep(_TICK_SECONDS)
        world.tick()


def _listen(host: str, port: int) -> socket.socket:
    # Named, because asyncio turns Nagle's algorithm off only where the protocol is: 40 ms a reply.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as taken:
        listener.close()
        raise PortTaken(f"port {port} on {host} cannot be had: {taken.strerror}") from None
    return listener
