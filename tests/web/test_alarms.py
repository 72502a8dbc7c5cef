"""The alert intake: on record before it is acknowledged, told once."""

import time
from typing import Any

import httpx2

from bongsu.settings import Settings, Wiring
from web.conftest import backend_of
from web.frozen import way_to
from web.story import Books, open_books

HOOK = "/api/v1/alerts/webhook"


def payload(
    *names: str, status: str = "firing", starts_at: str = "2026-11-22T12:00:00.123Z"
) -> dict[str, Any]:
    """As Alertmanager 0.25 sends it."""
    alerts = [
        {
            "status": status,
            "labels": {"alertname": name, "severity": "critical", "component": "scheduler"},
            "annotations": {
                "summary": "스케줄러 중단",
                "description": "5분 동안 없습니다.",
                "runbook_url": "r",
            },
            "startsAt": starts_at,
            "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-22T12:09:00Z",
            "generatorURL": "http://x/graph",
            "fingerprint": f"f{name}",
        }
        for name in names
    ]
    return {
        "version": "4",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "outbox",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://x",
        "alerts": alerts,
    }


async def alarms_and_messages(client: httpx2.AsyncClient) -> tuple[list[dict[str, Any]], int]:
    alerts = (await client.get("/api/v1/alerts")).json()["items"]
    messages = (await client.get("/api/v1/notifications", params={"kind": "alert"})).json()["items"]
    return alerts, len(messages)


async def test_an_alarm_is_told_once_and_its_end_once(owner: httpx2.AsyncClient) -> None:
    for _ in range(3):  # Alertmanager repeats
        assert (await owner.post(HOOK, json=payload("SchedulerDown"))).status_code == 200
    alerts, told = await alarms_and_messages(owner)
    assert [(alert["name"], alert["firing"]) for alert in alerts] == [("SchedulerDown", True)]
    assert told == 1
    for _ in range(2):
        await owner.post(HOOK, json=payload("SchedulerDown", status="resolved"))
    alerts, told = await alarms_and_messages(owner)
    assert [(alert["firing"], alert["ends_at"]) for alert in alerts] == [(False, "2026-11-22T21:09:00+09:00")]
    assert told == 2


async def test_an_owner_who_reads_english_is_told_in_english(books: Books, wiring: Wiring) -> None:
    backend = backend_of(books, wiring, Settings(bongsu_lang="en"))
    transport = httpx2.ASGITransport(app=backend)
    told = payload("SchedulerDown", "Foreign")
    english = {"summary_en": "The scheduler is down", "description_en": "No metrics for 5 minutes."}
    told["alerts"][0]["annotations"] |= english
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8100") as client:
        client.headers["authorization"] = f"Bearer {wiring.api_token_file.read_text()}"
        assert (await client.post(HOOK, json=told)).status_code == 200
        items = (await client.get("/api/v1/alerts")).json()["items"]
    words = {item["name"]: (item["summary"], item["description"]) for item in items}
    assert words["SchedulerDown"] == ("The scheduler is down", "No metrics for 5 minutes.")
    assert words["Foreign"] == ("스케줄러 중단", "5분 동안 없습니다."), "its rule has one language"


async def test_a_new_firing_is_a_new_alarm(owner: httpx2.AsyncClient) -> None:
    await owner.post(HOOK, json=payload("SchedulerDown"))
    await owner.post(HOOK, json=payload("SchedulerDown", starts_at="2026-11-22T13:00:00Z"))
    alerts, told = await alarms_and_messages(owner)
    assert told == 2
    assert [alert["firing"] for alert in alerts] == [True, False], "one alarm rings once, newest first"
    assert alerts[1]["ends_at"] is None, "nobody saw the first one end"


