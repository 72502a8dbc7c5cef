"""The ledger against the exchange: open orders first, then every balance."""

from dataclasses import dataclass
from decimal import Decimal

from bongsu.core.facts import FundsMoved, Reconciled
from bongsu.core.money import ZERO
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Clock, Exchange, Ledger


@dataclass(frozen=True, slots=True)
class Reconciliation:
    exchange: Exchange
    ledger: Ledger
    clock: Clock
    execution: Execution

    async def run(self) -> None:
        """Raises ExchangeError and LedgerError; a comparison that could not be made is not a match."""
        await self.execution.recover()
        async with self.execution.in_order:
            await self._compare()

    async def _compare(self) -> None:
        if await self.ledger.open_intents():
            return  # an order whose fate is unknown explains any difference; the next run compares
        held = {b.currency: b.total for b in (await self.exchange.balances()).values()}
        expected = await self.ledger.expected_balances()
        if expected is None:
            await self._adopt(held)
            expected = held
        await self.ledger.record(Reconciled(_differences(expected, held), self.clock.now()))

    async def _adopt(self, held: dict[str, Decimal]) -> None:
        """What the account held before the bot came is the owner's: capital, not profit."""
        for currency, amount in sorted(held.items()):
            if amount or currency == "KRW":
                await self.ledger.record(FundsMoved(currency, amount, "initial", self.clock.now()))


def _differences(expected: dict[str, Decimal], held: dict[str, Decimal]) -> tuple[str, ...]:
    currencies = sorted(expected.keys() | held.keys())
    pairs = ((c, expected.get(c, ZERO), held.get(c, ZERO)) for c in currencies)
    return tuple(f"{currency}: {ours:f} ≠ {theirs:f}" for currency, ours, theirs in pairs if ours != theirs)
