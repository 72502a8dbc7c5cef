"""A market made from a seed: many coins that share their moods, with regimes, volatility clusters, jumps and silence.

Nothing is made before it is asked for: a coin's way is two numbers an hour, drawn in the order of time, and a candle
is drawn from those and the hour's own dice whenever somebody looks at it.
"""

import random
from array import array
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from itertools import count
from math import cos, exp, log, pi, sqrt

from bongsu.core.market import HOUR, Candle
from bongsu.core.money import Krw, Price, Volume, floor_volume
from bongsu.sandbox.coins import COINS, Coin
from bongsu.sandbox.mood import VOLATILITY, Mood, fat
from bongsu.sandbox.path import on_grid
from bongsu.sandbox.tape import Feed, Tape

VERSION = 2  # raised whenever equal seeds give other candles: such worlds are different worlds
WARM_UP = timedelta(hours=480)  # leaves 400 candles after its silent hours
_KEPT = 10_000  # hours
_FORGOTTEN_AT_ONCE = 500  # hours
_CANDLES_AT_HAND = 1_000
_HOME = 0.001  # an hour's pull to the first price: an endless market wanders neither to zero nor to the moon
_OWN_HEAT_STAYS, _OWN_HEAT_NOISE = 0.97, 0.08
_JUMP = 0.0012  # per hour, of one coin alone
_JUMPS = (-12, -8, -6, -4, 4, 6, 8, 12)  # in hours' volatilities of its own
_WICK = 0.5  # of the hour's volatility
_BUSIEST_HOUR = 14.0  # UTC: late in the Korean evening
_DAY_SWING = 0.3


def generated_feed(seed: int, start: datetime) -> Feed:
    """`start` is where the market clock starts; the candles begin a warm-up earlier, on the hour."""
    begin = start.replace(minute=0, second=0, microsecond=0) - WARM_UP
    named = f"bongsu-market-{VERSION}-{seed}"
    mood = Mood(named)
    tapes = {coin.market: GeneratedTape(Course(coin, mood, named), begin) for coin in COINS}

    def reach(at: datetime) -> None:
        hours = (at - begin) // HOUR + 1
        if hours <= mood.until:
            return
        mood.reach(hours)
        forget = (hours - _KEPT) // _FORGOTTEN_AT_ONCE * _FORGOTTEN_AT_ONCE
        for tape in tapes.values():
            tape.forget_before(forget)
        mood.forget_before(forget)

    reach(start)
    return Feed(tapes, start, None, reach)


class Course:
    """One coin's way: where each hour opens and closes. An hour that opens at 0 is silent."""

    def __init__(self, coin: Coin, mood: Mood, seed: str) -> None:
        self.coin = coin
        self.mood = mood
        self.first = 0  # hour that is remembered
        self.opens = array("d")
        self.closes = array("d")
        self.seed = f"{seed}-{coin.market}"
        self._steps = self._walk(random.Random(self.seed))

    @property
    def until(self) -> int:
        return self.first + len(self.opens)

    def reach(self, hours: int) -> None:
        """No further than the market's mood has come."""
        for _ in range(self.until, min(hours, self.mood.until)):
            opened, closed = next(self._steps)
            self.opens.append(opened)
            self.closes.append(closed)

    def forget_before(self, hour: int) -> None:
        cut = max(0, hour - self.first)
        del self.opens[:cut], self.closes[:cut]
        self.first += cut

    def volatility(self, hour: int) -> float:
        coin, heat = self.coin, self.mood.heat(hour)
        return heat * sqrt((coin.beta * VOLATILITY) ** 2 + coin.own_volatility**2)

    def _walk(self, dice: random.Random) -> Iterator[tuple[float, float]]:
        coin, mood = self.coin, self.mood
        price, silent, own_heat, missed = coin.first_price, False, 0.0, 0.0
        for hour in count():
            own_heat = _OWN_HEAT_STAYS * own_heat + dice.gauss(0, _OWN_HEAT_NOISE)
            own = coin.own_volatility * sqrt(mood.heat(hour)) * exp(own_heat) * fat(dice)
            jump = coin.own_volatility * dice.choice(_JUMPS) if dice.random() < _JUMP else 0.0
            move = coin.beta * mood.move(hour) + own + _HOME * log(coin.first_price / price)
            silent = hour > 0 and dice.random() < (coin.stays_silent if silent else coin.falls_silent)
            if silent:
                missed += move + jump
                yield 0.0, price
                continue
            # What happened in silence, and half of what happens at once, is a gap before the first trade.
            gapped = dice.random() < 0.5
            gap = _within(coin.widest, missed + (jump if gapped else 0.0))
            opened = price * exp(gap)
            price = opened * exp(_within(coin.widest, move + (0.0 if gapped else jump)))
            missed = 0.0
            yield opened, price


