"""A PostgreSQL of our own: make its data directory, say how to run it, make its role and database.

It runs as a plain child, under an unprivileged account when we are root (it refuses root), and listens on
loopback TCP with a password and nowhere else.
"""

import os
import secrets
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString
from urllib.parse import quote

from bongsu.errors import CannotStart
from bongsu.ops.stack.children import Identity, identity_of, processes_in, unprivileged_identity
from bongsu.ops.stack.postgres_programs import Programs

if TYPE_CHECKING:
    import psycopg

SUPERUSER = "postgres"
EXPORTER = "bongsu_exporter"  # monitoring/postgres_queries.yml leaves its statements out of the figures
READER = "bongsu_reader"  # Grafana's
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "48MB",
    "huge_pages": "off",
    "jit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "256MB",
    "min_wal_size": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "lc_messages": "C",
    "password_encryption": "scram-sha-256",
}
_RESERVES_SINCE = 16
_STATEMENT_STATISTICS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "1000",
    "pg_stat_statements.track_utility": "off",  # it would keep the text of ALTER ROLE … PASSWORD
}


# The container network decides who reaches a server in a container, and the image where its socket is.
CONTAINER_SETTINGS = {
    name: value
    for name, value in (_SETTINGS | _STATEMENT_STATISTICS).items()
    if name not in ("listen_addresses", "unix_socket_directories")
}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data directory, served on one port."""

    programs: Programs
    home: Path
    port: int
    durable: bool = True  # False only in tests: a power cut may lose everything

    @property
    def pgdata(self) -> Path:
        return self.home / "pgdata"

    @property
    def identity(self) -> Identity | None:
        return identity_of(self.pgdata) if self.pgdata.is_dir() else unprivileged_identity()

    @property
    def superuser_url(self) -> str:
        return self.url(SUPERUSER, self._password_file.read_text().strip(), "postgres")

    def url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{quote(user)}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    @property
    def _password_file(self) -> Path:
        return self.home / "superuser_password"

    def command(self) -> list[str]:
        settings = {**_SETTINGS, "port": str(self.port)}
        if not self.durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        if self.programs.major >= _RESERVES_SINCE:
            settings["reserved_connections"] = "3"
        if self.programs.has_statement_statistics:
            settings |= _STATEMENT_STATISTICS
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.programs.bin / "postgres"), "-D", str(self.pgdata), *options]

    def initialise(self) -> None:
        """Makes the data directory unless it is there. Raises CannotStart on one of another major version."""
        if (self.pgdata / "PG_VERSION").is_file():
            self._refuse_other_version()
            return
        if self.pgdata.exists():  # an initdb that was cut off
            shutil.rmtree(self.pgdata)
        self._make_home()
        self._run_initdb()

    def _refuse_other_version(self) -> None:
        recorded = (self.pgdata / "PG_VERSION").read_text().strip()
        if recorded != str(self.programs.major):
            raise CannotStart(
                f"{self.pgdata} 는 PostgreSQL {recorded} 의 데이터인데 "
                f"지금 서버는 {self.programs.major} 입니다. "
                f"PostgreSQL {recorded} 을 설치하거나 pg_dump 로 옮겨 주세요."
            )

    def _make_home(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self._password_file.touch(mode=0o600)
        self._password_file.write_text(secrets.token_urlsafe(24))
        if identity := unprivileged_identity():
            self.pgdata.mkdir(mode=0o700)
            os.chown(self.pgdata, identity.uid, identity.gid)
            os.chown(self._password_file, identity.uid, identity.gid)

    def _run_initdb(self) -> None:
        fast = [] if self.durable else ["--no-sync"]
        command = [
            str(self.programs.bin / "initdb"),
            f"--pgdata={self.pgdata}",
            f"--username={SUPERUSER}",
            "--auth=scram-sha-256",
            f"--pwfile={self._password_file}",
            "--encoding=UTF8",
            "--no-locale",
            *fast,
        ]
        done = run_as(self.identity, command, cwd=self.home)
        if done.returncode != 0:
            raise CannotStart(
                f"PostgreSQL 데이터 폴더를 만들지 못했습니다 ({self.pgdata}):\n{done.stderr.strip()}"
            )

    def clear_remains(self, patience: float = 5.0) -> None:
        """Ends what a killed predecessor left on this data directory, then removes its lock file.

        The lock may only go once no process has the directory open; two servers on it would destroy it.
        """
        lock = self.pgdata / "postmaster.pid"
        if not lock.exists():
            return
        deadline = time.monotonic() + patience
        while left := list(processes_in(self.pgdata)):
            late = time.monotonic() > deadline
            for pid in left:
                _signal(pid, signal.SIGKILL if late else signal.SIGCONT)
                _signal(pid, signal.SIGQUIT)
            time.sleep(0.05)
        if Path("/proc/self").exists():  # else we could not look, and the server's own check must decide
            lock.unlink(missing_ok=True)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def run_as(
    identity: Identity | None, command: list[str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs `command` to its end, as `identity` when that is given, with a plain C locale."""
    environment = {**os.environ, "LC_ALL": "C", "LANG": "C"}
    if identity is None:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=environment)
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=environment,
        user=identity.uid,
        group=identity.gid,
        extra_groups=[],
    )


