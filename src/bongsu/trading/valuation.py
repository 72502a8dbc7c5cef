"""What the portfolio is worth, and the loss limits that hang on it."""

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from bongsu.core.exits import PLAUSIBLE, quotes_agree
from bongsu.core.facts import BreakerReset, BreakerTripped, PortfolioValued, PriceRejected
from bongsu.core.market import Market, MarketState
from bongsu.core.money import Krw, Price, notional
from bongsu.core.risk import RiskLimits
from bongsu.core.snapshot import PriceSource
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
    day_start: time

    async def run(self) -> None:
        """No value is better than a wrong one: none is written where two quotes of a held market contradict one another.

        Raises ExchangeError when one has no price.
        """
        async with self.execution.in_order:  # cash and positions of one moment
            if await self.ledger.expected_balances() is None:
                return
            portfolio = await self.ledger.portfolio()
            markets = tuple(p.market for p in portfolio.positions)
            last = await self._last_prices_of_the_delisted(markets)
            prices = await self._prices(tuple(m for m in markets if m not in last))
            if prices is None:
                return
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

    async def _prices(self, markets: tuple[Market, ...]) -> dict[Market, Price] | None:
        """None when one of them is not to be believed: a loss limit, a peak and a profit would hang on it."""
        if not markets:
            return {}
        tickers = await self.exchange.tickers(markets)
        prices = {market: tickers[market].price for market in markets}
        odd = [told for market in markets if (told := await self._contradiction(market, prices[market]))]
        for rejected in odd:
            await self.ledger.record(rejected)
        return None if odd else prices

    async def _contradiction(self, market: Market, price: Price) -> PriceRejected | None:
        """Nobody bids where trading is suspended: there the last trade's price stands alone."""
        if not (await self.exchange.rules(market)).online:
            return None
        mid = (await self.exchange.order_book(market)).mid
        if quotes_agree(price, mid, PLAUSIBLE):
            return None
        return PriceRejected(
            market, PriceSource.QUOTES, f"ticker {price:f}, book {mid:f}; nothing was valued"
        )

    async def _check_breaker(self, period: Period, equity: Krw, now: datetime) -> None:
        scope, limit = period.scope, self._limit(period.scope)
        if period.tripped_until is not None:
            if now >= period.tripped_until:
                await self.ledger.record(BreakerReset(scope, now))
            return
        if breaker_due(equity, period.start_equity, period.flows, limit):
            loss = loss_ratio(equity, period.start_equity, period.flows)
            assert loss is not None  # else it were not due
            await self.ledger.record(
                BreakerTripped(scope, loss, limit, now, breaker_until(scope, now, self.day_start))
            )

    def _limit(self, scope: Scope) -> Decimal:
        return self.limits.daily_loss if scope == "daily" else self.limits.weekly_loss
