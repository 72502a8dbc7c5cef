"""What we send to Telegram is what its reader sees."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bongsu.adapters.telegram import client
from bongsu.adapters.telegram.text import Part
from bongsu.core.money import Krw
from bongsu.core.report import EquityPoint
from bongsu.errors import NotDelivered
from bongsu.ledger.picture import draw_equity
from contract.sandboxes import Sandbox

NASTY = [
    "<&> &amp; <b>not bold</b> &lt; <script>",
    "_*[](~`>#+-=|{}.!\\",
    "\u202eRTL \u200b\u2066 mixed",
    "😀👨‍👩‍👧‍👦🏳️‍🌈",
    "줄\n\n바꿈\t탭",
    "null \u0000 byte",
    "</b></i>",
    "&#60;b&#62;",
    "half a pair \ud800 here",
    '컨텍스트: {"ticker": "KRW-ETH", "f": "(**a, **b)"}',
]


async def inbox(sandbox: Sandbox, after: int = 0) -> list[str]:
    return [message["text"] for message in await sandbox.seen("/sandbox/inbox", after=after, limit=1000)]


async def last(sandbox: Sandbox) -> int:
    messages = await sandbox.seen("/sandbox/inbox", limit=1000)
    return max((message["id"] for message in messages), default=0)


@pytest.mark.parametrize("text", NASTY)
async def test_any_text_is_shown_as_it_is(sandbox: Sandbox, text: str) -> None:
    before = await last(sandbox)
    await sandbox.messenger().send(text, "d")
    assert await inbox(sandbox, before) == [text.replace("\ud800", "\ufffd")]


async def test_bold_is_markup_and_the_id_is_the_channels(sandbox: Sandbox) -> None:
    identifier = await sandbox.messenger().send("**AI 판단 통계**\n• 3회", "d")
    message = (await sandbox.seen("/sandbox/inbox", after=int(identifier) - 1))[0]
    assert message["text"] == "AI 판단 통계\n• 3회"
    assert (message["source"], message["parse_mode"]) == ("<b>AI 판단 통계</b>\n• 3회", "HTML")


@pytest.mark.parametrize("filling", ["가", "😀", "&", "<b>", "한 줄입니다.\n", "**굵게** "])
async def test_a_long_text_arrives_whole_and_in_order(sandbox: Sandbox, filling: str) -> None:
    before, text = await last(sandbox), "시작 " + filling * 5000 + " 끝"
    await sandbox.messenger().send(text, "d")
    parts = await inbox(sandbox, before)
    assert [part.split("\n")[0] for part in parts] == [
        f"({n}/{len(parts)})" for n in range(1, len(parts) + 1)
    ]
    arrived = "".join(part.split("\n", 1)[1] for part in parts)
    # Telegram takes the blanks off the ends of a message.
    assert "".join(arrived.split()) == "".join(text.replace("**", "").split())


async def test_a_picture_arrives_with_its_words(sandbox: Sandbox) -> None:
    worth = [EquityPoint(datetime(2025, 12, day, tzinfo=UTC), Krw(Decimal(day))) for day in (1, 2)]
    picture = draw_equity(worth)
    identifier = await sandbox.messenger().send("📈 **자산** <추이>", "d", picture=picture)
    [message] = await sandbox.seen("/sandbox/inbox", after=int(identifier) - 1)
    assert (message["text"], message["photo"]) == ("📈 자산 <추이>", f"/sandbox/inbox/{identifier}/photo")


async def test_a_picture_nobody_can_read_holds_up_no_other_message(sandbox: Sandbox) -> None:
    with pytest.raises(NotDelivered) as raised:
        await sandbox.messenger().send("📈", "d", picture=b"no picture")
    assert raised.value.content


async def test_permanent_refusals(sandbox: Sandbox) -> None:
    for sender in (sandbox.messenger(token="no:token"), sandbox.messenger(chat="4711")):
        with pytest.raises(NotDelivered) as raised:
            await sender.send("글", "d")
        assert raised.value.permanent
        assert "no:token" not in str(raised.value)


async def test_refused_markup_arrives_as_plain_text(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "render_parts", lambda text: [Part(f"<b>{text}", text)])
    identifier = await sandbox.messenger().send("닫히지 않은", "d")
    [message] = await sandbox.seen("/sandbox/inbox", after=int(identifier) - 1)
    assert (message["text"], message["parse_mode"]) == ("닫히지 않은", None)


async def test_a_rate_limit_names_its_time(sandbox: Sandbox) -> None:
    await sandbox.arm(kind="rate_limited", path="/telegram/*", retry_after=7)
    with pytest.raises(NotDelivered) as raised:
        await sandbox.messenger().send("글", "d")
    assert (raised.value.permanent, raised.value.retry_after) == (False, 7)


@pytest.mark.parametrize(
    ("kind", "arrives"), [("error_before", 0), ("down", 0), ("lost_reply", 1), ("error_after", 1)]
)
async def test_without_an_acknowledgement_it_is_not_delivered(
    sandbox: Sandbox, kind: str, arrives: int
) -> None:
    before = await last(sandbox)
    await sandbox.arm(kind=kind, path="/telegram/*", count=1)
    sender = sandbox.messenger()
    with pytest.raises(NotDelivered) as raised:
        await sender.send("글", "d")
    assert not raised.value.permanent
    await sender.send("글", "d")
    assert await inbox(sandbox, before) == ["글"] * (arrives + 1)
