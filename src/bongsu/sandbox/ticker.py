"""A market's state of the moment: the last price, the day so far, 24 hours, 52 weeks."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bongsu.core.market import HOUR, Candle, Market
from bongsu.core.money import Krw, Price, Volume, floor_volume
from bongsu.sandbox import wire
from bongsu.sandbox.candles import KST
from bongsu.sandbox.tape import DAY, Tape, floor_time

_YEAR = timedelta(weeks=52)
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Extremes:
    high: Price
    high_on: datetime
    low: Price
    low_on: datetime


@dataclass(slots=True)
class _Year:
    """The closed days of a market's last year; each is looked at once."""

    until: datetime
    days: deque[tuple[datetime, _Extremes | None]] = field(default_factory=deque)
    whole: _Extremes | None = None

    def go_on(self, tape: Tape, today: datetime) -> None:
        if self.until >= today:
            return
        while self.until < today:
            self.days.append((self.until, _extremes(tape.hours(self.until, self.until + DAY))))
            self.until += DAY
        while self.days and self.days[0][0] < today - _YEAR:
            self.days.popleft()
        self.whole = _widest(extremes for _, extremes in self.days)


class Tickers:
    """Remembers each market's closed days of the last year."""

    def __init__(self) -> None:
        self._years: dict[Market, _Year] = {}

    def of(self, tape: Tape, now: datetime) -> dict[str, Any]:
        """`tape` is listed at `now`."""
        day = floor_time(now, DAY)
        today = tape.candle(day, DAY, now) or _untraded(tape, day, now)
        before = tape.last(day - _INSTANT)
        previous = before.close if before is not None else today.open
        return {
            "market": tape.market,
            **_last_trade(tape, now),
            "opening_price": today.open,
            "high_price": today.high,
            "low_price": today.low,
            "prev_closing_price": previous,
            **change_since(tape.price(now), previous),
            "acc_trade_price": today.value,
            "acc_trade_volume": today.volume,
            **_last_24_hours(tape, now),
            **self._last_52_weeks(tape, today),
            "timestamp": wire.milliseconds(now),
        }

    def _last_52_weeks(self, tape: Tape, today: Candle) -> dict[str, Any]:
        day = today.opened_at
        closed = self._years.setdefault(tape.market, _Year(max(day - _YEAR, floor_time(tape.first, DAY))))
        closed.go_on(tape, day)
        year = _wider(closed.whole, today)
        return {
            "highest_52_week_price": year.high,
            "highest_52_week_date": _date(year.high_on),
            "lowest_52_week_price": year.low,
            "lowest_52_week_date": _date(year.low_on),
        }


def _last_trade(tape: Tape, now: datetime) -> dict[str, Any]:
    last = tape.last(now)
    at = now if last is None else min(now, last.closed_at)
    korean = at.astimezone(KST)
    return {
        "trade_date": at.strftime("%Y%m%d"),
        "trade_time": at.strftime("%H%M%S"),
        "trade_date_kst": korean.strftime("%Y%m%d"),
        "trade_time_kst": korean.strftime("%H%M%S"),
        "trade_timestamp": wire.milliseconds(at),
        "trade_price": tape.price(now),
        # One trade a second on average: recordings do not tell.
        "trade_volume": floor_volume(last.volume / 3600) if last else Decimal(0),
    }


def change_since(price: Price, previous: Price) -> dict[str, Any]:
    change = price - previous
    return {
        "change": "RISE" if change > 0 else "FALL" if change < 0 else "EVEN",
        "change_price": abs(change),
        "change_rate": wire.ratio(abs(change), previous),
        "signed_change_price": change,
        "signed_change_rate": wire.ratio(change, previous),
    }


def _last_24_hours(tape: Tape, now: datetime) -> dict[str, Any]:
    """To the hour: the one that began 24 to 25 hours ago has left."""
    seen = [tape.candle(hour.opened_at, HOUR, now) for hour in tape.hours(now - DAY, now)]
    hours = [hour for hour in seen if hour is not None]
    return {
        "acc_trade_price_24h": sum((hour.value for hour in hours), Decimal(0)),
        "acc_trade_volume_24h": sum((hour.volume for hour in hours), Decimal(0)),
    }


def _untraded(tape: Tape, day: datetime, now: datetime) -> Candle:
    """The day before its first trade: Upbit shows the last price."""
    price = tape.price(now)
    return Candle(tape.market, DAY, day, price, price, price, price, Volume(Decimal(0)), Krw(Decimal(0)))


def _extremes(candles: Iterable[Candle]) -> _Extremes | None:
    found: _Extremes | None = None
    for candle in candles:
        found = _wider(found, candle)
    return found


def _widest(parts: Iterable[_Extremes | None]) -> _Extremes | None:
    """The earlier day where two reached as far."""
    known = [part for part in parts if part is not None]
    if not known:
        return None
    highest, lowest = max(known, key=lambda x: x.high), min(known, key=lambda x: x.low)
    return _Extremes(highest.high, highest.high_on, lowest.low, lowest.low_on)


def _wider(found: _Extremes | None, candle: Candle) -> _Extremes:
    on = candle.opened_at
    if found is None:
        return _Extremes(candle.high, on, candle.low, on)
    if candle.high <= found.high and candle.low >= found.low:
        return found
    high, high_on = max((found.high, found.high_on), (candle.high, on), key=lambda x: x[0])
    low, low_on = min((found.low, found.low_on), (candle.low, on), key=lambda x: x[0])
    return _Extremes(high, high_on, low, low_on)


def _date(at: datetime) -> str:
    return at.astimezone(KST).strftime("%Y-%m-%d")
