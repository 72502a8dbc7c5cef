"""The guides' tables are what code and schema say, and both languages type the same."""

import re
from pathlib import Path

import psycopg
import pytest

from bongsu.core.order import IntentState
from bongsu.ops.guide_words import TABLES
from bongsu.ops.guides import GUIDES, fill, pages, read_schema
from docs.pages import ROOT, blocks

PAGES = pages(ROOT / "docs")
FLOW = [page for page in PAGES if page.name.startswith("TRADE_RECORDING_FLOW")]


def test_every_table_is_up_to_date(database_url: str) -> None:
    schema = read_schema(database_url)
    stale = [
        page.name
        for page, lang in PAGES.items()
        if page.read_text(encoding="utf-8") != fill(page.read_text(encoding="utf-8"), lang, schema)
    ]
    assert stale == [], "DATABASE_URL=… python -m bongsu.ops.guides"


def test_every_table_of_the_ledger_has_a_meaning_in_both_languages(database_url: str) -> None:
    schema = read_schema(database_url)
    assert {name for name, _, _ in schema} == set(TABLES)
    assert [name for name, meaning, _ in schema if not meaning] == []
    assert all(re.search("[가-힣]", words) for words in TABLES.values())


def test_every_kind_of_table_is_shown_somewhere() -> None:
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"<!-- table: (\w+) -->", page.read_text(encoding="utf-8"))
    }
    assert shown == {
        "processes",
        "settings",
        "jobs",
        "vetoes",
        "schema",
        "faults",
        "scenarios",
        "endpoints",
        "streams",
    }


@pytest.mark.parametrize("page", FLOW, ids=lambda page: page.name)
def test_the_states_of_an_order_are_all_there(page: Path) -> None:
    told = re.findall(
        r"^\| `(\w+)` \|", page.read_text(encoding="utf-8").partition("## Tab")[0].partition("## 표")[0], re.M
    )
    assert told == [*IntentState]


def test_every_query_can_be_typed_in(database_url: str) -> None:
    queries = [q for page in FLOW for block in blocks(page, "sql") for q in block.split(";") if q.strip()]
    assert len(queries) == 4
    with psycopg.connect(database_url) as connection:
        for query in queries:
            connection.execute(query.encode())


@pytest.mark.parametrize("guide", GUIDES)
def test_both_languages_type_the_same(guide: str) -> None:
    korean, english = (
        [
            line.partition("#")[0].strip()
            for kind in ("bash", "sql")
            for block in blocks(page, kind)
            for line in block.splitlines()
        ]
        for page in (ROOT / "docs" / f"{guide}.md", ROOT / "docs" / f"{guide}.en.md")
    )
    assert korean == english != []
