"""Alertmanager accepts a route or an inhibition that names no alarm of ours. These tests do not."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from bongsu.core.sight import MONITORING_BLIND
from rules.alert_rules import NAMES, ROOT, RULES
from rules.test_series import TARGET_LABELS, known_to, made_by

CONFIG = yaml.safe_load((ROOT / "monitoring" / "alertmanager.yml.tmpl").read_text(encoding="utf-8"))
_MATCHER = re.compile(r'\s*(?P<label>\w+)\s*(?:=~|!~|!=|=)\s*"(?P<values>[^"]*)"\s*')


def routes(route: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield route
    for inner in route.get("routes", []):
        yield from routes(inner)


def matchers(part: dict[str, Any]) -> list[str]:
    return [m for key in ("matchers", "source_matchers", "target_matchers") for m in part.get(key, [])]


ROUTES = list(routes(CONFIG["route"]))
PARTS = [*ROUTES, *CONFIG["inhibit_rules"]]


def asked() -> dict[str, set[str]]:
    """Every value that a matcher names, by label."""
    found: dict[str, set[str]] = {}
    for matcher in (m for part in PARTS for m in matchers(part)):
        read = _MATCHER.fullmatch(matcher)
        assert read, f"{matcher!r} is not read here"
        found.setdefault(read["label"], set()).update(read["values"].split("|"))
    return found


def test_every_alarm_that_is_routed_or_silenced_exists() -> None:
    assert asked()["alertname"] <= {*NAMES, MONITORING_BLIND}


def test_every_severity_that_is_asked_for_is_given() -> None:
    assert asked()["severity"] <= {rule.severity for rule in RULES}


def test_every_job_that_is_asked_for_is_scraped() -> None:
    assert asked()["job"] <= set(TARGET_LABELS["job"] or ())


def test_nothing_else_is_asked_for() -> None:
    assert asked().keys() == {"alertname", "severity", "job"}


def test_every_label_that_is_compared_or_grouped_by_is_one_of_some_alarm() -> None:
    labels = {label for part in PARTS for key in ("equal", "group_by") for label in part.get(key, [])}
    of_alarms = {"alertname", "severity", "component"}.union(*(known_to(r) | made_by(r) for r in RULES))
    assert labels <= of_alarms


def test_every_route_leads_to_a_receiver_and_every_receiver_is_used() -> None:
    assert {route["receiver"] for route in ROUTES} == {receiver["name"] for receiver in CONFIG["receivers"]}
