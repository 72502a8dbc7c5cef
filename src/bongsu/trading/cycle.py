"""One trading cycle, top to bottom. Start reading here.

Candle → MarketSnapshot → Advice → Decision → OrderRequest → Order → Fill → Portfolio
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bongsu.core import facts as f
from bongsu.core.decision import Decision, Rejection, ValidationRules, validate
from bongsu.core.market import HOUR, Market
from bongsu.core.snapshot import MarketSnapshot
from bongsu.errors import AdvisorFailed, BudgetSpent
from bongsu.trading.desk import Desk
from bongsu.trading.listing import Listing
from bongsu.trading.ports import Advisor, Clock, Ledger
from bongsu.trading.protect import Protection
from bongsu.trading.reconcile import Reconciliation
from bongsu.trading.universe import Universe
from bongsu.trading.valuation import Valuation
from bongsu.trading.view import CLOSE_BUFFER, MarketView, Stale, last_close


@dataclass(frozen=True, slots=True)
class TradingCycle:
    """`observe` is told the seconds that the advisor took."""

    universe: Universe
    ledger: Ledger
    clock: Clock
    advisor: Advisor
    view: MarketView
    listing: Listing
    reconciliation: Reconciliation
    valuation: Valuation
    protection: Protection
    desk: Desk
    rules: ValidationRules
    observe: Callable[[float], None]

    async def run(self) -> None:
        """What was left open is settled first, stops come before decisions, and every chosen market is asked about."""
        async with self.clock.standing_still("cycle"):
            await self.listing.renew()
            await self.reconciliation.run()
            await self.valuation.run()
            await self.protection.run()
            for market in await self.universe.choose():
                await self._decide(market)
            await self.valuation.run()

    async def _decide(self, market: Market) -> None:
        snapshot = await self.view.snapshot(market)
        if isinstance(snapshot, Stale):
            await self._skip(market, f.DecisionSkip.STALE, snapshot.detail)
        elif await self.ledger.is_decided(market, snapshot.candle_closed_at):
            detail = f"the candle closed at {snapshot.candle_closed_at.isoformat()} is decided"
            await self.ledger.record(f.DuplicatePrevented(f.Layer.CANDLE, market, detail))
        elif decision := await self._ask(snapshot):
            await self.desk.act(decision)

    async def _ask(self, snapshot: MarketSnapshot) -> Decision | None:
        began = time.monotonic()
        try:
            advice = await self.advisor.advise(snapshot)
        except AdvisorFailed as failure:
            why = f.DecisionSkip.BUDGET if isinstance(failure, BudgetSpent) else f.DecisionSkip.ADVISOR_FAILED
            await self._skip(snapshot.market, why, str(failure))
            return None
        took = time.monotonic() - began
        self.observe(took)
        if isinstance(advice, Rejection):
            await self.ledger.record(f.AdviceRejected(None, self.advisor.name, snapshot, advice, took))
            return None
        by = advice.by or self.advisor.name
        verdict = validate(
            advice,
            snapshot,
            asked=snapshot.market,
            now=self.clock.now(),
            max_age=HOUR + CLOSE_BUFFER,
            rules=self.rules,
            advisor=by,
        )
        if isinstance(verdict, Rejection):
            await self.ledger.record(f.AdviceRejected(advice, by, snapshot, verdict, took))
            return None
        await self.ledger.record(f.AdviceAccepted(verdict, advice, snapshot, took))
        return verdict

    async def _skip(self, market: Market, reason: f.DecisionSkip, detail: str) -> None:
        now = self.clock.now()
        skipped = f.DecisionSkipped(market, last_close(now), now, self.advisor.name, reason, detail)
        await self.ledger.record(skipped)
