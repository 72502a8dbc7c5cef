"""Every mutant of every rule: `make mutants`. The test suite itself runs one of each kind."""

from pathlib import Path

import pytest

from rules.alert_rules import NAMES, family
from rules.mutants import mutants
from rules.proofs import survivors


@pytest.mark.parametrize("name", NAMES)
def test_every_mutant_fails_the_proof(promtool: Path, tmp_path: Path, name: str) -> None:
    broken = [mutant for rule in family(name) for mutant in mutants(rule)]
    print(f"{name}: {len(broken)} mutants")
    assert survivors(promtool, tmp_path, name, broken) == []
