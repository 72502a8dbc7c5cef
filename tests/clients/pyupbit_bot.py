"""What a bot on pyupbit does. It writes Upbit's address into every call, so requests are turned aside below it."""

import json
import sys
from typing import Any

import requests

URL, ACCESS, SECRET = sys.argv[1:]
MARKET = "KRW-ETH"
UPBIT = "https://api.upbit.com"
_send = requests.Session.request


def turned_aside(session: requests.Session, method: str, url: str, **more: Any) -> requests.Response:
    if not url.startswith(UPBIT):
        raise AssertionError(f"{url} would have left this machine")
    session.trust_env = False
    return _send(session, method, URL + url.removeprefix(UPBIT), **more)


requests.Session.request = turned_aside

import pyupbit  # noqa: E402


def main() -> dict[str, object]:
    upbit = pyupbit.Upbit(ACCESS, SECRET)
    won = upbit.get_balance("KRW")
    chance = upbit.get_chance(MARKET)
    hours = pyupbit.get_ohlcv(MARKET, interval="minute60", count=250)
    days = pyupbit.get_ohlcv(MARKET, interval="day", count=5)
    weeks = pyupbit.get_ohlcv(MARKET, interval="week", count=2)
    price = pyupbit.get_current_price(MARKET)
    tickers = pyupbit.get_tickers(fiat="KRW")
    book = pyupbit.get_orderbook(MARKET)

    low = int(book["orderbook_units"][0]["bid_price"] * 0.9 / 1000) * 1000
    resting = upbit.buy_limit_order(MARKET, low, 0.01)
    found = upbit.get_individual_order(resting["uuid"])
    cancelled = upbit.cancel_order(resting["uuid"])
    gone = upbit.get_order(resting["uuid"])

    bought = upbit.buy_market_order(MARKET, 50000)
    bought = upbit.get_order(bought["uuid"])
    held = upbit.get_balance("ETH")
    sold = upbit.sell_market_order(MARKET, held)
    sold = upbit.get_order(sold["uuid"])
    return {
        "won": won,
        "fee": chance["bid_fee"],
        "hours": len(hours),
        "days": len(days),
        "weeks": len(weeks),
        "price": price,
        "tickers": MARKET in tickers,
        "levels": len(book["orderbook_units"]),
        "found": found["state"],
        "cancelled": [cancelled["uuid"] == resting["uuid"], gone["state"]],
        "bought": [bought["state"], bought["executed_volume"], held],
        "sold": [sold["state"], sold["trades_count"]],
        "old list": upbit.get_order(MARKET),
        "keys": len(upbit.get_api_key_list()),
    }


print(json.dumps(main()))
