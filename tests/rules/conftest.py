import asyncio
import fcntl
from pathlib import Path

import pytest

from bongsu.ops.stack.alarm_tools import PROMTOOL, ensure, find
from rules.alert_rules import ROOT

TOOLS = ROOT / ".bongsu" / "tools"


@pytest.fixture(scope="session")
def promtool(run_directory: Path) -> Path:
    """On the PATH, else unpacked for this checkout; fetched by the first worker that needs it."""
    with (run_directory / "promtool.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        asyncio.run(ensure(TOOLS, print, (PROMTOOL,)))
    found = find(PROMTOOL, TOOLS)
    assert found is not None
    return found
