"""How a message gets into the outbox: at once, or held for a while and then told together with its like."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from bongsu.core.channels import QuietHours, Route
from bongsu.core.outgoing import Urgency
from bongsu.ledger import gathered
from bongsu.ledger.database import Tx
from bongsu.ledger.gathered import Held
from bongsu.ledger.messages import Message
from bongsu.ledger.queries import load
from bongsu.ledger.voice import Voice

_SQL = load("telling")
_RISING = tuple(Urgency)


@dataclass(frozen=True, slots=True)
class Telling:
    """Each message is delivered itself, or told in one digest or one group: exactly one of them."""

    voice: Voice
    quiet: QuietHours | None = None
    routes: Sequence[Route] = ()

    async def enqueue(self, tx: Tx, message: Message, now: datetime) -> None:
        """In the transaction of what it tells."""
        if message.topic is not None:
            topics = {"topic": message.topic, "before_it": message.before_it}
            await self._tell(tx, await _held(tx, "held_before", topics))
        until, reason = await self._hold(tx, message, now)
        await self._insert(tx, message, until, reason)

    async def tell_due(self, tx: Tx) -> None:
        """What was held long enough."""
        await self._tell(tx, await _held(tx, "held_and_due", {}))

    async def _hold(self, tx: Tx, message: Message, now: datetime) -> tuple[datetime | None, str | None]:
        """Until when and why: a storm's end that falls into quiet hours is their end."""
        until = await _storm_end(tx, message)
        may_rest = self.quiet is not None and message.urgency is not Urgency.CRITICAL
        morning = self.quiet.end_after(until or now) if self.quiet and may_rest else None
        if morning is not None:
            return morning, "quiet"
        return until, "storm" if until else None

    async def _tell(self, tx: Tx, held: Sequence[Held]) -> None:
        for group in _groups(held):
            if len(group) == 1:
                await tx.execute(_SQL["release"], {"id": group[0].id})
                await self._route(tx, group[0].id, group[0])
                await tx.execute(_SQL["wake_sender"])
            else:
                together = await self._insert(tx, self._together(group), None, None)
                await tx.execute(_SQL["merge"], {"told_in": together, "ids": [one.id for one in group]})

    def _together(self, group: Sequence[Held]) -> Message:
        storm = group[0].held_for == "storm"
        lines = [one.log_line for one in group if one.log_line]
        return Message(
            kind=group[0].kind if storm else "status",
            text=gathered.storm(group, self.voice) if storm else gathered.digest(group, self.voice),
            topic=group[0].topic if storm else None,
            log_line=lines[-1] if lines else None,
            urgency=max((one.urgency for one in group), key=_RISING.index),
            of_the_channel=any(one.of_the_channel for one in group),
        )

    async def _insert(self, tx: Tx, message: Message, until: datetime | None, reason: str | None) -> int:
        values = {
            "kind": message.kind,
            "text": message.text,
            "topic": message.topic,
            "log_line": message.log_line,
            "picture": message.picture,
            "urgency": message.urgency,
            "of_the_channel": message.of_the_channel,
            "hold_until": until,
            "held_for": reason,
        }
        row = await (await tx.execute(_SQL["enqueue"], values)).fetchone()
        assert row is not None  # an insert returns its row
        if until is None:
            await self._route(tx, row["id"], message)
            await tx.execute(_SQL["wake_sender"])
        return int(row["id"])

    async def _route(self, tx: Tx, number: int, message: Message | Held) -> None:
        for route in self.routes:
            delay = route.delay(message)
            if delay is not None:
                values = {"id": number, "channel": route.channel, "delay": delay}
                await tx.execute(_SQL["route"], values)


def _groups(held: Iterable[Held]) -> list[list[Held]]:
    """A report is never told in another message: its figures and its picture are its own."""

    def together(one: Held) -> tuple[str, str]:
        if one.kind == "report":
            return "itself", str(one.id)
        return one.held_for, (one.topic or "") if one.held_for == "storm" else ""

    gathered_by = groupby(sorted(held, key=together), key=together)
    return sorted((list(group) for _, group in gathered_by), key=lambda group: group[0].id)


async def _storm_end(tx: Tx, message: Message) -> datetime | None:
    if message.topic is None:
        return None
    asked = {"topic": message.topic, "window": message.window}
    row = await (await tx.execute(_SQL["told_lately"], asked)).fetchone()
    return row["until"] if row else None


async def _held(tx: Tx, statement: str, values: dict[str, Any]) -> list[Held]:
    rows = await (await tx.execute(_SQL[statement], values)).fetchall()
    return [Held(**row | {"urgency": Urgency(row["urgency"])}) for row in rows]
