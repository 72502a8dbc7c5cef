"""Thirty days of many stories; `make reports` runs it, `make test` does not."""

from collections.abc import AsyncIterator

import pytest

from ledger.test_reports import assert_told_to_the_won
from web.story import Books, open_books


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        yield opened


@pytest.mark.parametrize("seed", range(5))
async def test_thirty_days_to_the_won(books: Books, seed: int) -> None:
    await assert_told_to_the_won(books, days=30, seed=seed, step=3)
