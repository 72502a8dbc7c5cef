"""The registry against the contract: names, types, labels and owners are promised, so they may not change."""

import re
from pathlib import Path

import pytest

from bongsu.adapters.upbit import client, limits
from bongsu.metric import Metric, Owner
from bongsu.metrics import METRICS, find
from bongsu.metrics.values import EXCHANGE_ENDPOINTS, OPERATIONS
from monitoring.contract import BOUNDS, PROMISED, VALUES

SOURCE = Path(client.__file__).parents[2]
LETTERS = {Owner.LEDGER: "L", Owner.BACKEND: "B", Owner.SCHEDULER: "S"}


def written(metric: Metric) -> tuple[str, ...]:
    owners = ",".join(LETTERS[owner] for owner in metric.owners)
    return metric.name, metric.kind, ",".join(metric.label_names) or "-", owners


def test_the_registry_is_the_contract() -> None:
    promised = {tuple(line.split()) for line in PROMISED.strip().splitlines()}
    assert {written(metric) for metric in METRICS} == promised
    assert len(METRICS) == len(promised), "a name stands twice"


@pytest.mark.parametrize(
    ("where", "values"), VALUES.items(), ids=lambda v: "-".join(v) if isinstance(v, tuple) else ""
)
def test_a_label_says_what_the_contract_lets_it_say(where: tuple[str, str], values: str) -> None:
    name, label = where
    assert sorted(dict(find(name).labels)[label] or ()) == sorted(values.split())


@pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
def test_labels_are_bounded(metric: Metric) -> None:
    for label, values in metric.labels:
        bound = BOUNDS.get((metric.name, label), BOUNDS.get(label))
        if bound is not None:
            assert values is not None
            assert len(values) <= bound


def test_the_program_asks_the_database_for_registered_operations_only() -> None:
    asked = set()
    for module in SOURCE.rglob("*.py"):
        asked |= set(
            re.findall(r"\.(?:transaction|reading)\(\s*\"(\w+)\"", module.read_text(encoding="utf-8"))
        )
    assert asked == set(OPERATIONS)


def test_the_exchange_is_asked_at_registered_endpoints_only() -> None:
    named = set(re.findall(r"Endpoint\(\s*\"(\w+)\"", Path(client.__file__).read_text(encoding="utf-8")))
    assert named == set(EXCHANGE_ENDPOINTS)
    assert len(limits.LIMITS) <= 8
