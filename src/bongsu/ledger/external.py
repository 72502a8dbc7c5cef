"""Money and coins that moved without an order of ours."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from psycopg.types.json import Jsonb

from bongsu.core.facts import ExternalAcknowledged, ExternalAdopted
from bongsu.core.money import ZERO
from bongsu.core.portfolio import without
from bongsu.ledger import orders
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = load("external")
_FROM_THE_BOT = "taken"  # the note of coins that leave a position before they leave the account


async def adopt(tx: Tx, fact: ExternalAdopted) -> None:
    """What goes out of a position becomes its owner's first; then it is gone like any other coin of theirs."""
    moved = fact.movement
    if moved.taken:
        assert moved.market is not None  # won is no position
        held = await orders.locked_position(tx, moved.market)
        await orders.save_position(tx, without(held, moved.taken))
        await orders.add_funds(tx, moved.currency, moved.taken, _FROM_THE_BOT, fact.at, flow=moved.flow)
    flow = moved.flow if moved.market is None else ZERO
    await orders.add_funds(tx, moved.currency, moved.amount, "external", fact.at, flow=flow)
    row = {
        "at": fact.at,
        "currency": moved.currency,
        "market": moved.market,
        "amount": moved.amount,
        "taken": moved.taken,
        "price": moved.price,
        "found": Jsonb(list(fact.found)),
    }
    await tx.execute(_SQL["adopt"], row)


async def acknowledge(tx: Tx, fact: ExternalAcknowledged) -> bool:
    """False when there was nothing to acknowledge."""
    cursor = await tx.execute(_SQL["acknowledge"], {"market": fact.market, "who": fact.who})
    return cursor.rowcount > 0


async def read_outside(tx: Tx) -> dict[str, Decimal]:
    rows = await (await tx.execute(_SQL["outside_funds"])).fetchall()
    return {row["currency"]: row["amount"] for row in rows}


async def read_ours(tx: Tx, identifiers: Sequence[UUID]) -> dict[UUID, bool]:
    """Those of them that are intents of ours, with whether their order is on record."""
    rows = await (await tx.execute(_SQL["our_orders"], {"identifiers": list(identifiers)})).fetchall()
    return {row["identifier"]: row["booked"] for row in rows}
