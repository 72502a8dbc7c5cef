"""The ledger against the exchange: open orders first, then every balance."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from bongsu.core.external import Movement, movements
from bongsu.core.facts import ExternalAdopted, FundsMoved, Reconciled
from bongsu.core.figures import exact_text, kst_text, volume_text
from bongsu.core.money import ZERO
from bongsu.core.order import Order, Side
from bongsu.core.portfolio import FIRST_BALANCE
from bongsu.errors import ExchangeRefused
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Clock, Exchange, Ledger

ADOPT_AFTER = 30.0  # wall seconds that a difference stands before it counts as somebody else's doing
_LOOK_BACK = timedelta(days=1)  # market time: for orders by hand that explain a difference


@dataclass(frozen=True, slots=True)
class Difference:
    """`found`: orders by hand, one line each. `ours`: an order of our own is behind it that is not in our books."""

    movement: Movement
    expected: Decimal
    held: Decimal
    found: tuple[str, ...]
    ours: bool

    def __str__(self) -> str:
        return f"{self.movement.currency}: {exact_text(self.expected)} ≠ {exact_text(self.held)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    exchange: Exchange
    ledger: Ledger
    clock: Clock

    async def differences(
        self, expected: Mapping[str, Decimal], held: Mapping[str, Decimal]
    ) -> tuple[Difference, ...]:
        """Nobody may settle an order meanwhile. Raises ExchangeError and LedgerError."""
        if all(expected.get(c, ZERO) == held.get(c, ZERO) for c in expected.keys() | held.keys()):
            return ()
        moved = movements(
            expected,
            held,
            await self.ledger.outside_funds(),
            await self.ledger.portfolio(),
            await self.ledger.last_prices(),
        )
        return tuple([await self._explain(one, expected, held) for one in moved])

    async def held(self) -> dict[str, Decimal]:
        return {b.currency: b.total for b in (await self.exchange.balances()).values()}

    async def _explain(
        self, moved: Movement, expected: Mapping[str, Decimal], held: Mapping[str, Decimal]
    ) -> Difference:
        recent = await self._recent_orders(moved)
        ours = await self.ledger.ours([o.identifier for o in recent if o.identifier is not None])
        by_hand = [o for o in recent if o.identifier not in ours]
        return Difference(
            moved,
            expected.get(moved.currency, ZERO),
            held.get(moved.currency, ZERO),
            tuple(_line(order) for order in by_hand),
            ours=not all(ours.values()),
        )

    async def _recent_orders(self, moved: Movement) -> list[Order]:
        """None where the exchange has no such market: then it was no order."""
        if moved.market is None:
            return []
        try:
            orders = await self.exchange.closed_orders(moved.market, self.clock.now() - _LOOK_BACK)
        except ExchangeRefused:
            return []
        return [order for order in orders if order.executed_volume > 0]


class Reconciliation:
    def __init__(self, exchange: Exchange, ledger: Ledger, clock: Clock, execution: Execution) -> None:
        self._comparison = Comparison(exchange, ledger, clock)
        self._ledger = ledger
        self._clock = clock
        self._execution = execution
        self._standing: tuple[tuple[str, ...], float] = ((), 0.0)  # the differences, and since when

    async def run(self) -> None:
        """Raises ExchangeError and LedgerError; a comparison that could not be made is not a match."""
        await self._execution.recover()
        async with self._execution.in_order:
            await self._compare()

    async def _compare(self) -> None:
        if await self._ledger.open_intents():
            return  # an order whose fate is unknown explains any difference; the next run compares
        held = await self._comparison.held()
        expected = await self._ledger.expected_balances()
        if expected is None:
            await self._begin_with(held)
            expected = held
        differences = await self._comparison.differences(expected, held)
        if self._have_stood(differences):
            await self._adopt(differences)
            differences = ()
        await self._ledger.record(Reconciled(tuple(map(str, differences)), self._clock.now()))

    def _have_stood(self, differences: tuple[Difference, ...]) -> bool:
        """A balance may be told later than the order that moved it, and an order of ours is never somebody else's."""
        lines, now = tuple(map(str, differences)), time.monotonic()
        if lines != self._standing[0]:
            self._standing = lines, now
        stood = now - self._standing[1] >= ADOPT_AFTER
        return bool(lines) and stood and not any(one.ours for one in differences)

    async def _adopt(self, differences: tuple[Difference, ...]) -> None:
        for one in differences:
            await self._ledger.record(ExternalAdopted(one.movement, one.found, self._clock.now()))

    async def _begin_with(self, held: dict[str, Decimal]) -> None:
        """What the account held before the bot came is the owner's: capital, not profit."""
        for currency, amount in sorted(held.items()):
            if amount or currency == "KRW":
                await self._ledger.record(FundsMoved(currency, amount, FIRST_BALANCE, self._clock.now()))


def _line(order: Order) -> str:
    side = "매수 (BUY)" if order.side is Side.BUY else "매도 (SELL)"
    return f"{side} {volume_text(order.executed_volume)}, {kst_text(order.created_at)}"
