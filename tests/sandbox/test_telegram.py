"""The stand-in is as strict as the Bot API."""

from contextlib import suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.sandbox.telegram_text import Declined, shown
from sandbox.worlds import Client

BASE = "/telegram/botsandbox:local"


async def send(client: Client, **fields: Any) -> httpx2.Response:
    return await client.http.post(f"{BASE}/sendMessage", json={"chat_id": 1000, "text": "hi", **fields})


def declined(response: httpx2.Response) -> tuple[int, str]:
    body = response.json()
    assert (body["ok"], body["error_code"]) == (False, response.status_code)
    return response.status_code, body["description"]


async def test_a_message_is_kept_as_it_is_read(client: Client) -> None:
    sent = await send(client, text="<b>굵게</b> &lt;3 &amp; 끝\n", parse_mode="HTML")
    assert sent.json()["result"]["message_id"] == 1
    assert sent.json()["result"]["chat"] == {"id": 1000, "type": "private"}
    (message,) = await client.seen("/sandbox/inbox")
    assert message["text"] == "굵게 <3 & 끝"
    assert message["source"] == "<b>굵게</b> &lt;3 &amp; 끝\n"
    assert message["market_time"] == "2024-01-17T16:00:00.000000+00:00"


async def test_the_inbox_goes_on_after_what_was_seen(client: Client) -> None:
    for n in range(5):
        await send(client, text=f"message {n}")
    page = await client.seen("/sandbox/inbox", after=2, limit=2)
    assert [(m["id"], m["text"]) for m in page] == [(3, "message 2"), (4, "message 3")]
    assert (await client.http.get("/sandbox/inbox?after=x")).status_code == 400


async def test_forms_and_queries_work_too(client: Client) -> None:
    form = await client.http.post(f"{BASE}/sendMessage", data={"chat_id": "1000", "text": "form & 폼"})
    query = await client.http.get(f"{BASE}/sendMessage", params={"chat_id": "1000", "text": "query"})
    assert form.is_success
    assert query.is_success
    assert [m["text"] for m in await client.seen("/sandbox/inbox")] == ["form & 폼", "query"]


async def test_who_and_where(client: Client) -> None:
    me = await client.http.get(f"{BASE}/getMe")
    assert me.json()["result"]["is_bot"] is True
    wrong = await client.http.get("/telegram/bot123:wrong/getMe")
    assert declined(wrong) == (401, "Unauthorized")
    assert declined(await client.http.get(f"{BASE}/sendSticker"))[0] == 404
    assert declined(await send(client, chat_id=7)) == (400, "Bad Request: chat not found")
    assert declined(await send(client, chat_id=None))[0] == 400
    broken = await client.http.post(
        f"{BASE}/sendMessage", content=b"{", headers={"content-type": "application/json"}
    )
    assert declined(broken)[0] == 400


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": ""}, "message text is empty"),
        ({"text": None}, "message text is empty"),
        ({"text": " \n"}, "message text is empty"),
        ({"text": "<b> </b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "🔴" * 2049}, "message is too long"),
        ({"text": "x", "parse_mode": "Markdown5"}, "unsupported parse_mode"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "Can't find end tag corresponding to start tag"),
        ({"text": "x</b>", "parse_mode": "HTML"}, "Unexpected end tag at byte offset 1"),
        ({"text": "<b><i>x</b></i>", "parse_mode": "HTML"}, "Unmatched end tag at byte offset 7"),
        (
            {"text": "봉<script>x</script>", "parse_mode": "HTML"},
            'Unsupported start tag "script" at byte offset 3',
        ),
        ({"text": "1 < 2", "parse_mode": "HTML"}, "Unsupported start tag"),
        ({"text": "<span>x</span>", "parse_mode": "HTML"}, "Unsupported start tag"),
    ],
)
async def test_what_telegram_refuses(client: Client, fields: dict[str, Any], reason: str) -> None:
    status, description = declined(await send(client, **fields))
    assert status == 400
    assert reason in description
    assert await client.seen("/sandbox/inbox") == []


async def test_the_limit_counts_what_is_read(client: Client) -> None:
    assert (await send(client, text=f"<b>{'x' * 4096}</b>", parse_mode="HTML")).is_success
    assert (await send(client, text="&amp;" * 4096, parse_mode="HTML")).is_success
    assert (await send(client, text="1 < 2 & 3")).is_success


@given(st.text(alphabet=st.sampled_from("<>&;/ab \"='봉🔴\ud800"), max_size=30))
def test_any_text_is_read_or_declined(source: str) -> None:
    with suppress(Declined):
        assert shown(source, "HTML")
