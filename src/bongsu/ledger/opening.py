"""A process's own ledger, from its settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bongsu.errors import CannotStart
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.settings import Settings, Wiring


def open_ledger(
    settings: Settings,
    database: Database,
    lease: Lease | None = None,
    pulse: Path | None = None,
    runbooks: str | None = None,
) -> Ledger:
    """`runbooks`: where the pages are, for who tells of alarms."""
    return Ledger(
        database,
        voice=Voice(settings.bongsu_lang, settings.bongsu_mode, runbooks),
        day_start=settings.trading_day_start,
        limits=settings.risk_limits,
        lease=lease,
        quiet=settings.quiet_hours,
        routes=settings.routes,
        on_heartbeat=pulse.touch if pulse else lambda: None,
    )


def database_url(settings: Settings, wiring: Wiring) -> str:
    """Raises CannotStart."""
    url = wiring.find_database(settings)
    if url is None:
        raise CannotStart(
            "DATABASE_URL이 없습니다. `bongsu up`으로 시작하거나 .env에 적어 주세요 (no database: start with `bongsu up`)"
        )
    return url


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """For one errand of the command line. Raises CannotStart."""
    database = Database(database_url(settings, Wiring()), process="cli")
    await database.open()
    try:
        yield database
    finally:
        await database.close()
