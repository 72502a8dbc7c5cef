"""The ledger takes no secret, whichever statement brings it: read from the server, by other eyes than the ledger's."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from bongsu.core import facts as f
from bongsu.core.redaction import KNOWN, REMOVALS, Sink
from core.samples import NOON
from web.story import Books, alert, open_books

TOKEN = "123456789:" + "AbC-_" * 7
WORD = 'canary"with\\quotes'


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    KNOWN.learn([WORD])
    async with open_books(database_url) as opened:
        yield opened


def dump(url: str) -> Iterator[str]:
    """Each row of each table, as PostgreSQL writes it."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f'SELECT t::text FROM "{table}" t'):
                yield f"{table}: {row}"


def leaks(url: str) -> list[str]:
    spoken = (WORD, WORD.replace('"', '""').replace("\\", "\\\\"), TOKEN, "canary")
    return [row for row in dump(url) if any(form in row for form in spoken)]


@pytest.mark.parametrize("secret", [TOKEN, WORD])
async def test_a_wish_keeps_no_secret(books: Books, database_url: str, secret: str) -> None:
    args = {"note": f"{secret} here", secret: "as a key"}
    before = REMOVALS.by_sink()[Sink.LEDGER]
    for kind in (f.ControlKind.PAUSE, f.ControlKind.KILL):
        await books.ledger.request_control(kind, args, who=f"me {secret}", why=f"because {secret}")
    assert leaks(database_url) == []
    wishes = [row for row in dump(database_url) if row.startswith("controls: ")]
    assert len(wishes) == 2
    assert all("because ***" in wish and "me ***" in wish and "*** here" in wish for wish in wishes)
    assert REMOVALS.by_sink()[Sink.LEDGER] >= before + 8


@pytest.mark.parametrize("secret", [TOKEN, WORD])
async def test_an_alarm_keeps_no_secret(books: Books, database_url: str, secret: str) -> None:
    told = alert(secret)
    told.labels[secret] = "as a name"  # type: ignore[index]
    await books.ledger.record(told)
    assert leaks(database_url) == []
    kept = [row for row in dump(database_url) if row.startswith("alerts: ")]
    assert len(kept) == 1
    assert "alertname" in kept[0]
    assert "***" in kept[0]


async def test_no_statement_goes_around_it(books: Books, database_url: str) -> None:
    """In a text, in a list, in JSON of any depth, in the rows of a batch, and over the reading connection."""
    async with books.database.transaction("test") as tx:
        await tx.execute("CREATE TABLE kept (a text, b text[], c jsonb)")
        deep = {"x": [{"y": (WORD, 7, None, True)}], "z": f"password={WORD}"}
        await tx.execute("INSERT INTO kept VALUES (%s, %s, %s)", (WORD, [WORD, "b"], Jsonb(deep)))
        await tx.cursor().executemany("INSERT INTO kept (a) VALUES (%(a)s)", [{"a": TOKEN}, {"a": "plain"}])
    async with books.database.reading("test") as tx:
        await tx.execute("INSERT INTO kept (a) VALUES (%s)", (f"{TOKEN}!",))
    assert leaks(database_url) == []
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT * FROM kept ORDER BY a").fetchall()
    assert sorted(row[0] for row in rows) == ["***", "***", "***!", "plain"]
    assert ("***", ["***", "b"], {"x": [{"y": ["***", 7, None, True]}], "z": "password=***"}) in rows


async def test_what_is_no_secret_is_kept_letter_for_letter(books: Books, database_url: str) -> None:
    texts = ["", "한글 🔥", "a'b\"c\\d", "line\nline", f"{uuid4()}", NOON.isoformat()]
    async with books.database.transaction("test") as tx:
        await tx.execute("CREATE TABLE kept (a text, b text[], c jsonb)")
        for text in texts:
            await tx.execute("INSERT INTO kept VALUES (%s, %s, %s)", (text, [text], Jsonb({text: text})))
    with psycopg.connect(database_url) as connection:
        for text, listed, held in connection.execute("SELECT * FROM kept"):
            assert (listed, held) == ([text], {text: text})
            texts.remove(text)
    assert texts == []
