"""Where signed requests come in: whoever bears a token of the account's key, with the right for what it asks."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bongsu.sandbox import wire
from bongsu.sandbox.auth import Gate, spellings_of_body, spellings_of_query
from bongsu.sandbox.endpoints import Endpoint, endpoint
from bongsu.sandbox.orders import Refused

_MAX_BODY: Final = 16_384
_BODY: Final = msgspec.json.Decoder(dict[str, Any], float_hook=str)  # as spelled, for it was hashed so

Body = dict[str, Any]


class Desk:
    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def asked(self, name: str, ask: Callable[[Request], Any]) -> Route:
        """Of an endpoint whose question stands in the query."""
        known = endpoint(name)

        async def answer(request: Request) -> Response:
            await self._admit_query(request, known)
            return wire.Json(ask(request))

        return Route(known.path, answer, methods=[known.method])

    def told(self, name: str, do: Callable[[Body], Any]) -> Route:
        """Of an endpoint whose question is a JSON body; something is made of it."""
        known = endpoint(name)

        async def answer(request: Request) -> Response:
            return wire.Json(do(await self._admit_body(request, known)), 201)

        return Route(known.path, answer, methods=[known.method])

    def absent(self, known: Endpoint) -> Route:
        """Of an endpoint that is not served: it looks at the key as Upbit would, then says so."""
        why = known.note.en if known.note else ""

        async def answer(request: Request) -> Response:
            admit = self._admit_body if known.method == "POST" else self._admit_query
            await admit(request, known)
            raise Refused("not_supported", f"the sandbox has no {known.name}: {why}", 404)

        return Route(known.path, answer, methods=[known.method])

    async def _admit_query(self, request: Request, known: Endpoint) -> None:
        await _move_query_from_body(request)
        query = request.scope["query_string"].decode("latin-1")
        self._gate.admit(request.headers.get("authorization"), spellings_of_query(query), known.right)

    async def _admit_body(self, request: Request, known: Endpoint) -> Body:
        body = _parse_body(await request.body())
        self._gate.admit(request.headers.get("authorization"), spellings_of_body(body), known.right)
        return body


async def _move_query_from_body(request: Request) -> None:
    """pyupbit sends the query of a GET as a form, that of a DELETE as JSON; Upbit takes both."""
    if request.scope["query_string"] or request.headers.get("content-length", "0") == "0":
        return
    raw = await request.body()
    if request.headers.get("content-type", "").startswith("application/json"):
        raw = urlencode(_parse_body(raw), doseq=True).encode()
    request.scope["query_string"] = raw


def _parse_body(raw: bytes) -> Body:
    if len(raw) > _MAX_BODY:
        raise Refused("validation_error", "the body is too large", 413)
    try:
        body: Body = _BODY.decode(raw or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refused("validation_error", "the body is no JSON object") from None
    return body
