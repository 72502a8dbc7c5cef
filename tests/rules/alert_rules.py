"""The shipped alert rules, and every way to break them that their tests must notice."""

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES_FILE = ROOT / "monitoring" / "alert_rules.yml"
TESTS = ROOT / "monitoring" / "tests"

Rule = dict[str, Any]

GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"]
RULES: list[Rule] = [rule for group in GROUPS for rule in group["rules"]]

NUMBER = re.compile(r"(?<![\w.\[\"])-?\d+(?:\.\d+)?(?![\w.\]])")
WINDOW = re.compile(r"\[(\d+)m\]")
SERIES = re.compile(r"\b(?:\w+_(?:total|seconds|bucket|count|enabled)|up)\b")
MATCHER = re.compile(r'="(\w+)"')
GUARD = re.compile(
    r"\s+(?:and on\(\)|or) (?:\((?:[^()]|\([^()]*\))*\)|.+?)(?=\s+(?:and|or) |\s*$)", re.DOTALL
)
EVALUATION = timedelta(seconds=30)


@dataclass(frozen=True)
class Mutant:
    change: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.rule['alert']}: {self.change}"


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Thresholds, windows, series, label values, guards, aggregation, `for`, labels and texts, one change at a time."""
    for change, expression in _expressions(rule["expr"]):
        yield _mutant(rule, change, expr=expression)
    for pending in _other_pending(rule.get("for", "0s")):
        yield _mutant(rule, f"for: {pending}", **{"for": pending})
    yield _mutant(rule, "severity", labels=rule["labels"] | {"severity": "info"})
    yield _mutant(rule, "component", labels=rule["labels"] | {"component": "other"})
    for name in rule["annotations"]:
        yield _mutant(rule, f"no {name}", annotations=rule["annotations"] | {name: "?"})


def _mutant(rule: Rule, change: str, **replaced: Any) -> Mutant:
    return Mutant(change, deepcopy(rule) | replaced)


def _expressions(expression: str) -> Iterator[tuple[str, str]]:
    for found in NUMBER.finditer(expression):
        for other in _other_numbers(found.group()):
            yield _swap(expression, found.span(), other)
    for found in WINDOW.finditer(expression):
        for factor in (48, 72):  # a fifth less, a fifth more, in seconds
            yield _swap(expression, found.span(), f"[{int(found[1]) * factor}s]")
    for found in SERIES.finditer(expression):
        yield _swap(expression, found.span(), f"{found.group()}_gone")
    for found in MATCHER.finditer(expression):
        yield _swap(expression, found.span(1), "other")
    for found in GUARD.finditer(expression):
        yield _swap(expression, found.span(), "")
    if "sum by (le) " in expression:
        yield "not summed", expression.replace("sum by (le) ", "")
    if expression.startswith("sum("):
        yield "not summed", expression.removeprefix("sum(").replace("[5m]))", "[5m])", 1)


def _other_numbers(number: str) -> tuple[str, str]:
    value = float(number)
    if value in (0, 1):
        return str(value - 1), str(value + 2)
    if value == 0.95:
        return "0.9", "0.99"
    return f"{value * 0.8:g}", f"{value * 1.2:g}"


def _other_pending(pending: str) -> Iterator[str]:
    amount, unit = int(pending[:-1]), pending[-1]
    seconds = amount * {"s": 1, "m": 60}[unit]
    step = int(EVALUATION.total_seconds())
    if seconds >= step:
        yield f"{seconds - step}s"
    yield f"{seconds + step}s"


def _swap(text: str, span: tuple[int, int], other: str) -> tuple[str, str]:
    start, end = span
    was = " ".join(text[start:end].split())
    return f"{was} → {other or 'nothing'}", text[:start] + other + text[end:]
