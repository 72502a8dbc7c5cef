"""The AI stand-in speaks two wires as the providers document them, thinks by script and fails on request."""

import json
from typing import Any

import httpx2
import msgspec
import pytest

from bongsu.sandbox.ai.plays import Kind
from sandbox.worlds import Client

KEY = "sandbox-ai-key"
SNAPSHOT = {"market": "KRW-ETH", "figures": {"rsi_14": 28.4, "price": 4_350_000.0}, "held": False}
PROMPT = f"canary-7f3a\n<snapshot>{json.dumps(SNAPSHOT)}</snapshot>"
SOUND = {
    "market": "KRW-ETH",
    "action": "buy",
    "confidence": 0.7,
    "size": 0.2,
    "reasons": [{"text": "RSI 28.4", "indicator": "rsi_14", "value": 28.4}],
    "invalidation": None,
}
SCHEMA = {"type": "object"}


async def ask_openai(client: Client, key: str = KEY, **more: Any) -> httpx2.Response:
    body = {"model": "sandbox-model", "messages": [{"role": "user", "content": PROMPT}], **more}
    headers = {"Authorization": f"Bearer {key}"}
    return await client.http.post("/ai/v1/chat/completions", json=body, headers=headers)


async def ask_anthropic(client: Client, key: str = KEY, **more: Any) -> httpx2.Response:
    body = {"model": "sandbox-model", "max_tokens": 500, "messages": [{"role": "user", "content": PROMPT}]}
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    return await client.http.post("/ai/anthropic/v1/messages", json=body | more, headers=headers)


async def play(client: Client, *plays: dict[str, Any]) -> None:
    (await client.http.put("/sandbox/ai/plays", json=list(plays))).raise_for_status()


async def text_of(client: Client) -> str:
    return str((await ask_openai(client)).json()["choices"][0]["message"]["content"])


async def test_equal_snapshots_get_equal_advice_on_both_wires(client: Client) -> None:
    ours = (await ask_openai(client)).json()
    theirs = (await ask_anthropic(client)).json()
    assert json.loads(ours["choices"][0]["message"]["content"]) == SOUND
    assert json.loads(theirs["content"][0]["text"]) == SOUND
    assert (ours["choices"][0]["finish_reason"], theirs["stop_reason"]) == ("stop", "end_turn")
    assert ours["usage"]["total_tokens"] == sum(theirs["usage"].values()) > 0


@pytest.mark.parametrize("form", ["native", "tool"])
async def test_structured_answers_come_where_the_provider_puts_them(client: Client, form: str) -> None:
    function = {"type": "function", "function": {"name": "advise", "parameters": SCHEMA}}
    schema = {"type": "json_schema", "json_schema": {"name": "advice", "schema": SCHEMA}}
    ours = {"native": {"response_format": schema}, "tool": {"tools": [function]}}[form]
    theirs = {
        "native": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "tool": {"tools": [{"name": "advise", "input_schema": SCHEMA}]},
    }[form]
    message = (await ask_openai(client, **ours)).json()["choices"][0]["message"]
    block = (await ask_anthropic(client, **theirs)).json()["content"][0]
    called = message["tool_calls"][0]["function"]["arguments"] if form == "tool" else message["content"]
    assert json.loads(called) == SOUND
    assert (block["input"] if form == "tool" else json.loads(block["text"])) == SOUND
    assert [call["form"] for call in await client.seen("/sandbox/ai/calls")] == [form, form]


