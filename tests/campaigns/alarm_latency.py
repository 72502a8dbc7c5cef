"""`make ring`: breaks running stacks on purpose and measures how long each alarm takes to arrive, and to resolve.

Fault at the process, message at the inbox: the shipped rules, routes and waits, nothing shortened. One stack for each fault.
"""

import argparse
import json
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from campaigns import faults
from native import Stack, open_stack

RESOLVED_WITHIN = 300.0  # seconds from when the condition can first be false
ALONE = 300.0  # longer than any alarm of a closed exchange would wait
MARGIN = 150.0  # how much longer than the target an alarm is waited for
_say = threading.Lock()


@dataclass(frozen=True)
class Scenario:
    """`fault` yields when it has begun; leaving it repairs. `lingers`: the rule's window stays true that long after.

    `target` in seconds from the fault to the message, as the fault matrix has it, or as the rule's own waits add up to.
    """

    alert: str
    words: str  # of the message; what Alertmanager says directly does not name the alert
    target: float
    fault: Callable[[Stack], Iterator[None]]
    lingers: float = 0.0
    speed: str = "60"
    note: str = ""
    alone: bool = False  # the fault goes on for ALONE seconds, and nothing else may be told of it


SCENARIOS = (
    Scenario("SchedulerJobFailed", "SchedulerJobFailed", 110, faults.trading_fails, lingers=600),
    Scenario("SchedulerJobSlow", "SchedulerJobSlow", 405, faults.advisor_hangs),
    Scenario("HighErrorRate", "HighErrorRate", 240, faults.exchange_breaks, lingers=300),
    Scenario("SlowAPIResponse", "SlowAPIResponse", 420, faults.reads_are_slow, lingers=300, speed="1"),
    Scenario("MetricsNotCollected", "메트릭 수집 중단", 95, faults.backend_stops),
    Scenario("SchedulerDown", "SchedulerDown", 365, faults.scheduler_stops),
    Scenario(
        "AIDecisionStalled",
        "AIDecisionStalled",
        130,
        faults.decisions_are_old,
        speed="1",
        note="last decision and start set back by 2 h",
    ),
    Scenario(
        "ExchangeMaintenance",
        "ExchangeMaintenance",
        120,
        faults.exchange_closes,
        alone=True,
        note="and nothing else, but that what is held is not protected",
    ),
    Scenario("MonitoringBlind", "MonitoringBlind", 330, faults.prometheus_stops),
    Scenario("PostgresDown", "데이터베이스", 60, faults.postgres_stops),
    Scenario("JobHung", "JobHung", 515, faults.advisor_hangs),
    Scenario("PositionUnprotected", "PositionUnprotected", 235, faults.stop_checks_fail),
    Scenario("MarketSuspended", "MarketSuspended", 90, faults.market_is_suspended),
    Scenario("OrderOutcomeUnknown", "OrderOutcomeUnknown", 85, faults.orders_vanish),
    Scenario(
        "NotificationBacklog",
        "NotificationBacklog",
        390,
        faults.telegram_is_down,
        note="on record at the outbox; delivered after Telegram's return",
    ),
)


@dataclass
class Measured:
    scenario: Scenario
    rang: float | None = None
    resolved: float | None = None
    trouble: str = ""

    @property
    def well(self) -> bool:
        if self.trouble:
            return False
        in_time = self.rang is not None and self.rang <= self.scenario.target
        return in_time and self.resolved is not None and self.resolved <= RESOLVED_WITHIN


def measure(scenario: Scenario) -> Measured:
    """Never raises: what went wrong is part of the table."""
    found = Measured(scenario)
    try:
        with open_stack("--speed", scenario.speed) as stack:
            stack.up()
            _ring(stack, found)
    except Exception as error:  # noqa: BLE001 - one scenario's trouble must not cost the others' figures
        traceback.print_exc()
        found.trouble = f"{type(error).__name__}: {str(error)[:120]}"
    return found


