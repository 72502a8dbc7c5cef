"""The account and its orders, which change together. What is not saved in the same transaction is loaded anew."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid5

from bongsu.core.money import ZERO
from bongsu.sandbox.account import KRW, Account, Holding
from bongsu.sandbox.news import Bulletin, Happened, OrderNews
from bongsu.sandbox.orders import Order, Refused, State, Ticket, Trade, Trend
from bongsu.sandbox.store import Store


class Books:
    def __init__(
        self, store: Store, uuids: UUID, fee: Decimal, bulletin: Bulletin, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._uuids = uuids
        self.fee = fee
        self._bulletin = bulletin
        self._now = now
        self.load()

    def load(self) -> None:
        self.account = Account(self._store.holdings())
        self.waiting = {order.seq: order for order in self._store.waiting_orders()}
        self._order_seq = self._store.last_order_seq()
        self._trade_seq = self._store.last_trade_seq()

    def save(self) -> list[Holding]:
        """What was touched, and is saved now."""
        touched = [self.account.holding(currency) for currency in sorted(self.account.touched)]
        for holding in touched:
            self._store.save_holding(holding)
        return touched

    def note(self, order: Order, happened: Happened) -> None:
        self._bulletin.note(OrderNews(replace(order), happened, self._now()))

    def draft(self, ticket: Ticket, total: Decimal, at: datetime) -> Order:
        """The order that would be made of the ticket. Raises Refused when there is too little for it."""
        reserved_fee = total * self.fee if ticket.side == "bid" else ZERO
        locked = total + reserved_fee if ticket.side == "bid" else ticket.volume or ZERO
        seq = self._order_seq + 1
        order = Order(seq, uuid5(self._uuids, f"order-{seq}"), ticket, at, reserved_fee, locked)
        if locked > self.account.holding(order.locked_currency).free:
            raise Refused(
                f"insufficient_funds_{ticket.side}", f"not enough {order.locked_currency}, {locked:f} needed"
            )
        return order

    def accept(self, order: Order) -> None:
        self.account.lock(order.locked_currency, order.locked)
        self._order_seq = order.seq
        self.waiting[order.seq] = order
        self._store.save_order(order)
        self.note(order, "wait")

    def execute(
        self, order: Order, price: Decimal, volume: Decimal, at: datetime, trend: Trend, *, maker: bool
    ) -> None:
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
        trade = Trade(uuid, self._trade_seq, order.seq, market, side, price, volume, funds, fee, at, trend)
        self._store.add_trade(trade)
        self._bulletin.note(OrderNews(replace(order), "trade", at, trade, maker))

    def keep(self, order: Order, spent: State) -> None:
        """What is left of it waits; an order that is spent ends as `spent`."""
        if order.is_spent:
            return self.close(order, spent)
        self._relock(order)
        self._store.save_order(order)
        return None

    def close(self, order: Order, state: State) -> None:
        order.state = state
        self._relock(order)
        del self.waiting[order.seq]
        self._store.save_order(order)
        self.note(order, state)

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
