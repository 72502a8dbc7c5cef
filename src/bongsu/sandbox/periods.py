"""Candles of weeks, months and years: whole days of the calendar in UTC, weeks from Monday."""

from datetime import datetime, timedelta
from enum import StrEnum

from bongsu.core.market import Candle
from bongsu.sandbox.tape import DAY, Tape, floor_time

_INSTANT = timedelta(microseconds=1)
_LONGEST_MONTH = timedelta(days=31)
_LONGEST_YEAR = timedelta(days=366)


class Period(StrEnum):
    WEEK = "weeks"
    MONTH = "months"
    YEAR = "years"

    def start(self, at: datetime) -> datetime:
        """Of the period that `at` lies in."""
        day = floor_time(at, DAY)
        match self:
            case Period.WEEK:
                return day - day.weekday() * DAY
            case Period.MONTH:
                return day.replace(day=1)
            case Period.YEAR:
                return day.replace(month=1, day=1)

    def next(self, start: datetime) -> datetime:
        longest = {Period.WEEK: 7 * DAY, Period.MONTH: _LONGEST_MONTH, Period.YEAR: _LONGEST_YEAR}[self]
        return self.start(start + longest)


def candles(tape: Tape, period: Period, until: datetime, count: int, now: datetime) -> list[Candle]:
    """The last `count` that opened before `until`, newest first; the open one, as far as it got, included."""
    found: list[Candle] = []
    start = period.start(min(until, now) - _INSTANT)
    while len(found) < count and tape.listed(period.next(start) - _INSTANT):
        candle = tape.candle(start, period.next(start) - start, now)
        if candle is not None:
            found.append(candle)
        start = period.start(start - _INSTANT)
    return found
