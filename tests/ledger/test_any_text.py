"""Whatever a foreign text holds, its fact is recorded and told, and Telegram takes the words: none refused, none cut."""

import typing
from collections.abc import AsyncIterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bongsu.adapters.telegram.text import render_parts
from bongsu.core import facts as f
from bongsu.ledger.messages import Voice, messages
from bongsu.sandbox.telegram_text import shown
from ledger.test_messages import NOW, anything
from web.story import Books, open_books

ANY = st.text(st.characters(codec=None, categories=None), min_size=1, max_size=60)
NASTY = (
    "null \0 byte",
    "half a pair \ud800 and \udfff",
    "<b>&amp;</i> <script>",
    "\u202e\u2066 \ufeff \x07\x1b[31m",
    "'; DROP TABLE notifications; --",
    "%(id)s %s {} \\u0000",
    "😀👨\u200d👩\u200d👧",
)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


async def test_no_text_keeps_a_fact_from_being_recorded_and_told(books: Books) -> None:
    for number, text in enumerate(NASTY):
        await books.ledger.record(f.ErrorOccurred(f.ErrorType.INTERNAL, f"E{number}", text, {text: text}))
    found = await texts(books, "SELECT text FROM notifications ORDER BY id")
    assert [told.splitlines()[2] for told in found] == [
        f"에러 타입: E{number}" for number in range(len(NASTY))
    ]
    assert "메시지: null \ufffd byte" in found[0]
    assert "메시지: half a pair \ufffd and \ufffd" in found[1]
    assert len(await texts(books, "SELECT context::text FROM events")) == len(NASTY)


async def texts(books: Books, query: str) -> list[str]:
    async with books.database.transaction("test") as tx:
        return [next(iter(row.values())) for row in await (await tx.execute(query)).fetchall()]


@pytest.mark.parametrize("fact_type", typing.get_args(f.Fact), ids=lambda t: t.__name__)
@settings(max_examples=8, deadline=None)  # of a loaded machine nothing is asked
@given(chosen=st.data())
def test_telegram_takes_what_any_fact_says(fact_type: type[f.Fact], chosen: st.DataObject) -> None:
    fact = chosen.draw(anything(fact_type, ANY))
    for lang in ("ko", "en"):
        for message in messages(fact, Voice(lang, "sandbox"), NOW):
            assert_whole(message.text)


@settings(max_examples=25, deadline=None)
@given(ANY, st.integers(1, 400))
@example("&", 9000)
@example("😀", 5000)
@example("**굵게** <b>", 2000)
def test_telegram_takes_a_long_context(text: str, times: int) -> None:
    fact = f.ErrorOccurred(f.ErrorType.INTERNAL, text, text * times, {text: text * times})
    for message in messages(fact, Voice("ko", "sandbox"), NOW):
        assert_whole(message.text)


def assert_whole(text: str) -> None:
    """By the stand-in's strict reading of each part."""
    parts = render_parts(text)
    read = [shown(part.html, "HTML") for part in parts]
    assert read == [shown(part.plain, None) for part in parts]
    prefixes = [f"({n}/{len(parts)})\n" if len(parts) > 1 else "" for n in range(1, len(parts) + 1)]
    whole = "".join(part.removeprefix(prefix) for part, prefix in zip(read, prefixes, strict=True))
    assert bare(whole) == bare(text)


def bare(text: str) -> str:
    """Without the marks of bold, and blanks, which Telegram takes off the ends."""
    as_sent = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(as_sent.replace("*", "").split())
