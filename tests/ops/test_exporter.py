"""postgres-exporter as the runner starts it, on real servers: what it shows and what it must never show."""

import asyncio
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bongsu.ledger.voice import Voice
from bongsu.ops.stack import alarm_tools, exporter
from bongsu.ops.stack.children import processes_in
from bongsu.ops.stack.exporter import Server as Seen
from bongsu.ops.stack.native import Database, Native
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.postgres import EXPORTER, Cluster, ensure_database, ensure_exporter
from bongsu.ops.stack.postgres_programs import find_programs
from bongsu.ops.stack.render import TelegramAccount
from bongsu.ops.stack.services import service
from conftest import Server, one_at_a_time
from ports import free_port
from postgres_keeper import start_server

PASSWORD = "p,a:s/s@%w 'o\"r?d#&=\\ x"  # everything a DSN could stumble over
NO_ACCOUNT = TelegramAccount("http://127.0.0.1:1/telegram", "1:t", "1", Voice("ko", "sandbox"))

# product contract and metrics contract, owner P
PROMISED = [
    'pg_stat_database_numbackends{datname="DB"}',
    'pg_stat_database_tup_inserted{datname="DB"}',
    'pg_stat_database_tup_updated{datname="DB"}',
    'pg_stat_database_tup_deleted{datname="DB"}',
    'pg_stat_database_tup_fetched{datname="DB"}',
    'pg_stat_database_tup_returned{datname="DB"}',
    'pg_stat_database_deadlocks{datname="DB"}',
    'pg_locks_count{datname="DB",mode="accessexclusivelock"}',
    'pg_database_size_bytes{datname="DB"}',
    'pg_stat_activity_count{datname="DB",state="idle"}',
    'pg_stat_activity_max_tx_duration{datname="DB",state="idle in transaction"}',
    'pg_blocked_sessions{datname="DB"}',
    "pg_settings_max_connections{}",
    "pg_up{}",
]
ON_STATEMENTS = ("pg_statements_", "pg_stat_statements_")


@dataclass
class Exporter:
    url: str
    log: Path

    def text(self, patience: float = 60) -> str:
        with urllib.request.urlopen(self.url, timeout=patience) as reply:
            return str(reply.read().decode())

    def value(self, wanted: str, text: str = "") -> float | None:
        """Of the one series with that name and at least those labels, like `name{label="value"}`; None when absent."""
        name, labels = wanted.removesuffix("}").split("{")
        for line in (text or self.text()).splitlines():
            found = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if found and found[1] == name and set(_labels(labels)) <= set(_labels(found[2] or "")):
                return float(found[3])
        return None

    def until(self, wanted: str, least: float, patience: float = 60) -> None:
        deadline = time.monotonic() + patience
        while (self.value(wanted) or 0) < least:
            assert time.monotonic() < deadline, f"{wanted} stays below {least}"
            time.sleep(0.05)


def _labels(text: str) -> list[tuple[str, str]]:
    return re.findall(r'(\w+)="([^"]*)"', text)


@contextmanager
def watching(database: Database, root: Path) -> Iterator[Exporter]:
    """The exporter as `bongsu up` would start it for this database."""
    tools = Places.from_environment().tools
    if alarm_tools.find(alarm_tools.EXPORTER, tools) is None:
        pytest.skip("postgres-exporter is missing and could not be fetched: `make test` says why")
    port = free_port()
    declared = service("postgres-exporter")
    places = Places(root / "state", root / "logs", root / "data", port_offset=port - declared.port)
    places.make()
    places.tools.symlink_to(tools)
    native = Native(places, "w", root / "world", database, (), lambda: NO_ACCOUNT, root / ".env", print)
    launch = next(launch for launch in native.launches() if launch.service is declared)
    asyncio.run(launch.prepare())
    log = root / "exporter.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*launch.command, *launch.options()],
            env={**os.environ, **launch.environment()},
            cwd=launch.directory,
            stdout=output,
            stderr=output,
        )
    try:
        while not asyncio.run(launch.ready()):
            assert process.poll() is None, log.read_text()
        yield Exporter(f"http://127.0.0.1:{port}/metrics", log)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def watched(postgres: Server, database_url: str, tmp_path: Path) -> Iterator[Exporter]:
    """The database of this test, watched by the role of its own."""
    name = database_url.rpartition("/")[2]
    with one_at_a_time(postgres.run / "exporter.lock"):
        ensure_exporter(postgres.superuser_url, password=PASSWORD, database=name)
    role = make_conninfo(database_url, user=EXPORTER, password=PASSWORD)
    with watching(Database(database_url, watched_as=role), tmp_path) as running:
        yield running


def test_every_promised_series_comes_out(watched: Exporter, database_url: str) -> None:
    text = watched.text()
    names = [promised.replace("DB", database_url.rpartition("/")[2]) for promised in PROMISED]
    assert [name for name in names if watched.value(name, text) is None] == []
    assert watched.value("pg_up{}", text) == 1
    assert watched.value("pg_exporter_last_scrape_error{}", text) == 0
    assert watched.log.read_text() == "", "a scrape that succeeds says nothing"


