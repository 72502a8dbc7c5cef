"""`promtool check rules` accepts an alarm on a series that nobody exports. These tests do not."""

import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from bongsu.metrics import METRICS, Kind, Metric
from rules.alert_rules import RULES, Rule

NAMES = [rule["alert"] for rule in RULES]

# What Prometheus adds to every series it scrapes, and the series it makes itself for each target.
TARGET_LABELS = {"job", "instance"}
JOBS = {"backend", "scheduler", "postgres", "prometheus", "alertmanager"}
PROMETHEUS_OWN = {"up"}


def _exported() -> dict[str, Metric]:
    """Sample names, as they stand on the wire, with their metric: a histogram has no sample of its bare name."""
    names = {}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names.update({metric.name + suffix: metric for suffix in suffixes})
    return names


EXPORTED = _exported()


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    inner = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    for child in [*inner, *getattr(node, "args", ())]:
        if child is not None:
            yield from _nodes(child)


def _parsed(rule: Rule) -> list[Any]:
    return list(_nodes(promql_parser.parse(rule["expr"])))


def _selectors(rule: Rule) -> list[Any]:
    return [node for node in _parsed(rule) if isinstance(node, promql_parser.VectorSelector)]


def _calls(rule: Rule, *functions: str) -> list[Any]:
    calls = [node for node in _parsed(rule) if isinstance(node, promql_parser.Call)]
    return [call for call in calls if call.func.name in functions]


def _labels(series: str) -> dict[str, tuple[str, ...] | None]:
    if series in PROMETHEUS_OWN:
        return {"job": tuple(JOBS), "instance": None}
    labels = dict(EXPORTED[series].labels) | dict.fromkeys(TARGET_LABELS)
    return labels | ({"le": None} if series.endswith("_bucket") else {})


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_series_a_rule_reads_is_exported(rule: Rule) -> None:
    selectors = _selectors(rule)
    assert selectors
    assert {s.name for s in selectors} <= EXPORTED.keys() | PROMETHEUS_OWN


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_label_a_rule_asks_for_exists_and_may_have_that_value(rule: Rule) -> None:
    for selector in _selectors(rule):
        labels = _labels(selector.name)
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels, f"{selector.name} has no label {matcher.name}"
            allowed = labels[matcher.name]
            assert allowed is None or any(re.fullmatch(matcher.value, value) for value in allowed)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_label_a_rule_groups_or_joins_by_exists(rule: Rule) -> None:
    known = set().union(*(_labels(selector.name) for selector in _selectors(rule)))
    for node in _parsed(rule):
        modifier = getattr(node, "modifier", None)
        named = getattr(modifier, "labels", None) or getattr(modifier, "matching", None)
        assert set(getattr(named, "labels", named) or ()) <= known


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_label_a_text_shows_exists(rule: Rule) -> None:
    known = set().union(*(_labels(selector.name) for selector in _selectors(rule)))
    for text in rule["annotations"].values():
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= known


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_only_counters_have_a_rate(rule: Rule) -> None:
    for call in _calls(rule, "rate", "increase", "irate"):
        series = call.args[0].vector_selector.name
        assert EXPORTED[series].kind in (Kind.COUNTER, Kind.HISTOGRAM)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_only_a_series_that_goes_away_with_its_process_can_be_absent(rule: Rule) -> None:
    for call in _calls(rule, "absent", "absent_over_time"):
        series = call.args[0].name
        assert series in PROMETHEUS_OWN or EXPORTED[series].live_scheduler


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_a_counter_whose_increase_is_watched_exists_before_its_first_event(rule: Rule) -> None:
    for call in _calls(rule, "increase"):
        metric = EXPORTED[call.args[0].vector_selector.name]
        assert all(values is not None for _, values in metric.labels), "born at 1, it never shows an increase"
