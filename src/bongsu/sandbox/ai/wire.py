"""Two providers' wires around one question and one reply.

Sources: OpenAI's reference of chat completions, Anthropic's of messages (November 2026). Only what a text model
with structured output needs; whatever else is asked for is refused, so that nobody builds on what is ignored.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import msgspec

Json = dict[str, Any]
Form = Literal["native", "tool", "plain"]
Ended = Literal["stop", "length", "refusal"]


class Refused(Exception):
    """The request is not what this wire takes."""


@dataclass(frozen=True, slots=True)
class Question:
    """`form`: how the answer is wanted, by a schema, as a call of `tool`, or as text."""

    model: str
    prompt: str
    form: Form
    tool: str
    stream: bool
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Usage:
    """In tokens."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class Reply:
    id: str
    text: str
    ended: Ended
    usage: Usage | None


class Wire(Protocol):
    def key(self, headers: Mapping[str, str]) -> str:
        """Raises Refused."""
        ...

    def read(self, body: bytes) -> Question:
        """Raises Refused."""
        ...

    def write(self, question: Question, reply: Reply | None) -> Json:
        """Without a reply: sound, and empty."""
        ...

    def pieces(self, question: Question, reply: Reply) -> Iterator[str]:
        """Server-sent events."""
        ...

    def error(self, status: int, message: str) -> Json: ...


def tokens(text: str) -> int:
    """About four letters each: what it costs matters here, not how it is cut."""
    return math.ceil(len(text) / 4)


