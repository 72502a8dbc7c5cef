"""`promtool check rules` accepts an alarm on a series that nobody exports. These tests do not."""

import re
from typing import Any

import promql_parser
import pytest
import yaml

from bongsu.metric import Kind, Metric
from bongsu.metrics import METRICS
from rules.alert_rules import RECORDED, RECORDINGS, ROOT, RULES, Rule, nodes, parsed, selectors
from rules.foreign import FOREIGN

# What Prometheus adds to every series it scrapes.
TARGETS = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text(encoding="utf-8"))
TARGET_LABELS = {
    "job": tuple(job["job_name"] for job in TARGETS["scrape_configs"]),
    "instance": None,
}


def _exported() -> dict[str, Metric]:
    """Sample names, as they stand on the wire, with their metric: a histogram has no sample of its bare name."""
    names = {}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names.update({metric.name + suffix: metric for suffix in suffixes})
    return names


EXPORTED = _exported()
EVERY = [*RECORDINGS, *RULES]
# Their labels come with the requests; tests/web holds that the failures of every route stand at 0 from the start.
EXPECTED = {"http_route_duration_seconds_count"}
SEEDED = {"model"}  # the configured ones, from the scheduler's start on: tests/ledger/test_calls.py


def _calls(rule: Rule, *functions: str) -> list[Any]:
    calls = [node for node in parsed(rule) if isinstance(node, promql_parser.Call)]
    return [call for call in calls if call.func.name in functions]


def _read_by(call: Any) -> list[str]:
    return [node.name for node in nodes(call) if isinstance(node, promql_parser.VectorSelector)]


def _kind(series: str) -> Kind:
    if series in RECORDED:
        return Kind.GAUGE
    return FOREIGN[series].kind if series in FOREIGN else EXPORTED[series].kind


def _labels(series: str) -> dict[str, tuple[str, ...] | None]:
    """With their values, or None where these come with the facts."""
    if series in RECORDED:
        return {}  # each is a sum over all
    if series in FOREIGN:
        return dict.fromkeys(FOREIGN[series].labels) | TARGET_LABELS
    return (
        dict(EXPORTED[series].labels) | TARGET_LABELS | ({"le": None} if series.endswith("_bucket") else {})
    )


def known_to(rule: Rule) -> set[str]:
    return set().union(*(_labels(selector.name) for selector in selectors(rule)))


def made_by(rule: Rule) -> set[str]:
    return {call.args[1].val for call in _calls(rule, "label_replace")}


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_every_series_a_rule_reads_is_exported(rule: Rule) -> None:
    assert {
        selector.name for selector in selectors(rule)
    } <= EXPORTED.keys() | FOREIGN.keys() | RECORDED.keys()


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_every_label_a_rule_asks_for_exists_and_may_have_that_value(rule: Rule) -> None:
    for selector in selectors(rule):
        labels = _labels(selector.name)
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, f"{selector.name} has no label {matcher.name}"
            allowed = labels[matcher.name]
            assert allowed is None or set(matcher.value.split("|")) <= set(allowed)


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_every_label_a_rule_groups_or_joins_by_exists(rule: Rule) -> None:
    for node in parsed(rule):
        modifier = getattr(node, "modifier", None)
        named = getattr(modifier, "labels", None) or getattr(modifier, "matching", None)
        assert set(getattr(named, "labels", named) or ()) <= known_to(rule)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_label_a_text_shows_exists(rule: Rule) -> None:
    for text in rule.body["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= known_to(rule) | made_by(rule)


@pytest.mark.parametrize("rule", RECORDINGS, ids=str)
def test_what_is_recorded_has_no_labels(rule: Rule) -> None:
    outer = promql_parser.parse(rule.expression)
    while isinstance(outer, promql_parser.BinaryExpr):
        outer = outer.lhs  # the right side of `unless` gives none
    assert isinstance(outer, promql_parser.AggregateExpr)
    assert outer.modifier is None


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_only_counters_have_a_rate(rule: Rule) -> None:
    for call in _calls(rule, "rate", "increase", "irate"):
        assert {_kind(series) for series in _read_by(call)} <= {Kind.COUNTER, Kind.HISTOGRAM}


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_only_a_series_that_goes_away_with_its_process_can_be_absent(rule: Rule) -> None:
    for call in _calls(rule, "absent", "absent_over_time"):
        for series in _read_by(call):
            assert series == "up" or EXPORTED[series].live_scheduler


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_a_counter_whose_increase_is_watched_exists_before_its_first_event(rule: Rule) -> None:
    ours = [s for call in _calls(rule, "increase") for s in _read_by(call) if s not in FOREIGN]
    for series in ours:
        labels = () if series in EXPECTED else EXPORTED[series].labels
        born_late = [name for name, values in labels if values is None and name not in SEEDED]
        assert not born_late, "born at 1, it never shows an increase"


@pytest.mark.parametrize("rule", EVERY, ids=str)
def test_a_window_holds_at_least_four_scrapes(rule: Rule) -> None:
    """Prometheus 3 leaves the left edge out: a window of two scrapes may hold one sample."""
    every = int(TARGETS["global"]["scrape_interval"].removesuffix("s"))
    windows = [node for node in parsed(rule) if isinstance(node, promql_parser.MatrixSelector)]
    assert all(window.range.total_seconds() >= 4 * every for window in windows)
