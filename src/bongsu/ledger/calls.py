"""What was asked of models: reserved before it is sent, closed by what came of it."""

from datetime import datetime
from typing import Any

from bongsu.core.facts import BudgetRefused, ModelAnswered
from bongsu.core.llm import Call, CallOutcome
from bongsu.core.money import ZERO, Krw
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = load("calls")


async def reserve(tx: Tx, call: Call, budget: Krw, day: datetime) -> BudgetRefused | None:
    """None when it is on record and may be sent. `day`: when the trading day began, in wall time."""
    await tx.execute(_SQL["one_at_a_time"])
    row = await (await tx.execute(_SQL["spent"], {"day": day})).fetchone()
    assert row is not None  # an aggregate always has its row
    if row["spent"] + call.reserved > budget:
        return BudgetRefused(call, budget, first=not row["refused"])
    await tx.execute(_SQL["call"], {**_row(call), "outcome": None, "cost": None})
    return None


async def refuse(tx: Tx, fact: BudgetRefused) -> None:
    row = {**_row(fact.call), "reserved": ZERO, "outcome": CallOutcome.REFUSED_BUDGET, "cost": ZERO}
    await tx.execute(_SQL["call"], row)


async def close(tx: Tx, fact: ModelAnswered) -> bool:
    answered = fact.answered
    usage = answered.reply.usage if answered.reply else None
    row = {
        "id": fact.call.id,
        "outcome": answered.outcome,
        "detail": answered.detail or None,
        "reply": answered.reply.text if answered.reply else None,
        "input": usage.read if usage else None,
        "output": usage.written if usage else None,
        "cached": usage.cached if usage else None,
        "cost": answered.cost,
        "seconds": answered.seconds,
    }
    return await (await tx.execute(_SQL["close"], row)).fetchone() is not None


async def bill(tx: Tx, decision: dict[str, Any]) -> None:
    """`decision`: its row."""
    await tx.execute(_SQL["bill"], {key: decision[key] for key in ("id", "market", "candle_closed_at")})


def _row(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "market": call.market,
        "candle_closed_at": call.candle_closed_at,
        "at": call.at,
        "purpose": call.purpose,
        "model": call.model,
        "prompt_version": call.prompt.version,
        "prompt_hash": call.prompt.hash,
        "system": call.prompt.system,
        "prompt": call.prompt.user,
        "reserved": call.reserved,
    }
