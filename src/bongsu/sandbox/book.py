"""The order book that stands around the price: drawn anew each minute from the seed and the hour's volume."""

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from typing import Literal

from bongsu.core.market import BookLevel, Market, OrderBook
from bongsu.core.money import VOLUME_STEP, Price, Volume, floor_volume
from bongsu.sandbox.path import next_price_above, next_price_below
from bongsu.sandbox.tape import MINUTE, Tape, floor_time

BookSide = Literal["ask", "bid"]

LEVELS = 30
_SHARE_OF_HOUR = Decimal("0.3")  # of the hour's volume, that the levels of one side hold on average
_SHARE_IN_SILENCE = Decimal("0.25")  # what is left of that while nobody trades
_DRAW_RANGE = Decimal(2**32)


class _Minute:
    """One market's draws of one minute: equal for equal questions, for ever."""

    def __init__(self, seed: str, market: Market, start: datetime) -> None:
        self.start = start
        self._asked = blake2b(f"{seed}|{market}|{start.isoformat()}".encode(), digest_size=4)

    def draw(self, question: str) -> int:
        """Evenly spread over 0..2**32-1."""
        asked = self._asked.copy()
        asked.update(question.encode())
        return int.from_bytes(asked.digest())


class Depth:
    """How much of the drawn levels has been eaten. It grows back with the next minute's draw."""

    def __init__(self) -> None:
        self._eaten: dict[tuple[Market, BookSide, Price], tuple[datetime, Volume]] = {}
        self.version = 0  # another one after each bite

    def eaten(self, market: Market, minute: datetime, side: BookSide, price: Price) -> Volume:
        when, volume = self._eaten.get((market, side, price), (minute, Volume(Decimal(0))))
        return volume if when == minute else Volume(Decimal(0))

    def eat(self, market: Market, minute: datetime, side: BookSide, price: Price, volume: Volume) -> Volume:
        """Returns what is eaten of that level by now."""
        total = Volume(self.eaten(market, minute, side, price) + volume)
        self._eaten = {key: held for key, held in self._eaten.items() if held[0] == minute}
        self._eaten[market, side, price] = (minute, total)
        self.version += 1
        return total


def order_book(tape: Tape, at: datetime, seed: str, depth: Depth) -> OrderBook:
    """Thirty levels a side, best first. Raises LookupError before the market's first candle."""
    last = tape.price(at)
    minute = _Minute(seed, tape.market, floor_time(at, MINUTE))
    best_ask, best_bid = _best_prices(last, minute)
    average = _average_level(tape, at)

    def remaining(side: BookSide, price: Price) -> Volume:
        draw = minute.draw(f"{side}{price.normalize()}")  # one spelling for one price, whatever made it
        share = Decimal("0.2") + Decimal("1.6") * draw / _DRAW_RANGE
        drawn = max(floor_volume(average * share), VOLUME_STEP)
        return Volume(drawn - depth.eaten(tape.market, minute.start, side, price))

    return OrderBook(
        tape.market,
        at,
        bids=tuple(islice(_levels("bid", best_bid, next_price_below, remaining), LEVELS)),
        asks=tuple(islice(_levels("ask", best_ask, next_price_above, remaining), LEVELS)),
    )


def _best_prices(last: Price, minute: _Minute) -> tuple[Price, Price]:
    """The last trade hit one of the two; the spread is one tick, now and then two."""
    draw = minute.draw("touch")
    last_was_a_buy, wide = bool(draw & 1), draw % 5 == 0
    if not last_was_a_buy or next_price_below(last) <= 0:
        ask = next_price_above(last)
        return (next_price_above(ask) if wide else ask), last
    bid = next_price_below(last)
    return last, (next_price_below(bid) or bid) if wide else bid


def _levels(
    side: BookSide,
    best: Price,
    step: Callable[[Price], Price],
    remaining: Callable[[BookSide, Price], Volume],
) -> Iterator[BookLevel]:
    price = best
    while price > 0:
        volume = remaining(side, price)
        if volume > 0:
            yield BookLevel(price, volume)
        price = step(price)


def _average_level(tape: Tape, at: datetime) -> Decimal:
    last = tape.last(at)
    if last is None:
        raise LookupError(f"{tape.market} has not traded yet at {at}")
    share = _SHARE_OF_HOUR if at < last.closed_at else _SHARE_OF_HOUR * _SHARE_IN_SILENCE
    return last.volume * share / LEVELS
