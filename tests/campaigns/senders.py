"""Senders as processes of their own, to be killed; and senders with one safety rule taken out."""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from bongsu.adapters.telegram import api
from bongsu.adapters.telegram.api import TOTAL_TIMEOUT
from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.core.outgoing import Outgoing
from bongsu.errors import NotDelivered
from bongsu.ledger import outbox
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.leases import Lease
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import Voice
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN
from bongsu.trading.sender import LONGEST_BACKOFF, PATIENCE, Sender

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["bongsu.app", "campaigns.senders"])


@dataclass(frozen=True)
class Pace:
    """What the senders are started with; the defaults are the shipped ones."""

    lease_seconds: float = 10.0
    pace: float = 1.0
    longest_backoff: float = LONGEST_BACKOFF
    patience: float = PATIENCE  # longer than the time-out, or a late answer would come after the next attempt
    timeout: float = TOTAL_TIMEOUT


@dataclass
class Role:
    """A process that may send: the scheduler takes the lease at its start, the backend while nobody holds it."""

    name: str
    preempts: bool
    database_url: str
    telegram: str
    log: Path
    pace: Pace
    broken: str = ""
    process: BaseProcess | None = None
    starts: int = 0

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.is_alive()

    @property
    def holder(self) -> str:
        """As the lease names it."""
        return f"{self.name}:{self.starts}"

    def start(self) -> None:
        self.starts += 1
        told = (
            self.holder,
            self.preempts,
            self.database_url,
            self.telegram,
            str(self.log),
            self.pace,
            self.broken,
        )
        self.process = _processes.Process(target=send, args=told, daemon=True)
        self.process.start()

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.pid is not None
        assert self.alive, f"it died by itself:\n{self.log.read_text()}"
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(60)


def send(
    holder: str, preempts: bool, database_url: str, telegram: str, log: str, pace: Pace, broken: str
) -> None:
    """The process: the shipped sender over the shipped outbox and channel, until it is killed."""
    stream = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    logging.basicConfig(level=logging.WARNING)
    logging.root.handlers[0].setFormatter(logging.Formatter("%(message)s %(error)s", defaults={"error": ""}))
    api.TOTAL_TIMEOUT = pace.timeout
    if broken:
        BROKEN[broken]()
    asyncio.run(_send(holder, preempts, database_url, telegram, pace))


async def _send(holder: str, preempts: bool, database_url: str, telegram: str, pace: Pace) -> None:
    database = Database(database_url, process="sender")
    await database.open()
    lease = Lease(database, "sender", holder, pace.lease_seconds)
    messenger = TelegramMessenger(telegram, SANDBOX_TOKEN, SANDBOX_CHAT, part_pause=pace.pace)
    await Sender(
        Outbox(database, lease, Telling(Voice("ko", "sandbox"))),
        messenger,
        lease,
        preempts=preempts,
        pace=pace.pace,
        longest_backoff=pace.longest_backoff,
        patience=pace.patience,
    ).run()


# --- what the safety rules prevent


def _without_order() -> None:
    statement = outbox._SQL["oldest"]
    assert "ORDER BY n.id\n" in statement
    outbox._SQL = {
        **outbox._SQL,
        "oldest": statement.replace("ORDER BY n.id\n", "ORDER BY md5(n.id::text)\n"),
    }


def _without_lease() -> None:
    """Everybody takes it, keeps it, and waits for nobody's attempt."""
    take_it = Lease.take

    async def take(self: Lease, *, by_force: bool = False) -> bool:
        return await take_it(self, by_force=True)

    async def renew(self: Lease) -> None:
        pass

    async def check(self: Lease, tx: Tx) -> int:
        return self.epoch or 0

    Lease.take = take  # type: ignore[method-assign]
    Lease.renew = renew  # type: ignore[method-assign]
    Lease.check = check  # type: ignore[method-assign]
    _without_patience()


def _without_retry() -> None:
    async def forget(self: Sender, message: Outgoing, failure: NotDelivered) -> float:
        await self._outbox.sent(message, "")
        return self._pace

    Sender._not_delivered = forget  # type: ignore[method-assign]


def _without_label() -> None:
    def as_it_is(letter: str, number: int, voice: Voice) -> str:
        return letter

    outbox.sent_again = as_it_is


def _without_patience() -> None:
    """Who takes over does not wait for an attempt that was begun."""
    before: Any = Outbox.next

    async def at_once(self: Outbox, *, pace: float, patience: float) -> Outgoing | None:
        found: Outgoing | None = await before(self, pace=pace, patience=0.0)
        return found

    Outbox.next = at_once  # type: ignore[method-assign,assignment]


BROKEN: dict[str, Callable[[], None]] = {
    "order": _without_order,
    "lease": _without_lease,
    "retry": _without_retry,
    "label": _without_label,
}
