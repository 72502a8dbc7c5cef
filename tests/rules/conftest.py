import asyncio
import fcntl
from pathlib import Path

import pytest

from bongsu.ops.stack.alarm_tools import PROMTOOL, ensure, find
from bongsu.ops.stack.places import Places


@pytest.fixture(scope="session")
def promtool(run_directory: Path) -> Path:
    """On the PATH, else unpacked for this checkout; fetched by the first worker that needs it."""
    tools = Places.from_environment().tools
    with (run_directory / "promtool.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if find(PROMTOOL, tools) is None:
            asyncio.run(ensure(tools, print))
    found = find(PROMTOOL, tools)
    assert found is not None
    return found
