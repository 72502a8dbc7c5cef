"""What is told of the account: each step of an order, and every balance that moved. There is no snapshot."""

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from bongsu.core.money import ZERO
from bongsu.sandbox import wire
from bongsu.sandbox.news import AssetNews, News, OrderNews

Message = dict[str, Any]
_ASSETS = UUID("5d0c3b0e-7f5a-5f1c-9b60-3a5e8d1f2c44")


def told(news: News, world: str) -> Message:
    return my_order(news) if isinstance(news, OrderNews) else my_asset(news, world)


def my_order(news: OrderNews) -> Message:
    """Amounts are numbers here, where REST has texts. With a trade, price and volume are the trade's."""
    order, ticket, trade = news.order, news.order.ticket, news.trade
    known = wire.order(order)
    return {
        "type": "myOrder",
        "code": ticket.market,
        "uuid": known["uuid"],
        "ask_bid": ticket.side.upper(),
        "order_type": ticket.ord_type,
        "state": news.happened,
        "trade_uuid": None if trade is None else str(trade.uuid),
        "price": ticket.price if trade is None else trade.price,
        "avg_price": _average(order.executed_funds, order.executed_volume),
        "volume": ticket.volume if trade is None else trade.volume,
        "remaining_volume": order.remaining_volume,
        "executed_volume": order.executed_volume,
        "trades_count": order.trades_count,
        "reserved_fee": order.reserved_fee,
        "remaining_fee": Decimal(known["remaining_fee"]),
        "paid_fee": order.paid_fee,
        "locked": order.locked,
        "executed_funds": order.executed_funds,
        "time_in_force": ticket.time_in_force,
        "trade_fee": None if trade is None else trade.fee,
        "is_maker": news.maker,
        "identifier": ticket.identifier,
        "smp_type": ticket.smp_type,
        "prevented_volume": Decimal(known["prevented_volume"]),
        "prevented_locked": Decimal(known["prevented_locked"]),
        "trade_timestamp": None if trade is None else wire.milliseconds(trade.at),
        "order_timestamp": wire.milliseconds(order.created_at),
        "timestamp": wire.milliseconds(news.at),
        "stream_type": "REALTIME",
    }


def my_asset(news: AssetNews, world: str) -> Message:
    return {
        "type": "myAsset",
        "asset_uuid": str(uuid5(_ASSETS, world)),
        "assets": [
            {"currency": held.currency, "balance": held.free, "locked": held.locked} for held in news.holdings
        ],
        "asset_timestamp": wire.milliseconds(news.at),
        "timestamp": wire.milliseconds(news.at),
        "stream_type": "REALTIME",
    }


def _average(funds: Decimal, volume: Decimal) -> Decimal:
    return round(funds / volume, 8) if volume else ZERO
