"""Calls to models: on record before they are sent, within the budget, and billed to the decision they were made for."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from bongsu.core import facts as f
from bongsu.core.decision import Rejection, RejectionReason
from bongsu.core.llm import Answered, Call, CallOutcome, Prompt, Purpose, Reply, Usage
from bongsu.core.money import Krw
from core.samples import ETH, NOON, advice, snapshot
from web.story import Books, open_books

BUDGET = Krw(Decimal(100))
PROMPT = Prompt("advise-1.ko", "규칙", "<snapshot>{}</snapshot>")


def call(reserved: int = 40) -> Call:
    return Call(uuid4(), ETH, NOON, NOON, Purpose.ADVICE, "openai:gpt-x", PROMPT, Krw(Decimal(reserved)))


def answered(cost: str | None = "12.5", outcome: CallOutcome = CallOutcome.OK) -> Answered:
    reply = Reply("{}", Usage(1_000, 200, 300), cut=False) if outcome is CallOutcome.OK else None
    return Answered(outcome, "", reply, None if cost is None else Krw(Decimal(cost)), 1.5)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


async def rows(books: Books, query: str) -> list[dict[str, Any]]:
    async with books.database.transaction("test") as tx:
        return await (await tx.execute(query)).fetchall()  # type: ignore[arg-type]  # ours


async def execute(books: Books, statement: str) -> None:
    async with books.database.transaction("test") as tx:
        await tx.execute(statement)  # type: ignore[arg-type]  # ours


async def counted(books: Books, name: str) -> dict[str, Decimal]:
    columns = "labels->>'outcome' AS outcome, labels->>'kind' AS kind, value"
    found = await rows(books, f"SELECT {columns} FROM metric_counter WHERE name = '{name}' AND value > 0")
    return {row["outcome"] or row["kind"] or "": row["value"] for row in found}


async def test_a_call_is_on_record_before_it_is_sent(books: Books) -> None:
    asked = call()
    assert await books.ledger.reserve_call(asked, BUDGET)
    (row,) = await rows(books, "SELECT * FROM llm_calls")
    assert (row["prompt"], row["prompt_hash"], row["outcome"]) == (PROMPT.user, PROMPT.hash, None)
    assert await books.ledger.record(f.ModelAnswered(asked, answered()))
    (row,) = await rows(books, "SELECT * FROM llm_calls")
    assert (row["outcome"], row["cost_krw"], row["reply"]) == ("ok", Decimal("12.5"), "{}")
    assert (row["input_tokens"], row["output_tokens"], row["cached_tokens"]) == (1_000, 200, 300)
    assert await counted(books, "llm_tokens_total") == {"input": 700, "output": 200, "cached": 300}
    assert await counted(books, "llm_cost_krw_total") == {"": Decimal("12.5")}
    assert not await books.ledger.record(f.ModelAnswered(asked, answered()))  # once
    assert await counted(books, "llm_requests_total") == {"ok": 1}


async def test_the_budget_counts_what_was_billed_and_what_nobody_knows(books: Books) -> None:
    for cost, outcome in (
        ("12.5", CallOutcome.OK),
        (None, CallOutcome.TIMEOUT),
        ("0", CallOutcome.RATE_LIMITED),
    ):
        asked = call()
        assert await books.ledger.reserve_call(asked, BUDGET)
        await books.ledger.record(f.ModelAnswered(asked, answered(cost, outcome)))
    assert await books.ledger.reserve_call(call(40), BUDGET)  # 12.5 + 40 + 0, and this one is under way
    assert not await books.ledger.reserve_call(call(8), BUDGET)
    assert await books.ledger.reserve_call(call(7), BUDGET)


async def test_a_refusal_is_counted_each_time_and_told_once_a_day(books: Books) -> None:
    for _ in range(3):
        assert not await books.ledger.reserve_call(call(101), BUDGET)
    assert await counted(books, "llm_requests_total") == {"refused_budget": 3}
    told = await rows(books, "SELECT text FROM notifications WHERE text LIKE '%예산을 다 썼%'")
    assert len(told) == 1
    assert "100원" in told[0]["text"]
    await execute(books, "UPDATE llm_calls SET sent_at = sent_at - interval '25 h'")
    assert not await books.ledger.reserve_call(call(101), BUDGET)
    assert len(await rows(books, "SELECT 1 FROM notifications WHERE text LIKE '%예산을 다 썼%'")) == 2


async def test_yesterdays_calls_are_not_todays(books: Books) -> None:
    assert await books.ledger.reserve_call(call(100), BUDGET)
    assert not await books.ledger.reserve_call(call(1), BUDGET)
    await execute(books, "UPDATE llm_calls SET sent_at = sent_at - interval '25 h'")
    assert await books.ledger.reserve_call(call(100), BUDGET)


async def test_two_at_once_do_not_both_get_the_last_of_it(books: Books) -> None:
    got = await asyncio.gather(*(books.ledger.reserve_call(call(60), BUDGET) for _ in range(4)))
    assert sorted(got) == [False, False, False, True]


@pytest.mark.parametrize("read", [True, False])
async def test_a_decision_bears_what_was_asked_for_it(books: Books, read: bool) -> None:
    for asked, came in ((call(), answered("5")), (replace(call(), purpose=Purpose.REPAIR), answered(None))):
        assert await books.ledger.reserve_call(asked, BUDGET)
        await books.ledger.record(f.ModelAnswered(asked, came))
    other = replace(call(1), candle_closed_at=NOON - timedelta(hours=1))
    assert await books.ledger.reserve_call(other, BUDGET)
    said = advice() if read else None
    no = Rejection(RejectionReason.SCHEMA, "모양", "shape")
    await books.ledger.record(f.AdviceRejected(said, "llm", snapshot(), no, 1.0))
    (row,) = await rows(books, "SELECT * FROM decisions")
    assert (row["model"], row["prompt_version"], row["cost_krw"]) == ("openai:gpt-x", "advise-1.ko", 45)
    assert (row["input_tokens"], row["output_tokens"]) == (2_000, 400)
    assert (row["action"] is None) == (not read)


async def test_configured_models_stand_at_0_before_they_are_asked(books: Books) -> None:
    await books.ledger.prepare("world-1", "sandbox", (ETH,), ("openai:gpt-x",))
    query = (
        "SELECT labels->>'outcome' AS outcome, value FROM metric_counter WHERE name = 'llm_requests_total'"
    )
    standing = await rows(books, f"{query} AND labels->>'model' = 'openai:gpt-x'")
    assert {row["outcome"]: row["value"] for row in standing} == dict.fromkeys(CallOutcome, 0)
