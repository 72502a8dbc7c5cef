"""What the portfolio is worth, and the loss limits that hang on it."""

from dataclasses import dataclass

from bongsu.core.facts import BreakerReset, BreakerTripped, PortfolioValued
from bongsu.core.market import Market
from bongsu.core.money import Krw, Price, notional
from bongsu.core.risk import RiskLimits
from bongsu.core.tradingday import Scope, breaker_due, breaker_until, loss_ratio
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Clock, Exchange, Ledger


@dataclass(frozen=True, slots=True)
class Valuation:
    exchange: Exchange
    ledger: Ledger
    clock: Clock
    execution: Execution
    limits: RiskLimits

    async def run(self) -> None:
        """Raises ExchangeError when a held market has no price: no value is better than a wrong one."""
        async with self.execution.in_order:  # cash and positions of one moment
            if not await self.ledger.funds_are_known():
                return
            portfolio = await self.ledger.portfolio()
            prices = await self._prices(tuple(p.market for p in portfolio.positions))
            values = (notional(prices[p.market], p.volume) for p in portfolio.positions)
            equity = Krw(sum(values, portfolio.cash))
            now = self.clock.now()
            await self.ledger.record(PortfolioValued(now, portfolio.cash, equity, prices))
        await self._check_breakers(equity)

    async def _prices(self, markets: tuple[Market, ...]) -> dict[Market, Price]:
        if not markets:
            return {}
        tickers = await self.exchange.tickers(markets)
        return {market: tickers[market].price for market in markets}

    async def _check_breakers(self, equity: Krw) -> None:
        now = self.clock.now()
        active = await self.ledger.breakers()
        for scope in ("daily", "weekly"):
            until = active.get(scope)
            if until is not None and now >= until:
                await self.ledger.record(BreakerReset(scope, now))
            elif scope not in active:
                await self._trip(scope, equity)

    async def _trip(self, scope: Scope, equity: Krw) -> None:
        now = self.clock.now()
        period = await self.ledger.period(scope, now)
        limit = self.limits.daily_loss if scope == "daily" else self.limits.weekly_loss
        if period is None or not breaker_due(equity, *period, limit):
            return
        loss = loss_ratio(equity, *period)
        assert loss is not None  # else it were not due
        await self.ledger.record(BreakerTripped(scope, loss, limit, now, breaker_until(scope, now)))
