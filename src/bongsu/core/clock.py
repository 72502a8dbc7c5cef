"""What a clock of the market says."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExchangeSigns:
    """What the scheduler has seen of the exchange beside its answers."""

    clock_offset: (
        float | None
    )  # how far its clock is ahead of ours, in wall seconds; None before anything tells
    maintenance: bool


@dataclass(frozen=True, slots=True)
class ClockState:
    now: datetime  # market time
    speed: float  # market seconds per wall second; 0 in lock-step
    lockstep: bool
    ended: bool  # a recording has been played to its end
