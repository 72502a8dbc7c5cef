"""The rules do what the contract says, proven by promtool; and their proofs notice when a rule changes."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from rules.alert_rules import GROUPS, RULES, RULES_FILE, TESTS, Mutant, Rule, mutants

NAMES = [rule["alert"] for rule in RULES]
MUTANTS = [mutant for rule in RULES for mutant in mutants(rule)]

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
        "runbook_url": "docs/runbooks/SchedulerJobFailed.md",
    },
}


def _run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_the_rules_are_valid(promtool: Path) -> None:
    result = _run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES_FILE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_contract_group_holds_the_seven_rules_in_order() -> None:
    group = next(group for group in GROUPS if group["name"] == "trading_bot_alerts")
    assert group["interval"] == "30s"
    said = {r["alert"]: (r["labels"]["severity"], r["annotations"]["summary"]) for r in group["rules"]}
    assert list(said.items()) == list(CONTRACT.items())


def test_the_rule_given_in_full_stays_as_given() -> None:
    assert RULES[0] == SCHEDULER_JOB_FAILED


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_every_rule_says_who_what_and_where_to_look(rule: Rule) -> None:
    assert set(rule["labels"]) == {"severity", "component"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{rule['alert']}.md"


def test_every_rule_has_its_proof_and_every_proof_its_rule() -> None:
    assert {file.stem for file in TESTS.glob("*.yaml")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_proof(promtool: Path, name: str) -> None:
    result = _run(promtool, "test", "rules", TESTS / f"{name}.yaml")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_changed_rule_fails_its_proof(promtool: Path, tmp_path: Path, mutant: Mutant) -> None:
    group = {"name": "trading_bot_alerts", "interval": "30s", "rules": [mutant.rule]}
    (tmp_path / RULES_FILE.name).write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
    (tmp_path / "tests").mkdir()
    proof = Path(shutil.copy(TESTS / f"{mutant.rule['alert']}.yaml", tmp_path / "tests"))

    result = _run(promtool, "test", "rules", proof)
    assert result.returncode != 0, f"survived: {mutant}"
    assert "exp:" in result.stdout + result.stderr, "the mutant is no rule any more"
