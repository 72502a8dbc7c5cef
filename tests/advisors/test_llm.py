"""A model proposes: what fits the schema and the snapshot passes, everything else is refused by name."""

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.advisors.exits import ExitsByRules
from bongsu.advisors.llm import LlmAdvisor
from bongsu.advisors.prompting import OPEN_EYES, blindfold, render, render_repair
from bongsu.advisors.reading import read_advice, schema
from bongsu.advisors.rules import RulesAdvisor
from bongsu.core.decision import (
    Action,
    Advice,
    Rejection,
    RejectionReason,
    ValidationRules,
    citable,
    find_fault,
)
from bongsu.core.llm import Answered, Call, CallOutcome, Prompt, Purpose, Reply, Tariff, Usage
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.snapshot import HeldPosition
from bongsu.errors import AdvisorFailed, BudgetSpent, ModelFailed
from core.samples import ETH, INDICATORS, snapshot

RULES = ValidationRules(canary="BEACON-7F3A")
TARIFF = Tariff(Krw(Decimal(400)), Krw(Decimal(2_800)), Krw(Decimal(40)))
USAGE = Usage(1_000, 100)
HELD = HeldPosition(Volume(Decimal("0.1")), Price(Decimal(3_900_000)), Decimal("0.02"))
RSI = INDICATORS["rsi_14"]


def answer(**changes: Any) -> dict[str, Any]:
    sound = {
        "market": "KRW-ETH",
        "action": "buy",
        "confidence": 0.7,
        "size": 0.2,
        "reasons": [{"text": "RSI가 낮습니다", "indicator": "rsi_14", "value": RSI}],
        "invalidation": 3_900_000,
    }
    return sound | changes


Word = str | ModelFailed


@dataclass
class Scripted:
    """A model that says what it was given to say, word after word."""

    words: list[Word]
    name: str = "script:a"
    tariff: Tariff = TARIFF
    asked: list[Prompt] = field(default_factory=list)
    usage: Usage | None = USAGE

    async def ask(self, prompt: Prompt, max_written: int) -> Reply:
        self.asked.append(prompt)
        word = self.words.pop(0)
        if isinstance(word, ModelFailed):
            raise word
        return Reply(word, self.usage, cut=False)


@dataclass
class Pages:
    """A book of calls on paper, with a budget."""

    budget: Decimal = Decimal(10_000)
    calls: list[Call] = field(default_factory=list)
    ends: list[Answered] = field(default_factory=list)

    async def reserve(self, call: Call) -> bool:
        if call.reserved > self.budget:
            return False
        self.budget -= call.reserved
        self.calls.append(call)
        return True

    async def close(self, call: Call, answered: Answered) -> None:
        assert call == self.calls[-1]
        self.budget += call.reserved - (call.reserved if answered.cost is None else answered.cost)
        self.ends.append(answered)


def advisor(*models: Scripted, book: Pages | None = None, **more: Any) -> LlmAdvisor:
    return LlmAdvisor(models, book or Pages(), RULES, **more)


async def said(*words: Word) -> Advice | Rejection:
    """As the cycle takes it: what could be read is judged once more."""
    advice = await advisor(Scripted(list(words))).advise(snapshot())
    return advice if isinstance(advice, Rejection) else find_fault(advice, snapshot(), RULES) or advice


def failed(outcome: CallOutcome = CallOutcome.ERROR, *, unbilled: bool = False) -> ModelFailed:
    return ModelFailed(outcome, "HTTP 503", unbilled=unbilled)


async def test_a_sound_answer_is_advice() -> None:
    advice = await said(json.dumps(answer()))
    assert isinstance(advice, Advice)
    assert (advice.market, advice.action, advice.size) == (ETH, Action.BUY, Decimal("0.2"))
    assert (advice.confidence, advice.invalidation) == (Decimal("0.7"), Decimal(3_900_000))
    assert [(r.indicator, r.value) for r in advice.reasons] == [("rsi_14", RSI)]


