"""From a decision to an order, as far as the limits let it."""

from dataclasses import dataclass

from bongsu.core.decision import Action, Decision
from bongsu.core.facts import TradeVetoed
from bongsu.core.order import OrderRequest, Trigger
from bongsu.core.risk import RiskLimits, Veto
from bongsu.core.sizing import decision_key, size_entry, size_exit
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Blindness, Exchange, Ledger


@dataclass(frozen=True, slots=True)
class Desk:
    exchange: Exchange
    ledger: Ledger
    execution: Execution
    limits: RiskLimits
    blind: Blindness

    async def act(self, decision: Decision) -> None:
        """A hold does nothing; a buy or a sell becomes an order or a veto on record."""
        if decision.action is Action.HOLD:
            return
        request = await (self._entry(decision) if decision.action is Action.BUY else self._exit(decision))
        if isinstance(request, Veto):
            await self.ledger.record(TradeVetoed(decision.market, request, decision.id, decision.at))
        else:
            await self.execution.execute(request)

    async def _entry(self, decision: Decision) -> OrderRequest | Veto:
        state = await self.ledger.risk_state(decision.at, self.blind())
        book = await self.exchange.order_book(decision.market)
        return size_entry(decision, state, book, await self.exchange.rules(decision.market), self.limits)

    async def _exit(self, decision: Decision) -> OrderRequest | Veto:
        position = (await self.ledger.portfolio()).position(decision.market)
        ticker = (await self.exchange.tickers([decision.market]))[decision.market]
        return size_exit(
            position,
            price=ticker.price,
            trigger=Trigger.DECISION,
            reason=decision.summary,
            key=decision_key(decision),
            at=decision.at,
            confidence=decision.label,
            book=await self.exchange.order_book(decision.market),
            rules=await self.exchange.rules(decision.market),
            limits=self.limits,
            decision_id=decision.id,
        )
