"""What fired, and what fired without a reason, as the rule engine in `promtool test rules` answers."""

import json
import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from alarms.notation import notation
from alarms.scrapes import Series, during
from alarms.truths import Truth
from rules.alert_rules import Rule, rendered

_RULES = "rules.yml"
_COUNTER = "Evaluated"  # an alert that always fires: it counts the evaluations
_TRUE = "alarm_is_true"
_SEVERITIES = ("info", "warning", "critical")
_FIRING = 'ALERTS{alertstate="firing", alertname!="Watchdog"}'
_GOT = re.compile(r"^\s+got: (.+)$", re.MULTILINE)
_SAMPLE = re.compile(r"\{([^}]*)\} ([\d.E+]+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_PIECE = 100  # evaluations: promtool answers no question about more than 10,000 samples


class Unjudged(Exception):
    """promtool died or would not answer."""


@dataclass(frozen=True)
class Stretch:
    """`known`: samples each `step` seconds from `start` on. Asked about is what comes after `begin`, to `end`."""

    start: float
    begin: float
    end: float
    step: int
    known: Sequence[Series]
    truths: Sequence[Truth]


@dataclass(frozen=True)
class Answer:
    """Of the evaluations before `until`: at how many of them each alarm fired, and at how many without a reason."""

    until: float
    fired: Counter[str]
    false: Counter[str]

    @property
    def evaluations(self) -> int:
        return self.fired[_COUNTER]

    def alarms(self, which: Counter[str]) -> Counter[str]:
        return Counter({alert: number for alert, number in which.items() if alert != _COUNTER})


def ask(
    promtool: Path, directory: Path, rules: Sequence[Rule], stretches: Sequence[Stretch], evaluation: int
) -> list[Answer]:
    """Each stretch begins with no alarm pending."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _RULES).write_text(_rules_file(rules), encoding="utf-8")
    test = directory / "trial.yaml"
    document = {
        "rule_files": [_RULES],
        "evaluation_interval": f"{evaluation}s",
        "tests": [_test(stretch, evaluation) for stretch in stretches],
    }
    test.write_text(json.dumps(document), encoding="utf-8")  # which is YAML, too
    command: list[str | Path] = [promtool, "test", "rules", test]
    result = subprocess.run(command, capture_output=True, text=True, check=False, start_new_session=True)
    said = result.stdout + result.stderr
    got = [_by_alert(answer) for answer in _GOT.findall(said)]
    asked = [until + stretch.start for stretch in stretches for until, _ in _spans(stretch, evaluation)]
    if len(got) != 2 * len(asked) or not all(_COUNTER in answer for answer in got):
        raise Unjudged(said[-2000:] or f"promtool ended with {result.returncode} and said nothing")
    return [
        Answer(until, fired, false) for until, fired, false in zip(asked, got[::2], got[1::2], strict=True)
    ]


def _by_alert(got: str) -> Counter[str]:
    found = {dict(_LABEL.findall(labels))["alertname"]: number for labels, number in _SAMPLE.findall(got)}
    return Counter({alert: round(float(number)) for alert, number in found.items()})


def _rules_file(rules: Sequence[Rule]) -> str:
    judged = yaml.safe_load(rendered(list(rules)))["groups"]
    counter = {"alert": _COUNTER, "expr": "vector(1)"}
    return yaml.safe_dump({"groups": [*judged, {"name": "trial", "rules": [counter]}]}, allow_unicode=True)


def _test(stretch: Stretch, evaluation: int) -> dict[str, Any]:
    known = [*stretch.known, *_reasons(stretch)]
    return {
        "interval": f"{stretch.step}s",
        "input_series": [{"series": str(one), "values": notation(one.values.tolist())} for one in known],
        "promql_expr_test": list(_questions(stretch, evaluation)),
    }


def _questions(stretch: Stretch, evaluation: int) -> Iterator[dict[str, Any]]:
    """Each expected to be answered by nothing, as promtool shows an answer only where it is unexpected."""
    for until, length in _spans(stretch, evaluation):
        for firing in (_FIRING, f"{_FIRING} unless on(alertname, severity) {_TRUE}"):
            counted = f"count_over_time(({firing})[{length}s:{evaluation}s])"
            yield {"expr": f"sum by (alertname) ({counted})", "eval_time": f"{until}s", "exp_samples": []}


def _spans(stretch: Stretch, evaluation: int) -> list[tuple[int, int]]:
    """Ends, since the stretch's start, and lengths."""
    begin, end = round(stretch.begin - stretch.start), round(stretch.end - stretch.start)
    piece = _PIECE * evaluation
    ends = [*range(begin + piece, end, piece), end]
    return [(until, until - start - 1) for start, until in zip([begin, *ends], ends, strict=False)]


def _reasons(stretch: Stretch) -> Iterator[Series]:
    """For each alarm that has a reason, while it has one."""
    at = np.arange(stretch.start, stretch.end + stretch.step / 2, stretch.step)
    for alert in sorted({truth.alert for truth in stretch.truths}):
        for severity in _SEVERITIES:
            reasons = [t for t in stretch.truths if t.alert == alert and t.severity in ("", severity)]
            true = during([(reason.start, reason.end) for reason in reasons], at)
            if true.any():
                labels = {"alertname": alert, "severity": severity}
                yield Series(_TRUE, labels, np.where(true, 1.0, np.nan))
