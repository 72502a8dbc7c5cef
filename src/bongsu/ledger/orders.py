"""Orders in the ledger: the gate and the intent in one transaction, the settlement in another."""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Any
from uuid import UUID

from bongsu.core.facts import OrderRefused, OrderSettled
from bongsu.core.market import Market, MarketState
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.order import Intent, IntentState, OrderRequest, Side, Trigger
from bongsu.core.portfolio import Position, apply_execution, cash_change, flat
from bongsu.core.risk import RiskState
from bongsu.core.tradingday import trading_day_start
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = {**load("orders"), **load("external")}


async def risk_state(
    tx: Tx, at: Any, day_start: time, blind: tuple[str, ...], *, but: UUID | None = None
) -> RiskState:
    """Everything the gate must know, read under the lock that keeps it true until `tx` ends.

    `but` names an intent that does not count as unsettled: the one that is being settled.
    """
    switches = await _one(tx, "lock_switches")
    positions = await read_positions(tx)
    equity = await (await tx.execute(_SQL["equity"])).fetchone()
    since = trading_day_start(at, day_start)
    return RiskState(
        killed=switches["killed"],
        pauses=tuple(row["reason"] for row in await _all(tx, "pauses")),
        breakers=tuple(row["scope"] for row in await _all(tx, "breakers")),
        blind=blind,
        mismatch=switches["mismatch"],
        unknown_intents=(await _one(tx, "unsettled", but=but))["unsettled"],
        positions={p.market: p for p, _ in positions},
        prices={p.market: price for p, price in positions if price is not None},
        cash=await read_cash(tx),
        equity=Krw(equity["equity"]) if equity else None,
        market_states=await read_market_states(tx),
        last_entry_at={Market(row["market"]): row["at"] for row in await _all(tx, "last_entries")},
        trades_today=(await _one(tx, "trades_since", since=since))["trades"],
        external=frozenset(row["market"] for row in await _all(tx, "external_markets")),
        first_week_cap=next((Krw(row["cap"]) for row in await _all(tx, "first_week_cap")), None),
    )


async def read_positions(tx: Tx) -> list[tuple[Position, Price | None]]:
    """Each position with the price it was last valued at."""
    return [(_position(row), row["price"]) for row in await _all(tx, "positions")]


async def read_market_states(tx: Tx) -> dict[Market, MarketState]:
    """As the exchange was last seen to have them."""
    return {Market(row["market"]): MarketState(row["state"]) for row in await _all(tx, "market_states")}


async def read_cash(tx: Tx) -> Krw:
    return Krw((await _one(tx, "cash"))["amount"])


async def funds_by_currency(tx: Tx) -> dict[str, Decimal]:
    return {row["currency"]: row["amount"] for row in await _all(tx, "funds_by_currency")}


async def why_duplicate(tx: Tx, request: OrderRequest, identifier: UUID) -> str | None:
    """Whether the wish, or another one of its market, is on record."""
    known = await (await tx.execute(_SQL["known_intent"], {"identifier": identifier})).fetchone()
    if known is not None:
        return f"intent {identifier} was written before ({known['state']})"
    other = await (await tx.execute(_SQL["open_intent_of_market"], {"market": request.market})).fetchone()
    return f"intent {other['identifier']} is still open" if other else None


async def insert_intent(tx: Tx, request: OrderRequest, identifier: UUID, epoch: int) -> Intent:
    """Raises psycopg.errors.UniqueViolation when another transaction was faster."""
    await tx.execute(
        _SQL["insert_intent"],
        {
            "identifier": identifier,
            "market": request.market,
            "side": request.side,
            "trigger": request.trigger,
            "key": request.key,
            "reason": request.reason,
            "confidence": request.confidence,
            "at": request.at,
            "funds": request.funds,
            "volume": request.volume,
            "decision_id": request.decision_id,
            "quote": request.quote,
            "epoch": epoch,
        },
    )
    return Intent(identifier, request, IntentState.OPEN, 0.0, fenced=False)


async def open_intents(tx: Tx) -> list[Intent]:
    return [
        Intent(row["identifier"], _request(row), IntentState(row["state"]), row["age"], row["fenced"])
        for row in await _all(tx, "open_intents")
    ]


async def mark_unknown(tx: Tx, identifier: UUID) -> None:
    await tx.execute(_SQL["mark_unknown"], {"identifier": identifier})


async def mark_fenced(tx: Tx, identifier: UUID) -> None:
    await tx.execute(_SQL["mark_fenced"], {"identifier": identifier})


