"""Balances, positions and profit, by average cost with fees inside."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from bongsu.core.market import Market
from bongsu.core.money import ZERO, Krw, Price, Volume, notional
from bongsu.core.order import Order, Side

FIRST_BALANCE = "initial"  # the note of money that was there before the bot: nothing moved


@dataclass(frozen=True, slots=True)
class Position:
    """What is held of one market. `cost` is what the held volume cost, fees included."""

    market: Market
    volume: Volume
    cost: Krw
    realized: Krw  # profit taken so far, over all times
    opened_at: datetime | None  # market time of the entry; None when flat
    peak: Price | None = None  # the highest confirmed price since then

    @property
    def held(self) -> bool:
        return self.volume > 0

    @property
    def entry_price(self) -> Price:
        """Average cost of a unit, fees included. Raises ZeroDivisionError when flat."""
        return Price(self.cost / self.volume)

    def unrealized_ratio(self, price: Price) -> Decimal:
        """Profit over cost if all were worth `price`, before the fee of selling."""
        return (notional(price, self.volume) - self.cost) / self.cost


def flat(market: Market) -> Position:
    return Position(market, Volume(ZERO), Krw(ZERO), Krw(ZERO), None)


def apply_execution(
    position: Position, side: Side, volume: Volume, funds: Krw, fee: Krw, at: datetime
) -> Position:
    """The position after `volume` was bought or sold for `funds`, with `fee` on top or taken off.

    A sell takes cost out in proportion, so the average stays. Raises ValueError when more is sold than held.
    """
    if side is Side.BUY:
        return Position(
            position.market,
            Volume(position.volume + volume),
            Krw(position.cost + funds + fee),
            position.realized,
            position.opened_at or at,
            position.peak,
        )
    if volume > position.volume:
        raise ValueError(f"{position.market}: sold {volume}, held {position.volume}")
    rest = Volume(position.volume - volume)
    # The last sell takes all that is left, so that no rounding stays behind as cost of nothing.
    cost_sold = position.cost if rest == 0 else Krw(position.cost * volume / position.volume)
    return Position(
        position.market,
        rest,
        Krw(position.cost - cost_sold),
        Krw(position.realized + funds - fee - cost_sold),
        position.opened_at if rest > 0 else None,
        position.peak if rest > 0 else None,
    )


def without(position: Position, volume: Volume) -> Position:
    """After `volume` went to its owner: its share of the cost goes with it, and nobody gained or lost.

    Raises ValueError when that is more than is held.
    """
    if volume > position.volume:
        raise ValueError(f"{position.market}: {volume} taken, held {position.volume}")
    rest = Volume(position.volume - volume)
    if rest == 0:
        return Position(position.market, rest, Krw(ZERO), position.realized, None)
    cost = Krw(position.cost - position.cost * volume / position.volume)
    return replace(position, volume=rest, cost=cost)


def cash_change(order: Order) -> Krw:
    """What a whole order did to the won balance."""
    return Krw(-order.funds - order.paid_fee if order.side is Side.BUY else order.funds - order.paid_fee)


@dataclass(frozen=True, slots=True)
class Portfolio:
    cash: Krw
    positions: tuple[Position, ...]  # held ones only

    def position(self, market: Market) -> Position:
        return next((p for p in self.positions if p.market == market), flat(market))
