"""When the alarm that always fires last came, where every process can read it."""

from datetime import datetime

from bongsu.core.sight import MONITORING_BLIND, Sight
from bongsu.ledger.database import Database
from bongsu.ledger.queries import load

_SQL = load("watchdog")


class WatchdogLog:
    """Both raise LedgerUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, proven_at: datetime) -> None:
        async with self._database.transaction("record") as tx:
            await tx.execute(_SQL["note"], {"proven_at": proven_at})

    async def look(self) -> Sight:
        async with self._database.transaction("read") as tx:
            row = await (await tx.execute(_SQL["sight"], {"alarm": MONITORING_BLIND})).fetchone()
        assert row is not None  # the migration makes the row
        return Sight(**row)
