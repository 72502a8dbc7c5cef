"""Thirty days of many stories, as reports and as CSV; `make reports` runs it, `make test` does not."""

from collections.abc import AsyncIterator

import pytest

from ledger.test_reports import assert_told_to_the_won
from ops.test_trades import Ask, ask, assert_exported_to_the_won  # noqa: F401 - a fixture
from web.story import Books, open_books


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(5))
async def test_thirty_days_to_the_won(books: Books, seed: int) -> None:
    await assert_told_to_the_won(books, days=30, seed=seed, step=3)


@pytest.mark.parametrize("seed", range(5))
def test_thirty_days_as_csv(ask: Ask, database_url: str, seed: int) -> None:  # noqa: F811 - a fixture
    assert_exported_to_the_won(ask, database_url, days=30, seed=seed, step=3)
