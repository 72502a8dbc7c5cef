"""How the exchange writes what it knows: strings for money, doubles for quotes, KST where Upbit does."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec
from starlette.responses import Response

from bongsu.core.market import Candle, OrderBook
from bongsu.sandbox.account import KRW, Holding
from bongsu.sandbox.candles import KST
from bongsu.sandbox.orders import Order, Refused, Trade
from bongsu.sandbox.tape import DAY, MINUTE

_encoder = msgspec.json.Encoder(decimal_format="number")


class Json(Response):
    """A Decimal becomes a JSON number; amounts that Upbit writes as strings are strings already."""

    media_type = "application/json; charset=utf-8"

    def render(self, content: Any) -> bytes:
        return _encoder.encode(content)


def refusal(refused: Refused) -> Json:
    return Json({"error": {"name": refused.name, "message": refused.message}}, refused.status)


def quotation_refusal(refused: Refused) -> Json:
    """Quotation endpoints name an error by its status; a market they do not know is "not found" to them."""
    status = 404 if refused.name == "market_does_not_exist" else refused.status
    return Json({"error": {"name": status, "message": refused.message}}, status)


def plain(value: Decimal) -> str:
    """Without exponent and without trailing zeros."""
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _plain_or_null(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def kst(at: datetime) -> str:
    return at.astimezone(KST).isoformat(timespec="seconds")


def milliseconds(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def order(order: Order) -> dict[str, Any]:
    ticket = order.ticket
    remaining_fee = order.reserved_fee - order.paid_fee if order.state == "wait" else Decimal(0)
    return {
        "uuid": str(order.uuid),
        "side": ticket.side,
        "ord_type": ticket.ord_type,
        "price": _plain_or_null(ticket.price),
        "state": order.state,
        "market": ticket.market,
        "created_at": kst(order.created_at),
        "volume": _plain_or_null(ticket.volume),
        "remaining_volume": _plain_or_null(order.remaining_volume),
        "reserved_fee": plain(order.reserved_fee),
        "remaining_fee": plain(remaining_fee),
        "paid_fee": plain(order.paid_fee),
        "locked": plain(order.locked),
        "executed_volume": plain(order.executed_volume),
        "trades_count": order.trades_count,
        "time_in_force": ticket.time_in_force,
        "identifier": ticket.identifier,
        "smp_type": ticket.smp_type,
        "prevented_volume": plain(order.prevented_volume),
        "prevented_locked": plain(order.prevented_locked),
    }


def listed_order(listed: Order) -> dict[str, Any]:
    return {**order(listed), "executed_funds": plain(listed.executed_funds)}


def replaced_order(old: Order, new: Order) -> dict[str, Any]:
    named = {"new_order_uuid": str(new.uuid), "new_order_identifier": new.ticket.identifier}
    return {**order(old), **named}


def cancellations(asked: Sequence[Order], cancelled: Sequence[Order]) -> dict[str, Any]:
    """Of several orders: which were cancelled, and which were not waiting any more."""
    done = {order.seq for order in cancelled}
    failed = [order for order in asked if order.seq not in done]
    return {"success": _counted(cancelled), "failed": _counted(failed)}


def _counted(orders: Sequence[Order]) -> dict[str, Any]:
    named = [
        {"uuid": str(o.uuid), "market": o.ticket.market, "identifier": o.ticket.identifier} for o in orders
    ]
    return {"count": len(named), "orders": named}


def order_with_trades(found: Order, trades: Sequence[Trade]) -> dict[str, Any]:
    return {**order(found), "trades": [trade(t) for t in trades]}


def trade(trade: Trade) -> dict[str, Any]:
    return {
        "market": trade.market,
        "uuid": str(trade.uuid),
        "price": plain(trade.price),
        "volume": plain(trade.volume),
        "funds": plain(trade.funds),
        "side": trade.side,
        "trend": trade.trend,
        "created_at": kst(trade.at),
    }


def holding(holding: Holding) -> dict[str, Any]:
    return {
        "currency": holding.currency,
        "balance": plain(holding.free),
        "locked": plain(holding.locked),
        "avg_buy_price": plain(holding.average_price),
        "avg_buy_price_modified": holding.currency == KRW,
        "unit_currency": KRW,
    }


def candle(candle: Candle, now: datetime) -> msgspec.Raw:
    return (
        _closed_candle(candle)
        if candle.closed_at <= now
        else msgspec.Raw(_encoder.encode(candle_fields(candle, now)))
    )


@lru_cache(maxsize=4096)
def _closed_candle(candle: Candle) -> msgspec.Raw:
    """It never changes again, and is asked for every hour."""
    return msgspec.Raw(_encoder.encode(candle_fields(candle, candle.closed_at)))


def candle_fields(candle: Candle, now: datetime) -> dict[str, Any]:
    last_trade = min(candle.closed_at - timedelta(milliseconds=1), now)
    written = {
        "market": candle.market,
        "candle_date_time_utc": candle.opened_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "candle_date_time_kst": candle.opened_at.astimezone(KST).strftime("%Y-%m-%dT%H:%M:%S"),
        "opening_price": candle.open,
        "high_price": candle.high,
        "low_price": candle.low,
        "trade_price": candle.close,
        "timestamp": milliseconds(last_trade),
        "candle_acc_trade_price": candle.value,
        "candle_acc_trade_volume": candle.volume,
    }
    if MINUTE <= candle.interval < DAY:
        written["unit"] = candle.interval // MINUTE
    return written


def period_candle(candle: Candle, now: datetime) -> dict[str, Any]:
    return {**candle_fields(candle, now), "first_day_of_period": candle.opened_at.strftime("%Y-%m-%d")}


def day_candle(today: Candle, previous_close: Decimal, now: datetime) -> dict[str, Any]:
    change = today.close - previous_close
    return {
        **candle_fields(today, now),
        "prev_closing_price": previous_close,
        "change_price": change,
        "change_rate": ratio(change, previous_close),
    }


def order_book(book: OrderBook, count: int) -> dict[str, Any]:
    return {
        "market": book.market,
        "timestamp": milliseconds(book.at),
        "total_ask_size": sum((level.volume for level in book.asks), Decimal(0)),
        "total_bid_size": sum((level.volume for level in book.bids), Decimal(0)),
        "orderbook_units": [
            {"ask_price": ask.price, "bid_price": bid.price, "ask_size": ask.volume, "bid_size": bid.volume}
            for ask, bid in list(zip(book.asks, book.bids, strict=False))[:count]
        ],
        "level": 0,
    }


def ratio(change: Decimal, base: Decimal) -> Decimal:
    return round(change / base, 10) if base else Decimal(0)
