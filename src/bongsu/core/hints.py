"""What an exchange says by itself: a reason to ask, never an answer. The truth is what is asked for and on record."""

from dataclasses import dataclass
from uuid import UUID

from bongsu.core.market import Market
from bongsu.core.money import Price


@dataclass(frozen=True, slots=True)
class OrderStirred:
    """Something happened to an order; `identifier` is None where whoever placed it gave it none that we know."""

    market: Market
    identifier: UUID | None


@dataclass(frozen=True, slots=True)
class BalancesStirred:
    pass


@dataclass(frozen=True, slots=True)
class PriceHeard:
    market: Market
    price: Price


@dataclass(frozen=True, slots=True)
class LineOpened:
    """Of what happened before nothing was heard."""


Hint = OrderStirred | BalancesStirred | PriceHeard | LineOpened