WRONG: dict[str, tuple[str, RejectionReason]] = {
    "prose": ("KRW-ETH를 사세요. 확신합니다.", RejectionReason.SCHEMA),
    "fence": (f"```json\n{json.dumps(answer())}\n```", RejectionReason.SCHEMA),
    "words around": (f"네! {json.dumps(answer())}", RejectionReason.SCHEMA),
    "two objects": (json.dumps(answer()) * 2, RejectionReason.SCHEMA),
    "a list": (json.dumps([answer()]), RejectionReason.SCHEMA),
    "cut": (json.dumps(answer())[:-9], RejectionReason.SCHEMA),
    "nothing": ("", RejectionReason.SCHEMA),
    "extra key": (json.dumps(answer(leverage=10)), RejectionReason.SCHEMA),
    "extra key in a reason": (
        json.dumps(answer(reasons=[{"text": "a", "indicator": "rsi_14", "value": RSI, "source": "뉴스"}])),
        RejectionReason.SCHEMA,
    ),
    "missing key": (
        json.dumps({k: v for k, v in answer().items() if k != "invalidation"}),
        RejectionReason.SCHEMA,
    ),
    "NaN": (json.dumps(answer(confidence=math.nan)), RejectionReason.SCHEMA),
    "NaN in words": (json.dumps(answer(confidence="NaN")), RejectionReason.CONFIDENCE),
    "Infinity": (json.dumps(answer(size=math.inf)), RejectionReason.SCHEMA),
    "beyond any float": (json.dumps(answer()).replace("3900000", "1e999"), RejectionReason.SCHEMA),
    "a value beyond any float": (json.dumps(answer()).replace(str(RSI), "1e999"), RejectionReason.SCHEMA),
    "another action": (json.dumps(answer(action="short")), RejectionReason.SCHEMA),
    "no market of ours": (json.dumps(answer(market="BTC-USDT")), RejectionReason.SCHEMA),
    "six reasons": (json.dumps(answer(reasons=answer()["reasons"] * 6)), RejectionReason.SCHEMA),
    "no reason": (json.dumps(answer(reasons=[])), RejectionReason.SCHEMA),
    "an essay for a reason": (
        json.dumps(answer(reasons=[{"text": "가" * 301, "indicator": "rsi_14", "value": RSI}])),
        RejectionReason.SCHEMA,
    ),
    "runaway": (json.dumps(answer()) + " " * 20_000, RejectionReason.SCHEMA),
    "half a letter": ('{"market": "\ud800"}', RejectionReason.SCHEMA),
    "five times the account": (json.dumps(answer(size=5)), RejectionReason.SIZE),
    "a negative size": (json.dumps(answer(size=-0.1)), RejectionReason.SIZE),
    "confidence 7": (json.dumps(answer(confidence=7)), RejectionReason.CONFIDENCE),
    "unsure": (json.dumps(answer(confidence=0.2)), RejectionReason.CONFIDENCE),
    "a sell of nothing": (json.dumps(answer(action="sell", size=1)), RejectionReason.SIDE),
    "a figure that was not shown": (
        json.dumps(answer(reasons=[{"text": "고래", "indicator": "whales", "value": 1}])),
        RejectionReason.CITATION,
    ),
    "a false figure": (
        json.dumps(answer(reasons=[{"text": "RSI", "indicator": "rsi_14", "value": RSI * 1.02}])),
        RejectionReason.CITATION,
    ),
    "dead at once": (json.dumps(answer(invalidation=99_000_000)), RejectionReason.RISK),
    "steered": (json.dumps(answer(reasons=[{"text": "beacon-7f3a", "indicator": "rsi_14", "value": RSI}])),
                RejectionReason.INJECTION),
    "steered in prose": ("표식은 BEACON-7F3A 입니다", RejectionReason.INJECTION),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
async def test_what_is_wrong_is_refused_by_name(name: str) -> None:
    words, reason = WRONG[name]
    verdict = await said(words, words)
    assert isinstance(verdict, Rejection)
    assert verdict.reason is reason


async def test_a_model_may_correct_itself_once() -> None:
    model, book = Scripted(["사세요", json.dumps(answer())]), Pages()
    assert isinstance(await advisor(model, book=book).advise(snapshot()), Advice)
    first, again = model.asked
    assert again.user.startswith(first.user)
    assert '"answer":"사세요"' in again.user
    assert [call.purpose for call in book.calls] == [Purpose.ADVICE, Purpose.REPAIR]
    model = Scripted(["사세요", "정말 사세요", json.dumps(answer())])
    assert isinstance(await advisor(model).advise(snapshot()), Rejection)
    assert len(model.asked) == 2


async def test_a_repair_that_fails_leaves_the_first_verdict() -> None:
    verdict = await said("사세요", failed())
    assert isinstance(verdict, Rejection)
    assert verdict.reason is RejectionReason.SCHEMA


async def test_one_who_was_steered_gets_no_second_word() -> None:
    model = Scripted(["BEACON-7F3A", json.dumps(answer())])
    assert isinstance(await advisor(model).advise(snapshot()), Rejection)
    assert len(model.asked) == 1


async def test_the_next_model_is_asked_when_one_fails_and_not_when_one_is_refused() -> None:
    second = Scripted([json.dumps(answer())], name="script:b")
    assert isinstance(await advisor(Scripted([failed()]), second).advise(snapshot()), Advice)
    second = Scripted([json.dumps(answer())], name="script:b")
    refused = await advisor(Scripted(["아니요", "아니요"]), second).advise(snapshot())
    assert isinstance(refused, Rejection)
    assert second.asked == []


async def test_when_none_answers_it_is_no_hold() -> None:
    models = Scripted([failed()]), Scripted([failed(CallOutcome.TIMEOUT)], name="script:b")
    with pytest.raises(AdvisorFailed, match=r"script:a: HTTP 503; script:b"):
        await advisor(*models).advise(snapshot())


async def test_each_call_is_reserved_before_and_booked_after() -> None:
    book = Pages()
    await advisor(Scripted([json.dumps(answer())]), book=book).advise(snapshot())
    (end,) = book.ends
    assert (end.outcome, end.cost) == (CallOutcome.OK, Krw(Decimal("0.68")))
    assert Decimal(10_000) - book.budget == end.cost
    assert book.calls[0].reserved > end.cost


@pytest.mark.parametrize(
    ("failure", "cost"), [(failed(unbilled=True), 0), (failed(), None), (failed(CallOutcome.TIMEOUT), None)]
)
async def test_an_unknown_bill_is_not_nothing(failure: ModelFailed, cost: int | None) -> None:
    book = Pages()
    with pytest.raises(AdvisorFailed):
        await advisor(Scripted([failure]), book=book).advise(snapshot())
    assert [end.cost for end in book.ends] == [cost]
    assert (book.budget == 10_000) == (cost == 0)


async def test_without_usage_the_reservation_stands() -> None:
    book = Pages()
    await advisor(Scripted([json.dumps(answer())], usage=None), book=book).advise(snapshot())
    assert book.ends[0].cost is None


async def test_a_spent_budget_asks_nobody() -> None:
    model = Scripted([json.dumps(answer())])
    with pytest.raises(AdvisorFailed, match="budget"):
        await advisor(model, book=Pages(budget=Decimal("0.01"))).advise(snapshot())
    assert model.asked == []


async def test_the_rules_may_sell_where_the_model_is_silent_and_never_buy() -> None:
    silent = advisor(Scripted([failed(), failed()]))
    overbought = {**INDICATORS, "rsi_14": 80.0, "bollinger_percent_b": 1.2}
    held = replace(snapshot(), position=HELD, indicators=overbought)
    sells = await ExitsByRules(silent, RulesAdvisor("ko", RULES), AdvisorFailed).advise(held)
    assert isinstance(sells, Advice)
    assert (sells.action, sells.by) == (Action.SELL, "rules")
    oversold = {**INDICATORS, "rsi_14": 20.0, "bollinger_percent_b": -0.2}
    with pytest.raises(AdvisorFailed):
        await ExitsByRules(silent, RulesAdvisor("ko", RULES), AdvisorFailed).advise(
            replace(snapshot(), indicators=oversold)
        )


async def test_a_failure_is_no_spent_budget() -> None:
    held = replace(
        snapshot(), position=HELD, indicators={**INDICATORS, "rsi_14": 80.0, "bollinger_percent_b": 1.2}
    )
    rules = RulesAdvisor("ko", RULES)
    with pytest.raises(AdvisorFailed):
        await ExitsByRules(advisor(Scripted([failed()])), rules, BudgetSpent).advise(held)
    spent = advisor(Scripted([]), book=Pages(budget=Decimal(0)))
    advice = await ExitsByRules(spent, rules, BudgetSpent).advise(held)
    assert isinstance(advice, Advice)
    assert advice.action is Action.SELL


async def test_the_deadline_is_over_all_models() -> None:
    class Slow(Scripted):
        async def ask(self, prompt: Prompt, max_written: int) -> Reply:
            self.asked.append(prompt)
            await asyncio.Event().wait()
            raise AssertionError

    book, second = Pages(), Scripted([json.dumps(answer())], name="script:b")
    with pytest.raises(AdvisorFailed, match="no answer within"):
        await advisor(Slow([]), second, book=book, deadline=1.05).advise(snapshot())
    assert second.asked == []
    assert [end.outcome for end in book.ends] == [CallOutcome.TIMEOUT]


# -- prompts ------------------------------------------------------------------------------------


def shown_in(prompt: Prompt) -> dict[str, Any]:
    text = prompt.user.partition("<snapshot>")[2].partition("</snapshot>")[0]
    return dict(json.loads(text))


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_prompt_holds_the_snapshot_and_the_rules(lang: Any) -> None:
    prompt = render(snapshot(), RULES, lang)
    shown = shown_in(prompt)
    assert shown["market"] == ETH
    assert set(shown["figures"]) == set(citable(snapshot()))
    assert prompt.version == f"advise-1.{lang}"
    for told in ("BEACON-7F3A", "0.30", "75", "8.0", "15"):
        assert told in prompt.system
    assert "{" not in prompt.system.replace('{"', "")  # nothing left to fill in


def test_equal_prompts_have_equal_hashes_and_others_have_others() -> None:
    prompt = render(snapshot(), RULES, "ko")
    assert prompt.hash == render(snapshot(), RULES, "ko").hash
    assert prompt.hash != render(snapshot(), RULES, "en").hash
    assert prompt.hash != render_repair(prompt, "", Rejection(RejectionReason.SCHEMA, "", ""), "ko").hash


def test_what_is_cited_as_shown_is_within_the_tolerance() -> None:
    for name, value in shown_in(render(snapshot(), RULES, "ko"))["figures"].items():
        assert math.isclose(value, citable(snapshot())[name], rel_tol=1e-7), name


def test_blindfolded_it_sees_neither_date_nor_price() -> None:
    seen = snapshot()
    prompt = render(seen, RULES, "ko", blindfold(seen))
    shown = shown_in(prompt)
    assert "candle_closed_at" not in shown
    assert str(seen.candle_closed_at.year) not in prompt.user
    assert shown["figures"]["price"] == pytest.approx(1_000)
    assert shown["figures"]["rsi_14"] == pytest.approx(RSI)
    assert max(abs(value) for value in shown["figures"].values()) < 10_000


def test_what_it_cites_blindfolded_is_put_right() -> None:
    seen = snapshot()
    eyes = blindfold(seen)
    figures = shown_in(render(seen, RULES, "ko", eyes))["figures"]
    reasons = [{"text": "값", "indicator": name, "value": value} for name, value in figures.items()]
    for at in range(0, len(reasons), 5):
        advice = read_advice(json.dumps(answer(reasons=reasons[at : at + 5], invalidation=950)), eyes)
        assert isinstance(advice, Advice)
        for reason in advice.reasons:
            assert reason.value == pytest.approx(citable(seen)[reason.indicator], rel=1e-6)
        assert advice.invalidation == pytest.approx(float(seen.price) * 0.95, rel=1e-6)


# -- properties ---------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=6),
    max_leaves=12,
)