class GeneratedTape(Tape):
    """Endless. Its newest hour is the last that the feed has reached."""

    def __init__(self, course: Course, begin: datetime) -> None:
        super().__init__(course.coin.market)
        self._course = course
        self._begin = begin
        self._candle = lru_cache(_CANDLES_AT_HAND)(self._drawn)

    def forget_before(self, hour: int) -> None:
        """The way there is gone before it is forgotten."""
        if hour > self._course.first:
            self._course.reach(hour)
            self._course.forget_before(hour)

    @property
    def first(self) -> datetime:
        return self._begin + next(self._traded(self._course.first, self._reached)) * HOUR

    def last(self, at: datetime) -> Candle | None:
        hour = min((at - self._begin) // HOUR, self._reached - 1)
        self._course.reach(hour + 1)
        while hour >= self._course.first and not self._course.opens[hour - self._course.first]:
            hour -= 1
        return self._candle(hour) if hour >= self._course.first else None

    def hours(self, start: datetime, end: datetime) -> list[Candle]:
        return [self._candle(hour) for hour in self._traded(self._hour_from(start), self._hour_from(end))]

    def listed(self, at: datetime) -> bool:
        return self.first <= at

    def trading(self, at: datetime) -> bool:
        return self.listed(at)

    @property
    def _reached(self) -> int:
        return self._course.mood.until

    def _hour_from(self, at: datetime) -> int:
        """The first that opens at or after `at`."""
        return -((self._begin - at) // HOUR)

    def _traded(self, first: int, end: int) -> Iterator[int]:
        course, end = self._course, min(end, self._reached)
        course.reach(end)
        return (h for h in range(max(first, course.first), end) if course.opens[h - course.first])

    def _drawn(self, hour: int) -> Candle:
        course = self._course
        opened, closed = (part[hour - course.first] for part in (course.opens, course.closes))
        return _candle(course, self._begin + hour * HOUR, hour, opened, closed)


def _candle(course: Course, opened_at: datetime, hour: int, opened: float, closed: float) -> Candle:
    up, down, eager, burst = _hours_own_dice(course.seed, hour)
    volatility, widest = course.volatility(hour), course.coin.widest
    high = max(opened, closed) * exp(min(-_WICK * volatility * log(up), widest / 4))
    low = min(opened, closed) * exp(-min(-_WICK * volatility * log(down), widest / 4))
    restless = 1 + abs(log(closed / opened)) / volatility / 2
    eagerness = exp(0.45 * sqrt(-2 * log(eager)) * cos(2 * pi * burst)) * (0.6 + 0.4 * course.mood.heat(hour))
    daily = 1 + _DAY_SWING * cos(2 * pi * (opened_at.hour - _BUSIEST_HOUR) / 24)
    value = course.coin.hourly_value * eagerness * restless * daily
    return _on_grid(course.coin, opened_at, (opened, high, low, closed), value)


def _hours_own_dice(seed: str, hour: int) -> tuple[float, float, float, float]:
    """Each above 0 and at most 1; equal for equal hours, in whatever order they are asked for."""
    digest = blake2b(f"{seed}|{hour}".encode(), digest_size=24).digest()
    a, b, c, d = ((int.from_bytes(digest[n : n + 6]) + 1) / 2**48 for n in range(0, 24, 6))
    return a, b, c, d


def _on_grid(
    coin: Coin, opened_at: datetime, prices: tuple[float, float, float, float], value: float
) -> Candle:
    opening, high, low, close = (on_grid(_exact(price)) for price in prices)
    typical = (opening + high + low + close) / 4
    volume = floor_volume(_exact(value) / typical)
    return Candle(
        coin.market,
        HOUR,
        opened_at,
        opening,
        Price(max(high, opening, close)),
        Price(min(low, opening, close)),
        close,
        Volume(volume),
        Krw((volume * typical).quantize(Decimal("0.00001"))),
    )


def _within(widest: float, move: float) -> float:
    return max(-widest, min(widest, move))


def _exact(value: float) -> Decimal:
    return Decimal(f"{value:.12g}")
