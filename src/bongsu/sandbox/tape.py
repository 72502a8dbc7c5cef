"""What has been traded, market by market: one-hour candles, and every other candle made from them."""

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from bongsu.core.market import HOUR, Candle, Market
from bongsu.core.money import Krw, Price, Volume, floor_volume
from bongsu.sandbox.path import on_grid, price_at, prices_between

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_VALUE_STEP = Decimal("0.00000001")


def floor_time(at: datetime, step: timedelta) -> datetime:
    """Steps count from 1970-01-01T00:00Z, so that days roll at 09:00 KST as Upbit's do."""
    return at - (at - _EPOCH) % step


class Tape(ABC):
    """One market's hours, oldest first."""

    def __init__(self, market: Market) -> None:
        self.market = market

    @property
    @abstractmethod
    def first(self) -> datetime:
        """When the oldest hour opened."""

    @abstractmethod
    def last(self, at: datetime) -> Candle | None:
        """The newest candle that opened at or before `at`."""

    @abstractmethod
    def hours(self, start: datetime, end: datetime) -> list[Candle]:
        """Candles that opened in [start, end)."""

    @abstractmethod
    def listed(self, at: datetime) -> bool:
        pass

    @abstractmethod
    def trading(self, at: datetime) -> bool:
        pass

    def hour(self, at: datetime) -> Candle | None:
        """The candle that `at` lies in; None in a silent interval."""
        last = self.last(at)
        return last if last is not None and at < last.closed_at else None

    def price(self, at: datetime) -> Price:
        """Of the last trade. Raises LookupError before the first candle."""
        last = self.last(at)
        if last is None:
            raise LookupError(f"{self.market} has not traded yet at {at}")
        return price_at(last, at) if at < last.closed_at else on_grid(last.close)

    def candles(self, interval: timedelta, until: datetime, count: int, now: datetime) -> list[Candle]:
        """The last `count` that opened before `until`, newest first; the open one, as far as it got, included."""
        found: list[Candle] = []
        start = floor_time(min(until, now) - _MICROSECOND, interval)
        while len(found) < count and self.listed(start + interval - _MICROSECOND):
            candle = self.candle(start, interval, now)
            if candle is not None:
                found.append(candle)
                start -= interval
            else:
                start = self._skip_silence(start, interval)
        return found

    def _skip_silence(self, start: datetime, interval: timedelta) -> datetime:
        earlier = self.last(start - _MICROSECOND)
        return start - interval if earlier is None else floor_time(earlier.closed_at - _MICROSECOND, interval)

    def candle(self, start: datetime, interval: timedelta, now: datetime) -> Candle | None:
        """The candle of `interval` that opens at `start`, as an observer at `now` sees it; None where nobody traded."""
        if start >= now:
            return None
        if interval <= HOUR:
            hour = self.hour(start)
            return None if hour is None else _part(hour, start, interval, now)
        parts = [_seen(hour, now) for hour in self.hours(start, min(start + interval, now))]
        return merge(parts, start, interval) if parts else None


class RecordedTape(Tape):
    """It ends with its last candle."""

    def __init__(self, market: Market, candles: Iterable[Candle]) -> None:
        super().__init__(market)
        self._candles = list(candles)
        self._opened = [candle.opened_at for candle in self._candles]

    @property
    def first(self) -> datetime:
        return self._opened[0]

    @property
    def end(self) -> datetime:
        return self._opened[-1] + HOUR

    def __len__(self) -> int:
        return len(self._candles)

    def __getitem__(self, index: int) -> Candle:
        return self._candles[index]

    def last(self, at: datetime) -> Candle | None:
        index = bisect_right(self._opened, at)
        return self._candles[index - 1] if index else None

    def hours(self, start: datetime, end: datetime) -> list[Candle]:
        return self._candles[bisect_left(self._opened, start) : bisect_left(self._opened, end)]

    def listed(self, at: datetime) -> bool:
        return bool(self._opened) and self.first <= at

    def trading(self, at: datetime) -> bool:
        return self.listed(at) and at < self.end


def merge(parts: list[Candle], start: datetime, interval: timedelta) -> Candle:
    """`parts` in the order of time, at least one."""
    return Candle(
        parts[0].market,
        interval,
        start,
        parts[0].open,
        max(part.high for part in parts),
        min(part.low for part in parts),
        parts[-1].close,
        Volume(sum((part.volume for part in parts), Decimal(0))),
        Krw(sum((part.value for part in parts), Decimal(0))),
    )


def _part(hour: Candle, start: datetime, interval: timedelta, now: datetime) -> Candle:
    return _seen(hour, now) if interval == HOUR else _slice(hour, start, min(start + interval, now), interval)


def _seen(hour: Candle, now: datetime) -> Candle:
    """Recorded once closed; before that, the price's path up to now."""
    if now >= hour.closed_at:
        return hour
    return replace(_slice(hour, hour.opened_at, now, HOUR), open=hour.open)


def _slice(hour: Candle, start: datetime, end: datetime, interval: timedelta) -> Candle:
    prices = prices_between(hour, start, end)
    microseconds = (end - start) // _MICROSECOND
    whole = HOUR // _MICROSECOND
    return Candle(
        hour.market,
        interval,
        start,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        floor_volume(hour.volume * microseconds / whole),
        Krw((hour.value * microseconds / whole).quantize(_VALUE_STEP, ROUND_DOWN)),
    )


@dataclass(frozen=True, slots=True)
class Feed:
    """Where the markets' hours come from. `reach(at)` makes the hours up to `at` exist; `end` is None when endless."""

    tapes: Mapping[Market, Tape]
    start: datetime
    end: datetime | None
    reach: Callable[[datetime], None]
