"""Fixtures of all areas: a real PostgreSQL, and a database of one's own, cloned from a migrated template."""

import fcntl
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

from bongsu.core.redaction import KNOWN
from bongsu.ledger.database import Database
from bongsu.ops.stack.postgres import ensure_database
from stand_in import StandIn, running_stand_in

KEEPER = Path(__file__).parent / "postgres_keeper.py"
TEMPLATE = "migrated_template"
ROLE, PASSWORD = "trading_user", "trading_password"


class OneStackAtATime(LoadScopeScheduling):  # type: ignore[misc]  # xdist's is untyped
    """Tests of the native stack go to one worker, in order, and first; every other test goes wherever there is room."""

    def _split_scope(self, nodeid: str) -> str:
        return "stack" if nodeid.startswith("tests/stack/") else nodeid


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneStackAtATime:
    return OneStackAtATime(config, log)


@pytest.fixture(autouse=True)
def _nothing_is_known() -> Iterator[None]:
    """What one test has read as a secret is an ordinary word in the next."""
    yield
    KNOWN.forget()


@dataclass(frozen=True)
class Server:
    """The run's PostgreSQL. `superuser_url` leads to its database `postgres`."""

    superuser_url: str
    run: Path

    def url(self, database: str, user: str = ROLE, password: str = PASSWORD) -> str:
        parts = urlsplit(self.superuser_url)
        host = f"{user}:{password}@{parts.hostname}:{parts.port}"
        return urlunsplit((parts.scheme, host, f"/{database}", "", ""))

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Across the workers of one run."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def run_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that all workers of this run share."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def postgres(run_directory: Path) -> Server:
    """The PostgreSQL server of this run, started by whoever needs it first."""
    note = run_directory / "postgres_directory"
    with one_at_a_time(run_directory / "postgres.lock"):
        if not note.exists():
            note.write_text(_start_keeper(run_directory))
        return Server(Path(note.read_text(), "superuser_url").read_text(), run_directory)


def _start_keeper(run_directory: Path) -> str:
    """Not below the run's directory: pytest keeps that closed to the account the server runs under."""
    directory = tempfile.mkdtemp(prefix="bongsu-postgres-", dir="/tmp")
    pytest_pid = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    with (run_directory / "postgres_keeper.log").open("wb") as log:
        keeper = subprocess.Popen(
            [sys.executable, str(KEEPER), directory, str(pytest_pid)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    while not Path(directory, "superuser_url").exists():
        if keeper.poll() is not None:
            pytest.fail(f"no PostgreSQL:\n{(run_directory / 'postgres_keeper.log').read_text()}")
        time.sleep(0.02)
    return directory


@pytest.fixture(scope="session")
def migrated_template(postgres: Server) -> str:
    """The name of a database with the newest schema and no rows; clone it, never connect to it."""
    done = postgres.run / "migrated"
    with one_at_a_time(postgres.run / "migrated.lock"):
        if not done.exists():
            from bongsu.ledger.migrate import upgrade

            ensure_database(postgres.superuser_url, user=ROLE, password=PASSWORD, database=TEMPLATE)
            upgrade(postgres.url(TEMPLATE))
            done.touch()
    return TEMPLATE


@pytest.fixture
def database_url(postgres: Server, migrated_template: str) -> Iterator[str]:
    """A fresh migrated database, owned by an ordinary role as in production."""
    name = f"test_{uuid.uuid4().hex}"
    postgres.execute(f"CREATE DATABASE {name} TEMPLATE {migrated_template} OWNER {ROLE}")
    yield postgres.url(name)
    postgres.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The same, opened as a process does."""
    opened = Database(database_url, process="test")
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture(scope="module")
def stand_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """One Bot API stand-in for the tests of a file."""
    with running_stand_in(tmp_path_factory.mktemp("stand_in")) as process:
        yield process


@pytest.fixture
def stand_in(stand_in_process: StandIn) -> StandIn:
    """Begun anew for each test."""
    stand_in_process.begin()
    return stand_in_process
