"""The owner's side of a key: its rights, its end and its addresses, switched while bots are using it."""

from datetime import datetime
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bongsu.sandbox import wire
from bongsu.sandbox.key import TRADING, ApiKey, Right
from bongsu.sandbox.questions import Question, parse_question


class _Setting(Question, frozen=True, kw_only=True):
    rights: frozenset[Right] = TRADING
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None  # the market's time
    address_allowed: bool = True


class KeySwitch:
    """What was set ends with the process."""

    def __init__(self, key: ApiKey) -> None:
        self._key = key

    def routes(self) -> list[Route]:
        return [
            Route("/sandbox/key", self.show),
            Route("/sandbox/key", self.put, methods=["PUT"]),
            Route("/sandbox/key", self.reset, methods=["DELETE"]),
        ]

    async def show(self, _: Request) -> Response:
        key = self._key
        return wire.Json(
            {
                "access_key": key.access_key,
                "rights": sorted(key.rights),
                "expires_at": key.expires_at,
                "address_allowed": key.address_allowed,
            }
        )

    async def put(self, request: Request) -> Response:
        self._set(await parse_question(request, _Setting))
        return await self.show(request)

    async def reset(self, request: Request) -> Response:
        self._set(_Setting())
        return await self.show(request)

    def _set(self, setting: _Setting) -> None:
        self._key.rights = setting.rights
        self._key.expires_at = setting.expires_at
        self._key.address_allowed = setting.address_allowed
