"""Connections and transactions; here a lost database becomes LedgerUnavailable."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection, sql
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from bongsu.errors import LedgerUnavailable
from bongsu.ledger.last_filter import keep_secrets_out

Tx = AsyncConnection[DictRow]

_TRUSTED = 1.0  # seconds

_SESSION = {
    "application_name": "bongsu",
    "connect_timeout": "5",
    # A leader that was stopped inside a transaction must not hold its locks for ever.
    "options": "-c statement_timeout=5s -c idle_in_transaction_session_timeout=10s -c timezone=UTC",
}


class Database:
    """A pool of one process. `observe` may be set to hear of each transaction: its operation and seconds."""

    def __init__(self, url: str, *, process: str, max_connections: int = 5) -> None:
        self.observe: Callable[[str, float], None] = _unobserved
        self._pool: AsyncConnectionPool[Tx] = AsyncConnectionPool(
            url,
            kwargs={**_SESSION, "application_name": f"bongsu-{process}", "row_factory": dict_row},
            min_size=1,
            max_size=max_connections,
            timeout=5,
            max_lifetime=3600,
            reconnect_timeout=3,  # its back-off doubles: a longer one would keep us away after the server is back
            configure=keep_secrets_out,
            check=self._check,
            open=False,
        )
        self._url = url
        self.answers = False  # whether the last transaction was answered
        self._failed_at = float("-inf")

    async def open(self) -> None:
        """Does not wait for the server: an absent one shows at the first transaction."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close(timeout=2)

    @property
    def connections(self) -> tuple[int, int, int]:
        """In use, idle, and the limit."""
        stats = self._pool.get_stats()
        size, idle = stats.get("pool_size", 0), stats.get("pool_available", 0)
        return size - idle, idle, self._pool.max_size

    @asynccontextmanager
    async def transaction(self, operation: str) -> AsyncIterator[Tx]:
        """Commits at the end. Raises LedgerUnavailable when the server is away; then nothing was written,
        or, when the answer to the commit was lost, everything: the caller's writes must bear being done twice."""
        async with self._connected(operation) as connection:
            yield connection

    @asynccontextmanager
    async def reading(self, operation: str) -> AsyncIterator[Tx]:
        """Each statement is a transaction of its own, with nothing sent around it: a far server is waited for once."""
        async with self._connected(operation) as connection:
            await connection.set_autocommit(True)
            try:
                yield connection
            finally:
                if (
                    connection.info.transaction_status is TransactionStatus.IDLE
                ):  # else the pool throws it away
                    await connection.set_autocommit(False)

    @asynccontextmanager
    async def _connected(self, operation: str) -> AsyncIterator[Tx]:
        began = time.monotonic()
        try:
            async with self._pool.connection() as connection:
                yield connection
            self.answers = True
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            self._failed_at = time.monotonic()
            self.answers = isinstance(error, psycopg.errors.QueryCanceled)
            raise LedgerUnavailable(f"{operation}: {type(error).__name__}: {error}") from error
        finally:
            self.observe(operation, time.monotonic() - began)

    async def _check(self, connection: Tx) -> None:
        """A connection that answered a moment ago is not asked again, unless another has failed since.

        The pool replaces one that fails here.
        """
        now = time.monotonic()
        if getattr(connection, "bongsu_checked_at", 0.0) < max(now - _TRUSTED, self._failed_at):
            await AsyncConnectionPool.check_connection(connection)
        connection.bongsu_checked_at = now  # type: ignore[attr-defined]

    async def listen(self, channel: str, wake: Callable[[], Any]) -> None:
        """Calls `wake` for each NOTIFY, for ever; comes back by itself after a lost connection."""
        while True:
            try:
                connection = await AsyncConnection.connect(
                    self._url, autocommit=True, connect_timeout=5, application_name=f"bongsu-listen-{channel}"
                )
                async with connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    wake()  # what was said while nobody listened
                    async for _ in connection.notifies():
                        wake()
            except psycopg.OperationalError:
                await asyncio.sleep(1)


def _unobserved(_operation: str, _seconds: float) -> None:
    pass
