"""A PostgreSQL for a campaign, and a fresh ledger in it for each of its histories."""

import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from bongsu.ledger.migrate import upgrade
from bongsu.ops.stack.postgres import ensure_database

KEEPER = Path(__file__).parents[1] / "postgres_keeper.py"
ROLE, PASSWORD, TEMPLATE = "trading_user", "trading_password", "campaign_template"


@dataclass(frozen=True)
class Databases:
    superuser_url: str

    @contextmanager
    def fresh(self) -> Iterator[str]:
        name = f"history_{uuid.uuid4().hex}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {ROLE}")
        try:
            yield self.url(name)
        finally:
            self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, database: str) -> str:
        parts = urlsplit(self.superuser_url)
        at = f"{ROLE}:{PASSWORD}@{parts.hostname}:{parts.port}"
        return urlunsplit((parts.scheme, at, f"/{database}", "", ""))

    def _execute(self, statement: str) -> None:
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def running_databases() -> Iterator[Databases]:
    """Until the block ends, or this process in whatever way."""
    directory = tempfile.mkdtemp(prefix="bongsu-campaign-", dir="/tmp")
    keeper = subprocess.Popen(
        [sys.executable, str(KEEPER), directory, str(os.getpid())],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        told = Path(directory, "superuser_url")
        while not told.exists():
            if keeper.poll() is not None:
                raise RuntimeError("no PostgreSQL")
            time.sleep(0.05)
        databases = Databases(told.read_text())
        ensure_database(databases.superuser_url, user=ROLE, password=PASSWORD, database=TEMPLATE)
        upgrade(databases.url(TEMPLATE))
        yield databases
    finally:
        _end(keeper, Path(directory))


def _end(keeper: "subprocess.Popen[bytes]", directory: Path) -> None:
    """The keeper's server dies with it; its directory is ours to remove then."""
    import shutil

    keeper.terminate()
    keeper.wait(60)
    shutil.rmtree(directory, ignore_errors=True)
