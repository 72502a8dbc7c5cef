"""postgres-exporter: what it asks, and how it finds its server.

Its versions differ in the options they know, its driver knows less of a DSN than libpq, and a server may not count
statements: all three are found out before each start.
"""

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import yaml

from bongsu.ops.stack.places import CHECKOUT, write_private
from bongsu.ops.stack.postgres import EXPORTER

if TYPE_CHECKING:
    import psycopg

QUERIES = CHECKOUT / "monitoring/postgres_queries.yml"
KEPT_COLLECTORS = frozenset({"database", "stat_database", "locks"})
_OFFERED_COLLECTOR = re.compile(r"--(?:\[no-\])?collector\.(\w+)(?=\s)")
_ON_STATEMENTS = ("pg_statements", "pg_stat_statements")
_CONNECT_SECONDS = 5
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TLS_FILES = ("sslcert", "sslkey", "sslrootcert")


@dataclass(frozen=True, slots=True)
class Server:
    """What a look at the server showed."""

    encrypts: bool
    counts_statements: bool


def own_source(port: int, database: str, password_file: Path) -> Mapping[str, str]:
    """The environment for a server of ours: nothing on a command line, where everybody could read it."""
    options = urlencode({"sslmode": "disable", "connect_timeout": _CONNECT_SECONDS})
    return {
        "DATA_SOURCE_NAME": "",  # one of the owner's shell would win
        "DATA_SOURCE_URI": f"127.0.0.1:{port}/{quote(database)}?{options}",
        "DATA_SOURCE_USER": EXPORTER,
        "DATA_SOURCE_PASS_FILE": str(password_file),
    }


def foreign_source(url: str, server: Server | None) -> Mapping[str, str]:
    """The environment for a server of the owner's, `None` while it does not answer.

    The exporter's driver wants to be told whether to encrypt, and reads one host only. The exporter separates sources
    by commas, and writes one with a space in its password to its log: the password goes another way.
    """
    from psycopg.conninfo import conninfo_to_dict

    given: dict[str, Any] = {"host": "127.0.0.1", **conninfo_to_dict(url)}
    host = str(given["host"]).split(",")[0]
    options = {name: str(given[name]) for name in _TLS_FILES if name in given}
    address = f"[{host}]" if ":" in host else host
    if host.startswith("/"):  # a directory of sockets
        options["host"], address = host, ""
    elif "port" in given:
        address += f":{str(given['port']).split(',')[0]}"
    options |= {"sslmode": _ssl_mode(given, host, server), "connect_timeout": str(_CONNECT_SECONDS)}
    who, name = (quote(str(given.get(part, "")), safe="") for part in ("user", "dbname"))
    source = {"DATA_SOURCE_NAME": f"postgresql://{who}@{address}/{name}?{urlencode(options)}"}
    return source | ({"PGPASSWORD": str(given["password"])} if "password" in given else {})


def _ssl_mode(given: Mapping[str, Any], host: str, server: Server | None) -> str:
    wanted = str(given.get("sslmode", "prefer"))
    if wanted not in ("prefer", "allow"):
        return wanted
    if server is not None:
        return "require" if server.encrypts else "disable"
    return "disable" if host in _LOOPBACK or host.startswith("/") else "require"


async def look_at(url: str) -> Server | None:
    """None when it does not let us in."""
    import psycopg

    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_SECONDS)
        async with connection:
            return Server(bool(connection.pgconn.ssl_in_use), await _counts_statements(connection))
    except psycopg.OperationalError:
        return None


async def _counts_statements(connection: "psycopg.AsyncConnection[tuple[Any, ...]]") -> bool:
    import psycopg

    try:
        await connection.execute("SELECT 1 FROM pg_stat_statements(false) LIMIT 1")
    except psycopg.DatabaseError:  # not installed here, not preloaded, or not for us
        return False
    return True


def write_queries(server: Server | None, place: Path) -> None:
    """A copy of the queries, without those that this server could only refuse, scrape after scrape."""
    queries: dict[str, Any] = yaml.safe_load(QUERIES.read_text(encoding="utf-8"))
    if server is not None and not server.counts_statements:
        for name in _ON_STATEMENTS:
            del queries[name]
    write_private(place, yaml.safe_dump(queries, sort_keys=False, allow_unicode=True))


def options_for(program: Path, queries: Path, port: int) -> tuple[str, ...]:
    """Asks the program which collectors it has, and switches off those that nobody reads."""
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=False, timeout=10)
    offered = set(_OFFERED_COLLECTOR.findall(told.stdout + told.stderr))
    return (
        f"--web.listen-address=127.0.0.1:{port}",
        f"--extend.query-path={queries}",
        "--disable-settings-metrics",
        "--log.level=warn",
        *(f"--no-collector.{name}" for name in sorted(offered - KEPT_COLLECTORS)),
    )
