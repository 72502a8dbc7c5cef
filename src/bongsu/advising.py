"""The advisor of a scheduler, as its owner chose it: the built-in rules, or models whose calls the ledger keeps."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from bongsu.advisors.exits import ExitsByRules
from bongsu.advisors.llm import LlmAdvisor, Model
from bongsu.advisors.reading import schema
from bongsu.advisors.rules import RulesAdvisor
from bongsu.core.decision import ValidationRules
from bongsu.core.facts import ModelAnswered
from bongsu.core.llm import Answered, Call
from bongsu.core.money import Krw
from bongsu.errors import AdvisorFailed, BudgetSpent, CannotStart
from bongsu.ledger.store import Ledger
from bongsu.settings import Settings
from bongsu.trading.ports import Advisor


def canary_of(account: str) -> str:
    """The same for one account in every prompt, so that equal snapshots make equal prompts."""
    return f"BEACON-{hashlib.sha256(account.encode()).hexdigest()[:12]}"


def choose_advisor(settings: Settings, ledger: Ledger, rules: ValidationRules) -> Advisor:
    """Raises CannotStart where the packages that models need are missing."""
    built_in = RulesAdvisor(settings.bongsu_lang, rules)
    if settings.ai_advisor == "rules":
        return built_in
    advisor = LlmAdvisor(
        _open_models(settings),
        LedgerBook(ledger, settings.ai_budget),
        rules,
        lang=settings.bongsu_lang,
        blind=settings.ai_blind,
        deadline=settings.ai_deadline_seconds,
        name=settings.ai_advisor,
    )
    upon = AdvisorFailed if settings.ai_advisor == "ensemble" else BudgetSpent
    return ExitsByRules(advisor, built_in, upon)


@dataclass(frozen=True, slots=True)
class LedgerBook:
    """The ledger as a model's book of calls."""

    ledger: Ledger
    budget: Krw

    async def reserve(self, call: Call) -> bool:
        return await self.ledger.reserve_call(call, self.budget)

    async def close(self, call: Call, answered: Answered) -> None:
        await self.ledger.record_in_time(ModelAnswered(call, answered))


def _open_models(settings: Settings) -> Sequence[Model]:
    try:
        from bongsu.adapters.llm.client import PydanticAiModel
    except ImportError as missing:
        raise CannotStart(
            f"AI_ADVISOR={settings.ai_advisor} 인데 AI 패키지가 없습니다({missing.name}). "
            "make up 을 다시 실행하면 설치됩니다 "
            "(the packages for models are missing; make up installs them)"
        ) from None
    timeout = settings.ai_deadline_seconds
    return [
        PydanticAiModel(
            choice.name, settings.model_address(choice), choice.tariff, settings.ai_output, schema(), timeout
        )
        for choice in settings.model_choices
    ]
