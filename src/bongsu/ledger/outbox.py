"""Messages waiting to be sent: written with their facts, taken out in order, counted in the transaction of the mark."""

from collections.abc import Callable

from psycopg.types.json import Jsonb

from bongsu import metrics
from bongsu.core.facts import ErrorType
from bongsu.core.outgoing import Outgoing, Urgency
from bongsu.ledger import counters
from bongsu.ledger.counters import Increments, key
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.leases import Lease
from bongsu.ledger.queries import load
from bongsu.ledger.second_outbox import hasten, spare
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import sent_again

_SQL = load("outbox")


class Outbox:
    """`lease` is the sender's. Everything raises LedgerUnavailable, all but `sent` LeaseLost."""

    def __init__(self, database: Database, lease: Lease, telling: Telling) -> None:
        self._database = database
        self._lease = lease
        self._telling = telling

    async def listen(self, wake: Callable[[], None]) -> None:
        """For ever: calls `wake` when there may be something to send."""
        await self._database.listen("outbox", wake)

    async def next(self, *, pace: float, patience: float) -> Outgoing | None:
        """The oldest message that was not delivered, its attempt on record."""
        async with self._database.transaction("outbox") as tx:
            await self._lease.check(tx)
            await self._telling.tell_due(tx)
            row = await (await tx.execute(_SQL["oldest"], {"pace": pace})).fetchone()
            if row is None:
                return None
            if row["wait"] == 0:
                await tx.execute(_SQL["begin"], {"id": row["id"], "patience": patience})
            return Outgoing(
                id=row["id"],
                kind=row["kind"],
                text=sent_again(row["text"], row["id"], self._telling.voice)
                if row["maybe_sent"]
                else row["text"],
                picture=row["picture"],
                log_line=row["log_line"],
                repeated=row["maybe_sent"],
                wait=row["wait"],
                urgency=Urgency(row["urgency"]),
            )

    async def sent(self, message: Outgoing, channel_id: str) -> None:
        """Whoever leads by now: what was delivered was delivered."""
        counted = {key(metrics.NOTIFICATION_SENT, kind=message.kind): counters.ONE}
        async with self._database.transaction("outbox") as tx:
            if await self._mark(tx, "sent", counted, {"id": message.id, "channel_id": channel_id}):
                await spare(tx, message.id)

    async def failed(
        self, message: Outgoing, error: str, *, permanent: bool, refused: bool, retry_after: float | None
    ) -> None:
        """Keeps the message. `refused`: it surely did not arrive."""
        reason = "permanent" if permanent else "temporary"
        counted = {key(metrics.NOTIFICATION_FAILED, kind=message.kind, reason=reason): counters.ONE}
        values = {
            "id": message.id,
            "error": error,
            "maybe_sent": message.repeated or not refused,
            "wait": retry_after or 0.0,
        }
        async with self._database.transaction("outbox") as tx:
            await self._lease.check(tx)
            await self._mark(tx, "failed", counted, values)
            if permanent:
                await hasten(tx)

    async def dead(self, message: Outgoing, error: str) -> None:
        """Gives the message up: the channel will not take it as it is, and the others wait behind it."""
        counted = {
            key(metrics.NOTIFICATION_DEAD_LETTER, kind=message.kind): counters.ONE,
            key(metrics.BOT_ERRORS, error_type=ErrorType.TELEGRAM): counters.ONE,
        }
        values = {"id": message.id, "error": error}
        context = Jsonb({"notification": str(message.id), "kind": message.kind})
        async with self._database.transaction("outbox") as tx:
            await self._lease.check(tx)
            if await self._mark(tx, "dead", counted, values):
                await tx.execute(_SQL["dead_event"], values | {"context": context})
                await hasten(tx, message.id)

    async def _mark(self, tx: Tx, statement: str, counted: Increments, values: dict[str, object]) -> bool:
        if await (await tx.execute(_SQL[statement], values)).fetchone() is None:
            return False
        await counters.add(tx, counted)
        return True
