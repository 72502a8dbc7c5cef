"""One window of a life before the rules: Prometheus's own engine, as `promtool test rules` runs it, is the judge."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from alarms.bot import bot
from alarms.life import Life
from alarms.notation import notation
from alarms.scrapes import Scrapes, Series, during
from alarms.servers import servers
from alarms.truths import Truth, truths
from alarms.work import Work, work_of
from rules.alert_rules import Rule, rendered, selectors

TOLD = 300.0  # seconds: whatever has to be told is told within them

_RULES = "rules.yml"
_COUNTER = "Evaluated"  # an alert that always fires: it counts the evaluations
_TRUE = "alarm_is_true"
_FIRING = 'ALERTS{alertstate="firing", alertname!="Watchdog"}'
_GOT = re.compile(r"^\s+got: (.+)$", re.MULTILINE)
_SAMPLE = re.compile(r"\{([^}]*)\} ([\d.E+]+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class Window:
    """Judged from `begin` to `end`; what the rules look back on begins `warm` seconds before. All in seconds."""

    work: Work
    begin: float
    end: float
    warm: float = 0
    scrape: int = 10
    evaluation: int = 10

    @property
    def length(self) -> float:
        return self.end - self.begin

    @property
    def scrapes(self) -> Scrapes:
        return Scrapes(self.work, self.begin - self.warm, self.end, self.scrape)


@dataclass(frozen=True)
class Verdict:
    """`false`: at how many evaluations each alarm fired without a reason; `missed`: reasons without their alarm."""

    evaluations: int
    fired: dict[str, int]
    false: dict[str, int]
    missed: tuple[Truth, ...]


def whole(life: Life, scrape: int = 10, evaluation: int = 10) -> Window:
    return Window(work_of(life), 0, life.length, scrape=scrape, evaluation=evaluation)


def series(scrapes: Scrapes) -> Iterator[Series]:
    yield from bot(scrapes)
    yield from servers(scrapes)


def judge(promtool: Path, directory: Path, window: Window, rules: Sequence[Rule]) -> Verdict:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _RULES).write_text(_rules_file(rules), encoding="utf-8")
    (directory / "trial.yaml").write_text(_unit_test(window, rules), encoding="utf-8")
    command = [promtool, "test", "rules", directory / "trial.yaml"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    said = result.stdout + result.stderr
    answers = [_by_alert(got) for got in _GOT.findall(said)]
    assert len(answers) == 2 * len(_spans(window)), said
    assert all(_COUNTER in answer for answer in answers), said
    fired, false = sum(answers[::2], Counter()), sum(answers[1::2], Counter())
    evaluations = fired.pop(_COUNTER)
    del false[_COUNTER]
    return Verdict(evaluations, dict(fired), dict(false), tuple(_missed(window, rules, fired)))


def _by_alert(got: str) -> Counter[str]:
    found = {dict(_LABEL.findall(labels))["alertname"]: number for labels, number in _SAMPLE.findall(got)}
    return Counter({alert: round(float(number)) for alert, number in found.items()})


def _missed(window: Window, rules: Iterable[Rule], fired: dict[str, int]) -> Iterator[Truth]:
    names = {rule.name for rule in rules}
    for truth in truths(window.work):
        told_within = window.begin <= truth.start and truth.start + TOLD <= min(window.end, truth.end)
        if truth.due and told_within and truth.alert in names and truth.alert not in fired:
            yield truth


def _rules_file(rules: Sequence[Rule]) -> str:
    judged = yaml.safe_load(rendered(list(rules)))["groups"]
    counter = {"alert": _COUNTER, "expr": "vector(1)"}
    return yaml.safe_dump({"groups": [*judged, {"name": "trial", "rules": [counter]}]}, allow_unicode=True)


def _unit_test(window: Window, rules: Sequence[Rule]) -> str:
    scrapes = window.scrapes
    read = {selector.name for rule in rules for selector in selectors(rule)}
    known = [*(one for one in series(scrapes) if one.name in read), *_reasons(scrapes)]
    test = {
        "interval": f"{window.scrape}s",
        "input_series": [{"series": str(one), "values": notation(one.values.tolist())} for one in known],
        "promql_expr_test": list(_questions(window)),
    }
    document = {"rule_files": [_RULES], "evaluation_interval": f"{window.evaluation}s", "tests": [test]}
    return json.dumps(document)  # which is YAML, too


def _questions(window: Window) -> Iterator[dict[str, Any]]:
    """What fired, and what fired without a reason; each expected to be answered by nothing, as promtool shows an answer
    only where it is unexpected.
    """
    for until, length in _spans(window):
        for firing in (_FIRING, f"{_FIRING} unless on(alertname) {_TRUE}"):
            counted = f"count_over_time(({firing})[{length}s:{window.evaluation}s])"
            yield {"expr": f"sum by (alertname) ({counted})", "eval_time": f"{until}s", "exp_samples": []}


def _spans(window: Window) -> list[tuple[int, int]]:
    """Ends and lengths. promtool answers no question about more than 10,000 samples."""
    begin, end = round(window.warm), round(window.warm + window.length)
    piece = 100 * window.evaluation
    ends = [*range(begin + piece, end, piece), end]
    return [(until, until - start - 1) for start, until in zip([begin, *ends], ends, strict=False)]


def _reasons(scrapes: Scrapes) -> Iterator[Series]:
    """One series for each alarm that has a reason, while it has one."""
    known = truths(scrapes.work)
    for alert in sorted({truth.alert for truth in known}):
        true = during([(t.start, t.end) for t in known if t.alert == alert], scrapes.at)
        if true.any():
            yield Series(_TRUE, {"alertname": alert}, np.where(true, 1.0, np.nan))
