"""The schema's way to its newest version. SQLAlchemy lives beneath Alembic, and both in a process that ends.

`python -m bongsu.ledger.migrate` upgrades the database whose address it reads: an environment would show it.
"""

import asyncio
import sys
from pathlib import Path

import psycopg

from bongsu.errors import CannotStart, LedgerUnavailable

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x626F6E67  # one migration at a time: "bong"


def newest_revision() -> str:
    """Revisions are numbered: the last file is the head."""
    return max(path.name.split("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*_*.py"))


async def bring_up_to_date(database_url: str) -> None:
    """Upgrades in a process of its own where that is needed: what it imports weighs 25 MB.

    Raises LedgerUnavailable when the server cannot be reached, CannotStart when the upgrade fails.
    """
    if await _revision(database_url) == newest_revision():
        return
    upgrading = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bongsu.ledger.migrate"),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await upgrading.communicate(database_url.encode())
    if upgrading.returncode != 0:
        last = said.decode(errors="replace").strip().splitlines()[-1:]
        raise CannotStart(f"데이터베이스 스키마를 올리지 못했습니다 (migration failed): {' '.join(last)}")


async def _revision(database_url: str) -> str | None:
    try:
        async with await psycopg.AsyncConnection.connect(database_url, connect_timeout=5) as connection:
            # Asked for first: a question to a table that is not there is an ERROR in the server's log.
            there = await (await connection.execute("SELECT to_regclass('alembic_version')")).fetchone()
            if there is None or there[0] is None:
                return None
            row = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone()
    except psycopg.OperationalError as away:
        raise LedgerUnavailable(str(away)) from away
    return str(row[0]) if row else None


def upgrade(database_url: str) -> None:
    """Brings the database to the newest version; safe to run from several processes at once.

    Raises sqlalchemy.exc.OperationalError when the database cannot be reached.
    """
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(_with_driver(database_url), poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()
    engine.dispose()


def _with_driver(database_url: str) -> str:
    scheme, _, rest = database_url.partition("://")
    if scheme not in ("postgresql", "postgres"):
        raise ValueError(f"DATABASE_URL must start with postgresql://, not {scheme}://")
    return f"postgresql+psycopg://{rest}"


if __name__ == "__main__":
    upgrade(sys.stdin.read().strip())
