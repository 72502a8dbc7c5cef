"""The matching: orders against the drawn book at once, resting ones against the path of the price.

Nothing here reads a wall clock: equal requests at equal market times give equal fills.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Context, Decimal, localcontext
from uuid import UUID, uuid5

from bongsu.core.market import HOUR, Candle, Market, OrderBook
from bongsu.core.money import ZERO, Price, Volume, floor_volume
from bongsu.sandbox.account import KRW, Account, Holding, InsufficientFunds
from bongsu.sandbox.admission import check_depth, check_grid, check_total, holds_enough, total_of
from bongsu.sandbox.book import BookSide, Depth, order_book
from bongsu.sandbox.books import Books
from bongsu.sandbox.news import AssetNews, Bulletin
from bongsu.sandbox.offers import Offer, displayed, obtainable, offers
from bongsu.sandbox.orders import Order, Refused, Ticket, Trend
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
        self._books = Books(store, uuid5(_UUIDS, world), fee, self.bulletin, lambda: self.now)
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
        self._books.load()
        self._depth: Depth = self.store.depth()
        self._drawn: dict[Market, tuple[tuple[datetime, int], OrderBook]] = {}
        self._hour_shares = self.store.hour_shares()

    @property
    def account(self) -> Account:
        return self._books.account

    @property
    def _waiting(self) -> dict[int, Order]:
        return self._books.waiting

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
        return displayed(self._drawn_book(market), self._resting(market))

    def _drawn_book(self, market: Market) -> OrderBook:
        """The last one drawn of each market is kept: an order looks at it several times in one moment."""
        tape, at = self.tape(market), (self.time_of(market), self._depth.version)
        drawn_at, book = self._drawn.get(market, (None, None))
        if book is None or drawn_at != at:
            book = order_book(tape, at[0], self.world, self._depth)
            self._drawn[market] = (at, book)
        return book

    def _resting(self, market: Market) -> list[Order]:
        return [order for order in self._waiting.values() if order.ticket.market == market]

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
            self._books.close(waiting, "cancel")

    def cancel_all(self, orders: Iterable[Order]) -> list[Order]:
        """Those of them that were waiting still, and are cancelled now."""
        waiting = [self._waiting[order.seq] for order in orders if order.seq in self._waiting]
        with self._writing():
            for order in waiting:
                self._books.close(order, "cancel")
        return waiting

    def replace(self, old: Order, ticket: Ticket) -> Order:
        """Cancels `old` and submits `ticket` in its place: both, or neither. Raises Refused.

        The ticket's identifier is used up either way.
        """
        if ticket.identifier is not None:
            self.burn(ticket.identifier)
        waiting = self._waiting.get(old.seq)
        if waiting is None:
            raise Refused("order_not_found", "the order is not waiting any more", 404)
        with self._writing():
            self._books.close(waiting, "cancel")
            outcome = self._outcome(ticket)
            if isinstance(outcome, Refused):
                raise outcome
        return outcome

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
            with self._writing():
                self.now = crossing.at
                self._fill_resting(crossing.order, crossing.candle, crossing.at)

    def _next_crossing(self, to: datetime) -> "_Crossing | None":
        found = (self._crossing(order, to) for order in self._waiting.values())
        return min((c for c in found if c is not None), key=_Crossing.priority, default=None)

    def _crossing(self, order: Order, to: datetime) -> "_Crossing | None":
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
                return _Crossing(at, order, candle)
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
        self._books.keep(order, "done")

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
        self._books.accept(order)
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
        return self._books.draft(ticket, total, self.now)

    # -- matching -------------------------------------------------------------------------------

    def _match(self, order: Order) -> None:
        ticket = order.ticket
        met = within_share(
            ticket, offers(ticket, self._drawn_book(ticket.market), self._resting(ticket.market))
        )
        if ticket.time_in_force == "post_only" and met:
            return self._books.close(order, "cancel")
        if ticket.time_in_force == "fok" and not holds_enough(ticket, obtainable(ticket, met)):
            return self._books.close(order, "cancel")
        for offer in met:
            if order.state == "wait":
                self._meet(order, offer)
        if order.state != "wait":
            return None
        if not order.is_spent and (ticket.ord_type != "limit" or ticket.time_in_force in ("ioc", "fok")):
            return self._books.close(order, "cancel")
        return self._books.keep(order, "done")

    def _meet(self, order: Order, offer: Offer) -> None:
        volume = Volume(min(self._wanted(order, offer.price), offer.volume))
        if volume <= 0:
            return
        if offer.maker is None:
            self._take(order, offer.price, volume)
        elif order.ticket.smp_type == "none":
            self._execute(order, offer.price, volume, self.now, maker=False)
            self._execute(offer.maker, offer.price, volume, self.now, maker=True)
            self._books.keep(offer.maker, "done")
        else:
            self._prevent(order, offer.maker, offer.price, volume)

    def _wanted(self, order: Order, price: Price) -> Volume:
        if order.ticket.spends_total:
            return floor_volume(order.remaining_total / price)
        return Volume(order.remaining_volume or ZERO)

    def _prevent(self, taker: Order, maker: Order, price: Price, overlap: Volume) -> None:
        """Both are ours: the taker's smp_type says which of them gives way."""
        if taker.ticket.smp_type == "cancel_maker":
            maker.withhold(maker.remaining_volume or ZERO, price)
            return self._books.close(maker, "cancel")
        if taker.ticket.smp_type == "cancel_taker":
            taker.withhold(self._wanted(taker, price), taker.limit or price)
            return self._books.close(taker, "cancel")
        maker.withhold(overlap, price)
        taker.withhold(overlap, taker.limit or price)
        self._books.keep(maker, "cancel")
        for order in (maker, taker):
            if not order.is_spent:
                self._books.note(order, "prevented")
        return self._books.close(taker, "cancel") if taker.is_spent else None

    def _take(self, order: Order, price: Price, volume: Volume) -> None:
        market, minute = order.ticket.market, floor_time(self.now, MINUTE)
        side: BookSide = "ask" if order.ticket.side == "bid" else "bid"
        eaten = self._depth.eat(market, minute, side, price, volume)
        self.store.save_eaten(market, minute, side, price, eaten)
        self._execute(order, price, volume, self.now, maker=False)

    def _execute(self, order: Order, price: Decimal, volume: Decimal, at: datetime, *, maker: bool) -> None:
        trend: Trend = "up" if price >= self.feed.tapes[order.ticket.market].price(at) else "down"
        self._books.execute(order, price, volume, at, trend, maker=maker)

    # -- writing --------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All or nothing, on disk when it ends, the market's time with it."""
        try:
            with localcontext(EXACT), self.store.transaction():
                yield
                touched = self._books.save()
                self.store.save_played(self.now)
        except BaseException:
            self.bulletin.forget()
            self._load()
            raise
        self.account.touched.clear()
        if touched:
            self.bulletin.note(AssetNews(tuple(replace(holding) for holding in touched), self.now))
        self.bulletin.tell()


@dataclass(frozen=True, slots=True)
class _Crossing:
    at: datetime
    order: Order
    candle: Candle

    def priority(self) -> tuple[datetime, Decimal, int]:
        """Time of the path, then the better price, then who came first."""
        price = self.order.ticket.price or ZERO
        return self.at, -price if self.order.ticket.side == "bid" else price, self.order.seq


def _duplicate(identifier: str | None) -> Refused:
    return Refused("duplicate_identifier", f"identifier {identifier} was used before")
