"""What a bot on ccxt does. Nothing but `urls` tells it that this is not Upbit."""

import json
import sys

import ccxt

URL, ACCESS, SECRET = sys.argv[1:]
SYMBOL = "ETH/KRW"


def main() -> dict[str, object]:
    upbit = ccxt.upbit({"apiKey": ACCESS, "secret": SECRET})
    upbit.session.trust_env = False
    upbit.urls["api"] = {"public": URL, "private": URL}
    markets = upbit.load_markets()
    balance = upbit.fetch_balance()
    fee = upbit.fetch_trading_fee(SYMBOL)
    candles = upbit.fetch_ohlcv(SYMBOL, "1h", limit=200)
    days = upbit.fetch_ohlcv(SYMBOL, "1d", limit=5)
    seconds = upbit.fetch_ohlcv(SYMBOL, "1s", limit=5)
    ticker = upbit.fetch_ticker(SYMBOL)
    tickers = upbit.fetch_tickers()
    book = upbit.fetch_order_book(SYMBOL)
    trades = upbit.fetch_trades(SYMBOL, limit=5)

    low = int(book["bids"][0][0] * 0.9 / 1000) * 1000
    resting = upbit.create_order(SYMBOL, "limit", "buy", 0.01, low, {"clientOrderId": "ccxt-limit"})
    opened = upbit.fetch_open_orders(SYMBOL)
    upbit.cancel_order(resting["id"])
    cancelled = upbit.fetch_order(resting["id"])

    bought = upbit.create_market_buy_order_with_cost(SYMBOL, 50000)
    bought = upbit.fetch_order(bought["id"])
    sold = upbit.create_order(SYMBOL, "market", "sell", bought["filled"])
    sold = upbit.fetch_order(sold["id"])
    closed = upbit.fetch_closed_orders(SYMBOL)
    gone = upbit.fetch_canceled_orders(SYMBOL)
    return {
        "markets": sorted(markets)[:2],
        "won": balance["KRW"]["free"],
        "fee": fee["taker"],
        "candles": len(candles),
        "days": len(days),
        "seconds": len(seconds),
        "price": ticker["last"],
        "tickers": len(tickers) == len(markets),
        "levels": len(book["asks"]),
        "trades": len(trades),
        "opened": [order["clientOrderId"] for order in opened],
        "cancelled": cancelled["status"],
        "bought": [bought["filled"], bought["fee"]["cost"]],
        "sold": [sold["status"], sold["filled"], sold["cost"]],
        "closed": sorted({order["status"] for order in closed + gone}),
    }


print(json.dumps(main()))
