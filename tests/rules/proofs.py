"""Proofs, run by promtool: many rules files against the proof of one alert in one call."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from rules.alert_rules import PROOFS, RULES_FILE, Rule, family, rendered
from rules.mutants import Mutant

_VERDICT = re.compile(r"^Unit Testing:  (?P<proof>.+)$", re.MULTILINE)


def run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Both outputs in one, in order: promtool names the file on one of them and its failures on the other."""
    command = [promtool, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )


def failures(
    promtool: Path, directory: Path, name: str, variants: list[list[Rule]], case: int | None = None
) -> list[str]:
    """What promtool has against each variant of the rules of that name; empty where the proof, or its one case, holds."""
    proof = _proof(name, case)
    proofs = [_laid_out(directory / str(number), name, proof, rules) for number, rules in enumerate(variants)]
    result = run(promtool, "test", "rules", *proofs)
    said = _VERDICT.split(result.stdout)[1:]
    verdicts = {path: text.strip() for path, text in zip(said[::2], said[1::2], strict=True)}
    assert verdicts.keys() == {str(proof) for proof in proofs}, result.stdout
    return ["" if verdicts[str(proof)] == "SUCCESS" else verdicts[str(proof)] for proof in proofs]


def survivors(promtool: Path, directory: Path, name: str, broken: list[Mutant]) -> list[str]:
    """The mutants that the proof did not notice. The rules themselves must pass it.

    Case by case: what one has noticed is spared the rest, and most are noticed by the first.
    """
    (shipped,) = failures(promtool, directory / "shipped", name, [family(name)])
    assert shipped == "", shipped
    left = broken
    for case in range(len(_proof(name)["tests"])):
        if left:
            variants = [_with(mutant, name) for mutant in left]
            verdicts = failures(promtool, directory / str(case), name, variants, case)
            judged = list(zip(left, verdicts, strict=True))
            no_rules = {
                str(mutant): verdict for mutant, verdict in judged if verdict and "exp:" not in verdict
            }
            assert no_rules == {}, "a mutant must still be a rule"
            left = [mutant for mutant, verdict in judged if not verdict]
    return [str(mutant) for mutant in left]


def _with(mutant: Mutant, name: str) -> list[Rule]:
    """The rules of that name and what they stand on, the mutant in its place."""
    return [mutant.rule if rule is mutant.of else rule for rule in family(name)]


def _proof(name: str, case: int | None = None) -> dict[str, Any]:
    """All its texts as they stand there: `0x60` is no number."""
    proof = dict(yaml.load((PROOFS / f"{name}.yaml").read_text(encoding="utf-8"), yaml.CBaseLoader))
    return proof if case is None else proof | {"tests": [proof["tests"][case]]}


def _laid_out(directory: Path, name: str, proof: dict[str, Any], rules: list[Rule]) -> Path:
    """The proof beside these rules only: the shipped file has dozens more, which cost time and prove nothing here."""
    tests = directory / PROOFS.name
    tests.mkdir(parents=True)
    (directory / RULES_FILE.name).write_text(rendered(rules), encoding="utf-8")
    (written := tests / f"{name}.yaml").write_text(json.dumps(proof), encoding="utf-8")  # which is YAML, too
    return written
