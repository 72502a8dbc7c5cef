"""Alertmanager's webhook: an alarm is on record before it is acknowledged."""

import logging
from datetime import UTC, datetime
from typing import Literal

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field

from bongsu.core.facts import AlertChanged
from bongsu.ledger.store import Ledger
from bongsu.web.token import Bearer

WATCHDOG = "Watchdog"
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
    """When the alarm that always fires last came: the proof that alarms can reach us."""

    def __init__(self) -> None:
        self.received_at: datetime | None = None

    def note(self) -> None:
        self.received_at = datetime.now(UTC)


def alarm_intake(ledger: Ledger, bearer: Bearer, watchdog: Watchdog) -> APIRouter:
    router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"])

    @router.post("/webhook", dependencies=[Depends(bearer)])
    async def webhook(payload: WebhookPayload) -> dict[str, int]:
        """Answers 503 until everything is on record, so that Alertmanager keeps trying; the ledger tells nothing twice."""
        facts = [_fact(alert) for alert in payload.alerts if alert.labels.get("alertname") != WATCHDOG]
        if len(facts) < len(payload.alerts):
            watchdog.note()
        for fact in facts:
            await ledger.record(fact)
            _log.info("alert %s %s (%s)", fact.name, "firing" if fact.firing else "resolved", fact.severity)
        return {"recorded": len(facts)}

    return router


def _fact(alert: AlertPayload) -> AlertChanged:
    firing = alert.status == "firing"
    return AlertChanged(
        name=alert.labels.get("alertname", "unnamed"),
        firing=firing,
        severity=alert.labels.get("severity", "none"),
        summary=alert.annotations.get("summary", ""),
        description=alert.annotations.get("description", ""),
        runbook_url=alert.annotations.get("runbook_url", ""),
        labels=alert.labels,
        fingerprint=alert.fingerprint,
        starts_at=alert.starts_at,
        ends_at=None if firing else alert.ends_at,
    )
