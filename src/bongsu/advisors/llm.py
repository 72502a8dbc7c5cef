"""Advice from a model. It proposes; everything it says is read by a closed schema and checked against what it saw."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import uuid4

from bongsu.advisors.prompting import OPEN_EYES, Blindfold, Lang, blindfold, render, render_repair
from bongsu.advisors.reading import read_advice
from bongsu.core.decision import Advice, Rejection, RejectionReason, ValidationRules, find_canary, find_fault
from bongsu.core.llm import Answered, Call, CallOutcome, Prompt, Purpose, Reply, Tariff
from bongsu.core.money import ZERO, Krw
from bongsu.core.snapshot import MarketSnapshot
from bongsu.errors import AdvisorFailed, BudgetSpent, ModelFailed

DEADLINE = 90.0  # wall seconds, over all models and repairs
MAX_WRITTEN = 1_500  # tokens
_LEAST = 1.0  # seconds worth asking for


class Model(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def tariff(self) -> Tariff: ...

    async def ask(self, prompt: Prompt, max_written: int) -> Reply:
        """Once. Raises ModelFailed."""
        ...


class CallBook(Protocol):
    async def reserve(self, call: Call) -> bool:
        """Written before the question is sent; False when the day's budget does not hold it."""
        ...

    async def close(self, call: Call, answered: Answered) -> None: ...


class LlmAdvisor:
    """The models are asked in their order until one answers; it may correct itself once."""

    def __init__(
        self,
        models: Sequence[Model],
        book: CallBook,
        rules: ValidationRules,
        *,
        lang: Lang = "ko",
        blind: bool = False,
        deadline: float = DEADLINE,
        name: str = "llm",
    ) -> None:
        self.name = name
        self._models = tuple(models)
        self._book = book
        self._rules = rules
        self._lang = lang
        self._blind = blind
        self._deadline = deadline

    async def advise(self, snapshot: MarketSnapshot) -> Advice | Rejection:
        """Raises AdvisorFailed when no model answered, BudgetSpent when none may be asked.

        What was refused is not taken to another model.

        Advice may still be at fault: the cycle judges it, and records it with what was wrong.
        """
        eyes = blindfold(snapshot) if self._blind else OPEN_EYES
        prompt = render(snapshot, self._rules, self._lang, eyes)
        until, failures, spent = time.monotonic() + self._deadline, list[str](), True
        for model in self._models:
            try:
                reply = await self._ask(model, snapshot, prompt, Purpose.ADVICE, until)
            except ModelFailed as failure:
                failures.append(f"{model.name}: {failure}")
                spent = spent and failure.outcome == CallOutcome.REFUSED_BUDGET
                continue
            first = self._read(reply, eyes)
            fault = first if isinstance(first, Rejection) else find_fault(first, snapshot, self._rules)
            if fault is None or fault.reason is RejectionReason.INJECTION:
                return first  # one who was steered gets no second word
            again = render_repair(prompt, reply.text, fault, self._lang)
            try:
                return self._read(await self._ask(model, snapshot, again, Purpose.REPAIR, until), eyes)
            except ModelFailed:
                return first
        raise (BudgetSpent if spent else AdvisorFailed)("; ".join(failures))

    def _read(self, reply: Reply, eyes: Blindfold) -> Advice | Rejection:
        return find_canary([reply.text], self._rules) or read_advice(reply.text, eyes)

    async def _ask(
        self, model: Model, snapshot: MarketSnapshot, prompt: Prompt, purpose: Purpose, until: float
    ) -> Reply:
        """Reserved before it is sent, booked whatever comes of it. Raises ModelFailed."""
        left = until - time.monotonic()
        if left < _LEAST:
            raise ModelFailed(CallOutcome.TIMEOUT, f"nothing left of {self._deadline:g} s")
        most = model.tariff.reserve(prompt, MAX_WRITTEN)
        of = snapshot.market, snapshot.candle_closed_at, snapshot.at
        call = Call(uuid4(), *of, purpose, model.name, prompt, most)
        if not await self._book.reserve(call):
            raise ModelFailed(CallOutcome.REFUSED_BUDGET, "the day's budget is spent")
        began = time.monotonic()
        try:
            async with asyncio.timeout(left):
                reply = await model.ask(prompt, MAX_WRITTEN)
        except (ModelFailed, TimeoutError) as error:
            failure = error if isinstance(error, ModelFailed) else _too_late(left)
            await self._book.close(call, _failed(failure, time.monotonic() - began))
            raise failure from error
        cost = None if reply.usage is None else model.tariff.cost(reply.usage)
        await self._book.close(call, Answered(CallOutcome.OK, "", reply, cost, time.monotonic() - began))
        return reply


def _too_late(seconds: float) -> ModelFailed:
    return ModelFailed(CallOutcome.TIMEOUT, f"no answer within {seconds:.0f} s")


def _failed(failure: ModelFailed, seconds: float) -> Answered:
    cost = Krw(ZERO) if failure.unbilled else None
    return Answered(CallOutcome(failure.outcome), str(failure), None, cost, seconds)
