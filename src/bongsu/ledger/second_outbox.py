"""The outbox of a second channel: its own order, attempts and end, beside those on Telegram."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from bongsu import metrics
from bongsu.core.channels import Channel
from bongsu.core.outgoing import Outgoing, Urgency
from bongsu.ledger import counters, texts
from bongsu.ledger.counters import Increments, key
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.leases import Lease
from bongsu.ledger.messages import Message
from bongsu.ledger.queries import load
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import sent_again

_SQL = load("deliveries")
_TOLD_EVERY = timedelta(hours=6)


class SecondOutbox:
    """`lease` is that of the channel's sender. Everything raises LedgerUnavailable, all but `sent` LeaseLost."""

    def __init__(self, database: Database, lease: Lease, telling: Telling, channel: Channel) -> None:
        self._database = database
        self._lease = lease
        self._telling = replace(telling, routes=())  # what is wrong with a channel is no news for it
        self._channel = channel

    async def listen(self, wake: Callable[[], None]) -> None:
        """For ever: calls `wake` when there may be something to send."""
        await self._database.listen("outbox", wake)

    async def next(self, *, pace: float, patience: float) -> Outgoing | None:
        """The oldest message that is due here and was not delivered, its attempt on record."""
        async with self._database.transaction("outbox") as tx:
            await self._lease.check(tx)
            asked = {"channel": self._channel, "pace": pace}
            row = await (await tx.execute(_SQL["oldest"], asked)).fetchone()
            if row is None:
                return None
            begun = {"id": row["id"], "channel": self._channel, "patience": patience}
            if row["wait"] == 0 and await (await tx.execute(_SQL["begin"], begun)).fetchone() is None:
                return None  # Telegram was faster
            again = sent_again(row["text"], row["id"], self._telling.voice)
            return Outgoing(
                id=row["id"],
                kind=row["kind"],
                text=again if row["maybe_sent"] else row["text"],
                picture=row["picture"],
                log_line=None,
                repeated=row["maybe_sent"],
                wait=row["wait"],
                urgency=Urgency(row["urgency"]),
            )

    async def sent(self, message: Outgoing, channel_id: str) -> None:
        """Whoever leads by now: what was delivered was delivered."""
        async with self._database.transaction("outbox") as tx:
            counted = {key(metrics.SECOND_CHANNEL_SENT, channel=self._channel): counters.ONE}
            await self._mark(tx, "sent", message, counted, channel_id=channel_id)

    async def failed(
        self, message: Outgoing, error: str, *, permanent: bool, refused: bool, retry_after: float | None
    ) -> None:
        """Keeps the message. `refused`: it surely did not arrive."""
        reason = "permanent" if permanent else "temporary"
        labels = {"channel": self._channel, "reason": reason}
        counted = {key(metrics.SECOND_CHANNEL_FAILED, **labels): counters.ONE}
        values = {
            "error": error,
            "maybe_sent": message.repeated or not refused,
            "wait": retry_after or 0.0,
        }
        async with self._database.transaction("outbox") as tx:
            await self._lease.check(tx)
            if await self._mark(tx, "failed", message, counted, **values) and permanent:
                await self._tell_of(tx, error)

    async def dead(self, message: Outgoing, error: str) -> None:
        """Gives the message up here: the channel will not take it as it is."""
        counted = {key(metrics.SECOND_CHANNEL_DEAD_LETTER, channel=self._channel): counters.ONE}
        event = {
            "channel": self._channel,
            "error": error,
            "context": Jsonb({"notification": str(message.id), "kind": message.kind}),
        }
        async with self._database.transaction("outbox") as tx:
            await self._lease.check(tx)
            if await self._mark(tx, "dead", message, counted, error=error):
                await tx.execute(_SQL["dead_event"], event)

    async def _tell_of(self, tx: Tx, error: str) -> None:
        """By Telegram: a second channel that is broken would else be noticed when it is needed."""
        now = datetime.now(UTC)
        told = Message(
            "error",
            texts.second_channel_broken(self._channel, error, self._telling.voice, now),
            f"second:{self._channel}",
            urgency=Urgency.WARNING,
            window=_TOLD_EVERY,
        )
        await self._telling.enqueue(tx, told, now)

    async def _mark(
        self, tx: Tx, statement: str, message: Outgoing, counted: Increments, **values: object
    ) -> bool:
        where = {"id": message.id, "channel": self._channel}
        if await (await tx.execute(_SQL[statement], where | values)).fetchone() is None:
            return False
        await counters.add(tx, counted)
        return True


async def spare(tx: Tx, notification: int) -> None:
    """Telegram delivered it: who waited for Telegram need not send it."""
    await tx.execute(_SQL["spare"], {"id": notification})


async def hasten(tx: Tx, notification: int | None = None) -> None:
    """Telegram takes this message, or any, no more."""
    await tx.execute(_SQL["hasten"], {"id": notification})


async def close_channels(database: Database, open_ones: Iterable[Channel]) -> None:
    """Raises LedgerUnavailable."""
    async with database.transaction("outbox") as tx:
        await tx.execute(_SQL["close"], {"open": [str(channel) for channel in open_ones]})
