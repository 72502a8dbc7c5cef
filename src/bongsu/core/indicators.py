"""What the closed candles say, as floats: the only module where money meets them.

Formulas and sources (as TA-Lib computes them, unless said otherwise):

- RSI, ATR, ADX: J. Welles Wilder, New Concepts in Technical Trading Systems, 1978, with his smoothing.
- EMA, MACD 12/26/9: Gerald Appel; each EMA starts from the mean of its first period, factor 2 / (period + 1).
- Bollinger bands 20/2 and %b: John Bollinger, Bollinger on Bollinger Bands, 2001; population deviation.
- Volume ratio: the last volume over the mean of the last 20, itself included, so 0..20.

Importing this module costs some 25 MB: only the process that decides does so.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import talib

from bongsu.core.market import Candle
from bongsu.core.money import ZERO, Krw, Volume

Series = np.ndarray[tuple[int], np.dtype[np.float64]]

WINDOW = 400  # enough for every average here to forget where it began
_RSI_MEMORY = 200  # in a Wilder average of 14, an older move weighs less than a millionth


def indicators(candles: Sequence[Candle]) -> dict[str, float]:
    """Over the last 400 closed candles, oldest first and without gaps; what came before changes nothing.

    All values are finite: prices in won, `rsi_14` and `adx_14` 0..100, `atr_percent` in percent of the close.
    `…_previous` is the value one candle earlier. Raises ValueError for fewer candles, for a gap, for prices
    that are not positive and for numbers that are not finite: one NaN would poison all that follows it.
    """
    window = candles[-WINDOW:]
    _require_unbroken(window)
    high, low, close = (_prices([getattr(c, name) for c in window]) for name in ("high", "low", "close"))
    volume = _numbers([c.volume for c in window])
    return {
        "close": float(close[-1]),
        **_momentum(close),
        **_trend(high, low, close),
        **_bollinger(close[-20:]),
        **_range(high, low, close),
        "volume_ratio_20": _ratio(float(volume[-1]), float(volume[-20:].mean()), empty=0.0),
    }


def average_true_range(candles: Sequence[Candle]) -> float:
    """Of 14 intervals, in won, by Wilder's smoothing. Raises ValueError with fewer than 15 candles, or odd ones."""
    high, low, close = (_prices([getattr(c, name) for c in candles]) for name in ("high", "low", "close"))
    return _finite(talib.ATR(high, low, close, timeperiod=14)[-1])


def fill_gaps(candles: Sequence[Candle], until: datetime) -> list[Candle]:
    """One candle for each interval from the first candle to `until`, the close of the last one.

    A silent interval repeats the previous close with no volume, flagged synthetic. Candles that close
    after `until` are left out. Raises ValueError when none is left, or when they are not in order on a grid.
    """
    closed = [candle for candle in candles if candle.closed_at <= until]
    if not closed:
        raise ValueError("no closed candle")
    filled = [closed[0]]
    for candle in closed[1:]:
        _fill_up_to(filled, candle.opened_at)
        if candle.opened_at != filled[-1].closed_at:
            raise ValueError(f"candle of {candle.opened_at.isoformat()} is out of order or off the grid")
        filled.append(candle)
    _fill_up_to(filled, until)
    return filled


def _fill_up_to(filled: list[Candle], until: datetime) -> None:
    while filled[-1].closed_at + filled[-1].interval <= until:
        filled.append(_silent_after(filled[-1]))


def _silent_after(candle: Candle) -> Candle:
    price = candle.close
    return replace(
        candle,
        opened_at=candle.closed_at,
        open=price,
        high=price,
        low=price,
        volume=Volume(ZERO),
        value=Krw(ZERO),
        synthetic=True,
    )


def _require_unbroken(window: Sequence[Candle]) -> None:
    if len(window) < WINDOW:
        raise ValueError(f"{len(window)} candles; {WINDOW} are needed")
    for before, after in pairwise(window):
        if after.opened_at != before.closed_at or after.market != before.market:
            raise ValueError(f"{before.market}: a gap or another market after {before.opened_at.isoformat()}")


def _numbers(values: Sequence[object]) -> Series:
    numbers = np.asarray(values, dtype=np.float64)
    if not np.isfinite(numbers).all() or (numbers < 0).any():
        raise ValueError("a candle holds a negative or non-finite number")
    return numbers


def _prices(values: Sequence[object]) -> Series:
    numbers = _numbers(values)
    if not (numbers > 0).all():
        raise ValueError("a candle holds a price of zero")
    return numbers


def _momentum(close: Series) -> dict[str, float]:
    macd, signal, histogram = talib.MACD(close, fastperiod=12, slowperiod=26, signalperiod=9)
    return {
        "rsi_14": _rsi(close),
        "rsi_14_previous": _rsi(close[:-1]),
        "macd": _finite(macd[-1]),
        "macd_signal": _finite(signal[-1]),
        "macd_hist": _finite(histogram[-1]),
        "macd_hist_previous": _finite(histogram[-2]),
    }


def _rsi(close: Series) -> float:
    """Relative strength index of the last close, 0..100.

    50 when the price did not move in 200 intervals: TA-Lib would still echo the last move there was,
    or say 0 where there never was one, and that reads as "oversold".
    """
    recent = close[-_RSI_MEMORY:]
    if (recent == recent[0]).all():
        return 50.0
    return _finite(talib.RSI(close, timeperiod=14)[-1])


def _trend(high: Series, low: Series, close: Series) -> dict[str, float]:
    averages = {f"ema_{n}": _finite(talib.EMA(close, timeperiod=n)[-1]) for n in (20, 50, 200)}
    return averages | {"adx_14": _finite(talib.ADX(high, low, close, timeperiod=14)[-1])}


def _range(high: Series, low: Series, close: Series) -> dict[str, float]:
    atr = _finite(talib.ATR(high, low, close, timeperiod=14)[-1])
    return {"atr_14": atr, "atr_percent": 100.0 * atr / float(close[-1])}


def _bollinger(close: Series) -> dict[str, float]:
    """%b is 0 at the lower band, 1 at the upper, and 0.5 where no price moved and the bands are one."""
    middle = float(close.mean())
    still = bool((close == close[0]).all())
    width = 0.0 if still else 2.0 * float(close.std())
    lower, upper = middle - width, middle + width
    return {
        "bollinger_upper": upper,
        "bollinger_middle": middle,
        "bollinger_lower": lower,
        "bollinger_percent_b": _ratio(float(close[-1]) - lower, upper - lower, empty=0.5),
    }


def _ratio(part: float, whole: float, *, empty: float) -> float:
    return part / whole if whole > 0 else empty


def _finite(value: float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("an indicator came out as no finite number")
    return number
