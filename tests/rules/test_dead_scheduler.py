"""What a dead scheduler has to ring must not stand on series that go away with it."""

from typing import Any

import promql_parser
import pytest

from bongsu.metric import Kind, Owner
from bongsu.metrics import METRICS
from rules.alert_rules import RULES, Rule, children

# The rules by which the owner learns that nobody trades, or protects, or reports any more.
RING_FOR_THE_DEAD = [
    *("SchedulerHeartbeatStale-warning", "SchedulerHeartbeatStale-critical", "SchedulerDown-critical"),
    *("JobHung-critical", "JobMissed-warning", "AIDecisionStalled-warning", "StaleMarketData-warning"),
    *("PositionUnprotected-critical", "OrderOutcomeUnknown-critical", "DailyReportMissed-warning"),
    *("NotificationBacklog-warning", "TargetDown-warning", "BackupMissed-warning"),
]


def _withheld() -> set[str]:
    """What the backend leaves out while the heartbeat is old, and what the scheduler itself exports."""
    gone = [m for m in METRICS if m.live_scheduler or m.owners == (Owner.SCHEDULER,)]
    parts = ("_bucket", "_sum", "_count")
    return {m.name + part for m in gone for part in (parts if m.kind is Kind.HISTOGRAM else ("",))}


def needed(node: Any) -> set[str]:
    """The series without which an expression has no result: not those of an `unless`, nor of `absent()`."""
    if isinstance(node, promql_parser.VectorSelector):
        return {node.name}
    if isinstance(node, promql_parser.Call) and node.func.name.startswith("absent"):
        return set()
    inner = children(node)
    if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "unless":
        inner = [node.lhs]
    return set().union(*map(needed, inner))


def needed_by(rule: Rule) -> set[str]:
    return needed(promql_parser.parse(rule.expression))


def rule_of(name: str) -> Rule:
    return next(rule for rule in RULES if str(rule) == name)


@pytest.mark.parametrize("name", RING_FOR_THE_DEAD)
def test_what_rings_for_a_dead_scheduler_reads_nothing_that_is_withheld(name: str) -> None:
    assert needed_by(rule_of(name)) & _withheld() == set()


def test_a_guard_on_a_live_series_would_be_seen() -> None:
    stale = rule_of("SchedulerHeartbeatStale-warning")
    mistaken = stale.changed(expr=f"({stale.expression}) and on() (max(exchange_maintenance) == 0)")
    assert needed_by(mistaken) & _withheld() == {"exchange_maintenance"}
    allowed = stale.changed(expr=f"({stale.expression}) unless on() (max(exchange_maintenance) == 1)")
    assert needed_by(allowed) & _withheld() == set()
