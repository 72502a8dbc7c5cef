"""The statements of the guide to PostgreSQL, typed into a real server."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from conftest import Server
from docs.pages import ROOT, blocks

KOREAN, ENGLISH = (ROOT / "docs" / f"GRAFANA_POSTGRES_SETUP{end}" for end in (".md", ".en.md"))
ROLES = ("grafana_reader", "bongsu_exporter")  # of the whole server: here each test has its own


@pytest.fixture
def typed_in(postgres: Server, database_url: str) -> Iterator[str]:
    """The database of this test, after a superuser has typed in every block."""
    name = database_url.rpartition("/")[2]
    with psycopg.connect(make_conninfo(postgres.superuser_url, dbname=name), autocommit=True) as superuser:
        for block in blocks(KOREAN, "sql"):
            for role in ROLES:
                block = block.replace(role, f"{role}_{name}")  # noqa: PLW2901
            superuser.execute(block.replace("trading_db", name).encode())
        yield name
        for role in ROLES:
            superuser.execute(f"DROP OWNED BY {role}_{name}".encode())
            superuser.execute(f"DROP ROLE {role}_{name}".encode())


def test_both_languages_type_the_same() -> None:
    for kind in ("bash", "sql", "promql"):
        korean, english = (
            [line.partition("#")[0].strip() for block in blocks(page, kind) for line in block.splitlines()]
            for page in (KOREAN, ENGLISH)
        )
        assert korean == english != []


def test_the_reader_reads_later_tables_too_and_writes_none(
    typed_in: str, postgres: Server, database_url: str
) -> None:
    with psycopg.connect(database_url) as owner:
        owner.execute("CREATE TABLE later AS SELECT 1 AS one")
    reader = postgres.url(typed_in, f"grafana_reader_{typed_in}", "CHANGE-ME")
    with psycopg.connect(reader, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)
        assert connection.execute("SELECT one FROM later").fetchone() == (1,)
        assert connection.execute("SHOW statement_timeout").fetchone() == ("10s",)
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM orders")


def test_the_watcher_sees_statistics_and_no_table(typed_in: str, postgres: Server) -> None:
    watcher = postgres.url(typed_in, f"bongsu_exporter_{typed_in}", "CHANGE-ME")
    with psycopg.connect(watcher, autocommit=True) as connection:
        states = "SELECT count(*) FROM pg_stat_activity WHERE state IS NOT NULL AND usename = 'postgres'"
        assert connection.execute(states).fetchone() != (0,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT 1 FROM orders")
