"""What all coins feel together, hour after hour: the regime, the heat of the market, and its common move."""

import random
from array import array
from dataclasses import dataclass
from math import exp
from typing import Final, Literal

RegimeName = Literal["range", "rise", "fall", "crash", "rebound"]

VOLATILITY: Final = 0.0032  # of the common move in a calm hour
_HEAT_STAYS = 0.955
_HEAT_NOISE = 0.11
_HOTTEST, _COLDEST = 1.3, -1.0  # logs of the factor
_WILD_SHARE, _WILD = 0.03, 2.8  # so many moves are so much larger: the fat tails
_JUMP = 0.0015  # per hour


@dataclass(frozen=True, slots=True)
class Regime:
    name: RegimeName
    drift: float  # per hour
    volatility: float  # a factor
    hours: float  # that it lasts on average
    then: tuple[tuple[RegimeName, float], ...]


REGIMES: Final[dict[RegimeName, Regime]] = {
    regime.name: regime
    for regime in (
        Regime("range", 0.0, 0.75, 110, (("rise", 0.48), ("fall", 0.46), ("crash", 0.06))),
        Regime("rise", 0.0009, 0.95, 90, (("range", 0.60), ("fall", 0.32), ("crash", 0.08))),
        Regime("fall", -0.0008, 1.15, 70, (("range", 0.58), ("rise", 0.30), ("crash", 0.12))),
        Regime("crash", -0.0065, 2.0, 8, (("rebound", 0.65), ("range", 0.35))),
        Regime("rebound", 0.0027, 1.6, 11, (("range", 0.55), ("rise", 0.45))),
    )
}


class Mood:
    """Kept compactly: two numbers an hour. Hours are counted from the market's beginning."""

    def __init__(self, seed: str) -> None:
        self._dice = random.Random(f"{seed}-mood")
        self._regime = REGIMES["range"]
        self._heat = 0.0
        self._from = 0  # the first hour that is remembered
        self._moves = array("d")
        self._heats = array("d")  # factors of the volatility

    @property
    def until(self) -> int:
        return self._from + len(self._moves)

    def reach(self, hours: int) -> None:
        while self.until < hours:
            self._turn()

    def move(self, hour: int) -> float:
        """The log of the whole market's move."""
        return self._moves[hour - self._from]

    def heat(self, hour: int) -> float:
        return self._heats[hour - self._from]

    def forget_before(self, hour: int) -> None:
        cut = max(0, hour - self._from)
        del self._moves[:cut], self._heats[:cut]
        self._from += cut

    def _turn(self) -> None:
        dice = self._dice
        if dice.random() < 1 / self._regime.hours:
            names, weights = zip(*self._regime.then, strict=True)
            self._regime = REGIMES[dice.choices(names, weights)[0]]
        factor = self._regime.volatility * exp(self._heat)
        move = self._regime.drift + VOLATILITY * factor * fat(dice)
        jump = dice.random() < _JUMP
        if jump:
            move += dice.choice((-1.0, -1.0, 1.0)) * dice.uniform(0.015, 0.04)
        self._moves.append(move)
        self._heats.append(factor)
        self._warm(move / (VOLATILITY * factor), jump=jump)

    def _warm(self, surprise: float, *, jump: bool) -> None:
        """Large moves are followed by large ones, falls by larger ones than rises."""
        excited = 0.06 * max(0.0, abs(surprise) - 1) + (0.03 if surprise < -1 else 0.0)
        heat = _HEAT_STAYS * self._heat + self._dice.gauss(0, _HEAT_NOISE) + excited + (0.5 if jump else 0.0)
        self._heat = max(_COLDEST, min(_HOTTEST, heat))


def fat(dice: random.Random) -> float:
    """A draw around 0 whose tails are fatter than a normal one's."""
    return dice.gauss(0, 1) * (_WILD if dice.random() < _WILD_SHARE else 1.0)
