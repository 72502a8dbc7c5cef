"""Watches the watchers: says MonitoringBlind itself, because whoever would say it is what is missing.

Runs in the backend, which takes alarms in and can always write to the outbox (docs/decisions/0008).
"""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

from bongsu.core.facts import AlertChanged
from bongsu.core.sight import MONITORING_BLIND, Sight
from bongsu.errors import LedgerUnavailable
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.ledger.watchdog import WatchdogLog

_LOOKS = 60  # within one patience

_log = logging.getLogger(__name__)


class Lookout:
    """`patience`: seconds without a Watchdog; as long a grace after the start of this process."""

    def __init__(self, ledger: Ledger, watchdog: WatchdogLog, voice: Voice, patience: float) -> None:
        self._ledger = ledger
        self._watchdog = watchdog
        self._voice = voice
        self._patience = patience
        self._began = time.monotonic()

    async def run(self) -> None:
        """For ever. Without the database nothing can be said here: PostgresDown goes its own way."""
        while True:
            try:
                await self._look()
            except LedgerUnavailable as away:
                _log.debug("the watchdog's record cannot be read: %s", away)
            await asyncio.sleep(self._patience / _LOOKS)

    async def _look(self) -> None:
        sight = await self._watchdog.look()
        if sight.told_since is not None and sight.sees(self._patience):
            await self._say(sight.told_since, ended_at=sight.proven_at)
        elif sight.told_since is None and self._is_blind(sight):
            await self._say(sight.proven_at or datetime.now(UTC) - timedelta(seconds=self._up), ended_at=None)

    def _is_blind(self, sight: Sight) -> bool:
        """By the own uptime as well: in a container every start looks like the one before."""
        return self._up > self._patience and sight.is_blind(self._patience)

    @property
    def _up(self) -> float:
        return time.monotonic() - self._began

    async def _say(self, since: datetime, *, ended_at: datetime | None) -> None:
        say = self._voice.say
        effect = (
            say("모의거래는 계속합니다.", "Simulated trading goes on.")
            if self._voice.mode == "sandbox"
            else say(
                "새로 매수하지 않습니다. 손절과 익절은 계속합니다.",
                "No new buys; stop-loss and take-profit go on.",
            )
        )
        minutes = f"{self._patience / 60:g}"
        fact = AlertChanged(
            name=MONITORING_BLIND,
            firing=ended_at is None,
            severity="critical",
            summary=say("알람 수신 불가", "No alarm can arrive"),
            description=say(
                f"알람 서버의 정기 신호(Watchdog)가 {minutes}분 동안 없습니다. 다른 알람이 울려도 오지 않습니다. {effect} "
                "복구: bongsu restart prometheus, bongsu restart alertmanager",
                f"No Watchdog from the alarm servers for {minutes} min: no other alarm would arrive. {effect} "
                "Repair: bongsu restart prometheus, bongsu restart alertmanager",
            ),
            runbook_url=f"docs/runbooks/{MONITORING_BLIND}.md",
            labels={"alertname": MONITORING_BLIND, "severity": "critical", "component": "monitoring"},
            fingerprint=MONITORING_BLIND,
            starts_at=since,
            ends_at=ended_at,
        )
        await self._ledger.record(fact)
        _log.warning("%s %s", MONITORING_BLIND, "firing" if fact.firing else "resolved")
