"""Until when the exchange wants to hear nothing of us; who was told so may be gone by now."""

from datetime import datetime

from psycopg.types.json import Jsonb

from bongsu.ledger.database import Database
from bongsu.ledger.queries import load

_SQL = load("facts")
_EVENT = {"kind": "exchange_banned", "severity": "warning", "source": "exchange"}


class BanLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def silent_until(self) -> datetime | None:
        """Of the last ban on record, whether or not it has ended. Raises LedgerUnavailable."""
        async with self._database.transaction("read") as tx:
            row = await (await tx.execute(_SQL["ban"])).fetchone()
            return None if row is None else row["until"]

    async def write(self, until: datetime) -> None:
        """An event, of which an alarm tells. Raises LedgerUnavailable."""
        told = {"message": f"silent until {until}", "context": Jsonb({"until": until.isoformat()})}
        async with self._database.transaction("record") as tx:
            await tx.execute(_SQL["event"], _EVENT | told)
