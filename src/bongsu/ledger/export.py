"""What an owner hands to a tax adviser: every trade of a time, and what moved from outside, oldest first."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = load("export")


@dataclass(frozen=True, slots=True)
class Booked:
    """A trade (buy, sell) or a movement from outside (in, out). What is not known is None, never zero."""

    at: datetime  # of the order, by which reports count it
    kind: Literal["buy", "sell", "in", "out"]
    origin: Literal["bot", "external"]
    asset: str  # a market; of a movement its currency
    volume: Decimal | None
    amount: Decimal | None  # won, before the fee
    note: str | None
    filled_at: datetime | None = None
    price: Decimal | None = None
    fee: Decimal | None = None
    cost_sold: Decimal | None = None
    realized: Decimal | None = None
    uuid: UUID | None = None


@dataclass(frozen=True, slots=True)
class Account:
    mode: str | None  # None: no bot ever wrote to this ledger
    rows: list[Booked]


async def read(tx: Tx, since: datetime, until: datetime) -> Account:
    """All from `since` on and before `until`; `tx` should see one moment only."""
    world = await (await tx.execute(_SQL["world_mode"])).fetchone()
    rows: list[Booked] = []
    for statement in ("moved_between", "trades_between"):
        found = await (await tx.execute(_SQL[statement], {"since": since, "until": until})).fetchall()
        rows += [Booked(**row) for row in found]
    return Account(world["mode"] if world else None, sorted(rows, key=lambda row: row.at))
