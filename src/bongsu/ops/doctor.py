"""`bongsu doctor`: what is wrong, and what to type."""

import json
import re
from dataclasses import asdict, replace
from itertools import groupby

from bongsu.core.redaction import redact
from bongsu.ops.checks import CHECKS, examine
from bongsu.ops.language import say
from bongsu.ops.patient import Finding, Patient, State
from bongsu.ops.stack.places import Places
from bongsu.settings import TELEGRAM_API, Wiring

_MARKS: dict[State, str] = {"ok": "✅", "warn": "⚠️ ", "fail": "❌", "unknown": "❔"}

_TWINS = re.compile(r"\bbongsu (ps|stop|start|restart|logs)\b")


def show_diagnosis(*, as_json: bool = False) -> int:
    """0 when nothing failed; warnings and what could not be checked do not count as failures."""
    patient = Patient(Places.from_environment(), Wiring().telegram_api_url or TELEGRAM_API)
    findings = [finding for check in CHECKS for finding in examine(patient, check)]
    if patient.in_containers:
        findings = [_typed_outside(finding) for finding in findings]
    failed = any(finding.state == "fail" for finding in findings)
    print(redact(_as_json(findings, ok=not failed) if as_json else render(findings)))
    return 1 if failed else 0


def _typed_outside(finding: Finding) -> Finding:
    """Compose's words in the place of their native twins; the other commands work in a container too."""
    compose = r"docker-compose -f docker-compose.full-stack.yml \1"
    return replace(finding, repair=_TWINS.sub(compose, finding.repair))


def render(findings: list[Finding]) -> str:
    lines = []
    for (check, state), group in groupby(findings, key=lambda f: (f.check, f.state)):
        if state == "ok":
            lines.append(f"{_MARKS[state]} {check:<16}{', '.join(f.detail for f in group)}")
        elif state != "unknown":
            for finding in group:
                lines.append(f"{_MARKS[state]} {check:<16}{finding.detail}")
                lines.append(f"{'':19}→ {finding.repair}")
    lines += _unknown(findings)
    counted = {state: sum(f.state == state for f in findings) for state in _MARKS}
    lines.append(
        say(
            f"\n정상 {counted['ok']} · 주의 {counted['warn']} · 실패 {counted['fail']} · 확인 못 함 {counted['unknown']}",
            f"\n{counted['ok']} ok · {counted['warn']} warnings · {counted['fail']} failed · {counted['unknown']} unknown",
        )
    )
    return "\n".join(lines)


def _unknown(findings: list[Finding]) -> list[str]:
    """One line for all that could not be looked at for one reason."""
    checks: dict[str, list[str]] = {}
    for finding in findings:
        if finding.state == "unknown":
            checks.setdefault(finding.detail, []).append(finding.check)
    return [f"{_MARKS['unknown']} {', '.join(names)}: {detail}" for detail, names in checks.items()]


def _as_json(findings: list[Finding], *, ok: bool) -> str:
    return json.dumps({"ok": ok, "findings": [asdict(f) for f in findings]}, ensure_ascii=False, indent=2)
