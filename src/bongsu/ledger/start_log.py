"""What the ledger knows of the start that it has just seen."""

from bongsu.core.start_check import LedgerSeen
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.queries import load

_SQL = load("start")


class StartLog:
    def __init__(self, database: Database, lease: Lease) -> None:
        self._database = database
        self._lease = lease

    async def look(self) -> LedgerSeen:
        """Raises LedgerUnavailable."""
        async with self._database.transaction("read") as tx:
            row = await (await tx.execute(_SQL["seen"], {"epoch": self._lease.epoch})).fetchone()
        assert row is not None  # an aggregate always has one
        return LedgerSeen(**row)
