"""The ledger against what the exchange itself says it did: to the won, and to the last decimal of a coin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bongsu.ledger.database import Database, Tx
from bongsu.ledger.queries import load

_SQL = load("audit")


@dataclass(frozen=True, slots=True)
class Audit:
    """`differences` is empty when both tell the same; `result` is None before the first valuation."""

    trades: int
    fills: int
    errors: int
    differences: tuple[str, ...]
    result: Mapping[str, Any] | None


async def audit(database: Database, state: Mapping[str, Any]) -> Audit:
    """`state` is the local exchange's own account of itself. Raises LedgerUnavailable."""
    async with database.transaction("read") as tx:
        ours = {row["uuid"]: _execution(row) for row in await _all(tx, "fills")}
        theirs = {row["uuid"]: _execution(row) for row in state["trades"]}
        counted = (await _all(tx, "counted_trades"))[0]["trades"]
        orders = await _all(tx, "orders")
        differences = [
            *_differences("fill", ours, theirs),
            *_differences("balance", await _holdings(tx), _balances(state)),
            *_differences("fee", {r["identifier"]: r["paid_fee"] for r in orders}, _fees(state)),
            *([] if counted == len(orders) else [f"counter: {counted} trades, on record {len(orders)}"]),
        ]
        result = await _all(tx, "result")
        errors = (await _all(tx, "errors"))[0]["errors"]
    return Audit(len(orders), len(ours), errors, tuple(differences), result[0] if result else None)


async def _holdings(tx: Tx) -> dict[str, Decimal]:
    held = {row["market"].removeprefix("KRW-"): row["volume"] for row in await _all(tx, "positions")}
    return held | {"KRW": (await _all(tx, "cash"))[0]["amount"]}


def _balances(state: Mapping[str, Any]) -> dict[str, Decimal]:
    totals = {b["currency"]: Decimal(b["balance"]) + Decimal(b["locked"]) for b in state["balances"]}
    return {currency: total for currency, total in totals.items() if total or currency == "KRW"}


def _fees(state: Mapping[str, Any]) -> dict[str, Decimal]:
    return {
        order["identifier"] or order["uuid"]: Decimal(order["paid_fee"])
        for order in state["orders"]
        if Decimal(order["executed_volume"])
    }


def _execution(row: Mapping[str, Any]) -> tuple[str, str, Decimal, Decimal, Decimal]:
    side = {"bid": "buy", "ask": "sell"}.get(row["side"], row["side"])
    return row["market"], side, Decimal(row["price"]), Decimal(row["volume"]), Decimal(row["funds"])


def _differences(what: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterable[str]:
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"{what} {name}: ledger {ours.get(name)}, exchange {theirs.get(name)}"


async def _all(tx: Tx, name: str) -> list[dict[str, Any]]:
    return await (await tx.execute(_SQL[name])).fetchall()
