"""What the exchange, the database and the inbox say of one another. Shares no code with the bot."""

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]
State = dict[str, Any]


class Observer:
    """Each of its questions is answered by every way in which the promise is broken; by nothing when it is kept."""

    def __init__(self, database_url: str, state: State) -> None:
        self._state = state
        self._database_url = database_url

    def rows(self, query: str) -> list[Row]:
        with psycopg.connect(self._database_url, row_factory=dict_row) as connection:
            return connection.execute(query.encode()).fetchall()

    def all(self) -> list[str]:
        """I1 to I3; the inbox is looked at where there is one."""
        return [*self.intents(), *self.fills(), *self.balances(), *self.counters()]

    def intents(self) -> Iterator[str]:
        """I1: one order per intent, one intent per wish, one open intent per market."""
        placed = [order["identifier"] for order in self._state["orders"]]
        yield from (f"doubled order {name}" for name, times in Counter(placed).items() if times > 1)
        intents = self.rows("SELECT identifier::text, market, trigger, key, side, state FROM order_intents")
        known = {row["identifier"] for row in intents}
        yield from (f"doubled: order {name} without an intent" for name in placed if name not in known)
        wishes = Counter((row["market"], row["trigger"], row["key"], row["side"]) for row in intents)
        yield from (f"doubled wish {wish}" for wish, times in wishes.items() if times > 1)
        blocked = Counter(row["market"] for row in intents if row["state"] in ("open", "unknown"))
        yield from (f"{times} open intents of {market}" for market, times in blocked.items() if times > 1)

    def fills(self) -> Iterator[str]:
        """I2, fill by fill."""
        query = "SELECT uuid::text, price, volume, funds FROM fills"
        ours = {row.pop("uuid"): row for row in self.rows(query)}
        theirs = {
            row["uuid"]: {name: Decimal(row[name]) for name in ("price", "volume", "funds")}
            for row in self._state["trades"]
        }
        yield from (f"lost trade {uuid}: {theirs[uuid]}" for uuid in theirs.keys() - ours.keys())
        yield from (f"invented fill {uuid}: {ours[uuid]}" for uuid in ours.keys() - theirs.keys())
        for uuid in ours.keys() & theirs.keys():
            if ours[uuid] != theirs[uuid]:
                yield f"fill {uuid}: {ours[uuid]} ≠ {theirs[uuid]}"

    def balances(self) -> Iterator[str]:
        """I2, as sums: positions = Σ fills = the exchange's balance."""
        held = {r["currency"]: Decimal(r["balance"]) + Decimal(r["locked"]) for r in self._state["balances"]}
        positions = self.rows("SELECT market, volume FROM positions")
        ours = {row["market"].removeprefix("KRW-"): row["volume"] for row in positions}
        ours["KRW"] = self.rows("SELECT amount FROM cash")[0]["amount"]
        for name in sorted(ours.keys() | held.keys()):
            if ours.get(name, Decimal(0)) != held.get(name, Decimal(0)):
                yield f"{name}: ledger {ours.get(name, 0)}, exchange {held.get(name, 0)}"

    def counters(self) -> Iterator[str]:
        """I3, against the exchange itself, and one message for each trade."""
        executed = [order for order in self._state["orders"] if Decimal(order["executed_volume"]) > 0]
        trades = self._state["trades"]
        funds = sum((Decimal(trade["funds"]) for trade in trades), Decimal(0))
        fees = sum((Decimal(order["paid_fee"]) for order in executed), Decimal(0))
        counted = self.rows("SELECT name, sum(value) AS value FROM metric_counter GROUP BY name")
        values = {row["name"]: row["value"] for row in counted}
        told = self.rows("SELECT count(*) AS n FROM notifications WHERE kind = 'trade'")[0]["n"]
        yield from _differ("trades counted", len(executed), values.get("trades_total", 0))
        yield from _differ("fills counted", len(trades), values.get("fills_total", 0))
        yield from _differ("won counted", funds, values.get("trade_volume_krw_total", 0))
        yield from _differ("fees counted", fees, values.get("trade_fee_krw_total", 0))
        yield from _differ("trades told", len(executed), told)

    def unsettled(self) -> Iterator[str]:
        """Where nothing is on its way any more."""
        query = "SELECT identifier FROM order_intents WHERE state IN ('open', 'unknown')"
        yield from (f"open for ever: {row['identifier']}" for row in self.rows(query))

    def inbox(self, arrived: Sequence[tuple[str, int | None]]) -> Iterator[str]:
        """I4: each message at least once, in order; a repeat says of which one it is.

        `arrived`: texts in their order, long ones put together, each with the number that it says it repeats.
        What was held back in a storm comes when it may.
        """
        query = (
            "SELECT id, text, hold_until FROM notifications WHERE state NOT IN ('held', 'merged') ORDER BY id"
        )
        rows = self.rows(query)
        due = [row for row in rows if row["hold_until"] is None]
        held = {row["id"]: row for row in rows if row["hold_until"] is not None}
        came = set[int]()
        for text, again in arrived:
            plain = bare(text)
            if again in came:
                continue
            if due and plain == bare(due[0]["text"]):
                came.add(due.pop(0)["id"])
            elif late := next((n for n, row in held.items() if bare(row["text"]) == plain), None):
                came.add(late)
                del held[late]
            else:
                yield f"out of order, or nobody wrote it: {_short(text)}"
        yield from (f"never told: {_short(row['text'])}" for row in [*due, *held.values()])


def bare(text: str) -> str:
    """Without what a chat takes away: markup, and blanks at the ends of parts."""
    return "".join(text.replace("**", "").split())


def _differ(what: str, theirs: object, ours: object) -> Iterator[str]:
    if theirs != ours:
        yield f"{what}: {ours}, at the exchange {theirs}"


def _short(text: str) -> str:
    return " / ".join(text.splitlines()[:3])[:100]