@given(words=st.text() | JSON.map(json.dumps))
def test_no_text_is_read_as_advice_by_chance(words: str) -> None:
    assert isinstance(read_advice(words, OPEN_EYES), Rejection)


@given(name=st.sampled_from(sorted(answer())), value=JSON)
def test_one_odd_field_never_raises_and_never_widens_a_limit(name: str, value: Any) -> None:
    verdict = read_advice(json.dumps(answer(**{name: value})), OPEN_EYES)
    if isinstance(verdict, Rejection):
        return
    assert verdict.action in Action
    assert len(verdict.reasons) <= 5
    assert all(math.isfinite(reason.value) for reason in verdict.reasons)
    assert verdict.invalidation is None or verdict.invalidation.is_finite()
    assert all(letter.isprintable() for reason in verdict.reasons for letter in reason.text)


@given(
    usage=st.builds(Usage, st.integers(0, 10**9), st.integers(0, 10**9)),
    prices=st.tuples(*[st.decimals(0, 10**6, places=4)] * 3),
)
def test_a_bill_is_never_below_the_exact_one(usage: Usage, prices: tuple[Decimal, Decimal, Decimal]) -> None:
    tariff = Tariff(*map(Krw, prices))
    exact = (prices[0] * usage.read + prices[1] * usage.written) / 1_000_000
    assert exact <= tariff.cost(usage) < exact + Decimal("0.01")
    cheaper = replace(usage, cached=usage.read)
    if prices[2] <= prices[0]:
        assert tariff.cost(cheaper) <= tariff.cost(usage)


@given(text=st.text(max_size=400))
def test_a_reservation_covers_the_prompt_whatever_its_letters(text: str) -> None:
    prompt = Prompt("v", "", text)
    tokens: Sequence[int] = text.encode(errors="surrogatepass")
    assert TARIFF.reserve(prompt, 100) >= TARIFF.cost(Usage(len(tokens), 100))


def test_the_schema_is_closed_everywhere() -> None:
    def objects(part: Any) -> list[dict[str, Any]]:
        inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
        found = [one for each in inner for one in objects(each)]
        return [part, *found] if isinstance(part, dict) and part.get("type") == "object" else found

    closed = objects(schema())
    assert len(closed) == 2
    for part in closed:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
