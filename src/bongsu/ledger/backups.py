"""The daily backups that are on record."""

from dataclasses import dataclass
from datetime import datetime

from bongsu.ledger.database import Database
from bongsu.ledger.queries import load

_SQL = load("reading")


@dataclass(frozen=True, slots=True)
class Backup:
    file: str
    made_at: datetime
    size_bytes: int


class BackupLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self) -> Backup | None:
        """Raises LedgerUnavailable."""
        async with self._database.transaction("read") as tx:
            row = await (await tx.execute(_SQL["last_backup"])).fetchone()
        return Backup(**row) if row else None
