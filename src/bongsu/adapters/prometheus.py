"""Prometheus's own API, as far as we ask it."""

import httpx2

from bongsu.adapters.http import open_client

_PATIENCE = 3.0  # seconds


async def count_alert_rules(base_url: str) -> int | None:
    """How many alert rules it has loaded; None when it does not answer, or not in a way we can read."""
    try:
        async with open_client(base_url, _PATIENCE) as client:
            response = await client.get("/api/v1/rules", params={"type": "alert"})
            response.raise_for_status()
            return sum(len(group["rules"]) for group in response.json()["data"]["groups"])
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return None
