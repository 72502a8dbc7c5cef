"""Prometheus's own API, as far as we ask it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from bongsu.adapters.http import open_client
from bongsu.core.start_check import AlarmServers

_PATIENCE = 3.0  # seconds
WARM_UP = 120.0  # seconds after its start until it has scraped whatever there is
_REFUSALS = (400, 422)  # it cannot read the query, or not carry it out

_UNREADABLE = (httpx2.HTTPError, ValueError, KeyError, TypeError)


async def count_alert_rules(base_url: str) -> int | None:
    """How many alert rules it has loaded; None when it does not answer, or not in a way we can read."""
    try:
        async with open_client(base_url, _PATIENCE) as client:
            return await _count_rules(client)
    except _UNREADABLE:
        return None


async def read_waits(base_url: str) -> dict[str, float] | None:
    """For how many seconds the condition of each alert rule must hold before it rings, the longest of its name."""
    try:
        async with open_client(base_url, _PATIENCE) as client:
            waits: dict[str, float] = {}
            for group in (await _ask(client, "rules", type="alert"))["groups"]:
                for rule in group["rules"]:
                    waits[rule["name"]] = max(float(rule["duration"]), waits.get(rule["name"], 0.0))
            return waits
    except _UNREADABLE:
        return None


async def look_at_alarm_servers(base_url: str) -> AlarmServers | None:
    """None when it does not answer, or not in a way we can read."""
    try:
        async with open_client(base_url, _PATIENCE) as client:
            known = (await _ask(client, "alertmanagers"))["activeAlertmanagers"]
            return AlarmServers(await _count_rules(client), len(known))
    except _UNREADABLE:
        return None


async def _count_rules(client: httpx2.AsyncClient) -> int:
    groups = (await _ask(client, "rules", type="alert"))["groups"]
    return sum(len(group["rules"]) for group in groups)


@dataclass(frozen=True, slots=True)
class Understood:
    """`names`: of every series it has, or will record. `refused`: of the queries, those it does not answer."""

    names: frozenset[str]
    refused: frozenset[str]


async def ask_for(base_url: str, queries: Iterable[str], warm_up: float = WARM_UP) -> Understood | None:
    """None when it does not answer, not in a way we can read, or runs for less than `warm_up` seconds."""
    try:
        async with open_client(base_url, _PATIENCE) as client:
            started = datetime.fromisoformat((await _ask(client, "status/runtimeinfo"))["startTime"])
            if time.time() - started.timestamp() < warm_up:
                return None
            names = frozenset(await _ask(client, "label/__name__/values"))
            groups = (await _ask(client, "rules", type="record"))["groups"]
            recorded = {rule["name"] for group in groups for rule in group["rules"]}
            refused = frozenset([query for query in queries if await _is_refused(client, query)])
            return Understood(names | recorded, refused)
    except _UNREADABLE:
        return None


async def _is_refused(client: httpx2.AsyncClient, query: str) -> bool:
    response = await client.get("/api/v1/query", params={"query": query})
    if response.status_code in _REFUSALS:
        return True
    response.raise_for_status()
    return False


async def _ask(client: httpx2.AsyncClient, path: str, **parameters: str) -> Any:
    response = await client.get(f"/api/v1/{path}", params=parameters)
    response.raise_for_status()
    return response.json()["data"]
