"""Stop-loss, trailing stop and take-profit: rules only, no advisor, and never blocked by what blocks a buy."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bongsu.core.exits import RULE_CONFIDENCE, exit_due, needs_range, quotes_agree
from bongsu.core.facts import PriceRejected, TradeVetoed
from bongsu.core.market import Market, MarketState
from bongsu.core.money import Price, notional
from bongsu.core.order import OrderRequest, Trigger
from bongsu.core.portfolio import Portfolio, Position
from bongsu.core.risk import RiskLimits, Veto
from bongsu.core.sizing import exit_key, size_exit
from bongsu.core.snapshot import PriceSource
from bongsu.errors import ExchangeError
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Clock, Exchange, Ledger
from bongsu.trading.ranges import TrueRanges

_PARTS = 10
_REFILL = 1.0  # wall seconds for the book between two parts


@dataclass(frozen=True, slots=True)
class Protection:
    exchange: Exchange
    ledger: Ledger
    clock: Clock
    execution: Execution
    limits: RiskLimits
    ranges: TrueRanges
    lang: str
    watch: Callable[[Sequence[Position]], None] = lambda _: None  # told what is held, at each look

    async def run(self) -> None:
        """Looks at every held position; one that cannot be looked at does not keep the others waiting.

        A delisted one has no price and no buyer: MarketSuspended says so.
        Raises the last ExchangeError after all were tried: then the check does not count as done.
        """
        failed: ExchangeError | None = None
        states = await self.ledger.market_states()
        positions = (await self.ledger.portfolio()).positions
        self.watch(positions)
        for position in positions:
            if states.get(position.market) is MarketState.DELISTED:
                continue
            try:
                await self._check(position)
            except ExchangeError as error:
                failed = error
        if failed is not None:
            raise failed
        await self.ledger.risk_checked()

    async def close(self, market: Market, reason: str) -> Veto | None:
        """Sells all of `market` at once, because the owner says so: part after part where the book is thin."""
        position = (await self.settled()).position(market)
        for _ in range(_PARTS):
            veto = await self._sell(position, Trigger.CLOSE, reason)
            left = (await self.settled()).position(market)
            if veto is not None or not left.held or left.volume == position.volume:
                return veto
            position = left
            await asyncio.sleep(_REFILL)
        return None

    async def settled(self) -> Portfolio:
        """What is held once the order that is on its way, if one is, has come to its end."""
        async with self.execution.in_order:
            return await self.ledger.portfolio()

    async def _check(self, position: Position) -> None:
        ticker = (await self.exchange.tickers([position.market]))[position.market]
        book = await self.exchange.order_book(position.market)
        if not quotes_agree(ticker.price, book.mid):
            told = f"ticker {ticker.price:f}, book {book.mid:f}"
            await self.ledger.record(PriceRejected(position.market, PriceSource.QUOTES, told))
            return
        await self._follow(position, min(ticker.price, book.mid))
        true_range = await self.ranges.of(position.market) if needs_range(self.limits) else None
        due = exit_due(position, ticker.price, book.mid, self.limits, true_range)
        if due is not None and await self._is_sellable(position, ticker.price):
            await self._sell(position, due.trigger, due.reason if self.lang == "ko" else due.reason_en)

    async def _follow(self, position: Position, price: Price) -> None:
        if position.peak is None or price > position.peak:
            await self.ledger.raise_peak(position.market, price)

    async def _is_sellable(self, position: Position, price: Price) -> bool:
        """A rest that the exchange takes no order for is no news each minute; the next buy adds to it."""
        return notional(price, position.volume) >= (await self.exchange.rules(position.market)).min_ask

    async def _sell(self, position: Position, trigger: Trigger, reason: str) -> Veto | None:
        ticker = (await self.exchange.tickers([position.market]))[position.market]
        now = self.clock.now()
        request = size_exit(
            position,
            price=ticker.price,
            trigger=trigger,
            reason=reason,
            key=exit_key(position, now),
            at=now,
            confidence=RULE_CONFIDENCE,
            book=await self.exchange.order_book(position.market),
            rules=await self.exchange.rules(position.market),
            limits=self.limits,
        )
        if isinstance(request, OrderRequest):
            outcome = await self.execution.execute(request)
            return outcome if isinstance(outcome, Veto) else None
        await self.ledger.record(TradeVetoed(position.market, request, None, now))
        return request
