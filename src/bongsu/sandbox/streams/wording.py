"""How a message is written: with whole names or short ones, alone or in a list."""

from typing import Any, Final

import msgspec

from bongsu.sandbox.streams.asking import Format

_encoder = msgspec.json.Encoder(decimal_format="number")

# A trade's date is short "td", a ticker's "tdt"; "l" is what is locked, in an order as in an asset.
_SHORT: Final = {
    "type": "ty",
    "code": "cd",
    "opening_price": "op",
    "high_price": "hp",
    "low_price": "lp",
    "trade_price": "tp",
    "prev_closing_price": "pcp",
    "change": "c",
    "change_price": "cp",
    "signed_change_price": "scp",
    "change_rate": "cr",
    "signed_change_rate": "scr",
    "trade_volume": "tv",
    "acc_trade_volume": "atv",
    "acc_trade_volume_24h": "atv24h",
    "acc_trade_price": "atp",
    "acc_trade_price_24h": "atp24h",
    "trade_date": "tdt",
    "trade_time": "ttm",
    "trade_timestamp": "ttms",
    "ask_bid": "ab",
    "acc_ask_volume": "aav",
    "acc_bid_volume": "abv",
    "highest_52_week_price": "h52wp",
    "highest_52_week_date": "h52wdt",
    "lowest_52_week_price": "l52wp",
    "lowest_52_week_date": "l52wdt",
    "market_state": "ms",
    "is_trading_suspended": "its",
    "delisting_date": "dd",
    "market_warning": "mw",
    "timestamp": "tms",
    "stream_type": "st",
    "sequential_id": "sid",
    "best_ask_price": "bap",
    "best_ask_size": "bas",
    "best_bid_price": "bbp",
    "best_bid_size": "bbs",
    "total_ask_size": "tas",
    "total_bid_size": "tbs",
    "orderbook_units": "obu",
    "ask_price": "ap",
    "bid_price": "bp",
    "ask_size": "as",
    "bid_size": "bs",
    "level": "lv",
    "candle_date_time_utc": "cdttmu",
    "candle_date_time_kst": "cdttmk",
    "candle_acc_trade_volume": "catv",
    "candle_acc_trade_price": "catp",
    "uuid": "uid",
    "identifier": "id",
    "order_type": "ot",
    "state": "s",
    "trade_uuid": "tuid",
    "price": "p",
    "avg_price": "ap",
    "volume": "v",
    "remaining_volume": "rv",
    "executed_volume": "ev",
    "trades_count": "tc",
    "reserved_fee": "rsf",
    "remaining_fee": "rmf",
    "paid_fee": "pf",
    "locked": "l",
    "executed_funds": "ef",
    "time_in_force": "tif",
    "trade_fee": "tf",
    "is_maker": "im",
    "smp_type": "smpt",
    "prevented_volume": "pv",
    "prevented_locked": "pl",
    "order_timestamp": "otms",
    "asset_uuid": "astuid",
    "assets": "ast",
    "asset_timestamp": "asttms",
    "currency": "cu",
    "balance": "b",
    "method": "mthd",
    "result": "rslt",
    "codes": "cds",
    "ticket": "tckt",
}


def written(message: dict[str, Any], how: Format) -> bytes:
    worded = _shortened(message) if how.startswith("SIMPLE") else message
    return _encoder.encode([worded] if how.endswith("LIST") else worded)


def plainly(message: dict[str, Any]) -> bytes:
    """What is no answer to a subscription: errors and signs of life know no format."""
    return _encoder.encode(message)


def _shortened(message: dict[str, Any]) -> dict[str, Any]:
    short = {_SHORT[name]: _inner(value) for name, value in message.items()}
    if message.get("type") == "trade":
        short["td"] = short.pop("tdt")
    return short


def _inner(value: Any) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_shortened(item) for item in value]
    return value
