"""What each service's webhook is sent, on a real socket, and what its refusals mean."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.adapters.second.pieces import split
from bongsu.adapters.second.presets import PRESETS, Notice
from bongsu.adapters.second.webhook import WebhookMessenger
from bongsu.adapters.telegram.text import utf16_units
from bongsu.core.outgoing import Urgency
from bongsu.errors import NotDelivered
from ports import free_port
from second_channel import Answer, Receiver, Request, web_server

SECRET = "T0KEN-of-the-webhook-abcdef"
TEXT = "🔴 경보 발생\n━━━━━━━━━━━━━━━━━━━━\n**경보**: a_b <@1> & trading_job https://x.io/a_b_c"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with web_server() as receiver:
        yield receiver


def messenger(receiver: Receiver, preset: str, **options: Any) -> WebhookMessenger:
    return WebhookMessenger(f"{receiver.url}/hooks/{SECRET}?key={SECRET}", preset, part_pause=0, **options)


async def sent(receiver: Receiver, preset: str, text: str = TEXT, **more: Any) -> list[Request]:
    await messenger(receiver, preset).send(text, "notification-7", **more)
    return receiver.requests


async def refused(receiver: Receiver, answer: Answer, preset: str = "json") -> NotDelivered:
    receiver.usual = answer
    with pytest.raises(NotDelivered) as caught:
        await sent(receiver, preset)
    return caught.value


# --- shapes


async def test_json_tells_all_we_know(receiver: Receiver) -> None:
    (request,) = await sent(receiver, "json", urgency=Urgency.CRITICAL)
    assert request.path == f"/hooks/{SECRET}?key={SECRET}"
    assert request.headers["content-type"] == "application/json"
    assert request.json == {
        "source": "bongsu",
        "id": "notification-7",
        "urgency": "critical",
        "title": "🔴 경보 발생",
        "text": TEXT.replace("**", ""),
    }


async def test_discord_shows_our_bold_and_no_other_mark_and_calls_nobody(receiver: Receiver) -> None:
    receiver.usual = Answer(200, '{"id": "1234567890"}')
    number = await messenger(receiver, "discord").send(TEXT, "notification-7")
    (request,) = receiver.requests
    assert number == "1234567890"
    assert request.path == f"/hooks/{SECRET}?key={SECRET}&wait=true"
    assert request.json == {
        "content": TEXT.replace("a_b <", r"a\_b <").replace("trading_job", r"trading\_job"),
        "allowed_mentions": {"parse": []},
    }


async def test_discord_takes_two_thousand_characters_at_most(receiver: Receiver) -> None:
    text = "제목\n" + "\n".join(f"{n}: " + "_가😀" * 30 for n in range(60))
    requests = await sent(receiver, "discord", text)
    contents = [request.json["content"] for request in requests]
    assert len(contents) > 2
    assert all(utf16_units(content) <= 2000 for content in contents)
    assert [content.partition("\n")[0] for content in contents] == [
        rf"({n}/{len(contents)})" for n in range(1, len(contents) + 1)
    ]
    assert "".join(content.partition("\n")[2] for content in contents).replace("\\", "") == text


async def test_discord_takes_the_picture_with_its_words(receiver: Receiver) -> None:
    (request,) = await sent(receiver, "discord", "📈 제목\n그림", picture=b"\x89PNG-bytes")
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert b'name="files[0]"; filename="equity.png"' in request.body
    assert b"\x89PNG-bytes" in request.body
    start = request.body.index(b'{"content"')
    shown = json.loads(request.body[start : request.body.index(b"\r\n", start)])
    assert shown["content"] == "📈 제목\n그림"


async def test_slack_escapes_and_shows_our_bold(receiver: Receiver) -> None:
    (request,) = await sent(receiver, "slack")
    assert request.json == {
        "text": TEXT.replace("**", "*").replace("<@1> &", "&lt;@1&gt; &amp;"),
        "unfurl_links": False,
    }


async def test_slack_takes_four_thousand_characters_at_most(receiver: Receiver) -> None:
    requests = await sent(receiver, "slack", "<" * 9000)
    texts = [request.json["text"] for request in requests]
    assert all(len(text) <= 4000 for text in texts)
    assert "".join(text.partition("\n")[2] for text in texts) == "&lt;" * 9000


async def test_ntfy_has_title_and_priority_in_headers(receiver: Receiver) -> None:
    (request,) = await sent(receiver, "ntfy", urgency=Urgency.CRITICAL)
    encoded = request.headers["title"].removeprefix("=?UTF-8?B?").removesuffix("?=")
    assert base64.b64decode(encoded).decode() == "🔴 경보 발생"
    assert request.headers["priority"] == "5"
    assert request.headers["content-type"] == "text/plain; charset=utf-8"
    assert request.body.decode() == TEXT.split("\n", 2)[2].replace("**", "")


async def test_ntfy_takes_four_thousand_and_ninety_six_bytes_at_most(receiver: Receiver) -> None:
    text = "title\n" + "가나다라\n" * 1000
    requests = await sent(receiver, "ntfy", text)
    assert [request.headers["title"] for request in requests] == ["title"] * len(requests)
    assert {request.headers["priority"] for request in requests} == {"3"}
    assert all(len(request.body) <= 4096 for request in requests)
    assert "".join(request.body.decode().partition("\n")[2] for request in requests) == text[6:]


@pytest.mark.parametrize("preset", ["json", "slack", "ntfy"])
async def test_where_no_picture_can_go_the_text_says_where_it_is(receiver: Receiver, preset: str) -> None:
    sender = messenger(receiver, preset, picture_note="(그림은 텔레그램에 있습니다)")
    await sender.send("제목\n글", "notification-1", picture=b"\x89PNG")
    (request,) = receiver.requests
    shown = request.body if preset == "ntfy" else json.dumps(request.json, ensure_ascii=False).encode()
    assert "(그림은 텔레그램에 있습니다)".encode() in shown


async def test_a_token_is_a_bearer(receiver: Receiver) -> None:
    await messenger(receiver, "ntfy", token="tk_123456").send(TEXT, "notification-1")
    assert receiver.requests[0].headers["authorization"] == "Bearer tk_123456"


_LIMITS = {"discord": 2000, "slack": 4000, "ntfy": 4096}


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=3000),
    preset=st.sampled_from(sorted(_LIMITS)),
)
def test_whatever_the_text_no_piece_is_beyond_the_limit(text: str, preset: str) -> None:
    for post in PRESETS[preset].posts(Notice("n", text, Urgency.INFO, None)):
        match preset:
            case "discord":
                assert utf16_units(post.content["json"]["content"]) <= 2000
            case "slack":
                assert len(post.content["json"]["text"]) <= 4000
            case _:
                assert len(post.content["content"]) <= 4096
                assert all(value.isascii() for value in post.headers.values())


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400), st.integers(40, 200))
def test_the_pieces_put_together_are_the_text(text: str, limit: int) -> None:
    pieces = split(text, limit, utf16_units)
    assert all(utf16_units(piece) <= limit for piece in pieces)
    whole = pieces[0] if len(pieces) == 1 else "".join(piece.partition("\n")[2] for piece in pieces)
    assert whole == text


@pytest.mark.parametrize("preset", sorted(PRESETS))
async def test_no_secret_leaves_with_a_text(receiver: Receiver, preset: str) -> None:
    token = "123456789:" + "A" * 35
    (request,) = await sent(receiver, preset, f"제목\nhttps://api.telegram.org/bot{token}/x \ud800")
    assert b"A" * 35 not in request.body
    assert b"***" in request.body.replace(b"\\", b"")


# --- refusals


async def test_discord_s_time_to_wait_is_its_own(receiver: Receiver) -> None:
    body = json.dumps({"message": "You are being rate limited.", "retry_after": 0.65, "global": False})
    failure = await refused(receiver, Answer(429, body, {"Retry-After": "1"}), "discord")
    assert (failure.retry_after, failure.permanent, failure.refused) == (0.65, False, True)


async def test_slack_s_time_to_wait_stands_in_a_header(receiver: Receiver) -> None:
    failure = await refused(receiver, Answer(429, "rate_limited", {"Retry-After": "12"}), "slack")
    assert failure.retry_after == 12


async def test_one_that_names_no_time_is_left_alone_for_a_while(receiver: Receiver) -> None:
    body = '{"code": 42901, "http": 429, "error": "limit reached"}'
    failure = await refused(receiver, Answer(429, body), "ntfy")
    assert failure.retry_after == 30


@pytest.mark.parametrize(
    ("answer", "permanent", "content", "surely_not"),
    [
        (Answer(500, "oops"), False, False, False),
        (Answer(503, ""), False, False, False),
        (Answer(401, "unauthorized"), True, False, True),
        (Answer(404, '{"message": "Unknown Webhook", "code": 10015}'), True, False, True),
        (Answer(410, "channel_is_archived"), True, False, True),
        (Answer(302, "", {"Location": "http://127.0.0.1:1/elsewhere"}), True, False, True),
        (Answer(400, '{"code": 50006, "message": "Cannot send an empty message"}'), True, True, True),
        (Answer(413, "too large"), True, True, True),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else "",
)
async def test_a_refusal_means_what_it_says(
    receiver: Receiver, answer: Answer, permanent: bool, content: bool, surely_not: bool
) -> None:
    failure = await refused(receiver, answer)
    assert (failure.permanent, failure.content, failure.refused) == (permanent, content, surely_not)
    assert f"HTTP {answer.status}" in str(failure)
    assert len(receiver.requests) == 1, "not repeated, not followed"


async def test_the_address_is_in_no_error(receiver: Receiver) -> None:
    echoed = Answer(404, f"no hook {SECRET} at /hooks/{SECRET}?key={SECRET}")
    failure = await refused(receiver, echoed)
    nobody = WebhookMessenger(f"http://127.0.0.1:{free_port()}/{SECRET}", "json", token="tk_secret_1")
    with pytest.raises(NotDelivered) as unreachable:
        await nobody.send(TEXT, "notification-1")
    assert unreachable.value.refused, "nobody was reached"
    for error in (failure, unreachable.value):
        assert SECRET not in f"{error!r} {error.__cause__!r}"
        assert error.__suppress_context__ or error.__context__ is None


async def test_a_long_message_that_broke_off_goes_on_where_it_stopped(receiver: Receiver) -> None:
    sender = messenger(receiver, "slack")
    text = "\n".join(f"{n:04}" + "." * 995 for n in range(10))
    receiver.answers = [Answer(), Answer(429, "", {"Retry-After": "1"})]
    with pytest.raises(NotDelivered) as caught:
        await sender.send(text, "notification-1")
    assert not caught.value.refused, "a part of it has arrived"
    await sender.send(text, "notification-1")
    numbers = [request.json["text"].partition("\n")[0] for request in receiver.requests]
    assert numbers == ["(1/4)", "(2/4)", "(2/4)", "(3/4)", "(4/4)"]
