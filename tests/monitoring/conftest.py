from collections.abc import AsyncIterator

import pytest

from web.story import Books, open_books


@pytest.fixture(autouse=True)
def _wait_for_the_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a read takes longer than a scrape may wait for it."""
    monkeypatch.setattr("bongsu.monitoring.ledger_series.PATIENCE", 10.0)
    monkeypatch.setattr("bongsu.monitoring.telemetry.RENDERED_FOR", 0.0)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened
