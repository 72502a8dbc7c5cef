"""The shipped rules. An alert's name may stand in several of them, one for each severity; a recording rule's only once."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
RULES_FILE = ROOT / "monitoring" / "alert_rules.yml"
PROOFS = ROOT / "monitoring" / "tests"

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"]

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Rule:
    """`body` is the rule as it stands in the file."""

    group: str
    interval: str
    body: dict[str, Any]

    @property
    def name(self) -> str:
        """Of the alert, or of the series that it records."""
        return str(self.body["alert"] if "alert" in self.body else self.body["record"])

    @property
    def expression(self) -> str:
        return str(self.body["expr"])

    @property
    def severity(self) -> str:
        return str(self.body["labels"]["severity"])

    def changed(self, **replaced: Any) -> "Rule":
        return replace(self, body=self.body | replaced)

    def __str__(self) -> str:
        return f"{self.name}-{self.severity}" if "alert" in self.body else self.name


_WRITTEN = [Rule(group["name"], group["interval"], body) for group in GROUPS for body in group["rules"]]
RULES = [rule for rule in _WRITTEN if "alert" in rule.body]
RECORDINGS = [rule for rule in _WRITTEN if "record" in rule.body]
RECORDED = {rule.name: rule for rule in RECORDINGS}
NAMES = list(dict.fromkeys(rule.name for rule in RULES))


def siblings(name: str) -> list[Rule]:
    """Every rule of that name: one proof covers them together."""
    return [rule for rule in RULES if rule.name == name]


def inputs(rules: Iterable[Rule]) -> list[Rule]:
    """The recording rules that make what these rules read."""
    read = {selector.name for rule in rules for selector in selectors(rule)}
    return [rule for rule in RECORDINGS if rule.name in read]


def family(name: str) -> list[Rule]:
    """The alert's rules, after what they stand on."""
    rules = siblings(name)
    return [*inputs(rules), *rules]


def rendered(rules: Iterable[Rule]) -> str:
    """A rules file of these rules, in their groups and in their order: what a group records, the rules after it read."""
    groups: dict[str, dict[str, Any]] = {}
    for rule in rules:
        group = groups.setdefault(rule.group, {"name": rule.group, "interval": rule.interval, "rules": []})
        group["rules"].append(rule.body)
    return yaml.safe_dump({"groups": list(groups.values())}, allow_unicode=True)


def seconds(duration: str) -> int:
    """`1h30m` → 5400."""
    parts = re.findall(r"(\d+)([smhd])", duration)
    assert parts, duration
    return sum(int(amount) * _UNITS[unit] for amount, unit in parts)


def children(node: Any) -> list[Any]:
    inner = [getattr(node, name, None) for name in ("lhs", "rhs", "expr", "vector_selector")]
    return [child for child in (*inner, *(getattr(node, "args", None) or ())) if child is not None]


def nodes(node: Any) -> list[Any]:
    """A parsed expression and everything inside it."""
    return [node, *(found for child in children(node) for found in nodes(child))]


def parsed(rule: Rule) -> list[Any]:
    return nodes(promql_parser.parse(rule.expression))


def selectors(rule: Rule) -> list[Any]:
    return [node for node in parsed(rule) if isinstance(node, promql_parser.VectorSelector)]
