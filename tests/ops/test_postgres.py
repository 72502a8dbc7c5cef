"""The embedded PostgreSQL: made once, survives a kill, never runs as root, refuses a foreign version."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bongsu.errors import CannotStart
from bongsu.ledger.migrate import bring_up_to_date, newest_revision
from bongsu.ops.stack.children import processes_in
from bongsu.ops.stack.postgres import Cluster, ensure_database
from bongsu.ops.stack.postgres_programs import Programs
from ops.conftest import wait_until
from postgres_keeper import start_server

KEEPER = Path(__file__).parents[1] / "postgres_keeper.py"


def test_a_database_of_ones_own_has_the_schema_and_an_ordinary_owner(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        superuser = connection.execute("SHOW is_superuser").fetchone()
    assert ("alembic_version",) in tables
    assert len(tables) > 5
    assert superuser == ("off",)


async def test_a_first_start_leaves_no_error_in_the_servers_log(cluster: Cluster) -> None:
    """Two processes that find no schema at once."""
    server = start_server(cluster)
    ensure_database(cluster.superuser_url, user="trading_user", password="a", database="trading_db")
    url = cluster.url("trading_user", "a", "trading_db")
    await asyncio.gather(bring_up_to_date(url), bring_up_to_date(url))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (
            newest_revision(),
        )
    server.send_signal(signal.SIGINT)
    server.wait(timeout=30)
    log = (cluster.home / "postgres.log").read_text()
    assert "database system is ready" in log
    assert [line for line in log.splitlines() if "ERROR" in line] == []


def test_a_wrong_password_is_refused(database_url: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(database_url.replace("trading_password", "wrong"))


def test_what_was_committed_survives_a_kill_of_the_server(cluster: Cluster) -> None:
    server = start_server(cluster)
    ensure_database(cluster.superuser_url, user="trading_user", password="a", database="trading_db")
    url = cluster.url("trading_user", "a", "trading_db")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    server.kill()
    server.wait()
    assert (cluster.pgdata / "postmaster.pid").exists(), (
        "the kill left no stale lock; this test shows nothing"
    )

    cluster.clear_remains()
    server = start_server(cluster)

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=60) == 0


def test_a_server_left_running_on_the_data_is_ended_first(cluster: Cluster) -> None:
    """Even when it is stopped in its tracks; two servers on one directory would destroy it."""
    orphan = start_server(cluster)
    orphan.send_signal(signal.SIGSTOP)

    cluster.clear_remains(patience=2)

    assert list(processes_in(cluster.pgdata)) == []
    assert not (cluster.pgdata / "postmaster.pid").exists()
    orphan.wait(timeout=60)


def test_a_lock_that_names_an_innocent_process_is_cleared_and_the_process_lives(cluster: Cluster) -> None:
    innocent = subprocess.Popen(["sleep", "60"])
    lock = cluster.pgdata / "postmaster.pid"
    lock.write_text(f"{innocent.pid}\n{cluster.pgdata}\n")

    cluster.clear_remains()

    assert not lock.exists()
    assert innocent.poll() is None
    innocent.kill()
    innocent.wait()


def test_the_data_and_its_password_are_closed_to_others(cluster: Cluster) -> None:
    assert cluster.pgdata.stat().st_mode & 0o077 == 0
    assert (cluster.home / "superuser_password").stat().st_mode & 0o077 == 0
    assert "trust" not in _rules(cluster.pgdata / "pg_hba.conf")


def _rules(hba: Path) -> str:
    return "\n".join(line for line in hba.read_text().splitlines() if not line.startswith("#"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can drop privileges")
def test_as_root_the_server_runs_as_somebody_else(cluster: Cluster) -> None:
    server = start_server(cluster)
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    server.send_signal(signal.SIGQUIT)
    server.wait(timeout=60)


def test_initialising_again_changes_nothing(cluster: Cluster) -> None:
    before = (cluster.pgdata / "global/pg_control").read_bytes()
    cluster.initialise()
    assert (cluster.pgdata / "global/pg_control").read_bytes() == before


def test_data_of_another_major_version_is_refused_by_name(cluster: Cluster) -> None:
    other = replace(cluster, programs=Programs(cluster.programs.bin, cluster.programs.major + 1))
    with pytest.raises(CannotStart, match=f"PostgreSQL {cluster.programs.major} 의 데이터"):
        other.initialise()


def test_a_cut_off_initialisation_is_done_again(cluster: Cluster) -> None:
    (cluster.pgdata / "PG_VERSION").unlink()
    cluster.initialise()
    server = start_server(cluster)
    server.send_signal(signal.SIGQUIT)
    server.wait(timeout=60)


def test_the_password_follows_the_setting(cluster: Cluster) -> None:
    server = start_server(cluster)
    for password in ("first", 'it\'s; "second" ✓'):
        ensure_database(cluster.superuser_url, user="u", password=password, database="d")
        with psycopg.connect(cluster.url("u", password, "d")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("u",)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(cluster.url("u", "first", "d"))
    server.send_signal(signal.SIGQUIT)
    server.wait(timeout=60)


def test_the_keeper_ends_with_the_killed_test_run() -> None:
    """The kill of pytest itself must leave neither a server nor its files."""
    watched = subprocess.Popen(["sleep", "60"])
    directory = Path(tempfile.mkdtemp(prefix="bongsu-postgres-", dir="/tmp"))
    keeper = subprocess.Popen([sys.executable, str(KEEPER), str(directory), str(watched.pid)])
    while not (directory / "superuser_url").exists():
        assert keeper.poll() is None
        time.sleep(0.02)
    servers = list(processes_in(directory / "pgdata"))
    assert servers

    watched.kill()
    watched.wait()

    assert keeper.wait(timeout=60) == 0
    assert not directory.exists()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in servers))
