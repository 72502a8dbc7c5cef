"""The stand-in's endpoints, and what an observer may ask of it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from bongsu.sandbox import wire as exchange_wire
from bongsu.sandbox.ai.mind import read_prompt, think
from bongsu.sandbox.ai.plays import Play, Script, distort
from bongsu.sandbox.ai.wire import (
    Anthropic,
    Ended,
    OpenAI,
    Question,
    Refused,
    Reply,
    Usage,
    Wire,
    tokens,
)
from bongsu.sandbox.orders import Refused as Malformed

MODELS = ("sandbox-model", "sandbox-model-b")
_KEPT = 1_000  # calls, the oldest forgotten
_NOTHING_SHOWN = "보여 준 시장 자료가 없습니다."


class Provider:
    def __init__(self, key: str) -> None:
        self._key = key
        self._script = Script()
        self._calls: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._numbers = count(1)

    def routes(self) -> list[Route]:
        return [
            Route("/ai/v1/chat/completions", self._completions, methods=["POST"]),
            Route("/ai/v1/models", self._models),
            Route("/ai/anthropic/v1/messages", self._messages, methods=["POST"]),
            Route("/sandbox/ai/plays", self._plays),
            Route("/sandbox/ai/plays", self._arm, methods=["PUT"]),
            Route("/sandbox/ai/calls", self._report),
        ]

    async def _completions(self, request: Request) -> Response:
        return await self._answer(OpenAI(), request)

    async def _messages(self, request: Request) -> Response:
        return await self._answer(Anthropic(), request)

    async def _answer(self, wire: Wire, request: Request) -> Response:
        try:
            known = wire.key(request.headers) == self._key
            question = wire.read(await request.body())
        except Refused as refused:
            return _error(wire, 400, str(refused))
        if not known:
            return _error(wire, 401, "Incorrect API key provided.")
        if question.model not in MODELS:
            return _error(wire, 404, f"The model '{question.model}' does not exist.")
        play = self._script.striking(question.model)
        if play and play.kind == "rate_limited":
            return _error(wire, 429, "Rate limit reached.", {"retry-after": str(play.retry_after)})
        if play and play.kind == "error":
            return _error(wire, play.status, "The server had an error while processing your request.")
        return _written(wire, question, self._think(question, play), play)

    def _think(self, question: Question, play: Play | None) -> Reply:
        shown = read_prompt(question.prompt)
        text = distort(think(shown), play, question.prompt) if shown else _NOTHING_SHOWN
        kind = play.kind if play else None
        ended: Ended = "refusal" if kind == "refusal" else "length" if kind == "cut" else "stop"
        if tokens(text) > question.max_tokens:
            text, ended = text[: question.max_tokens * 4], "length"
        made = play.tokens if play and kind == "runaway" else tokens(text)
        usage = None if kind == "no_usage" else Usage(tokens(question.prompt), made)
        reply = Reply(f"{next(self._numbers):08d}", text, ended, usage)
        self._calls.append(_call(question, reply, kind))
        return reply

    async def _models(self, request: Request) -> Response:
        wire = OpenAI()
        if wire.key(request.headers) != self._key:
            return _error(wire, 401, "Incorrect API key provided.")
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "sandbox"} for name in MODELS]
        return exchange_wire.Json({"object": "list", "data": models})

    # -- the observer ---------------------------------------------------------------------------

    async def _plays(self, _: Request) -> Response:
        return exchange_wire.Json(self._script.report())

    async def _arm(self, request: Request) -> Response:
        try:
            self._script.arm(msgspec.json.decode(await request.body(), type=list[Play]))
        except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
            raise Malformed("validation_error", str(wrong)) from None
        return exchange_wire.Json(self._script.report())

    async def _report(self, _: Request) -> Response:
        return exchange_wire.Json(list(self._calls))


def _call(question: Question, reply: Reply, kind: str | None) -> dict[str, Any]:
    usage = msgspec.to_builtins(reply.usage)
    said = {"id": reply.id, "prompt": question.prompt, "text": reply.text, "usage": usage}
    return {"model": question.model, "form": question.form, "play": kind, **said}


def _error(wire: Wire, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    answer = exchange_wire.Json(wire.error(status, message), status)
    answer.headers.update(headers or {})
    return answer


def _written(wire: Wire, question: Question, reply: Reply, play: Play | None) -> Response:
    kind = play.kind if play else None
    if kind == "not_json":
        return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>")
    if question.stream:
        pause = play.seconds if play and kind == "slow_stream" else 0.0
        return StreamingResponse(_stream(wire, question, reply, pause), media_type="text/event-stream")
    answer = exchange_wire.Json(wire.write(question, None if kind == "no_choice" else reply))
    if kind == "half_body":
        return Response(answer.body[: len(answer.body) // 2], media_type="application/json")
    return answer


async def _stream(wire: Wire, question: Question, reply: Reply, pause: float) -> AsyncIterator[str]:
    for piece in wire.pieces(question, reply):
        await asyncio.sleep(pause)
        yield piece
