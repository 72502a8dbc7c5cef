"""Where an alarm is explained, its figures are shown: each alarm leads from a panel that reads what its rule reads."""

import re
from typing import Any

import promql_parser
import pytest
import yaml

from bongsu.metrics import METRICS
from bongsu.metrics.values import IDLE_REASONS
from bongsu.monitoring.dashboards.words import IDLE, SPOKEN
from bongsu.monitoring.panels import filled
from bongsu.monitoring.panels import panels_of as panels
from monitoring.shown import ROOT, boards
from rules.alert_rules import nodes

RAISED_BY_THE_BOT = {"MonitoringBlind"}
OTHERWISE = {
    "JobFailed": "reads when a job failed last; the panel counts the same failures",
    "NotificationChannelBroken": "reads what was given up within minutes; a panel shows what still is",
    "OrderOutcomeUnknown": "reads the age of the orders that the panel counts",
    "Watchdog": "reads nothing: the panel shows that it arrives",
}
RUNBOOK = re.compile(r"docs/runbooks/(\w+)\.md")
# Shown as they are: names that logs and settings use, and what the owner chose.
AS_THEY_ARE = {"job_name", "process", "endpoint", "operation", "group", "mode", "route", "model"}


def _rules() -> dict[str, list[str]]:
    """Alarm → its expressions."""
    written = yaml.safe_load((ROOT / "monitoring" / "alert_rules.yml").read_text("utf-8"))
    expressions: dict[str, list[str]] = {}
    for group in written["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                expressions.setdefault(rule["alert"], []).append(rule["expr"])
    return expressions


def _watching() -> dict[str, list[dict[str, Any]]]:
    """Alarm → the panels that lead to its page; their queries filled in."""
    watching: dict[str, list[dict[str, Any]]] = {}
    for board in boards().values():
        for panel in panels(board):
            queries = [filled(target["expr"], board) for target in panel["targets"]]
            for alarm in RUNBOOK.findall(panel["description"]):
                watching.setdefault(alarm, []).append({**panel, "queries": queries})
    return watching


RULES, WATCHING = _rules(), _watching()


def _read(expressions: list[str]) -> set[str]:
    trees = [node for expression in expressions for node in nodes(promql_parser.parse(expression))]
    return {re.sub("_(bucket|sum|count)$", "", str(n.name)) for n in trees if _is_selector(n)}


def _is_selector(node: Any) -> bool:
    return isinstance(node, promql_parser.VectorSelector)


@pytest.mark.parametrize("alarm", RULES)
def test_an_alarm_is_explained_where_its_figures_are_shown(alarm: str) -> None:
    wanted = _read(RULES[alarm])
    shown = [_read(panel["queries"]) for panel in WATCHING.get(alarm, [])]
    assert shown, f"no panel says runbook({alarm!r}): see src/bongsu/monitoring/dashboards"
    assert all(wanted & series for series in shown) != (alarm in OTHERWISE), f"{wanted} is not in {shown}"


def test_no_panel_leads_to_a_page_that_is_not_there() -> None:
    assert set(WATCHING) <= set(RULES) | RAISED_BY_THE_BOT
    assert all((ROOT / "docs" / "runbooks" / f"{alarm}.md").exists() for alarm in WATCHING)


def _numbers(node: Any) -> set[float]:
    """Every number of an expression, sums and products of numbers worked out."""
    found = {value for value in (_worked_out(n) for n in nodes(node)) if value is not None}
    return {*found, *(-value for value in found)}


def _worked_out(node: Any) -> float | None:
    if isinstance(node, promql_parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql_parser.ParenExpr):
        return _worked_out(node.expr)
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = _worked_out(node.lhs), _worked_out(node.rhs)
        if left is not None and right is not None:
            return {"+": left + right, "*": left * right}.get(str(node.op))
    return None


def _turns_red(panel: dict[str, Any]) -> list[float]:
    steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    bounds = [step["value"] for step in steps if step["color"] == "red" and step["value"] is not None]
    below = [steps[1]["value"]] if len(steps) > 1 and steps[0]["color"] == "red" else []
    return [*bounds, *below]


@pytest.mark.parametrize("alarm", sorted(RULES.keys() - {"Watchdog"}))
def test_a_figure_turns_red_where_its_alarm_rings(alarm: str) -> None:
    numbers = set().union(*(_numbers(promql_parser.parse(rule)) for rule in RULES[alarm]))
    for panel in WATCHING[alarm]:
        for bound in _turns_red(panel):
            # 1 of a count, or the whole of a share, says the same as "any" and "more than allowed".
            assert bound in numbers | {1}, f"{panel['title']}: {bound} is none of {sorted(numbers)}"


def test_what_the_bot_waits_for_is_said_in_words() -> None:
    assert set(IDLE) == set(IDLE_REASONS)


def test_a_legend_that_is_a_closed_label_is_said_in_words() -> None:
    closed = {(m.name, label): values for m in METRICS for label, values in m.labels if values}
    silent = set()
    for board in boards().values():
        for target in (target for panel in panels(board) for target in panel["targets"]):
            label = target.get("legendFormat", "").strip("{}")
            for (name, of), values in closed.items():
                if (
                    of == label
                    and name in target["expr"]
                    and label not in AS_THEY_ARE
                    and name != "bot_idle_reason"
                ):
                    silent |= {(label, value) for value in values if value not in SPOKEN.get(label, {})}
    assert not silent