def is_ready(superuser_url: str) -> bool:
    """Whether the server lets us in; False while it starts, recovers or is away."""
    import psycopg

    try:
        with psycopg.connect(superuser_url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def ensure_database(superuser_url: str, *, user: str, password: str, database: str) -> None:
    """Makes role and database where they are missing; the password becomes `password` in any case."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(superuser_url, autocommit=True) as connection:
        _ensure_role(connection, user, password)
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if not known:
            create = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0")
            connection.execute(create.format(sql.Identifier(database), sql.Identifier(user)))


def ensure_exporter(superuser_url: str, *, password: str, database: str) -> None:
    """Makes the role that may read the server's statistics and nothing of the ledger, and has statements counted."""
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

    with psycopg.connect(make_conninfo(superuser_url, dbname=database), autocommit=True) as connection:
        _ensure_role(connection, EXPORTER, password)
        names = {"role": sql.Identifier(EXPORTER), "database": sql.Identifier(database)}
        for statement in _EXPORTER_RIGHTS:
            connection.execute(sql.SQL(statement).format(**names))
        if connection.info.server_version >= _RESERVES_SINCE * 10_000:
            connection.execute(sql.SQL("GRANT pg_use_reserved_connections TO {role}").format(**names))
        available = "SELECT 1 FROM pg_available_extensions WHERE name = 'pg_stat_statements'"
        if connection.execute(available).fetchone():
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")


# A limit on its connections and their patience: whoever watches must not be the one who fills the server.
_EXPORTER_RIGHTS: tuple[LiteralString, ...] = (
    "GRANT pg_monitor TO {role}",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "ALTER ROLE {role} CONNECTION LIMIT 5",
    "ALTER ROLE {role} SET statement_timeout = '5s'",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
)


def ensure_reader(superuser_url: str, *, password: str, database: str, owner: str) -> None:
    """Makes the role that may read every table of the ledger, those of later versions too, and change nothing."""
    import psycopg
    from psycopg import sql
    from psycopg.conninfo import make_conninfo

    with psycopg.connect(make_conninfo(superuser_url, dbname=database), autocommit=True) as connection:
        _ensure_role(connection, READER, password)
        names = {"role": READER, "database": database, "owner": owner}
        for statement in _READER_RIGHTS:
            connection.execute(
                sql.SQL(statement).format(**{key: sql.Identifier(name) for key, name in names.items()})
            )


_READER_RIGHTS: tuple[LiteralString, ...] = (
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
    "ALTER ROLE {role} CONNECTION LIMIT 5",
    "ALTER ROLE {role} SET statement_timeout = '10s'",
    "ALTER ROLE {role} SET default_transaction_read_only = on",
)


def _ensure_role(connection: "psycopg.Connection[tuple[Any, ...]]", user: str, password: str) -> None:
    from psycopg import sql

    scrambled = connection.pgconn.encrypt_password(
        password.encode(), user.encode(), b"scram-sha-256"
    ).decode()  # so that the server's log never sees the plain one
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (user,)).fetchone()
    verb = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}")
    connection.execute(verb.format(sql.Identifier(user), sql.Literal(scrambled)))
