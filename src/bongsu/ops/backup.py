"""The ledger in a file and back: `pg_dump` to a private folder, and from there into a database, all or nothing.

A backup counts only once it was read back; until then it is a draft. Nothing older goes before that.
"""

import asyncio
import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from bongsu.core.tradingday import DAY, KST
from bongsu.errors import CannotStart
from bongsu.ops.language import say
from bongsu.ops.stack.postgres_programs import find_programs

_NAME = "bongsu-{world}-{at:%Y%m%d-%H%M%S}.dump"
_MARGIN = 64 << 20  # bytes that must stay free beside a backup as big as the whole database
_TABLES = """
SELECT c.relname AS name FROM pg_class c
 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
_OTHERS = """
SELECT DISTINCT application_name FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'bongsu%'
"""
# What only a superuser may make is there already, or is made at each start of the server.
_NOT_OURS = re.compile(r"^\d+; \d+ \d+ (EXTENSION|SCHEMA|COMMENT - (EXTENSION|SCHEMA)) ", re.MULTILINE)
_FILLED = re.compile(r"^\d+; \d+ \d+ TABLE DATA public (\S+) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where the ledger is, and where PostgreSQL's programs may be unpacked."""

    url: str
    programs: Path

    def connect(self) -> "psycopg.Connection[tuple[object, ...]]":
        """Raises CannotStart."""
        try:
            return psycopg.connect(
                self.url, autocommit=True, connect_timeout=5, application_name="bongsu-backup"
            )
        except psycopg.OperationalError as away:
            raise CannotStart(say(f"데이터베이스에 닿지 못합니다: {away}", f"no database: {away}")) from away

    async def connected(self, private: Path, program: str, *options: str) -> str:
        """`run`, on the ledger. Its password stands in no command line and no environment, but for that while in a file
        of the folder `private`.
        """
        known = {name: str(value) for name, value in conninfo_to_dict(self.url).items() if value is not None}
        with _passfile(private, known.pop("password", None)) as found:
            return await self.run(program, *options, f"--dbname={make_conninfo(**{**known, **found})}")

    async def run(self, program: str, *options: str) -> str:
        """What it printed. Raises CannotStart with its last words."""
        process = await asyncio.create_subprocess_exec(
            self._program(program),
            *options,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "LC_ALL": "C", "PGCONNECT_TIMEOUT": "5"},
        )
        try:
            printed, said = await process.communicate()
        finally:
            if process.returncode is None:  # we are told to stop
                process.kill()
                await process.wait()
        if process.returncode != 0:
            last = " ".join(said.decode(errors="replace").strip().splitlines()[-3:])
            raise CannotStart(f"{program}: {last}")
        return printed.decode()

    def _program(self, name: str) -> str:
        found = find_programs(self.programs).bin / name
        if not found.is_file():
            raise CannotStart(
                say(
                    f"{found} 가 없습니다. postgresql-client 를 설치하세요.",
                    f"{found} is missing: postgresql-client",
                )
            )
        return str(found)


async def back_up(ledger: Ledger, folder: Path, keep_days: int) -> Path:
    """The new file, mode 0600; those of the same world that are older than `keep_days` are gone. Raises CannotStart."""
    async with _alone(folder):
        world = await asyncio.to_thread(_ready_to_copy, ledger, folder)
        now = datetime.now(KST)
        place = folder / _NAME.format(world=world, at=now)
        draft = place.with_name(f".{place.name}.part")
        try:
            os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
            await ledger.connected(
                folder, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={draft}"
            )
            await _require_readable(ledger, draft)
            _sync(draft)
            draft.replace(place)
        except OSError as refused:
            raise CannotStart(f"{refused.filename or place}: {refused.strerror}") from refused
        finally:
            draft.unlink(missing_ok=True)
        _prune(folder, world, keep_days, place)
        return place


async def restore(ledger: Ledger, file: Path, folder: Path, *, replace: bool) -> Path | None:
    """All or nothing. The copy of what was replaced, where anything was.

    Raises CannotStart: for a file that is no backup, a ledger that is not empty, or a bot that still runs on it.
    """
    listing = await _require_readable(ledger, file)
    with ledger.connect() as connection:
        tables = [str(row[0]) for row in connection.execute(_TABLES)]
        running = [str(row[0]) for row in connection.execute(_OTHERS)]
    if running:
        names = ", ".join(running)
        raise CannotStart(
            say(
                f"아직 원장을 쓰는 것이 있습니다({names}). 먼저: bongsu stop scheduler && bongsu stop backend",
                f"The ledger is in use ({names}). First: bongsu stop scheduler && bongsu stop backend",
            )
        )
    if tables and not replace:
        raise CannotStart(
            say(
                "이 데이터베이스에는 이미 원장이 있습니다. 바꾸려면 --replace 를 붙이세요. 지금 것은 먼저 백업합니다.",
                "There is a ledger in this database. To replace it add --replace; it is backed up first.",
            )
        )
    copy = await back_up(ledger, folder, 0) if tables else None
    async with _alone(folder):
        await _read_in(ledger, file, listing, tables, folder)
    return copy


