"""Messages arrive whole, in parts that Telegram takes, and the token goes nowhere but into the address."""

import asyncio
import html
import json
import logging
import re

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.scripted import Script, answer
from bongsu.adapters.telegram import api as telegram
from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.adapters.telegram.text import LIMIT, render_parts
from bongsu.errors import NotDelivered

TOKEN = "123456789:AAE-canary_token"
SENT = answer(
    '{"ok":true,"result":{"message_id":77,"date":1,"chat":{"id":1000,"type":"private"},"text":"x"}}'
)


def messenger(script: httpx2.AsyncBaseTransport) -> TelegramMessenger:
    return TelegramMessenger("http://telegram.test/telegram", TOKEN, "1000", part_pause=0, transport=script)


def refused(status: int, description: str, parameters: str = "") -> httpx2.Response:
    return answer(f'{{"ok":false,"error_code":{status},"description":"{description}"{parameters}}}', status)


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def shown(markup: str) -> str:
    """What Telegram shows of it; anything that is neither our tag nor an entity must have been escaped."""
    assert markup.count("<b>") == markup.count("</b>")
    bare = re.sub(r"</?b>", "", markup)
    assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", bare)
    return html.unescape(bare)


def unprefixed(parts: list[str]) -> str:
    if len(parts) == 1:
        return parts[0]
    for number, part in enumerate(parts, 1):
        assert part.startswith(f"({number}/{len(parts)})\n")
    return "".join(part.split("\n", 1)[1] for part in parts)


ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=300)


@given(ANY_TEXT, st.integers(1, 60))
@example("😀", 4096)
@example("<&>", 1366)
@example("&", 8192)
@example("**굵게** ", 900)
@example("\ud800", 5000)
@example("한 줄의 글\n", 1200)
def test_any_text_arrives_whole_in_parts_that_fit(text: str, times: int) -> None:
    text = text * times
    parts = render_parts(text)
    assert all(units(part.html) <= LIMIT and units(part.plain) <= LIMIT for part in parts)
    expected = re.sub("[\ud800-\udfff]", "\ufffd", text)
    plain = unprefixed([part.plain for part in parts])
    assert unprefixed([shown(part.html) for part in parts]) == plain
    if "**" not in text:
        assert plain == expected
    assert plain.replace("*", "") == expected.replace("*", "")


def test_bold_is_rendered_and_other_asterisks_stay() -> None:
    [part] = render_parts("**AI 판단 통계**\n• 매수: 3회\n**수익 <현황>**")
    assert part.html == "<b>AI 판단 통계</b>\n• 매수: 3회\n<b>수익 &lt;현황&gt;</b>"
    assert part.plain == "AI 판단 통계\n• 매수: 3회\n수익 <현황>"
    for literal in (
        "f(**a, **b)",
        "2 ** 3 ** 4",
        "**",
        "****",
        "** 굵게 **",
        "**반쪽",
        "**줄\n바꿈**",
        "a**b**c",
    ):
        [part] = render_parts(literal)
        assert part.html == part.plain == literal


def test_bold_goes_on_over_a_cut() -> None:
    parts = render_parts("**" + "가" * 5000 + "**")
    assert len(parts) == 2
    assert all(units(part.html) <= LIMIT for part in parts)
    assert all(re.fullmatch(r"\(\d/2\)\n<b>가+</b>", part.html) for part in parts)


def test_parts_end_at_line_ends_where_they_can() -> None:
    text = "".join(f"{number}번째 줄입니다. 마켓 상태를 알려 드립니다.\n" for number in range(400))
    parts = render_parts(text)
    assert len(parts) > 2
    assert all(part.plain.endswith("\n") for part in parts)


async def test_a_message_is_sent_as_html_and_answers_its_id() -> None:
    script = Script(SENT)
    assert await messenger(script).send("**제목** 1 < 2", "d") == "77"
    [sent] = script.requests
    assert sent.url.path == f"/telegram/bot{TOKEN}/sendMessage"
    assert json.loads(sent.content) == {
        "chat_id": "1000",
        "text": "<b>제목</b> 1 &lt; 2",
        "parse_mode": "HTML",
    }


