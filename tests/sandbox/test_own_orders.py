"""Our own orders in the book: who comes first, and what happens where both sides of a trade would be ours."""

from decimal import Decimal
from pathlib import Path

import pytest

from bongsu.core.market import HOUR
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import Order, Refused
from bongsu.sandbox.world import World
from sandbox.worlds import ETH, FLAT, START, limit, market_buy, market_sell, options

FEE = Decimal("0.0005")
WON = Decimal(100_000_000)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    """A steady price, a hundred million won and a hundred coins."""
    opened = World(options(tmp_path)).exchange
    opened.move_from_outside("KRW", WON - 1_000_000)
    opened.move_from_outside("ETH", Decimal(100))
    return opened


def now(exchange: Exchange, order: Order) -> Order:
    found = exchange.store.order_by_uuid(str(order.uuid))
    assert found is not None
    return found


def inside(exchange: Exchange, levels: int = 1) -> Decimal:
    """The lowest of so many prices above the best bid at which nobody else sells any more: we bought it all."""
    eaten = exchange.order_book(ETH).asks[:levels]
    exchange.submit(limit("bid", eaten[-1].price, sum(level.volume for level in eaten)))
    return eaten[0].price


def test_ours_stand_in_the_book_with_the_others_of_their_price(exchange: Exchange) -> None:
    bids = exchange.order_book(ETH).bids
    exchange.submit(limit("bid", bids[2].price, "1.5"))
    shown = exchange.order_book(ETH).bids
    assert shown[2].volume == bids[2].volume + Decimal("1.5")
    assert (shown[:2], shown[3:]) == (bids[:2], bids[3:])


def test_one_that_the_market_has_passed_is_not_shown_across_it(tmp_path: Path) -> None:
    """Its hour has no volume left for it: it waits for the next, and the book is not crossed meanwhile."""
    falling = (3_000_000, 3_000_000, 2_000_000, 2_000_000, "1")
    exchange = World(options(tmp_path, (falling, *((2_000_000,) * 4 + ("1",),) * 5))).exchange
    order = exchange.submit(limit("bid", 2_500_000, "0.25"))
    exchange.advance(START + HOUR)
    waiting, book = now(exchange, order), exchange.order_book(ETH)
    assert (waiting.state, waiting.executed_volume) == ("wait", Decimal("0.1"))
    assert book.bids[0].price < book.asks[0].price < 2_500_000


def test_at_one_price_the_others_come_first(exchange: Exchange) -> None:
    best = exchange.order_book(ETH).bids[0]
    ours = exchange.submit(limit("bid", best.price, "1"))
    exchange.submit(limit("ask", best.price, best.volume, smp_type="none"))
    assert now(exchange, ours).executed_volume == 0
    taker = exchange.submit(limit("ask", best.price, "0.4", smp_type="none"))
    assert now(exchange, ours).executed_volume == now(exchange, taker).executed_volume == Decimal("0.4")


def test_the_better_price_comes_first_and_then_the_older_order(exchange: Exchange) -> None:
    price = inside(exchange, 2)
    older, newer, better = (
        exchange.submit(limit("ask", p, "0.3")) for p in (price + 1_000, price + 1_000, price)
    )
    exchange.submit(limit("bid", price + 1_000, "0.7", smp_type="none"))
    filled = [now(exchange, order).executed_volume for order in (better, older, newer)]
    assert filled == [Decimal("0.3"), Decimal("0.3"), Decimal("0.1")]


def test_where_a_gap_passes_several_at_once_the_better_price_is_filled_first(tmp_path: Path) -> None:
    low = (2_900_000, 2_900_000, 2_900_000, 2_900_000, "1")
    exchange = World(options(tmp_path, (FLAT, low, low))).exchange
    worse, better = (exchange.submit(limit("bid", price, "0.08")) for price in (2_930_000, 2_950_000))
    exchange.advance(START + HOUR + HOUR / 2)
    assert now(exchange, better).executed_volume == Decimal("0.08")
    assert now(exchange, worse).executed_volume == Decimal("0.02")


