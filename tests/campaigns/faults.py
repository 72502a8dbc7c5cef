"""What is done to a running stack: each yields once the fault has begun, and repairs it afterwards."""

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg

from native import Stack

_HANGING_SCHEDULER = """
import asyncio
from bongsu import app
class Silent:
    name = "silent"
    async def advise(self, snapshot):
        await asyncio.sleep(86_400)
asyncio.run(app.run_scheduler(advisor=Silent()))
"""


def scheduler_stops(stack: Stack) -> Iterator[None]:
    yield from _service_stops(stack, "scheduler", until=_decided)


def backend_stops(stack: Stack) -> Iterator[None]:
    yield from _service_stops(stack, "backend", until=_scraped)


def postgres_stops(stack: Stack) -> Iterator[None]:
    yield from _service_stops(stack, "postgres", until=_scraped)


def prometheus_stops(stack: Stack) -> Iterator[None]:
    yield from _service_stops(stack, "prometheus", until=_watched)


def _service_stops(stack: Stack, name: str, until: Callable[[Stack], None]) -> Iterator[None]:
    until(stack)
    stack.bongsu("stop", name)
    yield
    stack.bongsu("start", name)


def trading_fails(stack: Stack) -> Iterator[None]:
    """Begins when a run has failed, not when the exchange does."""
    _decided(stack)
    failed = "SELECT count(*) FROM job_runs WHERE outcome = 'failure' AND job_name = 'trading_job'"
    stack.until(
        lambda: stack.query('scheduler_job_failure_total{job_name="trading_job"}'), "the counter is scraped"
    )
    _arm(stack, {"kind": "error_before", "path": "/v1/accounts"})
    stack.until(lambda: stack.value(failed), "the job fails", 180)
    _arm(stack)
    yield


def exchange_breaks(stack: Stack) -> Iterator[None]:
    _decided(stack)
    _arm(stack, {"kind": "error_before", "path": "/v1/*"})
    yield
    _arm(stack)


def exchange_closes(stack: Stack) -> Iterator[None]:
    _decided(stack)
    _arm(stack, {"kind": "error_before", "path": "/v1/*", "status": 503})
    yield
    _arm(stack)


def stop_checks_fail(stack: Stack) -> Iterator[None]:
    _holds(stack)
    _arm(stack, {"kind": "error_before", "path": "/v1/ticker"})
    yield
    _arm(stack)


def orders_vanish(stack: Stack) -> Iterator[None]:
    """The owner closes a position; neither the order's answer nor any look-up comes back."""
    market = _holds(stack)
    _arm(
        stack,
        {"kind": "lost_reply", "path": "/v1/orders", "method": "POST"},
        {"kind": "error_before", "path": "/v1/order*", "method": "GET"},
    )
    token = (stack.root / "state" / "api_token").read_text().strip()
    close = urllib.request.Request(
        stack.url(8000, "/api/v1/control/close"),
        data=json.dumps({"market": market, "why": "fault campaign"}).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    urllib.request.urlopen(close, timeout=10).close()
    stack.until(
        lambda: stack.value("SELECT count(*) FROM order_intents WHERE state = 'unknown'"), "unknown", 60
    )
    yield
    _arm(stack)


def market_is_suspended(stack: Stack) -> Iterator[None]:
    """One that is held."""
    market = _holds(stack)
    _put_market(stack, market, "suspended")
    yield
    _put_market(stack, market, "active")


def telegram_is_down(stack: Stack) -> Iterator[None]:
    """Begins with the first message that cannot leave."""
    _decided(stack)
    _arm(stack, {"kind": "down", "path": "/telegram/*"})
    stack.bongsu("restart", "scheduler")  # it says so, or would
    stack.until(
        lambda: stack.value("SELECT count(*) FROM notifications WHERE state = 'pending'"), "it waits", 60
    )
    yield
    _arm(stack)


def reads_are_slow(stack: Stack) -> Iterator[None]:
    """Another session holds the table that `/api/v1/trades` reads; the API is asked all the time."""
    _scraped(stack)
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.5):
            try:
                stack.ask(8000, "/api/v1/trades")
            except (urllib.error.URLError, OSError, ValueError):
                continue

    asking = threading.Thread(target=ask)
    with psycopg.connect(stack.database_url) as holder:
        holder.execute("LOCK TABLE fills IN ACCESS EXCLUSIVE MODE")
        asking.start()
        try:
            yield
        finally:
            holder.rollback()
            ended.set()
            asking.join()