async def still_open(tx: Tx, identifier: UUID) -> bool:
    """Locks the intent: of two settlements the second one finds it closed."""
    row = await (await tx.execute(_SQL["lock_intent"], {"identifier": identifier})).fetchone()
    return row is not None and row["state"] in (IntentState.OPEN, IntentState.UNKNOWN)


async def settle(tx: Tx, fact: OrderSettled) -> None:
    """Order, fills, position, cash and the closed intent together."""
    order = fact.order
    await add_cash(tx, cash_change(order))
    before = await locked_position(tx, order.market)
    after = apply_execution(
        before,
        order.side,
        order.executed_volume,
        order.funds,
        order.paid_fee,
        fact.intent.request.at,
    )
    await tx.execute(
        _SQL["insert_order"],
        {
            "uuid": order.uuid,
            "identifier": fact.intent.identifier,
            "market": order.market,
            "side": order.side,
            "state": order.state,
            "executed_volume": order.executed_volume,
            "executed_funds": order.funds,
            "paid_fee": order.paid_fee,
            "created_at": order.created_at,
            "realized": after.realized - before.realized if order.side is Side.SELL else None,
            "recovered": fact.recovered,
        },
    )
    for fill in order.fills:
        await tx.execute(
            _SQL["insert_fill"],
            {
                "uuid": fill.uuid,
                "order_uuid": order.uuid,
                "market": order.market,
                "side": order.side,
                "price": fill.price,
                "volume": fill.volume,
                "funds": fill.funds,
                "at": fill.at,
            },
        )
    if order.fills:
        await save_position(tx, after)
    state = IntentState.FILLED if order.fills else IntentState.UNFILLED
    await _close(tx, fact.intent.identifier, state, order.state)


async def refuse(tx: Tx, fact: OrderRefused) -> None:
    await _close(tx, fact.intent.identifier, IntentState.REJECTED, f"{fact.name}: {fact.message}")


async def add_cash(tx: Tx, amount: Krw) -> None:
    await tx.execute(_SQL["add_cash"], {"amount": amount})


async def add_funds(tx: Tx, currency: str, amount: Decimal, note: str, at: Any, *, flow: Decimal) -> None:
    """`flow`: by how much the bot's equity moves with it; a peak that was reached before moves along, it is no drawdown."""
    row = {"currency": currency, "amount": amount, "note": note, "at": at, "flow": flow}
    await tx.execute(_SQL["add_funds"], row)
    await tx.execute(_SQL["shift_peak"], {"flow": flow})
    if currency == "KRW":
        await add_cash(tx, Krw(amount))


async def raise_peak(tx: Tx, market: Market, price: Price) -> None:
    await tx.execute(_SQL["raise_peak"], {"market": market, "price": price})


async def _close(tx: Tx, identifier: UUID, state: IntentState, reason: str) -> None:
    await tx.execute(_SQL["close_intent"], {"identifier": identifier, "state": state, "reason": reason})


async def locked_position(tx: Tx, market: Market) -> Position:
    row = await (await tx.execute(_SQL["position"], {"market": market})).fetchone()
    return _position(row) if row else flat(market)


async def save_position(tx: Tx, position: Position) -> None:
    await tx.execute(
        _SQL["save_position"],
        {
            "market": position.market,
            "volume": position.volume,
            "cost": position.cost,
            "realized": position.realized,
            "opened_at": position.opened_at,
            "peak": position.peak,
        },
    )


def _position(row: Mapping[str, Any]) -> Position:
    return Position(
        Market(row["market"]),
        Volume(row["volume"]),
        Krw(row["cost"]),
        Krw(row["realized"]),
        row["opened_at"],
        row["peak"],
    )


def _request(row: Mapping[str, Any]) -> OrderRequest:
    return OrderRequest(
        market=Market(row["market"]),
        side=Side(row["side"]),
        trigger=Trigger(row["trigger"]),
        key=row["key"],
        reason=row["reason"],
        confidence=row["confidence"],
        at=row["at"],
        funds=row["funds"],
        volume=row["volume"],
        decision_id=row["decision_id"],
        quote=row["quote"],
    )


async def _one(tx: Tx, name: str, **values: Any) -> Mapping[str, Any]:
    row = await (await tx.execute(_SQL[name], values)).fetchone()
    assert row is not None, f"{name} always answers a row"
    return row


async def _all(tx: Tx, name: str) -> list[dict[str, Any]]:
    return await (await tx.execute(_SQL[name])).fetchall()
