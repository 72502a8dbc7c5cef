"""The stand-in and Telegram itself keep the same promises.

Telegram is asked when BONGSU_TEST_TELEGRAM_TOKEN and BONGSU_TEST_TELEGRAM_CHAT name a bot and a chat for tests.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from bongsu.adapters.telegram.api import BotApi, MarkupRefused
from bongsu.adapters.telegram.chat import TelegramChat
from bongsu.errors import ChatTaken, NotDelivered
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN, TELEGRAM_API
from contract.sandboxes import Process

REAL = os.environ.get("BONGSU_TEST_TELEGRAM_TOKEN", ""), os.environ.get("BONGSU_TEST_TELEGRAM_CHAT", "")
KEYS = [[("상태", "/status"), ("도움말", "/help")]]


@dataclass
class Place:
    url: str
    api: BotApi
    chat: TelegramChat
    id: int


@pytest.fixture(
    params=["stand_in", pytest.param("telegram", marks=pytest.mark.skipif(not all(REAL), reason="no token"))]
)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    if request.param == "telegram":
        url, token, chat = TELEGRAM_API, *REAL
    else:
        process: Process = request.getfixturevalue("lockstep")
        url, token, chat = f"{process.url}/telegram", SANDBOX_TOKEN, SANDBOX_CHAT
    api, talk = BotApi(url, token), TelegramChat(url, token)
    yield Place(url, api, talk, int(chat))
    await api.close()
    await talk.close()


async def test_an_answer_has_buttons_and_can_be_changed(place: Place) -> None:
    number = await place.chat.say(place.id, "**상태** 1 < 2", KEYS)
    await place.chat.change(place.id, number, "다른 글", KEYS)
    await place.chat.change(place.id, number, "다른 글", KEYS)  # the same once more is no failure


@pytest.mark.parametrize(
    ("method", "body", "words"),
    [
        ("sendMessage", {"text": ""}, "message text is empty"),
        ("sendMessage", {"text": "x" * 4097}, "message is too long"),
        (
            "sendMessage",
            {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "x", "callback_data": "가" * 22}]]}},
            "BUTTON_DATA_INVALID",
        ),
        ("editMessageText", {"text": "x", "message_id": 999_999_999}, "message to edit not found"),
        ("setMyCommands", {"commands": [{"command": "Wrong", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, "query ID is invalid"),
    ],
)
async def test_refusals(place: Place, method: str, body: dict[str, object], words: str) -> None:
    with pytest.raises(NotDelivered) as raised:
        await place.api.call(method, {"chat_id": place.id, **body})
    assert words in str(raised.value)
    assert raised.value.permanent


async def test_markup_that_is_not_closed_is_told_apart(place: Place) -> None:
    with pytest.raises(MarkupRefused):
        await place.api.call("sendMessage", {"chat_id": place.id, "text": "<b>x", "parse_mode": "HTML"})


async def test_a_menu_is_taken(place: Place) -> None:
    await place.chat.show_menu([("status", "상태")], None)
    assert b'"status"' in bytes(await place.api.call("getMyCommands", {}))


async def test_of_two_pollers_one_is_told(place: Place) -> None:
    polls = [asyncio.create_task(place.api.call("getUpdates", {"timeout": 20}, wait=20)) for _ in range(2)]
    ended, left = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
    for poll in left:
        poll.cancel()
    assert isinstance(ended.pop().exception(), ChatTaken)


async def test_the_bot_says_its_name_and_who_a_private_chat_belongs_to(place: Place) -> None:
    assert (await place.chat.find_name()).endswith("bot")  # a link to it is made of the name
    found = await place.chat.find_place(place.id)
    assert (found.number, found.private) == (place.id, True)
    assert found.name


async def test_a_wrong_token_and_a_strange_chat_are_final_refusals(place: Place) -> None:
    with pytest.raises(NotDelivered) as raised:
        await place.chat.find_place(999)
    assert raised.value.permanent
    assert "chat not found" in str(raised.value)
    stranger = TelegramChat(place.url, "1:" + "x" * 35)
    try:
        with pytest.raises(NotDelivered) as refused:
            await stranger.find_name()
    finally:
        await stranger.close()
    assert refused.value.permanent
    assert "401" in str(refused.value)
