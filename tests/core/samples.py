"""Plausible values for the tests of the core: each builder names only what its caller does not care about."""

import csv
import gzip
import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from bongsu.core.clock import ExchangeSigns
from bongsu.core.decision import Action, Advice, Decision, Reason
from bongsu.core.market import HOUR, BookLevel, Candle, Market, MarketRules, OrderBook, Ticker
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.order import OrderRequest, Side, Trigger
from bongsu.core.portfolio import Position, flat
from bongsu.core.risk import RiskState
from bongsu.core.snapshot import HeldPosition, MarketSnapshot
from bongsu.core.start_check import AlarmServers, LedgerSeen, Start, StartCheck
from bongsu.core.tradingday import KST

ETH, BTC = Market("KRW-ETH"), Market("KRW-BTC")
NOON = datetime(2024, 6, 3, 3, tzinfo=UTC)  # Monday, 12:00 in Seoul
RECORDED = Path(__file__).parents[3] / "shared" / "data" / "KRW-ETH-1h-2024-01_2024-08.csv.gz"


def candle(opened_at: datetime, close: Decimal | int | str, **changes: object) -> Candle:
    price = Price(Decimal(close))
    fields: dict[str, object] = {
        "market": ETH,
        "interval": HOUR,
        "opened_at": opened_at,
        "open": price,
        "high": price,
        "low": price,
        "close": price,
        "volume": Volume(Decimal(10)),
        "value": Krw(price * 10),
    }
    return Candle(**(fields | changes))  # type: ignore[arg-type]


def candles_of(closes: Sequence[Decimal | int | str], until: datetime = NOON) -> list[Candle]:
    start = until - HOUR * len(closes)
    return [candle(start + HOUR * i, close) for i, close in enumerate(closes)]


def wandering_candles(count: int = 450, seed: int = 1, price: float = 4_000_000.0) -> list[Candle]:
    """A random walk with wicks and varying volume."""
    dice = random.Random(seed)
    made, close = [], price
    for i in range(count):
        open_, close = close, close * math.exp(dice.gauss(0, 0.01))
        high = max(open_, close) * (1 + abs(dice.gauss(0, 0.004)))
        low = min(open_, close) * (1 - abs(dice.gauss(0, 0.004)))
        opened_at = NOON - HOUR * (count - i)
        ohlc = {k: Price(Decimal(repr(v))) for k, v in (("open", open_), ("high", high), ("low", low))}
        made.append(
            candle(opened_at, repr(close), **ohlc, volume=Volume(Decimal(repr(dice.uniform(0.1, 90)))))
        )
    return made


def recorded_candles() -> list[Candle]:
    """Skips the test where the recording is not at hand."""
    if not RECORDED.exists():
        pytest.skip("no recorded candles beside the repository (shared/data)")
    with gzip.open(RECORDED, "rt") as file:
        return [_recorded(row) for row in csv.DictReader(file)]


def _recorded(row: dict[str, str]) -> Candle:
    names = ("open", "high", "low")
    opened_at = datetime.fromisoformat(row["time_kst"]).replace(tzinfo=KST).astimezone(UTC)
    prices = {name: Price(Decimal(row[name])) for name in names}
    amounts = {"volume": Volume(Decimal(row["volume"])), "value": Krw(Decimal(row["value_krw"]))}
    return candle(opened_at, row["close"], **prices, **amounts)


def book(
    bid: int | str | Decimal = 3_999_000,
    ask: int | str | Decimal = 4_000_000,
    depth: int | str | Decimal = 100,
    market: Market = ETH,
) -> OrderBook:
    """One level on each side; `depth` in units of the coin."""
    volume = Volume(Decimal(depth))
    return OrderBook(
        market,
        NOON,
        (BookLevel(Price(Decimal(bid)), volume),),
        (BookLevel(Price(Decimal(ask)), volume),),
    )


def ticker(price: int | str | Decimal = 4_000_000, market: Market = ETH) -> Ticker:
    return Ticker(market, Price(Decimal(price)), NOON, Krw(Decimal(10**11)))


def position(
    volume: str | Decimal = "0.05", cost: int | str | Decimal = 200_000, market: Market = ETH
) -> Position:
    return Position(
        market, Volume(Decimal(volume)), Krw(Decimal(cost)), Krw(Decimal(0)), NOON - timedelta(days=1)
    )


def rules_of(market: Market = ETH, **changes: object) -> MarketRules:
    fields: dict[str, object] = {
        "market": market,
        "bid_fee": Decimal("0.0005"),
        "ask_fee": Decimal("0.0005"),
        "min_bid": Krw(Decimal(5000)),
        "min_ask": Krw(Decimal(5000)),
        "max_total": Krw(Decimal(10**9)),
        "tick_size": Decimal(1000),
        "online": True,
    }
    return MarketRules(**(fields | changes))  # type: ignore[arg-type]


