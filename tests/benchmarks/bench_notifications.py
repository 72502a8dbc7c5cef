"""`make bench`: how long a message takes from its event to the chat, when all is well. Printed, never asserted."""

import asyncio
import random
import statistics
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from campaigns.events import Teller
from campaigns.senders import Pace, Role
from stand_in import StandIn, running_stand_in
from web.story import open_books

EVENTS = 150
APART = (1.2, 1.8)  # seconds; closer ones wait for the second between two messages
BURST = 5


async def test_from_the_event_to_the_chat(tmp_path: Path, database_url: str) -> None:
    with running_stand_in(tmp_path / "telegram") as telegram:
        sender = Role("scheduler", True, database_url, f"{telegram.url}/telegram", tmp_path / "log", Pace())
        sender.start()
        try:
            alone = await _measured(database_url, telegram, EVENTS, APART)
            together = await _measured(database_url, telegram, BURST, (0.0, 0.0), mark="T")
        finally:
            sender.kill()
    cuts = statistics.quantiles(alone, n=100)
    table = Table("figure", "measured", title=f"From the event to the chat, {EVENTS} events")
    spread = f"{cuts[49] * 1e3:.0f} / {cuts[98] * 1e3:.0f} / {max(alone) * 1e3:.0f}"
    table.add_row("one at a time, p50 / p99 / slowest ms", spread)
    table.add_row(f"the last of {BURST} at once, s", f"{max(together):.1f}")
    Console(width=100).print(table)


async def _measured(
    database_url: str, telegram: StandIn, number: int, apart: tuple[float, float], mark: str = "L"
) -> list[float]:
    """Seconds from before the event is recorded until the stand-in has its message."""
    chance, began = random.Random(1), list[datetime]()
    async with open_books(database_url) as books:
        teller = Teller(books, books.ledger, chance, mark)
        for _ in range(number):
            began.append(datetime.now(UTC))
            await teller.tell("error")
            await asyncio.sleep(chance.uniform(*apart))
        await _all_sent(database_url)
    names = [f"Error{mark}{n:03}" for n in range(1, number + 1)]
    arrived = {name: message.at for message in telegram.received() for name in names if name in message.text}
    return [(arrived[name] - at).total_seconds() for name, at in zip(names, began, strict=True)]


async def _all_sent(database_url: str) -> None:
    deadline = time.monotonic() + 60
    with psycopg.connect(database_url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM notifications WHERE state = 'pending'").fetchone():
            assert time.monotonic() < deadline, "not sent"
            await asyncio.sleep(0.1)