@pytest.mark.parametrize("tools", [[], [{"type": "function", "function": {"name": "advise"}}]])
async def test_a_stream_adds_up_to_the_whole(client: Client, tools: list[Any]) -> None:
    streamed = await ask_openai(client, stream=True, tools=tools)
    pieces = [line[6:] for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert pieces[-1] == "[DONE]"
    deltas = [c["delta"] for piece in pieces[:-1] for c in json.loads(piece)["choices"]]
    text = "".join(delta.get("content") or "" for delta in deltas)
    calls = [call for delta in deltas for call in delta.get("tool_calls", [])]
    arguments = "".join(call["function"]["arguments"] for call in calls)
    assert json.loads(arguments if tools else text) == SOUND
    assert json.loads(pieces[-2])["usage"]["completion_tokens"] > 0


async def test_a_stream_of_the_other_wire_does_too(client: Client) -> None:
    streamed = await ask_anthropic(client, stream=True)
    events = [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: ")]
    assert [events[0]["type"], events[-1]["type"]] == ["message_start", "message_stop"]
    text = "".join(event["delta"]["text"] for event in events if event["type"] == "content_block_delta")
    assert json.loads(text) == SOUND


async def test_a_wrong_key_or_question_is_refused_in_the_providers_words(client: Client) -> None:
    assert (await ask_openai(client, key="wrong")).status_code == 401
    assert (await ask_anthropic(client, key="wrong")).json()["error"]["type"] == "authentication_error"
    assert (await ask_openai(client, model="gpt-none")).status_code == 404
    assert (await ask_openai(client, colour="red")).status_code == 400
    assert (await ask_openai(client, messages=[])).status_code == 400
    assert (await ask_anthropic(client, max_tokens=None)).json()["error"]["type"] == "invalid_request_error"
    broken = await client.http.post(
        "/ai/v1/chat/completions", content=b'{"model', headers={"Authorization": f"Bearer {KEY}"}
    )
    assert broken.status_code == 400
    assert await client.seen("/sandbox/ai/calls") == []


async def test_too_little_room_cuts_the_answer_and_says_so(client: Client) -> None:
    answer = (await ask_openai(client, max_completion_tokens=5)).json()["choices"][0]
    assert (answer["finish_reason"], len(answer["message"]["content"])) == ("length", 20)


WRONG_TEXTS: dict[str, Any] = {
    "literal": lambda text: text == "buy everything",
    "prose": lambda text: "KRW-ETH" in text and "{" not in text,
    "fenced": lambda text: text.startswith("```json\n{") and text.endswith("```"),
    "chatty": lambda text: "{" in text and not text.startswith("{"),
    "cut": lambda text: text.startswith('{"market"') and not text.endswith("}"),
    "empty": lambda text: text == "",
    "changed": lambda text: json.loads(text)["size"] == 7,
    "nan": lambda text: '"confidence":NaN' in text,
    "false_citation": lambda text: json.loads(text)["reasons"][0]["value"] > 28.4 * 1.05,
    "unseen": lambda text: json.loads(text)["reasons"][0]["indicator"] not in SNAPSHOT["figures"],
    "repeats": lambda text: "canary-7f3a" in json.loads(text)["reasons"][0]["text"],
}
ELSEWHERE = {"rate_limited", "error", "slow_stream", "not_json", "half_body", "no_choice"} | {
    "refusal",
    "runaway",
    "no_usage",
}


def test_each_play_is_looked_at() -> None:
    assert set(WRONG_TEXTS) | ELSEWHERE == set(Kind.__args__)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", WRONG_TEXTS)
async def test_a_wrong_text(client: Client, kind: str) -> None:
    await play(client, {"kind": kind, "text": "buy everything", "changes": {"size": 7}})
    assert WRONG_TEXTS[kind](await text_of(client))


async def test_statuses(client: Client) -> None:
    await play(
        client,
        {"kind": "rate_limited", "retry_after": 7, "count": 2},
        {"kind": "error", "status": 529, "skip": 1, "count": 1},
    )
    limited = await ask_openai(client)
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
    assert (await ask_anthropic(client)).json()["error"]["type"] == "rate_limit_error"
    assert (await ask_anthropic(client)).json()["type"] == "message"  # the second one's skip
    assert (await ask_anthropic(client)).json()["error"]["type"] == "overloaded_error"
    assert (await ask_anthropic(client)).json()["type"] == "message"


async def test_bodies_that_are_none(client: Client) -> None:
    await play(client, {"kind": "not_json"})
    page = await ask_openai(client)
    assert (page.status_code, page.text[:6]) == (200, "<html>")
    await play(client, {"kind": "half_body"})
    with pytest.raises(json.JSONDecodeError):
        (await ask_anthropic(client)).json()
    await play(client, {"kind": "no_choice"})
    assert (await ask_openai(client)).json()["choices"] == []
    assert (await ask_anthropic(client)).json()["content"] == []


async def test_a_refusal_is_told_as_one(client: Client) -> None:
    await play(client, {"kind": "refusal"})
    message = (await ask_openai(client)).json()["choices"][0]["message"]
    assert (message["content"], bool(message["refusal"])) == (None, True)
    assert (await ask_anthropic(client)).json()["stop_reason"] == "refusal"


async def test_bills(client: Client) -> None:
    await play(client, {"kind": "runaway", "tokens": 2_000_000, "model": "*-b"})
    assert (await ask_openai(client)).json()["usage"]["completion_tokens"] < 1_000
    assert (await ask_openai(client, model="sandbox-model-b")).json()["usage"][
        "completion_tokens"
    ] == 2_000_000
    await play(client, {"kind": "no_usage"})
    assert "usage" not in (await ask_openai(client)).json()


async def test_equal_scripts_strike_equal_sequences(client: Client) -> None:
    async def struck() -> list[bool]:
        await play(client, {"kind": "empty", "probability": 0.5, "seed": 11})
        return [await text_of(client) == "" for _ in range(24)]

    first = await struck()
    assert first == await struck()
    assert 0 < sum(first) < 24


async def test_a_nonsense_script_is_refused_and_the_old_one_stays(client: Client) -> None:
    await play(client, {"kind": "empty"})
    for nonsense in ([{"kind": "no such"}], [{"kind": "empty", "count": 0}], "x"):
        assert (await client.http.put("/sandbox/ai/plays", json=nonsense)).status_code == 400
    assert await text_of(client) == ""


async def test_a_cut_connection_comes_from_the_exchanges_own_switches(client: Client) -> None:
    await client.http.put("/sandbox/faults", json=[{"kind": "lost_reply", "path": "/ai/*", "count": 1}])
    with pytest.raises(httpx2.HTTPError):
        await ask_openai(client)
    assert len(await client.seen("/sandbox/ai/calls")) == 1  # thought, and billed
    assert (await ask_openai(client)).is_success


async def test_without_a_snapshot_it_has_nothing_to_say(client: Client) -> None:
    answer = await ask_openai(client, messages=[{"role": "user", "content": "<snapshot>{}</snapshot>"}])
    text = answer.json()["choices"][0]["message"]["content"]
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(text)