def test_connections_locks_and_long_transactions_move_their_series(
    watched: Exporter, database_url: str
) -> None:
    label = f'datname="{database_url.rpartition("/")[2]}"'
    before = watched.value(f"pg_stat_database_numbackends{{{label}}}")
    assert before is not None
    with ExitStack() as open_sessions:
        holder, waiter = (open_sessions.enter_context(psycopg.connect(database_url)) for _ in range(2))
        holder.execute("CREATE TABLE held (one int); INSERT INTO held VALUES (1)")
        holder.commit()
        holder.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        watched.until(f"pg_stat_database_numbackends{{{label}}}", before + 2)
        watched.until(f'pg_locks_count{{{label},mode="accessexclusivelock"}}', 1)
        watched.until(f'pg_stat_activity_max_tx_duration{{{label},state="idle in transaction"}}', 0.2)
        assert watched.value(f"pg_blocked_sessions{{{label}}}") == 0
        with ThreadPoolExecutor(1) as elsewhere:
            waiting = elsewhere.submit(waiter.execute, "SELECT one FROM held")
            watched.until(f"pg_blocked_sessions{{{label}}}", 1)
            holder.rollback()
            assert waiting.result(timeout=60).fetchone() == (1,)
    watched.until(f"pg_stat_database_tup_inserted{{{label}}}", 1)


def test_statements_are_timed_and_their_text_is_nowhere(watched: Exporter, database_url: str) -> None:
    """The text is in the server: without that this test would show nothing."""
    secret = "hunter2-in-a-comment"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for _ in range(20):  # a server with the databases of many tests soon forgets what is rarely asked
            connection.execute(f"SELECT pg_sleep(0.3) /* password='{secret}' */".encode())
            found = connection.execute(
                "SELECT queryid::text, query FROM pg_stat_statements WHERE strpos(query, %s) > 0", (secret,)
            ).fetchone()
            text = watched.text()
            if found and watched.value("pg_statements_seconds_total{}", text):
                break
    assert found
    assert secret in found[1]
    assert (watched.value(f'pg_stat_statements_seconds_total{{queryid="{found[0]}"}}', text) or 0) >= 0.3
    assert (watched.value(f'pg_stat_statements_calls_total{{queryid="{found[0]}"}}', text) or 0) >= 1
    assert (watched.value("pg_statements_seconds_total{}", text) or 0) >= 0.3
    assert (watched.value("pg_statements_calls_total{}", text) or 0) >= 1
    assert "hunter2" not in text
    assert len(re.findall("^pg_stat_statements_calls_total", text, re.MULTILINE)) <= 20


def test_the_watching_role_cannot_read_the_ledger(watched: Exporter, database_url: str) -> None:
    watched.until("pg_up{}", 1)
    role = make_conninfo(database_url, user=EXPORTER, password=PASSWORD)
    tables = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
    with psycopg.connect(role, autocommit=True) as connection:
        names = [name for (name,) in connection.execute(tables)]
        assert len(names) > 5
        for name in names:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT 1 FROM {name} LIMIT 1".encode())
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (one int)")
        held = connection.execute(
            "SELECT rolname FROM pg_roles WHERE pg_has_role(oid, 'member') AND rolname NOT LIKE 'pg\\_%'"
        ).fetchall()
    assert held == [(EXPORTER,)]


def test_where_statements_are_not_counted_the_rest_is_shown_and_nothing_complains(
    database_url: str, tmp_path: Path
) -> None:
    with watching(Database(database_url), tmp_path) as plain:
        text = plain.text()
        assert plain.value("pg_up{}", text) == 1
        assert plain.value(f'pg_database_size_bytes{{datname="{database_url.rpartition("/")[2]}"}}', text)
        assert not [line for line in text.splitlines() if line.startswith(ON_STATEMENTS)]
        assert plain.value("pg_exporter_last_scrape_error{}", text) == 0
        assert plain.log.read_text() == ""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Database]:
    """A server of its own, furnished as the runner does it; the password lies where the runner keeps it."""
    with tempfile.TemporaryDirectory(prefix="bongsu-", dir="/tmp", ignore_cleanup_errors=True) as name:
        home = Path(name)
        home.chmod(0o755)
        cluster = Cluster(find_programs(home / "programs"), home / "world", free_port(), durable=False)
        cluster.initialise()
        server = start_server(cluster)
        ensure_database(cluster.superuser_url, user="trading_user", password="t", database="trading_db")
        secret = tmp_path / "state" / "exporter_password"
        secret.parent.mkdir()
        secret.write_text("exporters-own\n")
        ensure_exporter(cluster.superuser_url, password="exporters-own", database="trading_db")
        url = cluster.url("trading_user", "t", "trading_db")
        yield Database(url, "trading_user", "t", "trading_db", cluster)
        server.send_signal(signal.SIGQUIT)
        server.wait(timeout=60)


