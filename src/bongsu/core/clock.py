"""What a clock of the market says."""

from dataclasses import dataclass
from datetime import datetime

MAX_CLOCK_SKEW = 2.0  # wall seconds; beyond it no candle, no order and no limit has the time it seems to have


@dataclass(frozen=True, slots=True)
class ExchangeSigns:
    """What the scheduler has seen of the exchange beside its answers."""

    clock_offset: (
        float | None
    )  # how far its clock is ahead of ours, in wall seconds; None before anything tells
    maintenance: bool
    address_refused: bool = False  # our public address is not on the key's allow-list
    key_ends_at: datetime | None = None  # None where nobody asks: a local exchange's key does not end

    @property
    def blind(self) -> tuple[str, ...]:
        """Why what comes from the exchange is nothing to buy on."""
        skewed = self.clock_offset is not None and abs(self.clock_offset) > MAX_CLOCK_SKEW
        return (*("clock_skew",) * skewed, *("maintenance",) * self.maintenance)


@dataclass(frozen=True, slots=True)
class ClockState:
    now: datetime  # market time
    speed: float  # market seconds per wall second; 0 in lock-step
    lockstep: bool
    ended: bool  # a recording has been played to its end