def state(**changes: object) -> RiskState:
    """A healthy bot with a million won and no position."""
    fields: dict[str, object] = {
        "killed": False,
        "pauses": (),
        "breakers": (),
        "blind": (),
        "mismatch": False,
        "unknown_intents": 0,
        "positions": {},
        "prices": {ETH: Price(Decimal(4_000_000))},
        "cash": Krw(Decimal(1_000_000)),
        "equity": Krw(Decimal(1_000_000)),
        "market_states": {},
        "last_entry_at": {},
        "trades_today": 0,
    }
    return RiskState(**(fields | changes))  # type: ignore[arg-type]


INDICATORS = {
    "close": 4_000_000.0,
    "rsi_14": 28.4,
    "rsi_14_previous": 31.0,
    "macd": -5000.0,
    "macd_signal": -4000.0,
    "macd_hist": -1000.0,
    "macd_hist_previous": -2500.0,
    "bollinger_upper": 4_200_000.0,
    "bollinger_middle": 4_100_000.0,
    "bollinger_lower": 3_990_000.0,
    "bollinger_percent_b": 0.04,
    "atr_14": 40_000.0,
    "atr_percent": 1.0,
    "adx_14": 20.0,
    "ema_20": 4_050_000.0,
    "ema_50": 4_060_000.0,
    "ema_200": 4_000_000.0,
    "volume_ratio_20": 1.3,
}


def snapshot(held: bool = False, shown: dict[str, float] | None = None, **changes: object) -> MarketSnapshot:
    """Taken one minute after the candle closed; `shown` replaces single indicators."""
    holding = HeldPosition(Volume(Decimal("0.05")), Price(Decimal(4_100_000)), Decimal("-0.0244"))
    fields: dict[str, object] = {
        "market": ETH,
        "at": NOON + timedelta(minutes=1),
        "candle_closed_at": NOON,
        "price": Price(Decimal(4_000_000)),
        "bid": Price(Decimal(3_999_000)),
        "ask": Price(Decimal(4_000_000)),
        "spread": Decimal("0.00025"),
        "change_24h": Decimal("0.012"),
        "indicators": INDICATORS | (shown or {}),
        "synthetic_candles": 0,
        "position": holding if held else None,
        "equity": Krw(Decimal(1_000_000)),
        "buying_allowed": True,
    }
    return MarketSnapshot(**(fields | changes))  # type: ignore[arg-type]


def advice(action: Action = Action.BUY, **changes: object) -> Advice:
    fields: dict[str, object] = {
        "market": ETH,
        "action": action,
        "confidence": Decimal("0.7"),
        "size": Decimal("0.2"),
        "reasons": (Reason("RSI 과매도 구간 진입", "rsi_14", 28.4),),
        "invalidation": None,
    }
    return Advice(**(fields | changes))  # type: ignore[arg-type]


def decision(action: Action = Action.BUY, **changes: object) -> Decision:
    fields: dict[str, object] = {
        "id": UUID(int=7),
        "market": ETH,
        "action": action,
        "confidence": Decimal("0.7"),
        "label": "MEDIUM",
        "size": Decimal("0.2"),
        "reasons": (Reason("RSI 과매도 구간 진입", "rsi_14", 28.4),),
        "invalidation": None,
        "candle_closed_at": NOON,
        "advisor": "rules",
        "at": NOON + timedelta(minutes=1),
    }
    return Decision(**(fields | changes))  # type: ignore[arg-type]


def buy(funds: int | str | Decimal, market: Market = ETH, at: datetime = NOON) -> OrderRequest:
    amount = Krw(Decimal(funds))
    return OrderRequest(market, Side.BUY, Trigger.DECISION, "k", "이유", "HIGH", at, funds=amount)


def sell(volume: str | Decimal, trigger: Trigger = Trigger.STOP_LOSS, market: Market = ETH) -> OrderRequest:
    amount = Volume(Decimal(volume))
    return OrderRequest(market, Side.SELL, trigger, "k", "손절", "RULE", NOON, volume=amount)


def nothing_held_of(market: Market = ETH) -> Position:
    return flat(market)


def ledger_seen(**changes: object) -> LedgerSeen:
    """All is well."""
    fields: dict[str, object] = {
        "schema": "0007",
        "reconciled": "success",
        "stops_checked": "success",
        "mismatches": 0,
        "open_intents": 0,
        "positions": 1,
        "delivered": True,
        "undelivered": None,
        "backend": True,
        "watchdog": True,
    }
    return LedgerSeen(**(fields | changes))  # type: ignore[arg-type]


def start_check(**changes: object) -> StartCheck:
    """All is well."""
    fields: dict[str, object] = {
        "start": Start("sandbox", (ETH, BTC), inbox=False, rules=62),
        "signs": ExchangeSigns(0.12, maintenance=False),
        "ledger": ledger_seen(),
        "second": (),
        "alarms": AlarmServers(62, 1),
        "next_decision": NOON + timedelta(minutes=61),
        "market_time": False,
    }
    return StartCheck(**(fields | changes))  # type: ignore[arg-type]
