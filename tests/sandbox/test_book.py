"""The drawn order book."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.market import HOUR, Candle
from bongsu.core.money import Krw, Price, Volume, tick_size
from bongsu.sandbox.book import Depth, order_book
from bongsu.sandbox.tape import MINUTE, RecordedTape, Tape, floor_time
from sandbox.worlds import ETH, FIRST

NOTHING_EATEN = Depth()


def tape(price: Decimal, volume: str = "100") -> Tape:
    high, low = price * Decimal("1.01"), price * Decimal("0.99")
    hour = Candle(
        ETH,
        HOUR,
        FIRST,
        Price(price),
        Price(high),
        Price(low),
        Price(price),
        Volume(Decimal(volume)),
        Krw(price),
    )
    return RecordedTape(ETH, [hour])


ETHER = tape(Decimal(3_000_000))


@settings(max_examples=200)
@given(
    st.decimals("0.0001", 200_000_000, places=6),
    st.integers(0, 7_200).map(lambda s: FIRST + timedelta(seconds=s)),
    st.text(max_size=3),
)
def test_sides_are_sorted_on_the_grid_and_never_cross(price: Decimal, at, seed: str) -> None:
    book = order_book(tape(price), at, seed, NOTHING_EATEN)
    assert book.bids[0].price < book.asks[0].price
    assert book.bids[0].price <= tape(price).price(at) <= book.asks[0].price
    assert all(a.price < b.price for a, b in pairwise(book.asks))
    assert all(a.price > b.price for a, b in pairwise(book.bids))
    assert all(
        level.volume > 0 and level.price % tick_size(level.price) == 0 for level in book.bids + book.asks
    )
    assert len(book.asks) == 30


def test_it_is_drawn_anew_each_minute_and_stands_in_between() -> None:
    def asks(at, seed: str = "seed"):
        return order_book(ETHER, at, seed, NOTHING_EATEN).asks

    start = FIRST + 10 * MINUTE
    by_price = {level.price: level.volume for level in asks(start)}
    later = {level.price: level.volume for level in asks(start + timedelta(seconds=59))}
    shared = by_price.keys() & later.keys()
    assert len(shared) > 20
    assert all(by_price[price] == later[price] for price in shared)
    assert asks(start) == asks(start)
    assert asks(start) != asks(start + MINUTE)
    assert asks(start) != asks(start, "another")


def test_a_side_holds_about_a_third_of_the_hours_volume() -> None:
    books = [order_book(ETHER, FIRST + n * MINUTE, "seed", NOTHING_EATEN) for n in range(60)]
    average = sum(sum(level.volume for level in book.asks) for book in books) / 60
    assert 27 < average < 33


def test_silence_thins_the_book() -> None:
    loud = order_book(ETHER, FIRST + 30 * MINUTE, "seed", NOTHING_EATEN)
    silent = order_book(ETHER, FIRST + 90 * MINUTE, "seed", NOTHING_EATEN)
    assert sum(x.volume for x in silent.bids) < sum(x.volume for x in loud.bids) / 2


def test_what_was_eaten_is_gone_until_the_next_minute() -> None:
    at, depth = FIRST + 5 * MINUTE, Depth()
    first, second = order_book(ETHER, at, "seed", depth).asks[:2]
    depth.eat(ETH, floor_time(at, MINUTE), "ask", first.price, first.volume)
    depth.eat(ETH, floor_time(at, MINUTE), "ask", second.price, Volume(second.volume / 4))
    best, *rest = order_book(ETHER, at, "seed", depth).asks
    assert (best.price, best.volume) == (second.price, second.volume - second.volume / 4)
    assert len(rest) == 29
    assert (
        order_book(ETHER, at + MINUTE, "seed", depth).asks
        == order_book(ETHER, at + MINUTE, "seed", NOTHING_EATEN).asks
    )


def test_a_price_has_one_depth_however_it_was_come_by() -> None:
    """100 is the end of one tick band and the start of another: 100.0 from below, 100 from above."""
    compared = 0
    for seed in map(str, range(20)):
        below, above = (
            {
                level.price: level.volume
                for level in order_book(tape(Decimal(p)), FIRST, seed, NOTHING_EATEN).bids
            }
            for p in ("99.97", "101")
        )
        for price in below.keys() & above.keys():
            assert below[price] == above[price]
            compared += price == 100
    assert compared
