"""What a bot on the official SDK does. Nothing but `base_url` tells it that this is not Upbit."""

import json
import sys

from upbit import Upbit

URL, ACCESS, SECRET = sys.argv[1:]
MARKET = "KRW-ETH"


def main() -> dict[str, object]:
    upbit = Upbit(access_key=ACCESS, secret_key=SECRET, base_url=URL)
    won = next(a for a in upbit.accounts.list() if a.currency == "KRW")
    chance = upbit.orders.retrieve_chance(market=MARKET)
    candles = upbit.candles.list_minutes(60, market=MARKET, count=200)
    weeks = upbit.candles.list_weeks(market=MARKET, count=3)
    (ticker,) = upbit.tickers.list_by_trading_pairs(markets=MARKET)
    everything = upbit.tickers.list_by_quote_currencies(quote_currencies="KRW")
    (book,) = upbit.orderbooks.list(markets=MARKET)
    (rules,) = upbit.orderbooks.list_instruments(markets=MARKET)
    trades = upbit.trades.list(market=MARKET, count=5)
    pairs = upbit.trading_pairs.list(is_details=True)
    (key,) = upbit.api_keys.list()

    low = str(int(float(book.orderbook_units[0].bid_price) * 0.9 / 1000) * 1000)
    limit = {"market": MARKET, "side": "bid", "ord_type": "limit", "price": low, "volume": "0.01"}
    upbit.orders.test_create(**limit)
    resting = [upbit.orders.create(**limit, identifier=f"sdk-{n}") for n in range(5)]
    open_orders = list(upbit.orders.list_open(market=MARKET, states=["wait", "watch"]))
    upbit.orders.cancel(uuid=resting[0].uuid)
    replaced = upbit.orders.cancel_and_new(
        prev_order_uuid=resting[1].uuid, new_ord_type="limit", new_price=low, new_volume="remain_only"
    )
    named = upbit.orders.list_by_uuids(uuids=[resting[2].uuid, resting[3].uuid])
    cancelled = upbit.orders.cancel_by_uuids(uuids=[resting[2].uuid, resting[3].uuid])
    rest = upbit.orders.cancel_open(cancel_side="bid", pairs=MARKET)

    bought = upbit.orders.create(
        market=MARKET, side="bid", ord_type="price", price="50000", identifier="sdk-buy"
    )
    bought = upbit.orders.retrieve(uuid=bought.uuid)
    sold = upbit.orders.create(market=MARKET, side="ask", ord_type="market", volume=bought.executed_volume)
    sold = upbit.orders.retrieve(uuid=sold.uuid)
    closed = list(upbit.orders.list_closed(market=MARKET, states=["done", "cancel"], limit=10))
    return {
        "won": won.balance,
        "fee": chance.bid_fee,
        "candles": len(candles),
        "weeks": [week.first_day_of_period for week in weeks],
        "price": float(ticker.trade_price),
        "markets": len(everything) == len(pairs),
        "levels": len(book.orderbook_units),
        "tick": rules.tick_size,
        "trades": len(trades),
        "key": key.access_key,
        "opened": len(open_orders),
        "replaced": replaced.uuid == resting[1].uuid,
        "named": len(named),
        "cancelled": cancelled.success.count,
        "rest": rest.success.count,
        "bought": [bought.state, bought.executed_volume, bought.paid_fee],
        "sold": [sold.state, sold.executed_volume, sold.paid_fee],
        "closed": len(closed),
    }


print(json.dumps(main()))