class TestSelfMatchPrevention:
    """The taker's smp_type decides; the maker's counts no more."""

    @pytest.fixture
    def price(self, exchange: Exchange) -> Decimal:
        return inside(exchange)

    def meet(self, exchange: Exchange, price: Decimal, smp: str, bid: str, ask: str) -> tuple[Order, Order]:
        """Our ask rests at the best price, our bid takes it; the maker's own type is another one."""
        maker = exchange.submit(
            limit("ask", price, ask, smp_type="cancel_taker" if smp == "none" else "none")
        )
        taker = exchange.submit(limit("bid", price, bid, smp_type=smp))
        return now(exchange, maker), now(exchange, taker)

    def test_cancel_maker(self, exchange: Exchange, price: Decimal) -> None:
        maker, taker = self.meet(exchange, price, "cancel_maker", "2", "0.5")
        assert (maker.state, maker.prevented_volume, maker.prevented_locked) == (
            "cancel",
            Decimal("0.5"),
            Decimal("0.5"),
        )
        assert (taker.state, taker.executed_volume, taker.prevented_volume) == ("wait", 0, 0)
        assert exchange.account.holding("ETH").locked == 0
        assert exchange.account.holding("KRW").locked == 2 * price * (1 + FEE)

    def test_cancel_taker(self, exchange: Exchange, price: Decimal) -> None:
        maker, taker = self.meet(exchange, price, "cancel_taker", "2", "0.5")
        assert (maker.state, maker.remaining_volume) == ("wait", Decimal("0.5"))
        assert (taker.state, taker.prevented_volume, taker.prevented_locked) == ("cancel", 2, 2 * price)
        assert exchange.account.holding("KRW").locked == 0

    def test_reduce_takes_the_overlap_off_both(self, exchange: Exchange, price: Decimal) -> None:
        maker, taker = self.meet(exchange, price, "reduce", "2", "0.5")
        assert (maker.state, maker.prevented_volume, maker.trades_count) == ("cancel", Decimal("0.5"), 0)
        assert (taker.state, taker.remaining_volume, taker.prevented_locked) == (
            "wait",
            Decimal("1.5"),
            price / 2,
        )
        exchange.cancel(taker)
        other, smaller = self.meet(exchange, price, "reduce", "0.5", "2")
        assert (smaller.state, smaller.prevented_volume, smaller.locked) == ("cancel", Decimal("0.5"), 0)
        assert (other.state, other.remaining_volume, other.locked) == ("wait", Decimal("1.5"), Decimal("1.5"))

    def test_none_trades_with_itself_and_pays_twice(self, exchange: Exchange, price: Decimal) -> None:
        before = {c: exchange.account.holding(c).total for c in ("KRW", "ETH")}
        maker, taker = self.meet(exchange, price, "none", "2", "0.5")
        assert (maker.state, maker.executed_funds) == ("done", price / 2)
        assert (taker.state, taker.executed_volume, taker.remaining_volume) == (
            "wait",
            Decimal("0.5"),
            Decimal("1.5"),
        )
        assert exchange.account.holding("ETH").total == before["ETH"]
        assert exchange.account.holding("KRW").total == before["KRW"] - price * FEE

    def test_a_market_order_goes_on_to_the_others(self, exchange: Exchange, price: Decimal) -> None:
        maker = exchange.submit(limit("ask", price, "0.5"))
        taker = now(exchange, exchange.submit(market_buy(price)))
        assert now(exchange, maker).state == "cancel"
        assert taker.executed_funds > price * Decimal("0.99")
        assert all(trade.price > price for trade in exchange.store.trades_of(taker))

    def test_reduce_takes_won_off_a_market_buy(self, exchange: Exchange, price: Decimal) -> None:
        exchange.submit(limit("ask", price, "0.5"))
        taker = now(exchange, exchange.submit(market_buy(price, smp_type="reduce")))
        assert (taker.prevented_volume, taker.prevented_locked) == (Decimal("0.5"), price / 2)
        assert price * Decimal("0.49") < taker.executed_funds <= price / 2
        assert exchange.account.holding("KRW").locked == 0

    def test_a_market_sell_meets_our_bid(self, exchange: Exchange, price: Decimal) -> None:
        maker = exchange.submit(limit("bid", price, "0.5", time_in_force="post_only", smp_type="none"))
        taker = now(exchange, exchange.submit(market_sell("2", smp_type="cancel_taker")))
        assert (taker.state, taker.prevented_volume, taker.executed_volume) == ("cancel", 2, 0)
        assert now(exchange, maker).state == "wait"

    @pytest.mark.parametrize(
        ("smp", "state"), [("none", "done"), ("cancel_maker", "cancel"), ("cancel_taker", "cancel")]
    )
    def test_fill_or_kill_counts_ours_only_where_it_may_have_them(
        self, exchange: Exchange, price: Decimal, smp: str, state: str
    ) -> None:
        maker = exchange.submit(limit("ask", price, "0.5"))
        taker = exchange.submit(limit("bid", price, "0.5", time_in_force="fok", smp_type=smp))
        assert now(exchange, taker).state == state
        assert now(exchange, maker).state == ("done" if smp == "none" else "wait")


class TestInPlaceOfAnother:
    def test_both_or_neither(self, exchange: Exchange) -> None:
        old = exchange.submit(limit("bid", 2_900_000, "10"))
        with pytest.raises(Refused) as refused:
            exchange.replace(old, limit("bid", 2_900_000, "100", identifier="x"))
        assert refused.value.name == "insufficient_funds_bid"
        assert [o.uuid for o in exchange.waiting_orders()] == [old.uuid]
        assert exchange.account.holding("KRW").locked == 29_000_000 * (1 + FEE)
        with pytest.raises(Refused) as refused:
            exchange.replace(old, limit("bid", 2_800_000, "10", identifier="x"))
        assert refused.value.name == "duplicate_identifier"

    def test_what_the_old_one_held_pays_for_the_new_one(self, exchange: Exchange) -> None:
        old = exchange.submit(limit("bid", 2_900_000, "30"))
        new = exchange.replace(old, limit("bid", 2_950_000, "30"))
        assert (now(exchange, old).state, now(exchange, new).state) == ("cancel", "wait")
        assert exchange.account.holding("KRW").locked == 88_500_000 * (1 + FEE)

    def test_one_that_is_not_waiting_cannot_be_replaced(self, exchange: Exchange) -> None:
        old = exchange.submit(market_buy(10_000))
        with pytest.raises(Refused) as refused:
            exchange.replace(old, limit("bid", 2_900_000, "1"))
        assert refused.value.name == "order_not_found"
        assert exchange.waiting_orders() == []
