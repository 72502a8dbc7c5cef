"""Who leads. The epoch rises at each take-over; whoever writes under an old one is refused.

Only the database's clock counts: a paused process cannot argue with it.
"""

from bongsu.errors import LeaseLost
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.queries import load

_SQL = load("leases")


class Lease:
    """One process's claim to the lease `name`, silent for `seconds` at most before another may take it."""

    def __init__(self, database: Database, name: str, holder: str, seconds: float) -> None:
        self._database = database
        self._name = name
        self._holder = holder
        self._seconds = seconds
        self._epoch: int | None = None

    @property
    def epoch(self) -> int | None:
        """None while another leads."""
        return self._epoch

    async def take(self, *, by_force: bool = False) -> bool:
        """Leads from now on, if nobody does. `by_force` does not ask. Raises LedgerUnavailable."""
        async with self._database.transaction("lease") as tx:
            # Renewal and epoch are locked in the same order by everybody who takes.
            wanted = {"name": self._name, "seconds": self._seconds, "force": by_force}
            free = await (await tx.execute(_SQL["free"], wanted)).fetchone()
            if free is None or not free["free"]:
                return False
            row = await (
                await tx.execute(_SQL["take"], {"name": self._name, "holder": self._holder})
            ).fetchone()
            await tx.execute(_SQL["renew"], {"name": self._name})
        assert row is not None  # the migration makes the row
        self._epoch = row["epoch"]
        return True

    async def renew(self) -> None:
        """Raises LeaseLost when another has taken over, LedgerUnavailable when nobody can tell."""
        async with self._database.transaction("lease") as tx:
            row = await (await tx.execute(_SQL["epoch"], {"name": self._name})).fetchone()
            if row is not None and row["epoch"] == self._epoch:
                await tx.execute(_SQL["renew"], {"name": self._name})
                return
        raise self._lost()

    async def release(self) -> None:
        """So that the next one need not wait."""
        if self._epoch is None:
            return
        epoch, self._epoch = self._epoch, None
        async with self._database.transaction("lease") as tx:
            await tx.execute(_SQL["release"], {"name": self._name, "epoch": epoch})

    async def check(self, tx: Tx) -> int:
        """Holds the epoch still until `tx` ends. Raises LeaseLost."""
        row = await (await tx.execute(_SQL["hold"], {"name": self._name})).fetchone()
        if self._epoch is None or row is None or row["epoch"] != self._epoch:
            raise self._lost()
        return self._epoch

    def _lost(self) -> LeaseLost:
        epoch, self._epoch = self._epoch, None
        return LeaseLost(f"{self._name}: epoch {epoch} is over, another process leads")
