from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sandbox.worlds import Client, options, serving


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    """A day of hours at a steady price, in lock-step."""
    async with serving(options(tmp_path)) as opened:
        yield opened