async def test_an_end_told_under_a_later_start_ends_what_was_told_before(owner: httpx2.AsyncClient) -> None:
    """After a restart of everything the alarm rings anew, is not told again, and then its end is."""
    await owner.post(HOOK, json=payload("SchedulerDown", "JobFailed"))
    later = payload("SchedulerDown", status="resolved", starts_at="2026-11-22T12:05:00Z")
    await owner.post(HOOK, json=later)
    alerts, told = await alarms_and_messages(owner)
    assert {alert["name"] for alert in alerts if alert["firing"]} == {"JobFailed"}
    assert told == 3


def watchdog(evaluated_at: str | None = None, status: str = "firing") -> dict[str, Any]:
    told = payload("Watchdog", status=status)
    if evaluated_at is not None:
        told["alerts"][0]["annotations"]["evaluated_at"] = evaluated_at
    return told


async def seen(owner: httpx2.AsyncClient) -> dict[str, Any]:
    return dict((await owner.get("/api/v1/status")).json()["monitoring"])


async def test_the_watchdog_is_on_record_and_not_told(owner: httpx2.AsyncClient) -> None:
    assert await seen(owner) == {"watchdog_at": None, "watchdog_age_seconds": None, "blind": False}
    assert (await owner.post(HOOK, json=watchdog())).json() == {"recorded": 0}
    assert float((await seen(owner))["watchdog_age_seconds"]) < 10
    alerts, told = await alarms_and_messages(owner)
    assert alerts == []
    assert told == 0


async def test_a_watchdog_is_as_old_as_its_making(owner: httpx2.AsyncClient) -> None:
    """Alertmanager tells for minutes what a Prometheus said that is dead by now."""
    await owner.post(HOOK, json=watchdog(f"{time.time() - 200:.0f}"))
    assert 195 < float((await seen(owner))["watchdog_age_seconds"]) < 230
    await owner.post(HOOK, json=watchdog(f"{time.time() + 1000:.0f}"))
    assert float((await seen(owner))["watchdog_age_seconds"]) > 195, "not oftener than needed"


async def test_an_unreadable_making_is_now_and_one_in_the_future_is_now(books: Books, wiring: Wiring) -> None:
    for made_at in ("", "soon", "1e400", "nan", f"{time.time() + 1000:.0f}"):
        async with speaking_to(books, wiring) as owner:
            await owner.post(HOOK, json=watchdog(made_at))
            assert 0 <= float((await seen(owner))["watchdog_age_seconds"]) < 10


async def test_the_end_of_the_watchdog_is_no_sign_of_life(owner: httpx2.AsyncClient) -> None:
    await owner.post(HOOK, json=watchdog(status="resolved"))
    assert (await seen(owner))["watchdog_at"] is None


async def test_it_needs_the_token_and_the_shape(client: httpx2.AsyncClient, wiring: Wiring) -> None:
    assert (await client.post(HOOK, json=payload("SchedulerDown"))).status_code == 401
    client.headers["authorization"] = f"Bearer {wiring.api_token_file.read_text()}"
    for broken in ({}, {"version": "3", "alerts": []}, payload("X") | {"alerts": [{"status": "?"}]}):
        assert (await client.post(HOOK, json=broken)).status_code == 422


async def test_without_the_database_it_answers_503_and_tells_once_when_it_is_back(
    database_url: str, wiring: Wiring
) -> None:
    async with way_to(database_url) as way, open_books(way.url) as books, speaking_to(books, wiring) as owner:
        way.cut()
        assert (await owner.post(HOOK, json=watchdog())).status_code == 503
        refused = await owner.post(HOOK, json=payload("SchedulerDown", "JobFailed"))
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        way.mend()
        assert (await owner.post(HOOK, json=payload("SchedulerDown", "JobFailed"))).status_code == 200
        alerts, told = await alarms_and_messages(owner)
        assert len(alerts) == told == 2


def speaking_to(books: Books, wiring: Wiring) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=backend_of(books, wiring))
    token = wiring.api_token_file.read_text()
    return httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"authorization": f"Bearer {token}"}
    )
