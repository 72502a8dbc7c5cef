"""Orders and trades as rows: amounts as text, times as microseconds since 1970."""

import sqlite3
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from bongsu.core.market import Market
from bongsu.sandbox.orders import Order, Ticket, Trade

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def order_row(order: Order) -> tuple[Any, ...]:
    ticket = order.ticket
    return (
        order.seq,
        str(order.uuid),
        ticket.identifier,
        ticket.market,
        ticket.side,
        ticket.ord_type,
        _text(ticket.price),
        _text(ticket.volume),
        ticket.time_in_force,
        ticket.smp_type,
        microseconds(order.created_at),
        str(order.reserved_fee),
        str(order.locked),
        order.state,
        str(order.executed_volume),
        str(order.executed_funds),
        str(order.paid_fee),
        order.trades_count,
        str(order.prevented_volume),
        str(order.prevented_locked),
    )


def trade_row(trade: Trade) -> tuple[Any, ...]:
    return (
        trade.seq,
        str(trade.uuid),
        trade.order_seq,
        trade.market,
        trade.side,
        str(trade.price),
        str(trade.volume),
        str(trade.funds),
        str(trade.fee),
        microseconds(trade.at),
        trade.trend,
    )


def microseconds(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def moment(microseconds: int) -> datetime:
    return _EPOCH + microseconds * _MICROSECOND


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def order_from(row: sqlite3.Row) -> Order:
    ticket = Ticket(
        Market(row["market"]),
        row["side"],
        row["ord_type"],
        _decimal(row["price"]),
        _decimal(row["volume"]),
        row["time_in_force"],
        row["smp_type"],
        row["identifier"],
    )
    return Order(
        row["seq"],
        UUID(row["uuid"]),
        ticket,
        moment(row["created_at"]),
        Decimal(row["reserved_fee"]),
        Decimal(row["locked"]),
        row["state"],
        Decimal(row["executed_volume"]),
        Decimal(row["executed_funds"]),
        Decimal(row["paid_fee"]),
        row["trades_count"],
        Decimal(row["prevented_volume"]),
        Decimal(row["prevented_locked"]),
    )


def trade_from(row: sqlite3.Row) -> Trade:
    return Trade(
        UUID(row["uuid"]),
        row["seq"],
        row["order_seq"],
        Market(row["market"]),
        row["side"],
        Decimal(row["price"]),
        Decimal(row["volume"]),
        Decimal(row["funds"]),
        Decimal(row["fee"]),
        moment(row["at"]),
        row["trend"],
    )
