"""Alertmanager's own API, as far as we ask it."""

from datetime import datetime

import httpx2

from bongsu.adapters.http import open_client
from bongsu.core.roll_call import Roll

_PATIENCE = 3.0  # seconds
_UNREADABLE = (httpx2.HTTPError, ValueError, KeyError, TypeError)
_ALL = dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")


async def read_roll(base_url: str) -> Roll | None:
    """None when it does not answer, or not in a way we can read."""
    try:
        async with open_client(base_url, _PATIENCE) as client:
            status = (await client.get("/api/v2/status")).raise_for_status().json()
            alerts = (await client.get("/api/v2/alerts", params=_ALL)).raise_for_status().json()
            held = frozenset(str(alert["fingerprint"]) for alert in alerts)
            return Roll(datetime.fromisoformat(status["uptime"]), held)  # "uptime" is when it started
    except _UNREADABLE:
        return None