class OpenAI:
    """POST …/v1/chat/completions."""

    _KNOWN = frozenset(
        {"model", "messages", "stream", "stream_options", "temperature", "top_p", "seed", "max_tokens"}
        | {"max_completion_tokens", "response_format", "tools", "tool_choice", "parallel_tool_calls"}
        | {"reasoning_effort", "user", "metadata", "store", "n", "prompt_cache_key", "service_tier"}
    )

    def key(self, headers: Mapping[str, str]) -> str:
        return _bearer(headers)

    def read(self, body: bytes) -> Question:
        asked = _object(body, self._KNOWN)
        wanted, tools = asked.get("response_format") or {}, _list(asked, "tools")
        native = wanted.get("type") == "json_schema"
        if native and not wanted.get("json_schema", {}).get("schema"):
            raise Refused("Missing required parameter: 'response_format.json_schema.schema'.")
        return Question(
            _text(asked, "model"),
            _words(_messages(asked)),
            "native" if native else "tool" if tools else "plain",
            str(tools[0].get("function", {}).get("name", "")) if tools else "",
            bool(asked.get("stream")),
            int(asked.get("max_completion_tokens") or asked.get("max_tokens") or 4096),
        )

    def write(self, question: Question, reply: Reply | None) -> Json:
        return {
            "id": reply.id if reply else "chatcmpl-empty",
            "object": "chat.completion",
            "created": 0,
            "model": question.model,
            "choices": [self._choice(question, reply)] if reply else [],
            **({"usage": self._usage(reply.usage)} if reply and reply.usage else {}),
        }

    def _choice(self, question: Question, reply: Reply) -> Json:
        refusal = reply.text if reply.ended == "refusal" else None
        message: Json = {"role": "assistant", "content": None if refusal else reply.text, "refusal": refusal}
        ended: str = "stop" if refusal else reply.ended
        if question.form == "tool" and not refusal:
            call = {"name": question.tool, "arguments": reply.text}
            message |= {
                "content": None,
                "tool_calls": [{"id": f"call_{reply.id}", "type": "function", "function": call}],
            }
            ended = "tool_calls" if ended == "stop" else ended
        return {"index": 0, "message": message, "logprobs": None, "finish_reason": ended}

    def _usage(self, usage: Usage) -> Json:
        total = usage.read + usage.written
        return {"prompt_tokens": usage.read, "completion_tokens": usage.written, "total_tokens": total}

    def pieces(self, question: Question, reply: Reply) -> Iterator[str]:
        head = {"id": reply.id, "object": "chat.completion.chunk", "created": 0, "model": question.model}
        whole = self._choice(question, reply)
        for delta in self._deltas(whole["message"]):
            yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        last = {"index": 0, "delta": {}, "finish_reason": whole["finish_reason"]}
        yield _event({**head, "choices": [last]})
        if reply.usage:
            yield _event({**head, "choices": [], "usage": self._usage(reply.usage)})
        yield "data: [DONE]\n\n"

    def _deltas(self, message: Json) -> Iterator[Json]:
        yield {"role": "assistant", "content": ""}
        for call in message.get("tool_calls", []):
            function = call["function"]
            yield {"tool_calls": [{**call, "index": 0, "function": {**function, "arguments": ""}}]}
            for piece in _split(function["arguments"]):
                yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
        for kind in ("content", "refusal"):
            for piece in _split(message[kind] or ""):
                yield {kind: piece}

    def error(self, status: int, message: str) -> Json:
        kinds = {401: "invalid_request_error", 429: "rate_limit_error", 400: "invalid_request_error"}
        kind = kinds.get(status, "server_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}


class Anthropic:
    """POST …/v1/messages."""

    _KNOWN = frozenset(
        {"model", "messages", "system", "max_tokens", "stream", "temperature", "top_p", "top_k", "tools"}
        | {"tool_choice", "output_config", "metadata", "stop_sequences", "thinking", "service_tier"}
        | {"cache_control"}
    )
    _ENDS: ClassVar[dict[Ended, str]] = {"stop": "end_turn", "length": "max_tokens", "refusal": "refusal"}

    def key(self, headers: Mapping[str, str]) -> str:
        if not headers.get("anthropic-version"):
            raise Refused("anthropic-version: header is required")
        return headers.get("x-api-key") or _bearer(headers)  # its newer SDKs send the second

    def read(self, body: bytes) -> Question:
        asked = _object(body, self._KNOWN)
        if not isinstance(asked.get("max_tokens"), int):
            raise Refused("max_tokens: Field required")
        tools = _list(asked, "tools")
        native = (asked.get("output_config") or {}).get("format", {}).get("type") == "json_schema"
        system = {"content": asked.get("system") or ""}
        return Question(
            _text(asked, "model"),
            _words([system, *_messages(asked)]),
            "native" if native else "tool" if tools else "plain",
            str(tools[0].get("name", "")) if tools else "",
            bool(asked.get("stream")),
            asked["max_tokens"],
        )

    def write(self, question: Question, reply: Reply | None) -> Json:
        return {
            "id": reply.id if reply else "msg_empty",
            "type": "message",
            "role": "assistant",
            "model": question.model,
            "content": [self._block(question, reply)] if reply else [],
            "stop_reason": self._end(question, reply),
            "stop_sequence": None,
            **({"usage": self._usage(reply.usage)} if reply and reply.usage else {}),
        }

    def _block(self, question: Question, reply: Reply) -> Json:
        if question.form == "tool" and reply.ended == "stop":
            try:
                return self._use(question, reply, msgspec.json.decode(reply.text))
            except msgspec.DecodeError:
                pass  # what is no JSON cannot be a tool's input: the model talks instead of calling
        return {"type": "text", "text": reply.text}

    def _use(self, question: Question, reply: Reply, given: Any) -> Json:
        return {"type": "tool_use", "id": f"toolu_{reply.id}", "name": question.tool, "input": given}

    def _end(self, question: Question, reply: Reply | None) -> str:
        if reply is None:
            return "end_turn"
        return "tool_use" if self._block(question, reply)["type"] == "tool_use" else self._ENDS[reply.ended]

    def _usage(self, usage: Usage) -> Json:
        return {"input_tokens": usage.read, "output_tokens": usage.written}

    def pieces(self, question: Question, reply: Reply) -> Iterator[str]:
        whole = self.write(question, reply)
        block = whole["content"][0]
        yield _named("message_start", {"message": {**whole, "content": [], "stop_reason": None}})
        called = block["type"] == "tool_use"
        empty = {**block, "input": {}} if called else {"type": "text", "text": ""}
        yield _named("content_block_start", {"index": 0, "content_block": empty})
        for piece in _split(reply.text):
            delta = (
                {"type": "input_json_delta", "partial_json": piece}
                if called
                else {"type": "text_delta", "text": piece}
            )
            yield _named("content_block_delta", {"index": 0, "delta": delta})
        yield _named("content_block_stop", {"index": 0})
        ended = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        yield _named("message_delta", {"delta": ended, "usage": whole.get("usage")})
        yield _named("message_stop", {})

    def error(self, status: int, message: str) -> Json:
        kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
        kinds |= {404: "not_found_error", 529: "overloaded_error"}
        return {"type": "error", "error": {"type": kinds.get(status, "api_error"), "message": message}}


def _bearer(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").removeprefix("Bearer ")


def _object(body: bytes, known: frozenset[str]) -> Json:
    try:
        asked = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as wrong:
        raise Refused(f"We could not parse the JSON body of your request: {wrong}") from None
    if unknown := sorted(asked.keys() - known):
        raise Refused(f"Unrecognized request argument supplied: {', '.join(unknown)}")
    return asked


def _text(asked: Json, name: str) -> str:
    if isinstance(value := asked.get(name), str) and value:
        return value
    raise Refused(f"{name}: Field required")


def _list(asked: Json, name: str) -> list[Json]:
    found = asked.get(name) or []
    if isinstance(found, list) and all(isinstance(one, dict) for one in found):
        return found
    raise Refused(f"{name}: Input should be a valid list")


def _messages(asked: Json) -> list[Json]:
    if messages := _list(asked, "messages"):
        return messages
    raise Refused("messages: at least one message is required")


def _words(messages: Iterable[Json]) -> str:
    """All that the model reads, in order."""
    return "\n".join(_content(message.get("content")) for message in messages)


def _content(content: Any) -> str:
    if isinstance(content, str):
        return content
    blocks = content if isinstance(content, list) else []
    return "\n".join(str(block.get("text", "")) for block in blocks if isinstance(block, dict))


def _split(text: str, size: int = 24) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


def _event(piece: Json) -> str:
    return f"data: {msgspec.json.encode(piece).decode()}\n\n"


def _named(kind: str, piece: Json) -> str:
    return f"event: {kind}\n{_event({'type': kind, **piece})}"
