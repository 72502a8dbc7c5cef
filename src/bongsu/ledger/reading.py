"""What the API and the status page read. Rows come as the statements name their columns."""

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from psycopg.errors import UndefinedColumn, UndefinedTable

from bongsu.core.report import Report, Span
from bongsu.errors import LedgerUnavailable
from bongsu.ledger import export, projection, reports
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.queries import load

_SQL = load("reading")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row of a page: the next one begins after it. Lists in order of an id alone have no `at`."""

    at: datetime | None
    id: str

    def __str__(self) -> str:
        text = f"{self.at.isoformat() if self.at else ''}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(text: str) -> Cursor:
    """Raises ValueError for anything that is no cursor of ours."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not a cursor") from error
    at, separator, key = plain.partition("|")
    if not separator or not key:
        raise ValueError("not a cursor")
    return Cursor(datetime.fromisoformat(at) if at else None, key)


@dataclass(frozen=True, slots=True)
class Listing:
    """A paged statement with the columns that order it, newest first."""

    statement: str
    id_column: str
    at_column: str | None = None
    id_type: type = str

    def cursor_of(self, row: Row) -> Cursor:
        return Cursor(row[self.at_column] if self.at_column else None, str(row[self.id_column]))

    def accepts(self, cursor: Cursor) -> bool:
        """Whether the cursor came from a list of this kind."""
        try:
            self.id_type(cursor.id)
        except ValueError:
            return False
        return (cursor.at is None) == (self.at_column is None)


TRADES = Listing("trades", "uuid", "created_at", UUID)
ORDERS = Listing("orders", "identifier", "at", UUID)
DECISIONS = Listing("decisions", "id", "at", UUID)
EQUITY_CURVE = Listing("equity_curve", "at", "at")
ALERTS = Listing("alerts", "fingerprint", "starts_at")
JOB_RUNS = Listing("job_runs", "id", id_type=int)
NOTIFICATIONS = Listing("notifications", "id", id_type=int)
EVENTS = Listing("events", "id", id_type=int)


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Row]
    next: Cursor | None


class View:
    """One consistent look at the ledger: all its reads see the same moment."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    async def all(self, statement: str, **values: Any) -> list[Row]:
        return await (await self._tx.execute(_SQL[statement], values)).fetchall()

    async def one(self, statement: str, **values: Any) -> Row | None:
        return await (await self._tx.execute(_SQL[statement], values)).fetchone()

    async def page(
        self, listing: Listing, *, limit: int, after: Cursor | None = None, **filters: Any
    ) -> Page:
        """`filters` names every filter of the statement; None lets everything pass."""
        cursor = {"cursor_at": after.at if after else None, "cursor_id": after.id if after else None}
        rows = await self.all(listing.statement, limit=limit + 1, **cursor, **filters)
        more = len(rows) > limit
        return Page(rows[:limit], listing.cursor_of(rows[limit - 1]) if more else None)

    async def report(self, span: Span, day: date | None, day_start: time) -> Report | reports.Missing:
        return await reports.find(self._tx, span, day, day_start)

    async def account(self, since: datetime, until: datetime) -> export.Account:
        return await export.read(self._tx, since, until)

    async def idle_reasons(self, lease_seconds: float) -> list[Row]:
        return await projection.idle_reasons(self._tx, lease_seconds)


class Reading:
    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def look(self) -> AsyncIterator[View]:
        """Raises LedgerUnavailable, also where the tables are not there."""
        try:
            async with self._database.transaction("show") as tx:
                await tx.execute(_SQL["consistent"])
                yield View(tx)
        except (UndefinedTable, UndefinedColumn) as error:
            raise LedgerUnavailable(f"the schema does not fit this program: {error}") from error
