"""Which alarms that are on record as ringing no longer are: whoever would tell their end has forgotten them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bongsu.core.facts import AlertChanged


@dataclass(frozen=True, slots=True)
class Roll:
    """What Alertmanager has. `began`: its start. `held`: every fingerprint, those it tells nobody of included."""

    began: datetime
    held: frozenset[str]


class RollCall:
    """What is absent from one look proves nothing: its end may be on its way to us, or it may be about to ring again."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._absent: dict[tuple[str, datetime], float] = {}

    def forget(self) -> None:
        """Nobody could look: what happened meanwhile is not known."""
        self._absent.clear()

    def call(
        self, roll: Roll, ringing: Iterable[AlertChanged], now: float, patience: Callable[[str], float]
    ) -> list[AlertChanged]:
        """Those of `ringing` that have been absent from every look for `patience` of their name.

        Seconds of one steady clock. A restart of Alertmanager begins anew: it does not know yet what it will hold.
        """
        if roll.began != self._began:
            self.forget()
        self._began = roll.began
        missing = {(alarm.fingerprint, alarm.starts_at): alarm for alarm in ringing}
        missing = {key: alarm for key, alarm in missing.items() if alarm.fingerprint not in roll.held}
        self._absent = {key: self._absent.get(key, now) for key in missing}
        return [alarm for key, alarm in missing.items() if now - self._absent[key] >= patience(alarm.name)]
