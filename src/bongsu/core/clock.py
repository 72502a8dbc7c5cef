"""What a clock of the market says."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClockState:
    now: datetime  # market time
    speed: float  # market seconds per wall second; 0 in lock-step
    lockstep: bool
    ended: bool  # a recording has been played to its end
