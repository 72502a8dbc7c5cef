"""What the rules read, held against what a running Prometheus has."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

from rules.alert_rules import RECORDED, RECORDINGS, RULES, children
from rules.foreign import FOREIGN

TARGET_LABELS = {"__name__", "job", "instance"}

# Read by rules, and rightly not there on a stack that has just traded.
ABSENT = {
    "exchange_api_key_expiry_timestamp_seconds": "the sandbox's key has no end",
    "dashboard_panels_broken": "nobody knows before Prometheus has run for two minutes; looked at later on",
}

Found = list[dict[str, str]]
Find = Callable[[str], Found]


@dataclass(frozen=True)
class Wanted:
    """One reading of a series: labels, and values of labels, that one of its samples must have at least."""

    series: str
    labels: frozenset[str]
    values: tuple[tuple[str, str], ...]

    def unmet(self, found: Found) -> Iterator[str]:
        if not found:
            yield self.series
        for label in sorted(self.labels):
            if not any(label in one for one in found):
                yield f"{self.series} has no label {label}"
        for label, value in self.values:
            if not any(one.get(label) == value for one in found):
                yield f"{self.series} has no {label}={value}"


def unmet(find: Find) -> list[str]:
    """What Prometheus records itself comes with the first look of its group: asked for is what that is made of."""
    rules = [*RECORDINGS, *RULES]
    wanted = {reading for rule in rules for reading in readings(promql_parser.parse(rule.expression))}
    asked = {reading.series for reading in wanted} - ABSENT.keys() - RECORDED.keys()
    there = {series: find(series) for series in asked}
    lacking = (reading.unmet(there[reading.series]) for reading in wanted if reading.series in there)
    return sorted({what for each in lacking for what in each})


def readings(node: Any, labels: frozenset[str] = frozenset()) -> Iterator[Wanted]:
    """`labels`: those by which what stands around the node groups, or joins."""
    match node:
        case promql_parser.VectorSelector():
            yield _wanted(node, labels)
        case promql_parser.AggregateExpr():
            labels = _named(node)
        case promql_parser.BinaryExpr() if _joins_many(node):
            # What is asked of the result, the many have; the one has what they are joined by.
            yield from readings(node.lhs, labels | _named(node))
            yield from readings(node.rhs, _named(node))
            return
        case promql_parser.BinaryExpr():
            labels |= _named(node)
        case promql_parser.Call() if node.func.name == "label_replace":
            labels -= {node.args[1].val}
    for child in children(node):
        yield from readings(child, labels)


def _wanted(selector: Any, labels: frozenset[str]) -> Wanted:
    values, names = [], set(labels)
    for matcher in selector.matchers.matchers:
        names.add(matcher.name)
        if "Not" not in str(matcher.op):
            values += [(matcher.name, value) for value in matcher.value.split("|")]
    return Wanted(selector.name, frozenset(names), tuple(values))


def _joins_many(node: Any) -> bool:
    modifier = node.modifier
    return modifier is not None and modifier.card == promql_parser.VectorMatchCardinality.ManyToOne


def _named(node: Any) -> frozenset[str]:
    modifier = getattr(node, "modifier", None)
    named = getattr(modifier, "labels", None) or getattr(modifier, "matching", None)
    return frozenset(getattr(named, "labels", named) or ())


def hearsay(find: Find, kind_of: Callable[[str], str | None], series: Iterable[str] = FOREIGN) -> list[str]:
    """What `foreign` says of the servers' own series and the servers do not."""
    wrong = []
    for name in series:
        said, found, kind = FOREIGN[name], find(name), kind_of(name)
        labels = {label for one in found for label in one} - TARGET_LABELS
        if not found or not labels >= set(said.labels):
            wrong.append(
                f"{name}: {sorted(labels) if found else 'not there'}, said to be {list(said.labels)}"
            )
        if kind not in (None, said.kind):
            wrong.append(f"{name}: a {kind}, said to be a {said.kind}")
    return wrong
