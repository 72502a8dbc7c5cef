"""What the owner types and taps reaches the bot, and only as the Bot API would hand it over."""

import asyncio
import struct
import zlib
from typing import Any

import httpx2
import pytest

from sandbox.test_telegram import BASE, declined, send
from sandbox.worlds import Client


def png(width: int = 4, height: int = 4) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (width + 1) * height)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


async def call(client: Client, method: str, **body: Any) -> httpx2.Response:
    return await client.http.post(f"{BASE}/{method}", json=body)


async def updates(client: Client, **asked: Any) -> list[Any]:
    found: list[Any] = (await call(client, "getUpdates", **asked)).raise_for_status().json()["result"]
    return found


async def types(client: Client, text: str, **more: Any) -> int:
    done = await client.http.post("/sandbox/chat/type", json={"text": text, **more})
    return int(done.raise_for_status().json()["update_id"])


KEYS = {"inline_keyboard": [[{"text": "상태", "callback_data": "/status"}]]}


async def test_what_is_typed_stays_until_it_is_confirmed(client: Client) -> None:
    first, second = await types(client, "/status"), await types(client, "안녕")
    assert [u["update_id"] for u in await updates(client)] == [first, second]
    assert [u["update_id"] for u in await updates(client, limit=1)] == [first]
    (left,) = await updates(client, offset=second)
    message = left["message"]
    assert (message["text"], message["chat"]) == ("안녕", {"id": 1000, "type": "private"})
    assert await updates(client, offset=second + 1) == []
    assert await types(client, "다음") > second


async def test_a_long_poll_ends_with_the_news_and_a_second_one_ends_the_first(client: Client) -> None:
    waiting = asyncio.create_task(call(client, "getUpdates", timeout=30))
    other = asyncio.create_task(call(client, "getUpdates", timeout=30))
    ended, _ = await asyncio.wait([waiting, other], return_when=asyncio.FIRST_COMPLETED)
    (conflict,) = ended
    assert declined(conflict.result())[0] == 409
    number = await types(client, "/kill")
    served = other if conflict is waiting else waiting
    assert [u["update_id"] for u in (await served).json()["result"]] == [number]


async def test_kinds_that_are_not_wanted_are_not_delivered(client: Client) -> None:
    await types(client, "글")
    assert await updates(client, allowed_updates=["callback_query"]) == []
    assert declined(await call(client, "getUpdates", allowed_updates="x"))[0] == 400


async def test_a_tap_is_a_query_that_wants_an_answer(client: Client) -> None:
    sent = (await send(client, reply_markup=KEYS)).json()["result"]["message_id"]
    await client.http.post("/sandbox/chat/tap", json={"message_id": sent, "word": "/status"})
    (tapped,) = await updates(client)
    query = tapped["callback_query"]
    assert (query["data"], query["message"]["message_id"]) == ("/status", sent)
    assert (await call(client, "answerCallbackQuery", callback_query_id=query["id"], text="네")).is_success
    assert await client.seen("/sandbox/chat/answers") == [{"query_id": query["id"], "text": "네"}]
    assert declined(await call(client, "answerCallbackQuery", callback_query_id="7"))[0] == 400


async def test_an_edit_changes_text_and_buttons(client: Client) -> None:
    number = (await send(client, reply_markup=KEYS)).json()["result"]["message_id"]
    asked = {"chat_id": 1000, "message_id": number}
    edited = await call(client, "editMessageText", **asked, text="<b>새 글</b>", parse_mode="HTML")
    assert edited.is_success
    (message,) = await client.seen("/sandbox/inbox")
    assert (message["text"], message["buttons"]) == ("새 글", [])
    same = await call(client, "editMessageText", **asked, text="새 글")
    assert "message is not modified" in declined(same)[1]
    gone = await call(client, "editMessageText", chat_id=1000, message_id=99, text="x")
    assert "message to edit not found" in declined(gone)[1]


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        ({"inline_keyboard": [[{"text": "x", "callback_data": "가" * 22}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": "x", "callback_data": ""}]]}, "BUTTON_DATA_INVALID"),
        ({"inline_keyboard": [[{"text": " ", "callback_data": "x"}]]}, "text must be non-empty"),
        ({"inline_keyboard": [[{"text": "x"}]]}, "can't parse reply keyboard"),
        ("{", "can't parse reply keyboard"),
    ],
)
async def test_buttons_that_telegram_refuses(client: Client, markup: Any, reason: str) -> None:
    assert reason in declined(await send(client, reply_markup=markup))[1]


async def test_a_menu_is_kept_for_each_language(client: Client) -> None:
    commands = [{"command": "status", "description": "상태"}]
    assert (await call(client, "setMyCommands", commands=commands)).is_success
    assert (await call(client, "getMyCommands")).json()["result"] == commands
    assert (await call(client, "getMyCommands", language_code="en")).json()["result"] == []
    for command, description in (("Status", "x"), ("s" * 33, "x"), ("status", ""), ("status", "x" * 257)):
        wrong = [{"command": command, "description": description}]
        assert declined(await call(client, "setMyCommands", commands=wrong))[0] == 400


async def photo(client: Client, content: bytes, **fields: str) -> httpx2.Response:
    files = {"photo": ("curve.png", content, "image/png")}
    return await client.http.post(f"{BASE}/sendPhoto", data={"chat_id": "1000", **fields}, files=files)


async def test_a_photo_is_kept_with_its_caption(client: Client) -> None:
    picture = png() + b""
    sent = await photo(client, picture, caption="<b>자산</b> 추이", parse_mode="HTML")
    assert sent.json()["result"]["caption"] == "자산 추이"
    (message,) = await client.seen("/sandbox/inbox")
    assert message["text"] == "자산 추이"
    assert (await client.http.get(message["photo"])).content == picture
    assert (await client.http.get("/sandbox/inbox/99/photo")).status_code == 404


@pytest.mark.parametrize(
    ("content", "fields", "reason"),
    [
        (b"", {}, "IMAGE_PROCESS_FAILED"),
        (b"no picture", {}, "IMAGE_PROCESS_FAILED"),
        (png()[:-12], {}, "IMAGE_PROCESS_FAILED"),
        (png(9999, 2), {}, "PHOTO_INVALID_DIMENSIONS"),
        (png(), {"caption": "x" * 1025}, "caption is too long"),
        (png(), {"chat_id": "7"}, "chat not found"),
    ],
)
async def test_photos_that_telegram_refuses(
    client: Client, content: bytes, fields: dict[str, str], reason: str
) -> None:
    assert reason in declined(await photo(client, content, **fields))[1]


@pytest.mark.parametrize(
    ("rule", "status", "words"),
    [
        ({"status": 401}, 401, "Unauthorized"),
        ({"status": 403}, 403, "bot was blocked by the user"),
        ({"status": 409}, 409, "terminated by other getUpdates"),
        ({"status": 400, "description": "Bad Request: can't parse entities"}, 400, "can't parse entities"),
        ({"status": 400, "migrate_to_chat_id": -1001}, 400, "upgraded to a supergroup"),
    ],
)
async def test_each_refusal_has_a_switch(
    client: Client, rule: dict[str, Any], status: int, words: str
) -> None:
    await client.arm(kind="error_before", path="/telegram/*", **rule)
    refused = await send(client)
    assert declined(refused)[0] == status
    assert words in declined(refused)[1]
    if "migrate_to_chat_id" in rule:
        assert refused.json()["parameters"] == {"migrate_to_chat_id": -1001}