def decisions_are_old(stack: Stack) -> Iterator[None]:
    """Two hours without a decision take two hours: the ledger is told that they have passed."""
    _decided(stack)
    stack.until(lambda: 2 <= _market_minute(stack) <= 50, "the next decision is minutes away", 900)
    _set_back(stack, "7200 seconds")
    yield
    _set_back(stack, "-7200 seconds")


def advisor_hangs(stack: Stack) -> Iterator[None]:
    """A scheduler whose advisor never answers takes over; begins with its trading run."""
    _decided(stack)
    stack.bongsu("stop", "scheduler")
    told = json.loads((stack.root / "state" / "run" / "environment.json").read_text())
    with (stack.root / "hanging.log").open("wb") as log:
        hanging = subprocess.Popen(
            [sys.executable, "-c", _HANGING_SCHEDULER],
            env={**stack.environment, **told},
            cwd=stack.root,
            stdout=log,
            stderr=log,
        )
    try:
        running = "SELECT count(*) FROM job_runs WHERE outcome IS NULL AND job_name = 'trading_job'"
        stack.until(lambda: stack.value(running), "a run begins", 180)
        yield
    finally:
        hanging.kill()
        hanging.wait()
    stack.bongsu("start", "scheduler")


def _market_minute(stack: Stack) -> int:
    return datetime.fromisoformat(stack.ask(8700, "/sandbox/clock")["now"]).minute


def _set_back(stack: Stack, interval: str) -> None:
    with psycopg.connect(stack.database_url) as connection:
        for table, column in (
            ("decisions", "recorded_at"),
            ("switches", "enabled_since"),
            ("heartbeats", "started_at"),
        ):
            connection.execute(f"UPDATE {table} SET {column} = {column} - interval '{interval}'".encode())


def _arm(stack: Stack, *rules: dict[str, object]) -> None:
    """In place of the rules before."""
    request = urllib.request.Request(
        stack.url(8700, "/sandbox/faults"),
        data=json.dumps(rules).encode(),
        method="PUT",
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def _put_market(stack: Stack, market: str, state: str) -> None:
    request = urllib.request.Request(
        stack.url(8700, f"/sandbox/markets/{market}/state"),
        data=json.dumps({"state": state}).encode(),
        method="PUT",
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(request, timeout=10).close()


def _decided(stack: Stack) -> None:
    _scraped(stack)
    stack.until(
        lambda: stack.value("SELECT count(*) FROM decisions WHERE outcome = 'accepted'"), "a decision", 120
    )


def _holds(stack: Stack) -> str:
    """The market that is held."""
    held = "SELECT max(market) FROM positions WHERE volume > 0"
    stack.until(lambda: stack.value(held), "a position", 600)
    stack.until(lambda: stack.query("bot_open_positions > 0"), "Prometheus knows of it", 60)
    return str(stack.value(held))


def _scraped(stack: Stack) -> None:
    """And every rule has been looked at since: what the start itself left pending is over."""
    stack.until(lambda: stack.query('up{job="backend"} == 1'), "the backend is scraped", 120)
    since = datetime.now(UTC)
    stack.until(lambda: _evaluated_since(stack, since) and not _pending(stack), "no alarm is pending", 180)


def _evaluated_since(stack: Stack, moment: datetime) -> bool:
    groups = stack.ask(9090, "/api/v1/rules")["data"]["groups"]
    return all(datetime.fromisoformat(group["lastEvaluation"]) > moment for group in groups)


def _pending(stack: Stack) -> list[str]:
    alerts = stack.ask(9090, "/api/v1/alerts")["data"]["alerts"]
    return [name for alert in alerts if (name := alert["labels"]["alertname"]) != "Watchdog"]


def _watched(stack: Stack) -> None:
    """The bot's own grace of five minutes is over once the Watchdog has come."""
    _scraped(stack)
    arrived = 'watchdog_last_received_timestamp_seconds > on() process_start_time_seconds{job="backend"}'
    stack.until(lambda: stack.query(arrived), "the Watchdog arrives", 300)
