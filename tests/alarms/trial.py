"""One window of a life before the rules, each at its group's pace.

A running Prometheus is given the samples and says at which moments each expression has a result. Where none has, no alarm
can be pending. What is left goes to the rule engine (`promtool test rules`), which knows `for`: expressions replaced by
their results, names and labels of the alarms kept. That both together say what the engine says of the rules themselves
is tested.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import promql_parser

from alarms.bot import bot
from alarms.life import Life, Span
from alarms.questions import Answer, Stretch, ask
from alarms.scrapes import Scrapes, Series
from alarms.servers import servers
from alarms.store import Answers, Store, open_store
from alarms.truths import Truth, truths
from alarms.work import Work, work_of
from rules.alert_rules import Rule, inputs, parsed, seconds, selectors

TOLD = 300.0  # seconds: whatever has to be told is told within them
LOOKBACK = 300  # seconds for which Prometheus takes the last sample of a series
_APART = 600  # seconds without any result, after which a new stretch is cheaper


@dataclass(frozen=True)
class Tools:
    prometheus: Path
    promtool: Path


@dataclass(frozen=True)
class Window:
    """Judged after `begin`, to `end`, in seconds. `pace`: at least so long between evaluations."""

    work: Work
    begin: float
    end: float
    scrape: int = 10
    pace: int = 0

    @property
    def length(self) -> float:
        return self.end - self.begin

    def scrapes(self, before: float = 0) -> Scrapes:
        """From `before` seconds before its begin on, where the life has begun by then."""
        return Scrapes(self.work, max(0, self.begin - before), self.end, self.scrape)

    def interval(self, rule: Rule) -> int:
        return max(self.pace, seconds(rule.interval))


@dataclass(frozen=True)
class Verdict:
    """`false`: at how many evaluations each alarm fired without a reason; `missed`: reasons without their alarm.

    `evaluations` of single rules. `when`: by when, in seconds, the first false alarm of each name had come.
    """

    evaluations: int
    fired: dict[str, int]
    false: dict[str, int]
    missed: tuple[Truth, ...]
    when: dict[str, float]


def whole(life: Life, scrape: int = 10) -> Window:
    return Window(work_of(life), 0, life.length, scrape)


def series(scrapes: Scrapes) -> Iterator[Series]:
    yield from bot(scrapes)
    yield from servers(scrapes)


def judge(tools: Tools, directory: Path, window: Window, rules: Sequence[Rule]) -> Verdict:
    """Raises Unanswered or Unjudged: then nothing is known."""
    with open_store(tools.prometheus, directory) as store:
        store.give(read(window, rules))
        for made in inputs(rules):
            begin = _grid(window, made, window.begin - reaches(window, rules)[made.name])
            store.record(made.name, made.expression, begin, window.end, window.interval(made))
        found = [(rule, _results(store, window, rule)) for rule in rules]
    answers: list[Answer] = []
    for pace in sorted({window.interval(rule) for rule in rules}):
        results = [(rule, result) for rule, result in found if result and window.interval(rule) == pace]
        stretches = list(_stretches(window, pace, results))
        if stretches:
            known = [_of_results(rule) for rule, _ in results]
            answers += ask(tools.promtool, directory / str(pace), known, stretches, pace)
    evaluations = sum(int(window.length // window.interval(rule)) for rule in rules)
    return verdict(window, rules, evaluations, answers)


def verdict(window: Window, rules: Sequence[Rule], evaluations: int, answers: Sequence[Answer]) -> Verdict:
    fired, false = Counter[str](), Counter[str]()
    when: dict[str, float] = {}
    for answer in sorted(answers, key=lambda answer: answer.until):
        fired += answer.alarms(answer.fired)
        false += answer.alarms(answer.false)
        when = dict.fromkeys(answer.alarms(answer.false), float(answer.until)) | when
    return Verdict(evaluations, dict(fired), dict(false), tuple(_missed(window, rules, fired)), when)


def read(window: Window, rules: Iterable[Rule]) -> Iterator[tuple[Series, np.ndarray]]:
    """What the rules read, and what that is made of, each series from where it can matter on."""
    reach = reaches(window, rules)
    scrapes = window.scrapes(max(reach.values(), default=0))
    for one in series(scrapes):
        if one.name in reach:
            matters = scrapes.at >= window.begin - reach[one.name]
            yield Series(one.name, one.labels, one.values[matters]), scrapes.at[matters]


def reaches(window: Window, rules: Iterable[Rule]) -> dict[str, float]:
    """Of each series that the rules read, or of which that is made: seconds before the window in which it can matter."""
    reach: dict[str, float] = {}
    rules = list(rules)
    for rule in (*rules, *inputs(rules)):  # alerts first: they say how far back something must be recorded
        before = looks_back(rule) + hold(rule) + 2 * window.interval(rule) + reach.get(rule.name, 0)
        for selector in selectors(rule):
            reach[selector.name] = max(before, reach.get(selector.name, 0))
    return reach


def looks_back(rule: Rule) -> float:
    """Seconds before the moment of evaluation from which a sample can still matter."""
    back = 0.0
    for node in parsed(rule):
        assert not isinstance(node, promql_parser.SubqueryExpr), f"{rule}: a subquery looks back, too"
        offset = getattr(node, "offset", None)
        assert not offset, f"{rule}: an offset looks back, too"
        if isinstance(node, promql_parser.MatrixSelector):
            back = max(back, node.range.total_seconds())
    return max(back, LOOKBACK)


def hold(rule: Rule) -> int:
    assert "keep_firing_for" not in rule.body, f"{rule}: an alarm of before the window could still fire"
    return seconds(rule.body.get("for", "0s"))


def _first(window: Window, rule: Rule) -> float:
    """An alarm of the window began to be pending after this moment, or has been pending for longer than it waits."""
    pace = window.interval(rule)
    return max(0, window.begin - (hold(rule) // pace + 1) * pace)


def _grid(window: Window, rule: Rule, at: float) -> float:
    """The evaluation at or before that moment, none before the life began."""
    pace = window.interval(rule)
    return max(0, at // pace * pace)


def _results(store: Store, window: Window, rule: Rule) -> Answers:
    """By the numbers of the evaluations since the life began."""
    pace, first = window.interval(rule), _first(window, rule)
    answers = store.found(rule.expression, first, window.end, pace)
    return {labels: numbers + round(first / pace) for labels, numbers in answers.items()}


def _of_results(rule: Rule) -> Rule:
    body = {key: value for key, value in rule.body.items() if key != "annotations"}
    return Rule(rule.group, rule.interval, body | {"expr": _name(rule)})


def _name(rule: Rule) -> str:
    return f"result_of_{rule.name}_{rule.severity}"


def _stretches(window: Window, pace: int, found: Sequence[tuple[Rule, Answers]]) -> Iterator[Stretch]:
    known = truths(window.work)
    for start, end in _busy(pace, [numbers for _, answers in found for numbers in answers.values()]):
        if end > window.begin:
            at = np.arange(round(start / pace), round(end / pace) + 1)
            inside = [
                Series(_name(rule), dict(labels), np.where(np.isin(at, numbers), 1.0, np.nan))
                for rule, answers in found
                for labels, numbers in answers.items()
                if np.isin(at, numbers).any()
            ]
            begin = max(start, window.begin)
            yield Stretch(start, begin, min(end, window.end), pace, inside, known)


def _busy(pace: int, numbers: Sequence[np.ndarray]) -> Iterator[Span]:
    """From before the first result of each stretch to after its last."""
    if not numbers:
        return
    every = np.unique(np.concatenate(numbers))
    borders = np.flatnonzero(np.diff(every) * pace > _APART)
    firsts, lasts = every[[0, *(borders + 1)]], every[[*borders, -1]]
    for first, last in zip(firsts, lasts, strict=True):
        yield max(0, first - 1) * pace, (last + 1) * pace


def _missed(window: Window, rules: Iterable[Rule], fired: Mapping[str, int]) -> Iterator[Truth]:
    asked = {of for rule in rules for of in ((rule.name, rule.severity), (rule.name, ""))}
    for truth in truths(window.work):
        told_within = window.begin <= truth.start and truth.start + TOLD <= min(window.end, truth.end)
        known = (truth.alert, truth.severity) in asked
        if truth.due and told_within and known and truth.alert not in fired:
            yield truth
