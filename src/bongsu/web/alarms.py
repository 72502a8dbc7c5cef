"""Alertmanager's webhook: an alarm is on record before it is acknowledged."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from bongsu.core.facts import AlertChanged
from bongsu.core.sight import WATCHDOG
from bongsu.ledger.store import Ledger
from bongsu.web.token import Bearer

_log = logging.getLogger(__name__)


class AlertPayload(BaseModel):
    """As version 4 of the webhook sends it; what we do not use is ignored."""

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: AwareDatetime = Field(alias="startsAt")
    ends_at: AwareDatetime = Field(alias="endsAt")
    fingerprint: str = Field(min_length=1, max_length=64)


class WebhookPayload(BaseModel):
    version: Literal["4"]
    alerts: list[AlertPayload] = Field(max_length=1000)


class Watchdog:
    """When the alarm that always fires last came, put on record at most every `pace` seconds."""

    def __init__(self, record: Callable[[datetime], Awaitable[None]], pace: float) -> None:
        self.received_at: datetime | None = None
        self._record = record
        self._pace = timedelta(seconds=pace)
        self._recorded_at: datetime | None = None

    async def note(self, alert: AlertPayload) -> None:
        """Raises LedgerUnavailable."""
        self.received_at = now = datetime.now(UTC)
        if self._recorded_at is None or now - self._recorded_at >= self._pace:
            await self._record(_made_at(alert, now))
            self._recorded_at = now


def alarm_intake(ledger: Ledger, bearer: Bearer, watchdog: Watchdog, lang: Literal["ko", "en"]) -> APIRouter:
    """`lang`: of the words that are put on record, as messages, page and API tell them."""
    router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

    @router.post("/webhook", dependencies=[Depends(bearer)])
    async def webhook(payload: WebhookPayload) -> dict[str, int]:
        """Answers 503 until everything is on record, so that Alertmanager keeps trying; the ledger tells nothing twice."""
        alarms = [alert for alert in payload.alerts if alert.labels.get("alertname") != WATCHDOG]
        for alert in payload.alerts:
            if alert not in alarms and alert.status == "firing":
                await watchdog.note(alert)
        for fact in (_fact(alert, lang) for alert in alarms):
            await ledger.record(fact)
            _log.info("alert %s %s (%s)", fact.name, "firing" if fact.firing else "resolved", fact.severity)
        return {"recorded": len(alarms)}

    return router


def _made_at(alert: AlertPayload, now: datetime) -> datetime:
    """When Prometheus made it: Alertmanager goes on telling what a dead Prometheus once said, for minutes."""
    try:
        return datetime.fromtimestamp(float(alert.annotations["evaluated_at"]), UTC)
    except (KeyError, ValueError, OverflowError, OSError):
        return now


def _fact(alert: AlertPayload, lang: Literal["ko", "en"]) -> AlertChanged:
    firing = alert.status == "firing"
    return AlertChanged(
        name=alert.labels.get("alertname", "unnamed"),
        firing=firing,
        severity=alert.labels.get("severity", "none"),
        summary=_words(alert, "summary", lang),
        description=_words(alert, "description", lang),
        runbook_url=alert.annotations.get("runbook_url", ""),
        labels=alert.labels,
        fingerprint=alert.fingerprint,
        starts_at=alert.starts_at,
        ends_at=None if firing else alert.ends_at,
    )


def _words(alert: AlertPayload, name: str, lang: Literal["ko", "en"]) -> str:
    """A rule of the owner's own may have one language only."""
    korean = alert.annotations.get(name, "")
    return alert.annotations.get(f"{name}_en", korean) if lang == "en" else korean
