from pathlib import Path

import pytest

from alarms.trial import Tools
from bongsu.ops.stack.alarm_tools import PROMETHEUS, find
from bongsu.ops.stack.places import Places
from rules.conftest import promtool

__all__ = ["promtool"]


@pytest.fixture(scope="session")
def tools(promtool: Path) -> Tools:
    prometheus = find(PROMETHEUS, Places.from_environment().tools)
    assert prometheus is not None
    return Tools(prometheus, promtool)
