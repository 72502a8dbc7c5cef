"""One account: what is free, what is locked by orders, what was paid on average. Exact, never below zero."""

from dataclasses import dataclass
from decimal import Decimal

from bongsu.core.money import ZERO
from bongsu.errors import BongsuError

KRW = "KRW"
_AVERAGE_STEP = Decimal("0.00000001")


@dataclass(slots=True)
class Holding:
    currency: str
    free: Decimal = ZERO
    locked: Decimal = ZERO
    average_price: Decimal = ZERO  # of the buys that make up the holding, fees not counted, as Upbit does

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


class InsufficientFunds(BongsuError):
    """Nothing was changed."""


class Account:
    def __init__(self, holdings: list[Holding]) -> None:
        self._holdings = {holding.currency: holding for holding in holdings}
        self.touched: set[str] = set()  # since the owner last cleared it

    def holding(self, currency: str) -> Holding:
        return self._holdings.get(currency) or Holding(currency)

    def holdings(self) -> list[Holding]:
        """The won first, then what is held."""
        held = [h for h in self._holdings.values() if h.total or h.currency == KRW]
        return sorted(held, key=lambda h: (h.currency != KRW, h.currency))

    def lock(self, currency: str, amount: Decimal) -> None:
        holding = self._touch(currency)
        if amount > holding.free:
            raise InsufficientFunds(currency)
        holding.free -= amount
        holding.locked += amount

    def unlock(self, currency: str, amount: Decimal) -> None:
        holding = self._touch(currency)
        if amount > holding.locked:
            raise InsufficientFunds(currency)
        holding.locked -= amount
        holding.free += amount

    def spend(self, currency: str, amount: Decimal) -> None:
        """Out of what is locked."""
        holding = self._touch(currency)
        if amount > holding.locked:
            raise InsufficientFunds(currency)
        holding.locked -= amount
        if holding.total == 0:
            holding.average_price = ZERO

    def receive(self, currency: str, amount: Decimal) -> None:
        self._touch(currency).free += amount

    def receive_bought(self, currency: str, volume: Decimal, funds: Decimal) -> None:
        holding = self._touch(currency)
        cost = holding.total * holding.average_price + funds
        holding.free += volume
        holding.average_price = (cost / holding.total).quantize(_AVERAGE_STEP)

    def move_from_outside(self, currency: str, delta: Decimal) -> None:
        """A deposit, or a withdrawal of what is free."""
        holding = self._touch(currency)
        if holding.free + delta < 0:
            raise InsufficientFunds(currency)
        holding.free += delta

    def _touch(self, currency: str) -> Holding:
        self.touched.add(currency)
        return self._holdings.setdefault(currency, Holding(currency))
