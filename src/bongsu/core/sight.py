"""Whether alarms can reach the bot: what the silence of the alarm that always fires means."""

from dataclasses import dataclass
from datetime import datetime

MONITORING_BLIND = "MonitoringBlind"
WATCHDOG = "Watchdog"
BLIND_REASON = "monitoring"

# The message must be out when the patience ends, and it takes a while to get there.
_EARLY = 0.95


@dataclass(frozen=True, slots=True)
class Sight:
    """Durations in wall seconds.

    `silence`: since the last Watchdog; None before the first. `watched`: how long one could have been received.
    `told_since`: MonitoringBlind is firing, since then. `scheduler_silence`: since its last sign of life.
    """

    silence: float | None
    watched: float
    proven_at: datetime | None
    told_since: datetime | None
    scheduler_silence: float | None

    def sees(self, patience: float) -> bool:
        return self.silence is not None and self.silence <= patience * _EARLY

    def is_blind(self, patience: float) -> bool:
        """After a start there is a grace as long as `patience`; what was told stays true until a Watchdog is back."""
        if self.sees(patience):
            return False
        return self.told_since is not None or self.watched > patience * _EARLY
