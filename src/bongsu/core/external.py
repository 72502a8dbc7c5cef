"""What came to the account, or went, without an order of ours: adopted, and nobody's profit."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from bongsu.core.market import Market
from bongsu.core.money import ZERO, Krw, Price, Volume, notional
from bongsu.core.portfolio import Portfolio

WON = "KRW"


@dataclass(frozen=True, slots=True)
class Movement:
    """`amount` more (or less, below zero) than our books expected. Coins of the owner's go first.

    What they do not cover goes out of the bot's position: `taken`, at the price it was last valued at.
    """

    currency: str
    amount: Decimal
    taken: Volume = Volume(ZERO)  # noqa: RUF009 - a name for a number
    price: Price | None = None  # of what is taken

    @property
    def market(self) -> Market | None:
        """Where buys wait until the owner says that he knows; of won alone there is none."""
        return None if self.currency == WON else Market(f"KRW-{self.currency}")

    @property
    def flow(self) -> Krw:
        """By how much the bot's equity moves with it, which is no profit and no loss."""
        if self.currency == WON:
            return Krw(self.amount)
        return Krw(ZERO if self.price is None else -notional(self.price, self.taken))


def movements(
    expected: Mapping[str, Decimal],
    held: Mapping[str, Decimal],
    outside: Mapping[str, Decimal],
    portfolio: Portfolio,
    prices: Mapping[Market, Price],
) -> tuple[Movement, ...]:
    """What must have moved for our books to become the exchange's. `outside`: coins that are not the bot's."""
    moved = {c: held.get(c, ZERO) - expected.get(c, ZERO) for c in sorted(expected.keys() | held.keys())}
    return tuple(
        _movement(currency, amount, outside.get(currency, ZERO), portfolio, prices)
        for currency, amount in moved.items()
        if amount
    )


def _movement(
    currency: str, amount: Decimal, outside: Decimal, portfolio: Portfolio, prices: Mapping[Market, Price]
) -> Movement:
    market = Market(f"KRW-{currency}")
    position = portfolio.position(market)
    taken = min(position.volume, max(ZERO, -amount - max(outside, ZERO)))
    if currency == WON or not taken:
        return Movement(currency, amount)
    return Movement(currency, amount, Volume(taken), prices.get(market, position.entry_price))
