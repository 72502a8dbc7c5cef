"""Series start at 0, and a new process starts whatever the old one left half done."""

import asyncio

import psycopg

from bongsu.ledger import counters
from bongsu.ledger.database import Database

MARKETS = ("KRW-ETH",)


async def initialise(url: str, markets: tuple[str, ...] = MARKETS) -> None:
    database = Database(url, process="test")
    await database.open()
    try:
        async with database.transaction("upkeep") as tx:
            await counters.initialise(tx, markets)
    finally:
        await database.close()


def test_a_start_does_not_wait_for_a_writer_that_hangs(database_url: str) -> None:
    """A stopped leader may sit in the middle of its transaction: its heir must not wait for it."""
    asyncio.run(initialise(database_url))
    with psycopg.connect(database_url) as hanging:
        hanging.execute("UPDATE metric_counter SET value = value + 1")
        asyncio.run(asyncio.wait_for(initialise(database_url, (*MARKETS, "KRW-BTC")), 60))
        hanging.rollback()
    with psycopg.connect(database_url) as after:
        found = after.execute(
            "SELECT DISTINCT labels->>'symbol' FROM metric_counter WHERE name = 'trades_total'"
        )
        assert {row[0] for row in found} == {"KRW-ETH", "KRW-BTC"}


def test_what_was_counted_stays(database_url: str) -> None:
    asyncio.run(initialise(database_url))
    with psycopg.connect(database_url) as writer:
        writer.execute("UPDATE metric_counter SET value = 7 WHERE name = 'trades_total'")
    asyncio.run(initialise(database_url))
    with psycopg.connect(database_url) as after:
        values = after.execute(
            "SELECT DISTINCT value FROM metric_counter WHERE name = 'trades_total'"
        ).fetchall()
    assert values == [(7,)]
