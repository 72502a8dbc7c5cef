"""What the portfolio is worth, and the loss limits that hang on it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bongsu.core.facts import BreakerReset, BreakerTripped, PortfolioValued
from bongsu.core.market import Market, MarketState
from bongsu.core.money import Krw, Price, notional
from bongsu.core.risk import RiskLimits
from bongsu.core.tradingday import Period, Scope, breaker_due, breaker_until, loss_ratio
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
            if await self.ledger.expected_balances() is None:
                return
            portfolio = await self.ledger.portfolio()
            markets = tuple(p.market for p in portfolio.positions)
            last = await self._last_prices_of_the_delisted(markets)
            prices = await self._prices(tuple(m for m in markets if m not in last))
            values = (notional((prices | last)[p.market], p.volume) for p in portfolio.positions)
            equity = Krw(sum(values, portfolio.cash))
            now = self.clock.now()
            await self.ledger.record(PortfolioValued(now, portfolio.cash, equity, prices))
        for period in await self.ledger.periods(now):
            await self._check_breaker(period, equity, now)

    async def _last_prices_of_the_delisted(self, markets: tuple[Market, ...]) -> dict[Market, Price]:
        """Nobody quotes them any more. They keep the time of that price: so old it is."""
        states = await self.ledger.market_states()
        gone = [market for market in markets if states.get(market) is MarketState.DELISTED]
        last = await self.ledger.last_prices() if gone else {}
        return {market: last[market] for market in gone if market in last}

    async def _prices(self, markets: tuple[Market, ...]) -> dict[Market, Price]:
        if not markets:
            return {}
        tickers = await self.exchange.tickers(markets)
        return {market: tickers[market].price for market in markets}

    async def _check_breaker(self, period: Period, equity: Krw, now: datetime) -> None:
        scope, limit = period.scope, self._limit(period.scope)
        if period.tripped_until is not None:
            if now >= period.tripped_until:
                await self.ledger.record(BreakerReset(scope, now))
            return
        if breaker_due(equity, period.start_equity, period.flows, limit):
            loss = loss_ratio(equity, period.start_equity, period.flows)
            assert loss is not None  # else it were not due
            await self.ledger.record(BreakerTripped(scope, loss, limit, now, breaker_until(scope, now)))

    def _limit(self, scope: Scope) -> Decimal:
        return self.limits.daily_loss if scope == "daily" else self.limits.weekly_loss