def _ready_to_copy(ledger: Ledger, folder: Path) -> str:
    """The ledger's world. Raises CannotStart without a ledger, or without room for its copy."""
    with ledger.connect() as connection:
        there = connection.execute("SELECT to_regclass('world') IS NOT NULL").fetchone()
        if there != (True,):
            raise CannotStart(say("원장이 없는 데이터베이스입니다.", "There is no ledger in this database."))
        world = connection.execute("SELECT id FROM world").fetchone()
        size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    needed, free = int(str(size[0] if size else 0)) + _MARGIN, shutil.disk_usage(folder).free
    if free < needed:
        raise CannotStart(
            say(
                f"{folder}: 빈 공간이 {free >> 20} MB 뿐입니다. {needed >> 20} MB 가 있어야 백업합니다.",
                f"{folder}: {free >> 20} MB are free, a backup needs {needed >> 20} MB.",
            )
        )
    return re.sub(r"[^A-Za-z0-9_]+", "_", str(world[0])) if world else "empty"


async def _require_readable(ledger: Ledger, file: Path) -> str:
    """Its table of contents, once all of it was read. Raises CannotStart for what is no whole backup of a ledger."""
    if not file.is_file():
        raise CannotStart(say(f"{file}: 그런 파일이 없습니다.", f"{file}: no such file."))
    listing = await ledger.run("pg_restore", "--list", str(file))
    await ledger.run("pg_restore", "--file=/dev/null", str(file))  # every byte of it
    if not {"orders", "fills", "alembic_version"} <= set(_FILLED.findall(listing)):
        raise CannotStart(say(f"{file}: 원장의 백업이 아닙니다.", f"{file}: no backup of a ledger."))
    return listing


async def _read_in(ledger: Ledger, file: Path, listing: str, tables: list[str], folder: Path) -> None:
    """What is there goes and what was comes in one transaction: when that fails, nothing has changed."""
    chosen, going, coming = (folder / f".bongsu-restore.{part}" for part in ("list", "drop", "sql"))
    try:
        for private in (chosen, going, coming):
            os.close(os.open(private, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        chosen.write_text("\n".join(line for line in listing.splitlines() if not _NOT_OURS.match(line)))
        going.write_text(_dropping(tables))
        options = ("--no-owner", "--no-privileges", f"--use-list={chosen}", f"--file={coming}")
        await ledger.run("pg_restore", *options, str(file))
        strict = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
        await ledger.connected(folder, "psql", *strict, f"--file={going}", f"--file={coming}")
    except OSError as refused:
        raise CannotStart(f"{refused.filename or folder}: {refused.strerror}") from refused
    finally:
        for private in (chosen, going, coming):
            private.unlink(missing_ok=True)


@contextlib.contextmanager
def _passfile(folder: Path, password: str | None) -> Iterator[dict[str, str]]:
    """What leads libpq to it. Good for any server: it is told one only."""
    if password is None:
        yield {}
        return
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    descriptor, name = tempfile.mkstemp(prefix=".bongsu-", suffix=".pass", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(f"*:*:*:*:{escaped}\n")
        yield {"passfile": name}
    finally:
        Path(name).unlink(missing_ok=True)


def _dropping(tables: list[str]) -> str:
    names = sql.SQL(", ").join(sql.Identifier("public", name) for name in tables)
    statement = sql.SQL("DROP TABLE {} CASCADE;").format(names).as_string() if tables else ""
    return f"SET LOCAL lock_timeout = '5s';\n{statement}\n"


def _prune(folder: Path, world: str, keep_days: int, newest_one: Path) -> None:
    """0 days: none is removed."""
    for file in folder.glob(f"bongsu-{world}-[0-9]*-[0-9]*.dump"):
        old = file.stat().st_mtime < time.time() - keep_days * DAY.total_seconds()
        if keep_days and old and file != newest_one:
            file.unlink(missing_ok=True)


def _sync(file: Path) -> None:
    opened = os.open(file, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


@contextlib.asynccontextmanager
async def _alone(folder: Path) -> AsyncIterator[None]:
    """One at a time in the folder, which is private. Raises CannotStart."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as refused:
        raise CannotStart(f"{folder}: {refused.strerror}") from refused
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for left in _drafts(folder):
            left.unlink(missing_ok=True)
        yield
    except BlockingIOError:
        raise CannotStart(say("다른 백업이 진행 중입니다.", "Another backup is under way.")) from None
    finally:
        os.close(opened)


def _drafts(folder: Path) -> Iterator[Path]:
    """What a killed one has left."""
    for part in ("part", "list", "drop", "sql", "pass"):
        yield from folder.glob(f".bongsu-*.{part}")
