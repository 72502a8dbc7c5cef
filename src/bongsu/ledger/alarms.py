"""The alarms that are on record as ringing."""

from bongsu.core.facts import AlertChanged
from bongsu.ledger.database import Database
from bongsu.ledger.queries import load

_SQL = load("alarms")


class AlarmLog:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def ringing(self) -> list[AlertChanged]:
        """Told by Alertmanager: what the bot raises itself bears its name as fingerprint. Raises LedgerUnavailable."""
        async with self._database.transaction("read") as tx:
            rows = await (await tx.execute(_SQL["ringing"])).fetchall()
        return [AlertChanged(firing=True, ends_at=None, **row) for row in rows]