def _ring(stack: Stack, found: Measured) -> None:
    scenario = found.scenario
    arrived = _at_the_outbox if scenario.fault is faults.telegram_is_down else _at_the_inbox
    with contextmanager(scenario.fault)(stack):
        began = time.monotonic()
        _tell(scenario, "broken")
        stack.until(
            lambda: arrived(stack, scenario, firing=True), "the alarm arrives", scenario.target + MARGIN
        )
        found.rang = time.monotonic() - began
        _tell(scenario, f"rang after {found.rang:.0f} s")
        if scenario.alone:
            time.sleep(ALONE)
    repaired = time.monotonic()
    patience = scenario.lingers + RESOLVED_WITHIN + MARGIN
    stack.until(lambda: _at_the_inbox(stack, scenario, firing=False), "it resolves", patience)
    found.resolved = max(0.0, time.monotonic() - repaired - scenario.lingers)
    _tell(scenario, f"resolved after {found.resolved:.0f} s")
    if scenario.alone and (others := _told_besides(stack, scenario)):
        found.trouble = f"also told: {', '.join(others)}"


def _at_the_inbox(stack: Stack, scenario: Scenario, *, firing: bool) -> bool:
    try:
        messages = stack.ask(8700, "/sandbox/inbox?limit=1000")
    except (urllib.error.URLError, OSError):
        return False
    texts = [str(message["text"]) for message in messages]
    return any(scenario.words in text and text.startswith("✅") is not firing for text in texts)


def _at_the_outbox(stack: Stack, scenario: Scenario, *, firing: bool) -> bool:
    query = f"SELECT count(*) FROM alerts WHERE name = '{scenario.alert}' AND firing = {firing}"
    return bool(stack.value(query))


def _told_besides(stack: Stack, scenario: Scenario) -> list[str]:
    told = f"SELECT string_agg(DISTINCT name || ' ' || severity, ';') FROM alerts WHERE name <> '{scenario.alert}'"
    errors = "SELECT count(*) FROM notifications WHERE kind = 'error'"
    names = set((stack.value(told) or "").split(";")) - {"", "PositionUnprotected warning"}
    return sorted(names | ({"errors"} if stack.value(errors) else set()))


def _tell(scenario: Scenario, what: str) -> None:
    with _say:
        print(f"{time.strftime('%H:%M:%S')}  {scenario.alert:<22} {what}", flush=True)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make ring", description=__doc__)
    parser.add_argument("alerts", nargs="*", metavar="ALERT", help="all when left out")
    parser.add_argument("--at-once", type=int, default=4, help="stacks at a time")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    options = parser.parse_args(arguments)
    chosen = [s for s in SCENARIOS if not options.alerts or s.alert in options.alerts]
    with ThreadPoolExecutor(options.at_once) as pool:
        # the long ones first, so that the last one is a short one
        longest = sorted(chosen, key=lambda s: -(s.target + s.lingers))
        found = list(pool.map(measure, longest))
    found.sort(key=lambda m: SCENARIOS.index(m.scenario))
    _show(found)
    if options.json:
        rows = [
            {"alert": m.scenario.alert, "target": m.scenario.target, "rang": m.rang, "resolved": m.resolved}
            for m in found
        ]
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return 0 if all(m.well for m in found) else 1


def _show(found: Sequence[Measured]) -> None:
    table = Table(
        "alarm",
        "target s",
        "measured s",
        "resolved s",
        "verdict",
        "note",
        title="fault at the process → message at the inbox",
    )
    for m in found:
        rang, resolved = (f"{x:.0f}" if x is not None else "–" for x in (m.rang, m.resolved))
        verdict = "ok" if m.well else "missed"
        table.add_row(
            m.scenario.alert,
            f"{m.scenario.target:.0f}",
            rang,
            resolved,
            verdict,
            m.trouble or m.scenario.note,
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
