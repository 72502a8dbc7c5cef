"""The client of models against the stand-in's process: both wires, all forms, and each way to fail."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from bongsu.adapters.llm.client import Form, PydanticAiModel
from bongsu.advisors.reading import schema
from bongsu.core.llm import Address, CallOutcome, Prompt, Tariff, Wire
from bongsu.core.money import Krw
from bongsu.errors import ModelFailed
from contract.sandboxes import Sandbox

SHOWN = {"market": "KRW-ETH", "figures": {"rsi_14": 28.4}, "held": False}
PROMPT = Prompt("test-1", "규칙", f"<snapshot>{json.dumps(SHOWN)}</snapshot>")
TARIFF = Tariff(Krw(Decimal(400)), Krw(Decimal(2_800)), Krw(Decimal(40)))
WIRES: tuple[Wire, ...] = ("openai", "anthropic")
FORMS: tuple[Form, ...] = ("native", "tool", "prompted")


class Desk:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def model(
        self,
        wire: Wire = "openai",
        form: Form = "native",
        *,
        key: str = "sandbox-ai-key",
        timeout: float = 20,
    ) -> PydanticAiModel:
        path = {"openai": "/ai/v1", "anthropic": "/ai/anthropic"}[wire]
        address = Address(wire, key, f"{self._sandbox.url}{path}")
        return PydanticAiModel(f"{wire}:sandbox-model", address, TARIFF, form, schema(), timeout)

    async def play(self, **play: Any) -> None:
        (await self._sandbox.http.put("/sandbox/ai/plays", json=[play])).raise_for_status()

    async def failure(self, wire: Wire, **more: Any) -> ModelFailed:
        with pytest.raises(ModelFailed) as failed:
            await self.model(wire, **more).ask(PROMPT, 500)
        return failed.value

    async def calls(self) -> list[Any]:
        return list(await self._sandbox.seen("/sandbox/ai/calls"))


@pytest.fixture
async def desk(sandbox: Sandbox) -> AsyncIterator[Desk]:
    yield Desk(sandbox)
    await sandbox.http.put("/sandbox/ai/plays", json=[])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_comes_in_every_form(desk: Desk, wire: Wire, form: Form) -> None:
    reply = await desk.model(wire, form).ask(PROMPT, 500)
    assert json.loads(reply.text)["action"] == "buy"
    (*_, call) = await desk.calls()
    assert call["form"] == {"native": "native", "tool": "tool", "prompted": "plain"}[form]
    assert reply.usage is not None
    assert (reply.usage.read, reply.usage.written) == (call["usage"]["read"], call["usage"]["written"])
    assert PROMPT.user in call["prompt"]


@pytest.mark.parametrize("wire", WIRES)
async def test_refusals_by_status_are_named_and_unbilled(desk: Desk, wire: Wire) -> None:
    await desk.play(kind="rate_limited", retry_after=1)
    limited = await desk.failure(wire)
    assert (limited.outcome, limited.unbilled) == (CallOutcome.RATE_LIMITED, True)
    wrong_key = await desk.failure(wire, key="wrong-key-of-somebody")
    assert (wrong_key.outcome, wrong_key.unbilled) == (CallOutcome.ERROR, True)
    await desk.play(kind="error", status=503)
    failed = await desk.failure(wire)
    assert (failed.outcome, failed.unbilled) == (CallOutcome.ERROR, False)


@pytest.mark.parametrize("wire", WIRES)
async def test_nothing_is_tried_twice_behind_our_back(desk: Desk, wire: Wire, sandbox: Sandbox) -> None:
    for play in ({"kind": "rate_limited", "retry_after": 0}, {"kind": "error", "status": 500}):
        await desk.play(**play)
        await desk.failure(wire)
        (armed,) = await sandbox.seen("/sandbox/ai/plays")
        assert armed["seen"] == 1, play


@pytest.mark.parametrize("kind", ["not_json", "half_body", "no_choice"])
@pytest.mark.parametrize("wire", WIRES)
async def test_a_body_that_is_none_is_malformed(desk: Desk, wire: Wire, kind: str) -> None:
    await desk.play(kind=kind)
    failed = await desk.failure(wire)
    assert failed.outcome in {CallOutcome.MALFORMED, CallOutcome.ERROR}
    assert not failed.unbilled


@pytest.mark.parametrize("wire", WIRES)
async def test_a_cut_connection_and_a_late_answer(desk: Desk, wire: Wire, sandbox: Sandbox) -> None:
    await sandbox.arm(kind="lost_reply", path="/ai/*")
    assert (await desk.failure(wire)).outcome is CallOutcome.ERROR
    await sandbox.arm(kind="late_reply", path="/ai/*", seconds=2)
    assert (await desk.failure(wire, timeout=0.3)).outcome is CallOutcome.TIMEOUT


async def test_it_ends_when_it_is_cancelled(desk: Desk, sandbox: Sandbox) -> None:
    await sandbox.arm(kind="late_reply", path="/ai/*", seconds=2)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await desk.model().ask(PROMPT, 500)


async def test_what_was_billed_is_told_and_what_was_not_said_is_not_nothing(desk: Desk) -> None:
    await desk.play(kind="runaway", tokens=3_000_000)
    reply = await desk.model().ask(PROMPT, 500)
    assert reply.usage is not None
    assert reply.usage.written == 3_000_000
    await desk.play(kind="no_usage")
    assert (await desk.model().ask(PROMPT, 500)).usage is None


@pytest.mark.parametrize("wire", WIRES)
async def test_an_answer_that_was_cut_says_so(desk: Desk, wire: Wire) -> None:
    reply = await desk.model(wire, "prompted").ask(PROMPT, 10)
    assert reply.cut
