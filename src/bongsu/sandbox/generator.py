"""A market made from a seed: two coins that share their moods, with volatility clusters, regimes and silent hours."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from bongsu.core.market import HOUR, Candle, Market
from bongsu.core.money import Krw, Price, Volume, floor_volume
from bongsu.sandbox.path import on_grid
from bongsu.sandbox.tape import Feed, Tape

VERSION = 1  # raised whenever equal seeds give other candles: such worlds are different worlds
WARM_UP = timedelta(hours=480)  # leaves 400 candles after its silent hours
_KEPT = timedelta(hours=10_000)
_CHANGE_OF_REGIME = 1 / 72  # per hour
_SILENCE = 0.01  # per hour and market


@dataclass(frozen=True, slots=True)
class _Coin:
    market: Market
    first_price: float
    hourly_value: float  # won
    share_of_mood: float  # correlation of its moves with the common ones
    volatility: float  # of an hour, in calm times


_COINS = (
    _Coin(Market("KRW-ETH"), 4_900_000, 6e9, 0.8, 0.0065),
    _Coin(Market("KRW-BTC"), 140_000_000, 2e10, 0.85, 0.0045),
)


@dataclass(slots=True)
class _Mood:
    """What both coins feel: a trend that lasts for days, and a volatility that clusters."""

    drift: float = 0.0
    heat: float = 0.0  # log of the volatility's factor

    def turn(self, rng: random.Random) -> None:
        if rng.random() < _CHANGE_OF_REGIME:
            self.drift = rng.choice((-0.001, -0.0004, 0.0, 0.0005, 0.0011))
        self.heat = 0.94 * self.heat + rng.gauss(0, 0.16) + (0.9 if rng.random() < 0.004 else 0.0)


def generated_feed(seed: int, start: datetime) -> Feed:
    """`start` is where the market clock starts; the candles begin a warm-up earlier, on the hour."""
    begin = start.replace(minute=0, second=0, microsecond=0) - WARM_UP
    tapes = {coin.market: Tape(coin.market, (), open_ended=True) for coin in _COINS}
    hours = _hours(seed, begin)
    made_until = begin

    def reach(at: datetime) -> None:
        nonlocal made_until
        while made_until <= at:
            for candle in next(hours):
                tapes[candle.market].append(candle)
            made_until += HOUR
            for tape in tapes.values():
                tape.forget_before(made_until - _KEPT)

    reach(start)
    return Feed(tapes, start, None, reach)


def _hours(seed: int, begin: datetime) -> Iterator[list[Candle]]:
    """Hour after hour, the candles of those coins that traded."""
    rng = random.Random(f"bongsu-market-{VERSION}-{seed}")
    mood = _Mood()
    closes = {coin.market: coin.first_price for coin in _COINS}
    for hour in count():
        mood.turn(rng)
        common = rng.gauss(0, 1)
        candles = []
        for coin in _COINS:
            candle = _candle(
                coin, begin + hour * HOUR, closes[coin.market], mood=mood, common=common, rng=rng
            )
            if rng.random() < _SILENCE and hour:
                continue
            candles.append(candle)
            closes[coin.market] = float(candle.close)
        yield candles


def _candle(
    coin: _Coin, opened_at: datetime, previous: float, *, mood: _Mood, common: float, rng: random.Random
) -> Candle:
    volatility = coin.volatility * math.exp(mood.heat)
    own = math.sqrt(1 - coin.share_of_mood**2)
    shock = coin.share_of_mood * common + own * rng.gauss(0, 1)
    # A weak pull to the first price keeps an endless market from wandering to zero or to the moon.
    pull = 0.001 * math.log(coin.first_price / previous)
    move = max(-0.12, min(0.12, mood.drift + pull + volatility * shock))
    close = previous * math.exp(move)
    high = max(previous, close) * math.exp(abs(rng.gauss(0, volatility * 0.5)))
    low = min(previous, close) * math.exp(-abs(rng.gauss(0, volatility * 0.5)))
    eagerness = rng.lognormvariate(0, 0.45) * (0.6 + 0.4 * math.exp(mood.heat)) * (1 + abs(shock) / 2)
    return _on_grid(coin, opened_at, (previous, high, low, close), coin.hourly_value * eagerness)


def _on_grid(
    coin: _Coin, opened_at: datetime, prices: tuple[float, float, float, float], value: float
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


def _exact(value: float) -> Decimal:
    return Decimal(f"{value:.4f}")
