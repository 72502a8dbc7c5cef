"""What is left when an advisor has nothing to say: the built-in rules, and of those only what sells."""

from dataclasses import replace
from typing import Protocol

from bongsu.advisors.rules import RulesAdvisor
from bongsu.core.decision import Action, Advice, Rejection
from bongsu.core.snapshot import MarketSnapshot
from bongsu.errors import AdvisorFailed


class Advisor(Protocol):
    @property
    def name(self) -> str: ...

    async def advise(self, snapshot: MarketSnapshot) -> Advice | Rejection: ...


class ExitsByRules:
    """`first` is asked; when it fails as `upon` says, the rules may sell what is held, and nothing is bought.

    A failure without a sell stays a failure: a skip is no hold.
    """

    def __init__(self, first: Advisor, rules: RulesAdvisor, upon: type[AdvisorFailed]) -> None:
        self.name = first.name
        self._first = first
        self._rules = rules
        self._upon = upon

    async def advise(self, snapshot: MarketSnapshot) -> Advice | Rejection:
        """Raises AdvisorFailed."""
        try:
            return await self._first.advise(snapshot)
        except self._upon:
            advice = await self._rules.advise(snapshot)
            if advice.action is not Action.SELL:
                raise
            return replace(advice, by=self._rules.name)