def test_a_full_server_is_seen_a_hung_one_is_silent_a_dead_one_is_down(own: Database, tmp_path: Path) -> None:
    assert own.cluster
    if own.cluster.programs.major < 16:
        pytest.skip("this PostgreSQL reserves no connections")
    with ExitStack() as sessions:
        opened = _fill(own.url, sessions)
        with watching(own, tmp_path) as late_comer:
            text = late_comer.text()
            assert late_comer.value("pg_up{}", text) == 1
            assert late_comer.value("pg_settings_max_connections{}", text) == 60
            assert (
                late_comer.value('pg_stat_database_numbackends{datname="trading_db"}', text) or 0
            ) > opened
            assert opened > 0.8 * 60, "else PostgresTooManyConnections could never ring"
            sessions.close()
            _hang_then_die(own.cluster, late_comer)


def _fill(url: str, sessions: ExitStack) -> int:
    """Opens connections until the server refuses, and tells how many."""
    for opened in range(100):
        try:
            sessions.enter_context(psycopg.connect(url))
        except psycopg.OperationalError:
            return opened
    raise AssertionError("the server refuses nothing")


@contextmanager
def _hung(cluster: Cluster) -> Iterator[None]:
    """The server stopped where it stands; sessions that were just ending may be gone before their turn."""
    first = int((cluster.pgdata / "postmaster.pid").read_text().split()[0])
    stopped: list[int] = []
    try:
        for pid in [first, *(pid for pid in processes_in(cluster.pgdata) if pid != first)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        yield
    finally:
        for pid in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _hang_then_die(cluster: Cluster, watched: Exporter) -> None:
    with _hung(cluster), pytest.raises(TimeoutError):
        watched.text(patience=1)
    watched.until("pg_up{}", 1)
    os.kill(int((cluster.pgdata / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    deadline = time.monotonic() + 60
    while watched.value("pg_up{}") != 0:
        assert time.monotonic() < deadline, "pg_up stays"
    assert "exporters-own" not in watched.log.read_text()


@pytest.mark.parametrize(
    ("url", "seen", "source"),
    [
        ("postgresql://u:p@db/t", Seen(True, True), "postgresql://u@db/t?sslmode=require&"),
        ("postgresql://u:p@db/t", Seen(False, True), "postgresql://u@db/t?sslmode=disable&"),
        ("postgresql://u:p@db/t", None, "postgresql://u@db/t?sslmode=require&"),
        ("postgresql://u:p@localhost:6432/t", None, "postgresql://u@localhost:6432/t?sslmode=disable&"),
        ("postgresql://u@[::1]:1/t?sslmode=prefer", None, "postgresql://u@[::1]:1/t?sslmode=disable&"),
        ("postgresql://u@a:1,b:2/t?sslmode=verify-full", None, "postgresql://u@a:1/t?sslmode=verify-full&"),
        ("host=/run/pg user=u dbname=t", None, "postgresql://u@/t?host=%2Frun%2Fpg&sslmode=disable&"),
        ("postgresql://u:a%2Cb@db/t?gssencmode=disable", None, "postgresql://u@db/t?sslmode=require&"),
        (
            "postgresql://db/t?sslrootcert=/ca,1.pem&sslmode=verify-ca",
            None,
            "postgresql://@db/t?sslrootcert=%2Fca%2C1.pem&sslmode=verify-ca&",
        ),
    ],
)
def test_the_owners_dsn_is_put_the_way_the_exporter_reads_it(
    url: str, seen: Seen | None, source: str
) -> None:
    led = exporter.foreign_source(url, seen)
    assert led["DATA_SOURCE_NAME"] == f"{source}connect_timeout=5"
    assert led.get("PGPASSWORD") == conninfo_to_dict(url).get("password")


def test_the_owner_chooses_who_watches_our_server_too(own: Database, tmp_path: Path) -> None:
    with watching(replace(own, watched_as=own.url), tmp_path) as watched:
        assert watched.value("pg_up{}") == 1
        with psycopg.connect(own.url) as connection:
            others = connection.execute(
                "SELECT usename FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            assert {name for (name,) in others} == {"trading_user"}


@pytest.mark.parametrize("shape", ["--collector.{}   Enable", "--[no-]collector.{}   Enable"])
def test_collectors_that_nobody_reads_are_off_in_every_version(tmp_path: Path, shape: str) -> None:
    names = ["database", "bgwriter", "stat_user_tables", "locks"]
    program = tmp_path / "postgres_exporter"
    told = "\n".join(shape.format(name) for name in [*names, "stat_statements.limit=100"])
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{told}\nEND\n")
    program.chmod(0o755)
    options = exporter.options_for(program, tmp_path / "q.yml", 1)
    assert [option for option in options if option.startswith("--no-")] == [
        "--no-collector.bgwriter",
        "--no-collector.stat_user_tables",
    ]
