"""Which markets an advisor is asked about: those that are configured, or those that the scanner finds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bongsu.core.facts import MarketsScanned
from bongsu.core.market import Market
from bongsu.core.scanning import ScanRules, next_ones, scan
from bongsu.trading.ports import Clock, Exchange, Ledger


class Universe(Protocol):
    def known(self) -> Sequence[Market]:
        """Whatever it may choose from, as far as it has looked."""
        ...

    async def choose(self) -> Sequence[Market]:
        """For one cycle. Raises ExchangeError and LedgerError."""
        ...


@dataclass(frozen=True, slots=True)
class Configured:
    markets: Sequence[Market]

    def known(self) -> Sequence[Market]:
        return self.markets

    async def choose(self) -> Sequence[Market]:
        return self.markets


class Scanner:
    def __init__(self, exchange: Exchange, ledger: Ledger, clock: Clock, rules: ScanRules) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._clock = clock
        self._rules = rules
        self._found: tuple[Market, ...] = ()

    def known(self) -> Sequence[Market]:
        return self._found

    async def choose(self) -> Sequence[Market]:
        self._found = scan(await self._exchange.listed(), self._rules)
        held = [position.market for position in (await self._ledger.portfolio()).positions]
        chosen = next_ones(self._found, held, await self._ledger.last_asked(), self._rules.at_once)
        await self._ledger.record(MarketsScanned(self._found, chosen, self._clock.now()))
        return chosen


def universe_of(
    rules: ScanRules | None, configured: Sequence[Market], exchange: Exchange, ledger: Ledger, clock: Clock
) -> Universe:
    return Configured(configured) if rules is None else Scanner(exchange, ledger, clock, rules)
