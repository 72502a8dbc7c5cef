"""The rules do what the contract says, proven by promtool; and their proofs notice when a rule changes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rules.alert_rules import (
    GROUPS,
    NAMES,
    PROOFS,
    RECORDED,
    RECORDINGS,
    RULES,
    RULES_FILE,
    Rule,
    family,
    inputs,
    siblings,
)
from rules.mutants import sample
from rules.proofs import run, survivors

WRITTEN = [body for group in GROUPS for body in group["rules"]]
CASES = 5  # at least: fires, does not fire, resolves, outlives a gap or a restart, first start or no traffic

# Names, summaries and severities of the contract; SchedulerJobFailed is given there in full.
CONTRACT = {
    "SchedulerJobFailed": ("critical", "스케줄러 작업 실패 감지"),
    "SchedulerJobSlow": ("warning", "작업 실행 지연"),
    "HighErrorRate": ("warning", "에러 발생률 증가"),
    "SlowAPIResponse": ("warning", "API 응답 지연"),
    "MetricsNotCollected": ("critical", "메트릭 수집 중단"),
    "SchedulerDown": ("critical", "스케줄러 중단"),
    "AIDecisionStalled": ("warning", "AI 판단 중단"),
}
SCHEDULER_JOB_FAILED = {
    "alert": "SchedulerJobFailed",
    "expr": 'increase(scheduler_job_failure_total{job_name="trading_job"}[10m]) > 0',
    "for": "1m",
    "labels": {"severity": "critical", "component": "scheduler"},
    "annotations": {
        "summary": "스케줄러 작업 실패 감지",
        "description": "{{ $labels.job_name }} 작업이 실패했습니다.",
        "summary_en": "A run of the scheduler failed",  # the contract's words are the Korean ones
        "description_en": "{{ $labels.job_name }} has failed.",
        "runbook_url": "docs/runbooks/SchedulerJobFailed.md",
    },
}


def _proof(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((PROOFS / f"{name}.yaml").read_text(encoding="utf-8")))


def test_the_rules_are_valid(promtool: Path) -> None:
    result = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES_FILE)
    assert result.returncode == 0, result.stdout


def test_the_contract_group_holds_the_seven_rules_in_order() -> None:
    group = next(group for group in GROUPS if group["name"] == "trading_bot_alerts")
    assert group["interval"] == "30s"
    said = {r["alert"]: (r["labels"]["severity"], r["annotations"]["summary"]) for r in group["rules"]}
    assert list(said.items()) == list(CONTRACT.items())


def test_the_rule_given_in_full_stays_as_given() -> None:
    assert RULES[0].body == SCHEDULER_JOB_FAILED


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_stands_in_one_group_and_once_for_each_severity(name: str) -> None:
    rules = siblings(name)
    assert len({rule.group for rule in rules}) == 1
    assert len({rule.severity for rule in rules}) == len(rules)
    assert len({rule.body["labels"]["component"] for rule in rules}) == 1


def test_what_is_recorded_is_recorded_once_and_read_in_the_same_group() -> None:
    """Groups wait for nobody; within one, a rule reads what those before it have just written."""
    assert len(RECORDED) == len(RECORDINGS)
    for rule in RULES:
        assert {made.group for made in inputs([rule])} <= {rule.group}
        assert all(WRITTEN.index(made.body) < WRITTEN.index(rule.body) for made in inputs([rule]))
    assert inputs(RULES) == RECORDINGS, "nothing is recorded that nobody reads"
    assert inputs(RECORDINGS) == [], "a proof gives each rule what it reads, not what that reads"


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_every_rule_says_who_what_and_where_to_look(rule: Rule) -> None:
    labels, annotations = rule.body["labels"], rule.body["annotations"]
    assert set(labels) == {"severity", "component"}
    age = {"evaluated_at"} if rule.name == "Watchdog" else set()
    words = {"summary", "description", "summary_en", "description_en"}
    assert set(annotations) == words | {"runbook_url"} | age
    assert re.search("[가-힣]", annotations["summary"])
    assert re.search("[가-힣]", annotations["description"])
    assert not re.search("[가-힣]", annotations["summary_en"] + annotations["description_en"])
    assert annotations["runbook_url"] == f"docs/runbooks/{rule.name}.md"


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_both_languages_tell_the_same_figures(rule: Rule) -> None:
    """Each label, value and query of one of them stands in the other."""
    korean, english = (rule.body["annotations"][name] for name in ("description", "description_en"))
    figures = [sorted(re.findall(r"\{\{.*?\}\}", text)) for text in (korean, english)]
    assert figures[0] == figures[1]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_text_shows_a_raw_figure(rule: Rule) -> None:
    """0.8333333333333334 is nobody's idea of a sentence."""
    for text in rule.body["annotations"].values():
        assert re.findall(r"\{\{-?\s*\$value\s*-?\}\}", text) == []


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_figure_that_is_extrapolated_is_told_as_about_so_many(rule: Rule) -> None:
    """increase() says what a window would hold if all of it were like the part that was seen: one may read as two."""
    told = " ".join(rule.body["annotations"][name] for name in ("description", "description_en"))
    before = re.findall(r"(\w+) \{\{ \$value \| printf", told)
    assert set(before) <= {"약", "about", "About"} or "increase(" not in rule.expression


def test_every_rule_has_its_proof_and_every_proof_its_rule() -> None:
    assert {file.stem for file in PROOFS.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_proof_looks_at_the_shipped_rule_at_its_own_pace_in_enough_cases(name: str) -> None:
    proof = _proof(name)
    assert proof["rule_files"] == [f"../{RULES_FILE.name}"]
    assert proof["evaluation_interval"] == siblings(name)[0].interval
    assert len(proof["tests"]) >= CASES
    looked_at = {look["alertname"] for case in proof["tests"] for look in case["alert_rule_test"]}
    assert looked_at == {name}


@pytest.mark.parametrize("name", NAMES)
def test_the_proof_holds_and_notices_when_a_rule_changes(promtool: Path, tmp_path: Path, name: str) -> None:
    broken = [mutant for rule in family(name) for mutant in sample(rule)]
    assert survivors(promtool, tmp_path, name, broken) == []
