"""Every way to break a rule that its proof must notice, one change at a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from rules.alert_rules import Rule, seconds, selectors


class Change(StrEnum):
    THRESHOLD = "threshold"
    WINDOW = "window"
    SERIES = "series"
    MATCHER = "matcher"
    GUARD = "guard"
    AGGREGATION = "aggregation"
    PENDING = "for"
    TEXT = "text"  # labels and annotations: promtool compares each set as a whole


@dataclass(frozen=True)
class Mutant:
    of: Rule
    change: Change
    what: str
    rule: Rule

    def __str__(self) -> str:
        return f"{self.of}: {self.change}: {self.what}"


class Token(NamedTuple):
    kind: str
    text: str
    start: int
    end: int
    depth: int  # of parentheses around it

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end


_TOKEN = re.compile(
    r"""(?P<matchers>\{[^}]*\})|(?P<window>\[[^\]]*\])|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z_:][\w:]*)"""
    r"""|(?P<open>\()|(?P<close>\))|(?P<operator>[^\s\w])"""
)
_MATCHER = re.compile(r"""(?P<label>\w+)\s*(?P<operator>=~|!~|!=|=)\s*"(?P<value>[^"]*)\"""")
_AGGREGATION = re.compile(r"\b(?:sum|min|max|count|avg)\s*(?:(?:by|without)\s*\([^)]*\)\s*)?(?=\()")
_SET_OPERATORS = {"and", "or", "unless"}


def mutants(rule: Rule) -> list[Mutant]:
    if "record" in rule.body:
        return [*_of_expression(rule)]
    return [*_of_expression(rule), *_of_pending(rule), *_of_texts(rule)]


def sample(rule: Rule) -> list[Mutant]:
    """One of each kind, always the same; `make mutants` runs all of them."""
    first = {mutant.change: mutant for mutant in reversed(mutants(rule))}
    return list(first.values())


def _of_expression(rule: Rule) -> Iterator[Mutant]:
    expression = rule.expression
    tokens = list(_tokens(expression))
    for change, span, other in (
        *_thresholds(expression, tokens),
        *_windows(tokens),
        *_series(rule, tokens),
        *_matchers(tokens),
        *_guards(expression, tokens),
        *_aggregations(expression, tokens),
    ):
        start, end = span
        was = " ".join(expression[start:end].split())
        changed = expression[:start] + other + expression[end:]
        yield Mutant(rule, change, f"{was} → {other or 'nothing'}", rule.changed(expr=changed))


_Edits = Iterator[tuple[Change, tuple[int, int], str]]


def _tokens(expression: str) -> Iterator[Token]:
    depth = 0
    for found in _TOKEN.finditer(expression):
        kind = str(found.lastgroup)
        depth -= kind == "close"
        yield Token(kind, found.group(), *found.span(), depth)
        depth += kind == "open"


def _thresholds(expression: str, tokens: list[Token]) -> _Edits:
    for token in tokens:
        if token.kind != "number":
            continue
        if expression[: token.start].endswith("vector("):  # its value is nothing to an alarm
            yield Change.THRESHOLD, (token.start, token.end + 1), f"{token.text}) == 0"
            continue
        for other in _other_numbers(token.text):
            yield Change.THRESHOLD, token.span, other


def _other_numbers(number: str) -> tuple[str, str]:
    value = float(number)
    if value in (0, 1):
        return str(int(value) - 1), str(int(value) + 2)
    if value == 0.95:
        return "0.9", "0.99"
    if value < 5 and value.is_integer():
        return str(int(value) - 1), str(int(value) + 1)
    return f"{value * 0.8:.12g}", f"{value * 1.2:.12g}"


def _windows(tokens: list[Token]) -> _Edits:
    """A fifth less, a fifth more."""
    for token in tokens:
        if token.kind == "window":
            for factor in (4, 6):
                yield Change.WINDOW, token.span, f"[{seconds(token.text) * factor // 5}s]"


def _series(rule: Rule, tokens: list[Token]) -> _Edits:
    names = {selector.name for selector in selectors(rule)}
    for token in tokens:
        if token.kind == "name" and token.text in names:
            yield Change.SERIES, token.span, f"{token.text}_gone"


def _matchers(tokens: list[Token]) -> _Edits:
    """Another value, none of the alternatives left out, and no question at all."""
    for token in tokens:
        if token.kind != "matchers":
            continue
        for found in _MATCHER.finditer(token.text):
            start, end = (token.start + at for at in found.span("value"))
            for other in _other_values(found["value"]):
                yield Change.MATCHER, (start, end), other
            if "!" not in found["operator"]:  # any value, as far as the label is there at all
                yield Change.MATCHER, (token.start + found.start(), token.start + found.end()), _any(found)


def _any(found: re.Match[str]) -> str:
    return f'{found["label"]}!="nothing"'


def _other_values(value: str) -> Iterator[str]:
    yield "other"
    alternatives = value.split("|")
    if len(alternatives) > 1:
        for left_out in alternatives:
            yield "|".join(a for a in alternatives if a != left_out)


def _guards(expression: str, tokens: list[Token]) -> _Edits:
    for number, _ in _set_operators(tokens):
        start, end = tokens[number].start, _end_of_operand(tokens, number, len(expression))
        yield Change.GUARD, (start, end), ""


def _set_operators(tokens: list[Token]) -> list[tuple[int, Token]]:
    return [(n, t) for n, t in enumerate(tokens) if t.kind == "name" and t.text in _SET_OPERATORS]


def _end_of_operand(tokens: list[Token], number: int, end: int) -> int:
    """Where the right side of that operator ends: `or` binds weaker than the others."""
    operator = tokens[number]
    stops = {"or"} if operator.text == "or" else _SET_OPERATORS
    for token in tokens[number + 1 :]:
        if token.depth < operator.depth:
            return token.start
        if token.depth == operator.depth and token.kind == "name" and token.text in stops:
            return token.start
    return end


def _aggregations(expression: str, tokens: list[Token]) -> _Edits:
    """Not those of a guard: `max(x) > 0` and `x > 0` let the same through."""
    guards = [
        (token.start, _end_of_operand(tokens, number, len(expression)))
        for number, token in _set_operators(tokens)
        if token.text != "or"
    ]
    for found in _AGGREGATION.finditer(expression):
        if not any(start <= found.start() < end for start, end in guards):
            yield Change.AGGREGATION, found.span(), ""


def _of_pending(rule: Rule) -> Iterator[Mutant]:
    """One evaluation sooner, one later."""
    step = seconds(rule.interval)
    pending = seconds(rule.body.get("for", "0s"))
    for other in (pending - step, pending + step):
        if other >= 0:
            waiting = rule.changed(**{"for": f"{other}s"})
            yield Mutant(rule, Change.PENDING, f"{pending}s → {other}s", waiting)


def _of_texts(rule: Rule) -> Iterator[Mutant]:
    labels, annotations = rule.body["labels"], rule.body["annotations"]
    for what, replaced in (
        ("severity", {"labels": labels | {"severity": "other"}}),
        ("description", {"annotations": annotations | {"description": "?"}}),
        ("description_en", {"annotations": annotations | {"description_en": "?"}}),
    ):
        yield Mutant(rule, Change.TEXT, what, rule.changed(**replaced))
