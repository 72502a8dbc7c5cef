"""Advice from a model. It proposes; everything it says is read by a closed schema and checked against what it saw."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID, uuid4

from bongsu.advisors.prompting import OPEN_EYES, Blindfold, Lang, blindfold, render, render_repair
from bongsu.advisors.reading import read_advice
from bongsu.core.decision import Advice, Rejection, RejectionReason, ValidationRules, find_canary, find_fault
from bongsu.core.llm import CallOutcome, Prompt, Purpose, Reply, Tariff
from bongsu.core.money import ZERO, Krw
from bongsu.core.snapshot import MarketSnapshot
from bongsu.errors import AdvisorFailed, ModelFailed

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


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one model, before it is asked. `reserved`: the most it should cost."""

    id: UUID
    snapshot: MarketSnapshot
    purpose: Purpose
    model: str
    prompt: Prompt
    reserved: Krw


@dataclass(frozen=True, slots=True)
class Answered:
    """`cost` is None where nobody can say what was billed: the reservation stands."""

    outcome: CallOutcome
    detail: str
    reply: Reply | None
    cost: Krw | None
    seconds: float


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
        """Raises AdvisorFailed when no model answered. What was refused is not taken to another model."""
        eyes = blindfold(snapshot) if self._blind else OPEN_EYES
        prompt = render(snapshot, self._rules, self._lang, eyes)
        until, failures = time.monotonic() + self._deadline, list[str]()
        for model in self._models:
            try:
                reply = await self._ask(model, snapshot, prompt, Purpose.ADVICE, until)
            except ModelFailed as failure:
                failures.append(f"{model.name}: {failure}")
                continue
            first = self._judge(reply, snapshot, eyes)
            if isinstance(first, Advice) or first.reason is RejectionReason.INJECTION:
                return first  # one who was steered gets no second word
            again = render_repair(prompt, reply.text, first, self._lang)
            try:
                reply = await self._ask(model, snapshot, again, Purpose.REPAIR, until)
            except ModelFailed:
                return first
            return self._judge(reply, snapshot, eyes)
        raise AdvisorFailed("; ".join(failures))

    def _judge(self, reply: Reply, snapshot: MarketSnapshot, eyes: Blindfold) -> Advice | Rejection:
        if steered := find_canary([reply.text], self._rules):
            return steered
        advice = read_advice(reply.text, eyes)
        if isinstance(advice, Rejection):
            return advice
        return find_fault(advice, snapshot, self._rules) or advice

    async def _ask(
        self, model: Model, snapshot: MarketSnapshot, prompt: Prompt, purpose: Purpose, until: float
    ) -> Reply:
        """Reserved before it is sent, booked whatever comes of it. Raises ModelFailed."""
        left = until - time.monotonic()
        if left < _LEAST:
            raise ModelFailed(CallOutcome.TIMEOUT, f"nothing left of {self._deadline:g} s")
        call = Call(uuid4(), snapshot, purpose, model.name, prompt, model.tariff.reserve(prompt, MAX_WRITTEN))
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
