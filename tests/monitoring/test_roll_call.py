"""Alarms whose end nobody told are ended: what the ledger calls ringing, against a real Alertmanager."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from bongsu.adapters.alertmanager import read_roll
from bongsu.core.facts import AlertChanged
from bongsu.core.sight import MONITORING_BLIND
from bongsu.ledger.alarms import AlarmLog
from bongsu.ledger.voice import Voice
from bongsu.ledger.watchdog import WatchdogLog
from bongsu.monitoring.roll_call import ON_ITS_WAY, AlarmRollCall
from bongsu.ops.stack import alarm_tools
from bongsu.ops.stack.places import CHECKOUT
from bongsu.ops.stack.render import TelegramAccount
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN
from ops.alertmanager import Alertmanager, find_tool, run_alertmanager, until
from web.story import Books

SINCE = datetime.now(UTC) - timedelta(hours=1)
PATIENCE = 300.0  # seconds without a Watchdog


@pytest.fixture
def start(tmp_path: Path) -> Callable[[], Any]:
    """Each start is that of a new Alertmanager, which knows nothing; it tells nobody."""
    account = TelegramAccount("http://127.0.0.1:1", SANDBOX_TOKEN, SANDBOX_CHAT, Voice("ko", "sandbox"))
    program = find_tool(alarm_tools.ALERTMANAGER)

    def started() -> Any:
        directory = tmp_path / str(len(list(tmp_path.iterdir())))
        directory.mkdir()
        return run_alertmanager(program, directory, "http://127.0.0.1:1/hook", account)

    return started


@pytest.fixture
def server(start: Callable[[], Any]) -> Iterator[Alertmanager]:
    with start() as running:
        yield running


def labels(name: str, severity: str = "warning") -> dict[str, str]:
    return {"alertname": name, "severity": severity, "component": "test"}


def ringing(name: str, fingerprint: str) -> AlertChanged:
    return AlertChanged(name, True, "warning", "요약", "내용", "r", labels(name), fingerprint, SINCE, None)


def listed(server: Alertmanager) -> dict[str, dict[str, Any]]:
    found = httpx2.get(f"{server.url}/api/v2/alerts", timeout=60).raise_for_status().json()
    return {alert["labels"]["alertname"]: alert for alert in found}


def silence(server: Alertmanager, name: str) -> None:
    now = datetime.now(UTC)
    body = {
        "matchers": [{"name": "alertname", "value": name, "isRegex": False}],
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "test",
        "comment": "test",
    }
    httpx2.post(f"{server.url}/api/v2/silences", json=body, timeout=60).raise_for_status()


async def no_waits() -> Mapping[str, float]:
    return {}


def caller(books: Books, url: str, waits: Any = no_waits, *, on_its_way: float = 0.0) -> AlarmRollCall:
    alarms, log = AlarmLog(books.database), WatchdogLog(books.database)
    return AlarmRollCall(
        books.ledger, alarms, log, partial(read_roll, url), waits, PATIENCE, on_its_way=on_its_way
    )


async def still_ringing(books: Books) -> set[str]:
    async with books.database.transaction("read") as tx:
        rows = await (await tx.execute("SELECT name FROM alerts WHERE firing")).fetchall()
    return {row["name"] for row in rows}


async def told(books: Books) -> list[str]:
    async with books.database.transaction("read") as tx:
        rows = await (
            await tx.execute("SELECT text FROM notifications WHERE kind = 'alert' ORDER BY id")
        ).fetchall()
    return [row["text"] for row in rows]


async def test_what_alertmanager_has_forgotten_ends_and_what_it_hides_does_not(
    books: Books, server: Alertmanager
) -> None:
    """Active, silenced and inhibited: it has them all. The one it has not is ended, and told, once."""
    silence(server, "Silenced")
    here = [labels("Active"), labels("Silenced"), labels("JobMissed"), labels("SchedulerDown", "critical")]
    server.post(*here)
    server.post(*here)  # an alarm is inhibited only by one that is known before it is looked at
    until(lambda: listed(server)["Silenced"]["status"]["silencedBy"], "one is silenced", 60)
    until(lambda: listed(server)["JobMissed"]["status"]["inhibitedBy"], "one is inhibited", 60)
    for name, alert in listed(server).items():
        await books.ledger.record(ringing(name, alert["fingerprint"]))
    await books.ledger.record(ringing("Gone", "0123456789abcdef"))
    await books.ledger.record(ringing(MONITORING_BLIND, MONITORING_BLIND))
    before = len(await told(books))

    call = caller(books, server.url)
    await call.look()
    assert "Gone" in await still_ringing(books), "while no Watchdog comes nothing is ended"
    await WatchdogLog(books.database).note(datetime.now(UTC))
    for _ in range(3):
        await call.look()
    assert await still_ringing(books) == {
        *("Active", "Silenced", "JobMissed", "SchedulerDown"),
        MONITORING_BLIND,
    }
    (end,) = (await told(books))[before:]
    assert end.startswith("✅ 경보 해제\n")
    assert "요약 (Gone)" in end
    assert "끝난 시각은 모릅니다" in end


async def test_nothing_ends_before_its_end_could_have_come_nor_while_one_of_them_is_silent(
    books: Books, start: Callable[[], Any]
) -> None:
    await books.ledger.record(ringing("Quick", "0123456789abcdef"))
    await books.ledger.record(ringing("Slow", "fedcba9876543210"))
    await WatchdogLog(books.database).note(datetime.now(UTC))

    async def waits() -> Mapping[str, float]:
        return {"Slow": 3600.0, "Quick": 0.0}

    async def silent() -> None:
        return None

    with start() as first:
        began = await began_of(first)
        for unable in (
            caller(books, first.url, waits, on_its_way=ON_ITS_WAY),
            caller(books, first.url, silent),
            caller(books, "http://127.0.0.1:1", waits),
        ):
            await unable.look()
            await unable.look()
        assert await still_ringing(books) == {"Quick", "Slow"}
    with start() as second:
        assert began < await began_of(second) <= datetime.now(UTC), "a restart is seen"
        await caller(books, second.url, waits).look()
        assert await still_ringing(books) == {"Slow"}, "for an hour it may be about to ring again"


async def began_of(server: Alertmanager) -> datetime:
    roll = await read_roll(server.url)
    assert roll is not None
    return roll.began


def test_an_end_has_twice_the_time_that_alertmanager_takes_to_tell_it() -> None:
    config = yaml.safe_load((CHECKOUT / "monitoring/alertmanager.yml.tmpl").read_text())
    routes = [config["route"], *config["route"]["routes"]]
    assert 2 * max(seconds(r["group_interval"]) + seconds(r["group_wait"]) for r in routes) <= ON_ITS_WAY


def seconds(text: str) -> float:
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]
