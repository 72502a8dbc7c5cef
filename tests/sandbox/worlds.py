"""Small worlds made by hand, and a signing client that shares no code with our own."""

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import httpx2
import uvicorn

from bongsu.core.market import Market
from bongsu.sandbox.orders import Ticket
from bongsu.sandbox.serve import server_config
from bongsu.sandbox.world import ExchangeOptions, World

ETH = Market("KRW-ETH")
ACCESS, SECRET = "test-access-key", "test-secret-key-of-forty-characters-here!"
HEADER = "time_kst,open,high,low,close,volume,value_krw"
FIRST = datetime(2024, 1, 1, tzinfo=UTC)  # opening of the first candle that `steady` makes
START = FIRST + timedelta(hours=400)
DATA = Path(__file__).parents[3] / "shared" / "data"

# open, high, low, close, volume
Shape = tuple[int, int, int, int, str]
FLAT: Shape = (3_000_000, 3_000_000, 3_000_000, 3_000_000, "100")


def row(at: datetime, shape: Shape = FLAT) -> str:
    first, high, low, last, volume = shape
    local = (at + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{local},{first},{high},{low},{last},{volume},{Decimal(volume) * last}"


def recording(directory: Path, after: Sequence[Shape | None], market: str = ETH) -> str:
    """400 flat hours of warm-up, then `after`, where None is a silent hour."""
    rows = [row(FIRST + n * timedelta(hours=1)) for n in range(400)]
    rows += [row(START + n * timedelta(hours=1), shape) for n, shape in enumerate(after) if shape]
    path = directory / f"{market}-1h.csv.gz"
    path.write_bytes(gzip.compress("\n".join([HEADER, *rows]).encode()))
    return str(path)


def options(directory: Path, after: Sequence[Shape | None] = (FLAT,) * 24, **chosen: Any) -> ExchangeOptions:
    candles = chosen.pop("candles", None) or (recording(directory, after),)
    given = {"speed": "max", "access_key": ACCESS, "secret_key": SECRET, **chosen}
    return ExchangeOptions(world_dir=directory / "world", candles=candles, **given)


def market_buy(won: object, **more: Any) -> Ticket:
    return _ticket(side="bid", ord_type="price", price=Decimal(str(won)), **more)


def market_sell(volume: object, **more: Any) -> Ticket:
    return _ticket(side="ask", ord_type="market", volume=Decimal(str(volume)), **more)


def limit(side: str, price: object, volume: object, **more: Any) -> Ticket:
    amounts = {"price": Decimal(str(price)), "volume": Decimal(str(volume))}
    return _ticket(side=side, ord_type="limit", **amounts, **more)


def _ticket(**given: Any) -> Ticket:
    blank = {"market": ETH, "price": None, "volume": None, "time_in_force": None, "identifier": None}
    return Ticket(**{**blank, "smp_type": "cancel_maker", **given})


def token(asked: str, algorithm: str = "HS256", **claims: object) -> str:
    payload: dict[str, object] = {"access_key": ACCESS, "nonce": str(uuid4())}
    if asked:
        payload |= {"query_hash": hashlib.sha512(asked.encode()).hexdigest(), "query_hash_alg": "SHA512"}
    signed = (
        f"{_base64(json.dumps({'alg': algorithm, 'typ': 'JWT'}))}.{_base64(json.dumps(payload | claims))}"
    )
    digest = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}.get(algorithm, hashlib.sha256)
    return f"{signed}.{_base64(hmac.new(SECRET.encode(), signed.encode(), digest).digest())}"


def _base64(text: str | bytes) -> str:
    return base64.urlsafe_b64encode(text.encode() if isinstance(text, str) else text).rstrip(b"=").decode()


class Client:
    def __init__(self, http: httpx2.AsyncClient, world: World) -> None:
        self.http = http
        self.world = world

    async def ask(
        self, path: str, pairs: Sequence[tuple[str, str]] = (), method: str = "GET"
    ) -> httpx2.Response:
        plain = "&".join(f"{name}={value}" for name, value in pairs)
        bearer = {"Authorization": f"Bearer {token(plain)}"}
        return await self.http.request(
            method, f"{path}?{urlencode(pairs)}" if pairs else path, headers=bearer
        )

    async def post(self, body: dict[str, Any], path: str = "/v1/orders") -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {token('&'.join(f'{k}={v}' for k, v in body.items()))}"}
        return await self.http.post(path, json=body, headers=bearer)

    async def buy(self, won: object = 10_000, **more: Any) -> httpx2.Response:
        return await self.post({"market": ETH, "side": "bid", "ord_type": "price", "price": str(won), **more})

    async def order(self, **by: str) -> httpx2.Response:
        return await self.ask("/v1/order", list(by.items()))

    async def seen(self, path: str, **query: Any) -> Any:
        return (await self.http.get(path, params=query)).raise_for_status().json()

    async def wait(self, until: datetime, timeout: float = 30) -> Any:
        asked = {"until": until.isoformat(), "timeout": timeout}
        return (await self.http.post("/sandbox/clock/wait", json=asked)).raise_for_status().json()

    async def arm(self, **rule: Any) -> None:
        (await self.http.put("/sandbox/faults", json=[rule])).raise_for_status()


@asynccontextmanager
async def serving(chosen: ExchangeOptions) -> AsyncIterator[Client]:
    """The whole server in this process, over real HTTP."""
    import asyncio
    import socket

    world = World(chosen)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(server_config(world))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx2.AsyncClient(base_url=base_url, trust_env=False, timeout=60) as http:
            yield Client(http, world)
    finally:
        world.clock.close()
        server.should_exit = True
        await running
        world.close()
