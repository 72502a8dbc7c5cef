"""Matching and money: what is conserved, what is exact, what a resting order may get."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.market import HOUR
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import Order, Refused, Ticket
from bongsu.sandbox.store import Store
from bongsu.sandbox.tape import MINUTE, Feed
from bongsu.sandbox.world import FILL_SHARE, World
from sandbox.worlds import ETH, FLAT, START, Shape, limit, market_buy, market_sell, options

FEE = Decimal("0.0005")
SECOND = timedelta(seconds=1)
SWING: Shape = (3_000_000, 3_090_000, 2_910_000, 3_030_000, "100")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(options(tmp_path, (SWING,) * 24))


@pytest.fixture
def exchange(world: World) -> Exchange:
    return world.exchange


def now(exchange: Exchange, order: Order) -> Order:
    found = exchange.store.order_by_uuid(str(order.uuid))
    assert found is not None
    return found


def free(exchange: Exchange, currency: str) -> Decimal:
    return exchange.account.holding(currency).free


class TestMarketOrders:
    def test_a_buy_spends_its_won_and_ends_in_cancel_with_the_remainder_returned(
        self, exchange: Exchange
    ) -> None:
        accepted = exchange.submit(market_buy(300_001))
        assert (accepted.state, accepted.locked, accepted.executed_volume) == (
            "wait",
            Decimal("300151.0005"),
            0,
        )
        order = now(exchange, accepted)
        assert (order.state, order.locked) == ("cancel", 0)
        dust = 300_001 - order.executed_funds
        assert 0 < dust < Decimal("0.04")
        assert order.paid_fee == order.executed_funds * FEE
        assert free(exchange, "KRW") == 1_000_000 - order.executed_funds * (1 + FEE)
        assert free(exchange, "ETH") == order.executed_volume

    def test_a_buy_that_comes_out_even_is_done(self, exchange: Exchange) -> None:
        ask = exchange.order_book(ETH).asks[0].price
        assert now(exchange, exchange.submit(market_buy(ask / 10))).state == "done"

    def test_a_sell_is_done_and_the_fee_is_taken_off(self, exchange: Exchange) -> None:
        volume = now(exchange, exchange.submit(market_buy(300_000))).executed_volume
        before = free(exchange, "KRW")
        order = now(exchange, exchange.submit(market_sell(volume)))
        assert (order.state, order.executed_volume) == ("done", volume)
        assert free(exchange, "KRW") == before + order.executed_funds * (1 - FEE)
        assert exchange.account.holding("ETH").average_price == 0

    def test_it_eats_the_book_level_by_level(self, exchange: Exchange) -> None:
        exchange.move_from_outside("KRW", Decimal(10**9))
        asks = exchange.order_book(ETH).asks
        two_levels = sum(level.price * level.volume for level in asks[:2])
        order = exchange.submit(market_buy(two_levels + asks[2].price / 10))
        trades = exchange.store.trades_of(order)
        assert [t.price for t in trades] == [level.price for level in asks[:3]]
        assert [t.volume for t in trades] == [asks[0].volume, asks[1].volume, Decimal("0.1")]
        assert exchange.order_book(ETH).asks[0].price == asks[2].price

    def test_one_bigger_than_the_displayed_levels_is_refused(self, exchange: Exchange) -> None:
        exchange.move_from_outside("KRW", Decimal(10**9))
        depth = sum(level.price * level.volume for level in exchange.order_book(ETH).asks)
        with pytest.raises(Refused, match="displayed levels") as refused:
            exchange.submit(market_buy(depth + 1))
        assert refused.value.name == "volume_too_large"
        assert free(exchange, "KRW") == 1_000_000 + 10**9

    def test_all_the_won_leave_nothing_for_the_fee(self, exchange: Exchange) -> None:
        with pytest.raises(Refused) as refused:
            exchange.submit(market_buy(1_000_000))
        assert refused.value.name == "insufficient_funds_bid"
        exchange.submit(market_buy(Decimal(1_000_000) / (1 + FEE) // 1))

    def test_the_average_price_leaves_fees_out(self, exchange: Exchange) -> None:
        orders = [now(exchange, exchange.submit(market_buy(won))) for won in (100_000, 200_000)]
        funds, volume = (sum(getattr(o, f"executed_{x}") for o in orders) for x in ("funds", "volume"))
        assert abs(exchange.account.holding("ETH").average_price - funds / volume) < Decimal("0.00000001")


class TestLimitOrders:
    def test_one_inside_the_book_trades_at_the_books_prices(self, exchange: Exchange) -> None:
        asks = exchange.order_book(ETH).asks
        order = now(exchange, exchange.submit(limit("bid", asks[5].price, "0.1")))
        assert order.state == "done"
        assert order.executed_funds == asks[0].price * Decimal("0.1")
        assert exchange.account.holding("KRW").locked == 0

    def test_a_resting_buy_fills_when_the_path_goes_below_it_and_not_before(self, exchange: Exchange) -> None:
        order = exchange.submit(limit("bid", 2_950_000, "0.1"))
        assert exchange.account.holding("KRW").locked == 295_000 * (1 + FEE)
        # SWING falls from 3,000,000 to 2,910,000 in 20 minutes: 2,949,000 is reached after 11:20.
        exchange.advance(START + 11 * MINUTE + 19 * SECOND)
        assert now(exchange, order).state == "wait"
        exchange.advance(START + HOUR)
        filled, (trade,) = now(exchange, order), exchange.store.trades_of(order)
        assert (filled.state, filled.executed_funds, filled.paid_fee) == ("done", 295_000, Decimal("147.5"))
        assert (trade.price, trade.at) == (2_950_000, START + 11 * MINUTE + 20 * SECOND)

    def test_a_limit_at_the_low_is_touched_but_not_crossed(self, exchange: Exchange) -> None:
        touched, crossed = (exchange.submit(limit("bid", price, "0.1")) for price in (2_910_000, 2_911_000))
        exchange.advance(START + 24 * HOUR)
        assert (now(exchange, touched).state, now(exchange, crossed).state) == ("wait", "done")

    def test_a_resting_sell_fills_when_the_path_goes_above_it(self, exchange: Exchange) -> None:
        volume = now(exchange, exchange.submit(market_buy(300_000))).executed_volume
        order = exchange.submit(limit("ask", 3_080_000, volume))
        exchange.advance(START + 39 * MINUTE)
        filled = now(exchange, order)
        assert (filled.state, filled.executed_funds) == ("done", 3_080_000 * volume)

    def test_an_hour_gives_at_most_its_share(self, tmp_path: Path) -> None:
        exchange = World(
            options(tmp_path, ((3_000_000, 3_090_000, 2_910_000, 3_030_000, "1"),) * 24)
        ).exchange
        order = exchange.submit(limit("bid", 2_950_000, "0.25"))
        states = []
        for hour in range(1, 4):
            exchange.advance(START + hour * HOUR)
            states.append((now(exchange, order).executed_volume, now(exchange, order).state))
        assert states == [(Decimal("0.1"), "wait"), (Decimal("0.2"), "wait"), (Decimal("0.25"), "done")]

    def test_two_orders_share_the_hour_in_the_order_the_path_meets_them(self, tmp_path: Path) -> None:
        exchange = World(
            options(tmp_path, ((3_000_000, 3_090_000, 2_910_000, 3_030_000, "1"),) * 24)
        ).exchange
        lower, upper = (exchange.submit(limit("bid", price, "0.08")) for price in (2_930_000, 2_950_000))
        exchange.advance(START + HOUR)
        assert now(exchange, upper).executed_volume == Decimal("0.08")
        assert now(exchange, lower).executed_volume == Decimal("0.02")

    def test_silence_fills_nothing(self, tmp_path: Path) -> None:
        after = (FLAT, None, None, (2_900_000, 2_900_000, 2_900_000, 2_900_000, "100"))
        exchange = World(options(tmp_path, after)).exchange
        order = exchange.submit(limit("bid", 2_950_000, "0.1"))
        exchange.advance(START + 3 * HOUR - SECOND)
        assert now(exchange, order).executed_volume == 0
        exchange.advance(START + 4 * HOUR)
        assert [t.at for t in exchange.store.trades_of(order)] == [START + 3 * HOUR]

    def test_how_often_we_look_changes_nothing(self, tmp_path: Path) -> None:
        exchanges = [
            World(options(tmp_path / name, (SWING,) * 24)).exchange for name in _made(tmp_path, "ab")
        ]
        for exchange in exchanges:
            for price in (2_950_000, 2_930_000, 2_990_000):
                exchange.submit(limit("bid", price, "0.05"))
        exchanges[0].advance(START + 3 * HOUR)
        for second in range(0, 3 * 3_600 + 1, 37):
            exchanges[1].advance(START + second * SECOND)
        exchanges[1].advance(START + 3 * HOUR)
        one, other = (exchange.store.all_trades() for exchange in exchanges)
        assert one == other
        assert len(one) == 3

    def test_cancelling_returns_what_is_locked(self, exchange: Exchange) -> None:
        order = exchange.submit(limit("bid", 2_950_000, "0.1"))
        exchange.cancel(order)
        assert (now(exchange, order).state, free(exchange, "KRW")) == ("cancel", 1_000_000)
        with pytest.raises(Refused) as refused:
            exchange.cancel(order)
        assert refused.value.name == "order_not_found"


class TestTimeInForce:
    def state(self, exchange: Exchange, ticket: Ticket) -> tuple[str, Decimal]:
        order = now(exchange, exchange.submit(ticket))
        assert order.state == "wait" or order.locked == 0
        return order.state, order.executed_volume

    def test_fill_or_kill(self, exchange: Exchange) -> None:
        best, second = exchange.order_book(ETH).asks[:2]
        exchange.move_from_outside("KRW", Decimal(10**9))
        too_much = limit("bid", best.price, best.volume + 1, time_in_force="fok")
        assert self.state(exchange, too_much) == ("cancel", 0)
        enough = limit("bid", second.price, best.volume, time_in_force="fok")
        assert self.state(exchange, enough) == ("done", best.volume)

    def test_immediate_or_cancel_keeps_what_it_got(self, exchange: Exchange) -> None:
        best = exchange.order_book(ETH).asks[0]
        exchange.move_from_outside("KRW", Decimal(10**9))
        ticket = limit("bid", best.price, best.volume + 1, time_in_force="ioc")
        assert self.state(exchange, ticket) == ("cancel", best.volume)

    def test_a_post_only_order_never_takes(self, exchange: Exchange) -> None:
        book = exchange.order_book(ETH)
        taking = limit("bid", book.asks[0].price, "0.1", time_in_force="post_only")
        assert self.state(exchange, taking) == ("cancel", 0)
        making = limit("bid", book.bids[0].price, "0.1", time_in_force="post_only")
        assert self.state(exchange, making) == ("wait", 0)

    def test_a_best_order_takes_the_best_level_only(self, exchange: Exchange) -> None:
        best = exchange.order_book(ETH).asks[0]
        exchange.move_from_outside("KRW", Decimal(10**9))
        total = best.price * best.volume + 10_000
        ticket = replace(market_buy(total), ord_type="best", time_in_force="ioc")
        assert self.state(exchange, ticket) == ("cancel", best.volume)


@pytest.mark.parametrize(
    ("ticket", "name"),
    [
        (market_buy(4_999), "under_min_total_bid"),
        (market_sell("0.001"), "under_min_total_ask"),
        (market_sell("0.01"), "insufficient_funds_ask"),
        (market_buy(1_000_000_001), "volume_too_large"),
        (limit("bid", 2_950_500, "0.1"), "invalid_price_bid"),
        (limit("ask", "2950000.5", "0.1"), "invalid_price_ask"),
        (limit("bid", 2_950_000, "0.001"), "under_min_total_bid"),
        (limit("bid", 2_950_000, "1"), "insufficient_funds_bid"),
        (replace(market_buy(10_000), market="KRW-XYZ"), "market_does_not_exist"),
    ],
)
def test_refusals_have_upbits_names_and_change_nothing(world: World, ticket: Ticket, name: str) -> None:
    for attempt in (world.exchange.submit, world.exchange.check):
        with pytest.raises(Refused) as refused:
            attempt(ticket)
        assert refused.value.name == name
    assert world.store.all_orders() == []
    assert [(h.currency, h.free, h.locked) for h in world.exchange.account.holdings()] == [
        ("KRW", 1_000_000, 0)
    ]


def test_checking_accepts_and_keeps_nothing(exchange: Exchange) -> None:
    exchange.check(market_buy(10_000, identifier="x"))
    assert exchange.store.all_orders() == []
    exchange.submit(market_buy(10_000, identifier="x"))


def test_after_its_last_candle_a_market_is_offline(exchange: Exchange) -> None:
    exchange.advance(START + 24 * HOUR)
    with pytest.raises(Refused) as refused:
        exchange.submit(market_buy(10_000))
    assert refused.value.name == "market_offline"


class TestIdentifiers:
    def test_one_is_good_for_one_order(self, exchange: Exchange) -> None:
        exchange.submit(market_buy(10_000, identifier="x"))
        with pytest.raises(Refused) as refused:
            exchange.submit(market_buy(10_000, identifier="x"))
        assert refused.value.name == "duplicate_identifier"
        assert len(exchange.store.all_orders()) == 1

    def test_a_refused_order_uses_it_up(self, exchange: Exchange) -> None:
        with pytest.raises(Refused, match="not enough"):
            exchange.submit(market_buy(2_000_000, identifier="x"))
        with pytest.raises(Refused) as refused:
            exchange.submit(market_buy(10_000, identifier="x"))
        assert refused.value.name == "duplicate_identifier"
        assert exchange.store.order_by_identifier("x") is None


def test_a_write_that_fails_leaves_memory_as_the_disk_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = world.exchange

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "add_trade", full)
        with pytest.raises(OSError, match="disk full"):
            exchange.submit(market_buy(10_000, identifier="x"))
    assert (world.store.all_orders(), exchange.waiting_orders()) == ([], [])
    assert [(h.currency, h.free, h.locked) for h in exchange.account.holdings()] == [("KRW", 1_000_000, 0)]
    assert now(exchange, exchange.submit(market_buy(10_000, identifier="x"))).trades_count == 1


rules = st.fixed_dictionaries(
    {
        "smp_type": st.sampled_from(["cancel_maker", "cancel_taker", "reduce", "none"]),
        "time_in_force": st.sampled_from([None, None, None, "ioc", "fok"]),
    }
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), st.integers(1, 5_400)),
        st.tuples(st.just("buy"), st.integers(4_000, 600_000)),
        st.tuples(st.just("sell"), st.decimals("0.001", "0.3", places=8)),
        st.tuples(
            st.just("bid"),
            st.tuples(st.integers(2_880, 3_100), st.decimals("0.002", "0.2", places=8), rules),
        ),
        st.tuples(
            st.just("ask"),
            st.tuples(st.integers(2_900, 3_120), st.decimals("0.002", "0.2", places=8), rules),
        ),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("replace"), st.tuples(st.integers(0, 5), st.integers(2_880, 3_120))),
        st.tuples(st.just("cancel all"), st.just(0)),
        st.tuples(st.just("flow"), st.integers(-500_000, 500_000)),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    world = World(options(tmp_path_factory.mktemp("feed"), (SWING, None, FLAT, SWING) * 6))
    world.close()
    return world.feed


def opened(feed: Feed, directory: Path) -> Exchange:
    capital = Decimal(1_000_000)
    return Exchange(feed, Store(directory), world="w", capital=capital, fee=FEE, fill_share=FILL_SHARE)


@settings(max_examples=40, deadline=None)
@given(history=steps)
def test_money_is_conserved_whatever_is_done(feed: Feed, history: list) -> None:
    history = [("coins", Decimal(1)), *history]
    with TemporaryDirectory() as one, TemporaryDirectory() as another:
        exchange = opened(feed, Path(one))
        for step in history:
            _try(exchange, *step)
            _check_the_books(exchange)
        trades, holdings = exchange.store.all_trades(), exchange.account.holdings()
        exchange.store.close()

        again = opened(feed, Path(one))
        assert again.account.holdings() == holdings
        assert again.store.all_trades() == trades
        _check_the_books(again)
        again.store.close()

        fresh = opened(feed, Path(another))
        for step in history:
            _try(fresh, *step)
        assert fresh.store.all_trades() == trades
        fresh.store.close()


def _try(exchange: Exchange, what: str, how) -> None:
    try:
        match what:
            case "advance":
                exchange.advance(min(exchange.now + timedelta(seconds=how), START + 24 * HOUR))
            case "buy":
                exchange.submit(market_buy(how))
            case "sell":
                exchange.submit(market_sell(how))
            case "bid" | "ask":
                exchange.submit(limit(what, how[0] * 1_000, how[1], **how[2]))
            case "cancel":
                exchange.cancel(exchange.waiting_orders()[how])
            case "replace":
                old = exchange.waiting_orders()[how[0]]
                exchange.replace(old, limit(old.ticket.side, how[1] * 1_000, old.remaining_volume))
            case "cancel all":
                exchange.cancel_all(exchange.waiting_orders())
            case "coins":
                exchange.move_from_outside("ETH", how)
            case "flow":
                exchange.move_from_outside("KRW", Decimal(how))
    except (Refused, IndexError):
        pass


def _check_the_books(exchange: Exchange) -> None:
    """No money is made or lost, every fee is exact, nothing is locked that no order needs."""
    store = exchange.store
    trades, orders = store.all_trades(), {order.seq: order for order in store.all_orders()}
    expected = {
        currency: sum((f.delta for f in store.flows() if f.currency == currency), Decimal(0))
        for currency in ("KRW", "ETH")
    }
    for trade in trades:
        assert trade.funds == trade.price * trade.volume
        assert trade.fee == trade.funds * FEE
        sign = 1 if trade.side == "bid" else -1
        expected["KRW"] -= sign * trade.funds + trade.fee
        expected["ETH"] += sign * trade.volume
        ticket = orders[trade.order_seq].ticket
        if ticket.ord_type == "limit":
            assert sign * trade.price <= sign * (ticket.price or 0)
    for currency, total in expected.items():
        holding = exchange.account.holding(currency)
        assert holding.total == total
        assert min(holding.free, holding.locked) >= 0
        locked = sum(o.locked for o in orders.values() if o.locked_currency == currency)
        assert holding.locked == locked
    for order in orders.values():
        mine = [trade for trade in trades if trade.order_seq == order.seq]
        assert order.trades_count == len(mine)
        assert order.executed_volume == sum(t.volume for t in mine)
        assert order.executed_funds == sum(t.funds for t in mine)
        assert order.paid_fee == sum(t.fee for t in mine)
        assert order.state == "wait" or order.locked == 0
        if order.remaining_volume is not None:
            assert order.remaining_volume >= 0
            assert order.remaining_volume > 0 or order.state != "wait"
    _check_the_book(exchange)


def _check_the_book(exchange: Exchange) -> None:
    """Never crossed, best first, nothing in it twice; and no two of our own orders lie across each other."""
    book = exchange.order_book(ETH)
    assert book.bids[0].price < book.asks[0].price
    for levels, sign in ((book.bids, -1), (book.asks, 1)):
        prices = [sign * level.price for level in levels]
        assert prices == sorted(set(prices))
        assert min(level.volume for level in levels) > 0
    ours = {
        side: [o.ticket.price or 0 for o in exchange.waiting_orders() if o.ticket.side == side]
        for side in ("bid", "ask")
    }
    assert not (ours["bid"] and ours["ask"]) or max(ours["bid"]) < min(ours["ask"])


def _made(directory: Path, names: str) -> list[str]:
    for name in names:
        (directory / name).mkdir()
    return list(names)


def test_what_was_eaten_stays_eaten_over_a_restart(tmp_path: Path) -> None:
    chosen = options(tmp_path, (SWING,) * 24)
    world = World(chosen)
    untouched = world.exchange.order_book(ETH)
    world.exchange.submit(market_buy(900_000))
    eaten = world.exchange.order_book(ETH)
    world.close()
    assert World(chosen).exchange.order_book(ETH) == eaten != untouched
