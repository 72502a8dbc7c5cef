"""Proofs, run by promtool: many rules files against the proof of one alert in one call."""

import re
import shutil
import subprocess
from pathlib import Path

from rules.alert_rules import PROOFS, RULES_FILE, Rule, rendered, siblings
from rules.mutants import Mutant

_VERDICT = re.compile(r"^Unit Testing:  (?P<proof>.+)$", re.MULTILINE)


def run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Both outputs in one, in order: promtool names the file on one of them and its failures on the other."""
    command = [promtool, *arguments]
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False
    )


def failures(promtool: Path, directory: Path, name: str, variants: list[list[Rule]]) -> list[str]:
    """What promtool has against each variant of the rules of that name; empty where the proof holds."""
    proofs = [_laid_out(directory / str(number), name, rules) for number, rules in enumerate(variants)]
    result = run(promtool, "test", "rules", *proofs)
    said = _VERDICT.split(result.stdout)[1:]
    verdicts = {path: text.strip() for path, text in zip(said[::2], said[1::2], strict=True)}
    assert verdicts.keys() == {str(proof) for proof in proofs}, result.stdout
    return ["" if verdicts[str(proof)] == "SUCCESS" else verdicts[str(proof)] for proof in proofs]


def survivors(promtool: Path, directory: Path, name: str, broken: list[Mutant]) -> list[str]:
    """The mutants that the proof did not notice. The rules themselves must pass it."""
    variants = [siblings(name), *(_with(mutant, name) for mutant in broken)]
    shipped, *verdicts = failures(promtool, directory, name, variants)
    assert shipped == "", shipped
    judged = list(zip(broken, verdicts, strict=True))
    no_rules = {str(mutant): verdict for mutant, verdict in judged if verdict and "exp:" not in verdict}
    assert no_rules == {}, "a mutant must still be a rule"
    return [str(mutant) for mutant, verdict in judged if not verdict]


def _with(mutant: Mutant, name: str) -> list[Rule]:
    """The rules of that name, the mutant in its place."""
    return [mutant.rule if rule is mutant.of else rule for rule in siblings(name)]


def _laid_out(directory: Path, name: str, rules: list[Rule]) -> Path:
    """The proof beside these rules only: the shipped file has dozens more, which cost time and prove nothing here."""
    tests = directory / PROOFS.name
    tests.mkdir(parents=True)
    (directory / RULES_FILE.name).write_text(rendered(rules), encoding="utf-8")
    return Path(shutil.copy(PROOFS / f"{name}.yaml", tests))
