import shutil
from pathlib import Path

import pytest

from rules.alert_rules import ROOT


@pytest.fixture(scope="session")
def promtool() -> Path:
    """As `make test` provides it: on the PATH, or unpacked beneath .bongsu/tools."""
    on_path = shutil.which("promtool")
    found = [Path(on_path)] if on_path else sorted((ROOT / ".bongsu" / "tools").glob("**/promtool"))
    if not found:
        pytest.fail("promtool is missing: `make test` fetches it (Debian package prometheus)")
    return found[0]
