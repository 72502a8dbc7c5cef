"""What a start of the stack has shown, before its owner relies on it. None always means: nobody knows."""

from dataclasses import dataclass
from datetime import datetime

from bongsu.core.channels import Channel
from bongsu.core.clock import ExchangeSigns
from bongsu.core.market import Market


@dataclass(frozen=True, slots=True)
class LedgerSeen:
    """What the ledger tells of the time since this start. A run: success, failure, skipped; None before its end."""

    schema: str
    reconciled: str | None
    stops_checked: str | None
    mismatches: int
    open_intents: int
    positions: int
    delivered: bool  # a message arrived at the first channel
    undelivered: str | None  # why the oldest one that waits did not
    backend: bool
    watchdog: bool


@dataclass(frozen=True, slots=True)
class AlarmServers:
    """As Prometheus tells it: alarm rules it has loaded, Alertmanagers it delivers to."""

    rules: int
    alertmanagers: int


@dataclass(frozen=True, slots=True)
class SecondWay:
    channel: Channel
    works: bool | None  # None where nothing can be asked without sending something
    error: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """What is known before anything is asked."""

    mode: str
    markets: tuple[Market, ...]  # none where the scanner chooses them
    inbox: bool  # messages go to the local inbox, not to Telegram
    rules: int | None  # alarm rules in the file


@dataclass(frozen=True, slots=True)
class StartCheck:
    start: Start
    signs: ExchangeSigns
    ledger: LedgerSeen
    second: tuple[SecondWay, ...]
    alarms: AlarmServers | None  # None: Prometheus does not answer
    next_decision: datetime
    market_time: bool  # which is not the time of day

    @property
    def is_complete(self) -> bool:
        """Whether waiting would show nothing more, as far as anybody can tell."""
        seen = self.ledger
        settled = seen.reconciled and seen.stops_checked and not seen.open_intents
        told = seen.delivered or seen.undelivered
        return bool(settled and told and seen.backend and seen.watchdog and self.alarms)
