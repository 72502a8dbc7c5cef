"""The matching: orders against the drawn book at once, resting ones against the path of the price.

Nothing here reads a wall clock: equal requests at equal market times give equal fills.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext
from uuid import UUID, uuid5

from bongsu.core.market import HOUR, BookLevel, Candle, Market, OrderBook
from bongsu.core.money import ZERO, Price, Volume, floor_volume
from bongsu.sandbox.account import KRW, Account, Holding, InsufficientFunds
from bongsu.sandbox.admission import check_depth, check_grid, check_total, holds_enough, total_of
from bongsu.sandbox.book import BookSide, Depth, order_book
from bongsu.sandbox.news import AssetNews, Bulletin, Happened, OrderNews
from bongsu.sandbox.orders import Order, Refused, State, Ticket, Trade, Trend
from bongsu.sandbox.partial import within_share
from bongsu.sandbox.path import (
    first_at_or_above,
    first_at_or_below,
    next_price_above,
    next_price_below,
)
from bongsu.sandbox.standing import Standing
from bongsu.sandbox.store import Flow, Store
from bongsu.sandbox.tape import MINUTE, Feed, Tape, floor_time

EXACT = Context(prec=60)  # no product of a price, a volume and a fee is ever rounded
_INSTANT = timedelta(microseconds=1)
_UUIDS = UUID("4c5fd7c6-6b43-5c0e-8d6e-2f6f2a4e9b10")


class Exchange:
    def __init__(
        self, feed: Feed, store: Store, *, world: str, capital: Decimal, fee: Decimal, fill_share: Decimal
    ) -> None:
        self.feed = feed
        self.store = store
        self.standing = Standing()
        self.bulletin = Bulletin()
        self.world = world
        self.fee = fee
        self._fill_share = fill_share  # of an hour's volume, at most, goes to our resting orders
        self._uuids = uuid5(_UUIDS, world)
        if store.played() is None:
            self._open_account(capital)
        self.now = store.played() or feed.start
        feed.reach(self.now)
        self._load()

    def _open_account(self, capital: Decimal) -> None:
        with self.store.transaction():
            self.store.save_played(self.feed.start)
            self.store.save_holding(Holding(KRW, capital))
            self.store.add_flow(Flow(KRW, capital, self.feed.start))

    def _load(self) -> None:
        """At start, and after a write that failed: memory is never ahead of the disk."""
        self.account = Account(self.store.holdings())
        self._waiting = {order.seq: order for order in self.store.waiting_orders()}
        self._depth: Depth = self.store.depth()
        self._hour_shares = self.store.hour_shares()
        self._order_seq = self.store.last_order_seq()
        self._trade_seq = self.store.last_trade_seq()

    # -- what everybody sees --------------------------------------------------------------------

    def listed(self) -> list[Tape]:
        return [tape for tape in self.feed.tapes.values() if self._is_listed(tape)]

    def tape(self, market: Market) -> Tape:
        tape = self.feed.tapes.get(market)
        if tape is None or not self._is_listed(tape):
            raise Refused("market_does_not_exist", f"{market} is not traded here")
        return tape

    def _is_listed(self, tape: Tape) -> bool:
        return tape.listed(self.now) and self.standing.listed(tape.market)

    def trading(self, tape: Tape) -> bool:
        return tape.trading(self.now) and self.standing.traded(tape.market)

    def time_of(self, market: Market) -> datetime:
        """The market's own time: it stands still while nobody may trade."""
        return self.standing.time(market, self.now)

    def order_book(self, market: Market) -> OrderBook:
        return order_book(self.tape(market), self.time_of(market), self.world, self._depth)

    # -- what the account's owner does ----------------------------------------------------------

    def submit(self, ticket: Ticket) -> Order:
        """The order as it was accepted; its fills are seen by asking for it. Raises Refused.

        The identifier is used up either way.
        """
        with self._writing():
            fresh = self._burn(ticket.identifier)
            outcome = self._outcome(ticket) if fresh else _duplicate(ticket.identifier)
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    def burn(self, identifier: str) -> None:
        """For a request that is refused before there is a ticket. Raises Refused when it was used before."""
        with self._writing():
            fresh = self._burn(identifier)
        if not fresh:
            raise _duplicate(identifier)

    def check(self, ticket: Ticket) -> Order:
        """What `submit` would accept; nothing is kept. Raises Refused."""
        with localcontext(EXACT):
            return self._draft(ticket)

    def cancel(self, order: Order) -> None:
        """Raises Refused when it is not waiting any more."""
        waiting = self._waiting.get(order.seq)
        if waiting is None:
            raise Refused("order_not_found", "the order is not waiting any more", 404)
        with self._writing():
            self._close(waiting, "cancel")

    def move_from_outside(self, currency: str, delta: Decimal) -> None:
        """A deposit or a withdrawal. Raises Refused when there is not that much to take out."""
        try:
            with self._writing():
                self.account.move_from_outside(currency, delta)
                self.store.add_flow(Flow(currency, delta, self.now))
        except InsufficientFunds:
            raise Refused("insufficient_funds", f"there is not that much {currency} to withdraw") from None

    def waiting_orders(self) -> list[Order]:
        return list(self._waiting.values())

    # -- time -----------------------------------------------------------------------------------

    def advance(self, to: datetime) -> None:
        """Plays the market up to `to`: the hours come to be, and the path fills resting orders on its way."""
        if to <= self.now:
            return
        self.feed.reach(to)
        if self._waiting:
            with localcontext(EXACT):
                self._play(to)
        self.now = to

    def _play(self, to: datetime) -> None:
        while (crossing := self._next_crossing(to)) is not None:
            at, _, order, candle = crossing
            with self._writing():
                self.now = at
                self._fill_resting(order, candle, at)

    def _next_crossing(self, to: datetime) -> tuple[datetime, int, Order, Candle] | None:
        found = (self._crossing(order, to) for order in self._waiting.values())
        return min((c for c in found if c is not None), key=lambda c: c[:2], default=None)

    def _crossing(self, order: Order, to: datetime) -> tuple[datetime, int, Order, Candle] | None:
        """When the price next goes through the order's limit, in an hour with volume left for it."""
        tape = self.feed.tapes[order.ticket.market]
        if not self.standing.traded(tape.market):
            return None
        limit = Price(order.ticket.price or ZERO)
        for candle in tape.hours(self.now - HOUR + _INSTANT, to):
            start, end = max(self.now, candle.opened_at), min(to, candle.closed_at)
            if self._share_left(candle) <= 0:
                continue
            if order.ticket.side == "bid":
                at = first_at_or_below(candle, next_price_below(limit), start, end)
            else:
                at = first_at_or_above(candle, next_price_above(limit), start, end)
            if at is not None:
                return at, order.seq, order, candle
        return None

    def _share_left(self, candle: Candle) -> Volume:
        hour, used = self._hour_shares.get(candle.market, (candle.opened_at, Volume(ZERO)))
        share = floor_volume(candle.volume * self._fill_share)
        return Volume(share - used) if hour == candle.opened_at else share

    def _fill_resting(self, order: Order, candle: Candle, at: datetime) -> None:
        left = self._share_left(candle)
        volume = Volume(min(left, order.remaining_volume or ZERO))
        used = Volume(floor_volume(candle.volume * self._fill_share) - left + volume)
        self._hour_shares[candle.market] = (candle.opened_at, used)
        self.store.save_hour_share(candle.market, candle.opened_at, used)
        self._execute(order, order.ticket.price or ZERO, volume, at, maker=True)
        if order.remaining_volume == 0:
            self._close(order, "done")
        else:
            self._relock(order)
            self.store.save_order(order)

    # -- accepting ------------------------------------------------------------------------------

    def _burn(self, identifier: str | None) -> bool:
        return identifier is None or self.store.burn(identifier)

    def _outcome(self, ticket: Ticket) -> Order | Refused:
        try:
            order = self._accept(ticket)
        except Refused as refusal:
            return refusal
        accepted = replace(order)
        self._match(order)
        return accepted

    def _accept(self, ticket: Ticket) -> Order:
        order = self._draft(ticket)
        self.account.lock(order.locked_currency, order.locked)
        self._order_seq = order.seq
        self._waiting[order.seq] = order
        self.store.save_order(order)
        self._note(order, "wait")
        return order

    def _draft(self, ticket: Ticket) -> Order:
        """Refused by name, or the order that would be made of it."""
        tape = self.tape(ticket.market)
        if not self.trading(tape):
            raise Refused("market_offline", f"{ticket.market} is not trading now")
        book = self.order_book(ticket.market)
        total = total_of(ticket, book)
        check_grid(ticket)
        check_total(ticket, total)
        check_depth(ticket, book)
        reserved_fee = total * self.fee if ticket.side == "bid" else ZERO
        locked = total + reserved_fee if ticket.side == "bid" else ticket.volume or ZERO
        seq = self._order_seq + 1
        order = Order(seq, uuid5(self._uuids, f"order-{seq}"), ticket, self.now, reserved_fee, locked)
        if locked > self.account.holding(order.locked_currency).free:
            raise Refused(
                f"insufficient_funds_{ticket.side}", f"not enough {order.locked_currency}, {locked:f} needed"
            )
        return order

    # -- matching -------------------------------------------------------------------------------

    def _match(self, order: Order) -> None:
        ticket = order.ticket
        levels = within_share(ticket, self._levels_within_reach(ticket))
        if ticket.time_in_force == "post_only" and levels:
            return self._close(order, "cancel")
        if ticket.time_in_force == "fok" and not holds_enough(ticket, levels):
            return self._close(order, "cancel")
        for level in levels:
            self._take(order, level)
        rest = order.remaining_total if ticket.spends_total else order.remaining_volume
        if rest == 0:
            return self._close(order, "done")
        if ticket.ord_type != "limit" or ticket.time_in_force in ("ioc", "fok"):
            return self._close(order, "cancel")
        self._relock(order)
        self.store.save_order(order)
        return None

    def _levels_within_reach(self, ticket: Ticket) -> list[BookLevel]:
        book = self.order_book(ticket.market)
        levels = list(book.asks if ticket.side == "bid" else book.bids)
        if ticket.ord_type == "best":
            return levels[:1]
        if ticket.ord_type == "limit" and ticket.price is not None:
            limit = ticket.price
            return [x for x in levels if (x.price <= limit if ticket.side == "bid" else x.price >= limit)]
        return levels

    def _take(self, order: Order, level: BookLevel) -> None:
        if order.ticket.spends_total:
            wanted = floor_volume(order.remaining_total / level.price)
        else:
            wanted = Volume(order.remaining_volume or ZERO)
        volume = Volume(min(wanted, level.volume))
        if volume <= 0:
            return
        market, minute = order.ticket.market, floor_time(self.now, MINUTE)
        side: BookSide = "ask" if order.ticket.side == "bid" else "bid"
        eaten = self._depth.eat(market, minute, side, level.price, volume)
        self.store.save_eaten(market, minute, side, level.price, eaten)
        self._execute(order, level.price, volume, self.now, maker=False)

    def _execute(self, order: Order, price: Decimal, volume: Decimal, at: datetime, *, maker: bool) -> None:
        market, side = order.ticket.market, order.ticket.side
        funds = price * volume
        fee = funds * self.fee
        coin = market.removeprefix("KRW-")
        if side == "bid":
            self.account.spend(KRW, funds + fee)
            self.account.receive_bought(coin, volume, funds)
            order.locked -= funds + fee
        else:
            self.account.spend(coin, volume)
            self.account.receive(KRW, funds - fee)
            order.locked -= volume
        order.executed_volume += volume
        order.executed_funds += funds
        order.paid_fee += fee
        order.trades_count += 1
        self._trade_seq += 1
        uuid = uuid5(self._uuids, f"trade-{self._trade_seq}")
        trend = self._trend(market, price, at)
        trade = Trade(uuid, self._trade_seq, order.seq, market, side, price, volume, funds, fee, at, trend)
        self.store.add_trade(trade)
        self.bulletin.note(OrderNews(replace(order), "trade", at, trade, maker))

    def _trend(self, market: Market, price: Decimal, at: datetime) -> Trend:
        return "up" if price >= self.feed.tapes[market].price(at) else "down"

    def _close(self, order: Order, state: State) -> None:
        order.state = state
        self._relock(order)
        del self._waiting[order.seq]
        self.store.save_order(order)
        self._note(order, state)

    def _note(self, order: Order, happened: Happened) -> None:
        self.bulletin.note(OrderNews(replace(order), happened, self.now))

    def _relock(self, order: Order) -> None:
        """Frees what the order needs no more: better prices than its limit, or all when it is closed."""
        needed = self._needed(order)
        self.account.unlock(order.locked_currency, order.locked - needed)
        order.locked = needed

    def _needed(self, order: Order) -> Decimal:
        if order.state != "wait":
            return ZERO
        remaining = order.remaining_volume or ZERO
        return (
            remaining * (order.ticket.price or ZERO) * (1 + self.fee)
            if order.ticket.side == "bid"
            else remaining
        )

    # -- writing --------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing, on disk when it ends, the market's time with it."""
        try:
            with localcontext(EXACT), self.store.transaction():
                yield
                touched = [self.account.holding(currency) for currency in sorted(self.account.touched)]
                for holding in touched:
                    self.store.save_holding(holding)
                self.store.save_played(self.now)
        except BaseException:
            self.bulletin.forget()
            self._load()
            raise
        self.account.touched.clear()
        if touched:
            self.bulletin.note(AssetNews(tuple(replace(holding) for holding in touched), self.now))
        self.bulletin.tell()


def _duplicate(identifier: str | None) -> Refused:
    return Refused("duplicate_identifier", f"identifier {identifier} was used before")