@pytest.mark.parametrize(
    ("say", "permanent", "retry_after"),
    [
        (httpx2.ConnectTimeout("nobody"), False, None),
        (refused(400, "Bad Request: chat not found"), True, None),
        (refused(400, "Bad Request: message text is empty"), True, None),
        (refused(401, "Unauthorized"), True, None),
        (refused(403, "Forbidden: bot was blocked by the user"), True, None),
        (refused(404, "Not Found"), True, None),
        (refused(429, "Too Many Requests", ',"parameters":{"retry_after":17}'), False, 17),
        (refused(500, "Internal Server Error"), False, None),
        (answer("<html>bad gateway</html>", 502), False, None),
        (answer("<html>blocked by a proxy</html>", 403), False, None),
        (answer('{"ok":true}'), False, None),
        (answer('{"ok":false,"description":"odd"}'), False, None),
        (answer(b"\xff\xfe"), False, None),
        (httpx2.ConnectError("no"), False, None),
        (httpx2.ReadTimeout("late"), False, None),
        (httpx2.RemoteProtocolError("lost ack"), False, None),
    ],
)
async def test_refusals_say_whether_to_try_again(
    say: httpx2.Response | Exception, permanent: bool, retry_after: float | None
) -> None:
    script = Script(say)
    with pytest.raises(NotDelivered) as raised:
        await messenger(script).send("글", "d")
    assert (raised.value.permanent, raised.value.retry_after) == (permanent, retry_after)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("say", "surely"),
    [
        (httpx2.ConnectError("no"), True),
        (httpx2.ConnectTimeout("no"), True),
        (refused(429, "Too Many Requests", ',"parameters":{"retry_after":17}'), True),
        (refused(403, "Forbidden: bot was blocked by the user"), True),
        (refused(500, "Internal Server Error"), False),
        (httpx2.ReadTimeout("late"), False),
        (httpx2.RemoteProtocolError("lost ack"), False),
    ],
)
async def test_what_surely_did_not_arrive_is_told_from_what_may_have(
    say: httpx2.Response | Exception, surely: bool
) -> None:
    with pytest.raises(NotDelivered) as raised:
        await messenger(Script(say)).send("글", "d")
    assert raised.value.refused is surely
    with pytest.raises(NotDelivered) as raised:
        await messenger(Script(SENT, say)).send("가" * 5000, "long")
    assert not raised.value.refused, "its first part has arrived"


async def test_refused_markup_is_sent_again_without() -> None:
    script = Script(refused(400, "Bad Request: can't parse entities: unsupported start tag"), SENT)
    assert await messenger(script).send("**제목** <&>", "d") == "77"
    assert json.loads(script.requests[1].content) == {"chat_id": "1000", "text": "제목 <&>"}


async def test_a_long_message_that_broke_off_goes_on_where_it_stopped() -> None:
    script = Script(SENT, refused(429, "Too Many Requests", ',"parameters":{"retry_after":1}'), SENT)
    sender = messenger(script)
    text = "가" * 9000
    with pytest.raises(NotDelivered):
        await sender.send(text, "long")
    await sender.send(text, "long")
    heads = [json.loads(request.content)["text"][:5] for request in script.requests]
    assert heads == ["(1/3)", "(2/3)", "(2/3)", "(3/3)"]
    await sender.send(text, "long")
    assert len(script.requests) == 4 + 3
    await sender.send("다른 글", "other")
    assert json.loads(script.requests[-1].content)["text"] == "다른 글"


async def test_an_answer_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hanging(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr(telegram, "TOTAL_TIMEOUT", 0.05)
    with pytest.raises(NotDelivered, match="TimeoutError") as raised:
        await messenger(Hanging()).send("글", "d")
    assert not raised.value.permanent


@pytest.mark.parametrize(
    "say", [httpx2.ConnectError(f"cannot reach /bot{TOKEN}/"), refused(404, f"no such bot {TOKEN}"), SENT]
)
async def test_the_token_is_in_no_text(
    say: httpx2.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sender = messenger(Script(say))
    [outcome] = await asyncio.gather(sender.send("글", "d"), return_exceptions=True)
    texts = [
        repr(sender),
        repr(outcome),
        str(outcome),
        repr(getattr(outcome, "__cause__", None)),
        caplog.text,
    ]
    assert not any(TOKEN in text for text in texts)
