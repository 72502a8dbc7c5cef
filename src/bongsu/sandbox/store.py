"""What the exchange remembers over a crash: one SQLite file in the world's directory."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

from bongsu.core.market import Market
from bongsu.core.money import Price, Volume
from bongsu.errors import CannotStart, WorldMismatch
from bongsu.sandbox.account import Holding
from bongsu.sandbox.book import BookSide, Depth
from bongsu.sandbox.mailbox import Mailbox
from bongsu.sandbox.orders import Order, Trade
from bongsu.sandbox.rows import microseconds, moment, order_from, order_row, trade_from, trade_row

FILE = "exchange.sqlite3"


@dataclass(frozen=True, slots=True)
class Flow:
    currency: str
    delta: Decimal
    at: datetime


def erase(directory: Path) -> None:
    """Raises CannotStart while somebody plays there."""
    path = directory / FILE
    if not path.exists():
        return
    with suppress(sqlite3.DatabaseError):  # broken: all the more to be erased
        _open(path).close()
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"{FILE}{suffix}").unlink(missing_ok=True)


def _open(path: Path) -> sqlite3.Connection:
    """Locked, for this process only. Raises CannotStart when another has it, sqlite3.DatabaseError when broken."""
    db = sqlite3.connect(path, isolation_level=None, timeout=2)
    try:
        db.executescript(
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "BEGIN IMMEDIATE; COMMIT;"  # takes the lock now, not with the first order
        )
    except sqlite3.OperationalError as refusal:
        db.close()
        played = "; another exchange plays this world, end it first" if "locked" in str(refusal) else ""
        raise CannotStart(f"{path}: {refusal}{played}") from None
    except BaseException:
        db.close()
        raise
    return db


class Store:
    """A transaction is on disk when it ends."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / FILE
        try:
            self._db = _open(self._path)
        except sqlite3.DatabaseError as broken:
            raise CannotStart(f"{self._path}: {broken}; erase this world with --fresh") from None
        self._db.row_factory = sqlite3.Row
        self._db.executescript(files("bongsu.sandbox").joinpath("schema.sql").read_text())
        self._add_columns()
        self.mailbox = Mailbox(self._db)

    def _add_columns(self) -> None:
        """To worlds made before the columns were."""
        there = {row["name"] for row in self._db.execute("PRAGMA table_info(orders)")}
        for name in ("prevented_volume", "prevented_locked"):
            if name not in there:
                self._db.execute(f"ALTER TABLE orders ADD COLUMN {name} TEXT NOT NULL DEFAULT '0'")

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # SQLite ends it itself when the disk is full
                self._db.execute("ROLLBACK")
            raise

    # -- the world ------------------------------------------------------------------------------

    def claim(self, world: str) -> bool:
        """Whether the world is new here. Raises WorldMismatch when another one lives in this directory."""
        found = self._meta("world")
        if found is None:
            self._save_meta("world", world)
        elif found != world:
            raise WorldMismatch(
                f"{self._path} holds world {found}, not {world}: start it with the source, seed, start, capital "
                "and fee it was made with, give another directory, or erase it with --fresh"
            )
        return found is None

    def played(self) -> datetime | None:
        """Up to where resting orders were played when something was last written."""
        return self._meta_time("played")

    def save_played(self, at: datetime) -> None:
        self._save_meta("played", str(microseconds(at)))

    def clock(self) -> datetime | None:
        """Nobody has been shown a later market time."""
        return self._meta_time("clock")

    def save_clock(self, at: datetime) -> None:
        """Outlives the process, though perhaps not a power cut: it is written too often to wait for the disk."""
        self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            self._save_meta("clock", str(microseconds(at)))
        finally:
            self._db.execute("PRAGMA synchronous = FULL")

    def _meta_time(self, name: str) -> datetime | None:
        text = self._meta(name)
        return None if text is None else moment(int(text))

    def _meta(self, name: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def _save_meta(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    # -- the account ----------------------------------------------------------------------------

    def holdings(self) -> list[Holding]:
        rows = self._db.execute("SELECT * FROM holdings")
        return [
            Holding(r["currency"], Decimal(r["free"]), Decimal(r["locked"]), Decimal(r["average_price"]))
            for r in rows
        ]

    def save_holding(self, holding: Holding) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO holdings VALUES (?, ?, ?, ?)",
            (holding.currency, str(holding.free), str(holding.locked), str(holding.average_price)),
        )

    def flows(self) -> list[Flow]:
        rows = self._db.execute("SELECT * FROM flows ORDER BY id")
        return [Flow(r["currency"], Decimal(r["delta"]), moment(r["at"])) for r in rows]

    def add_flow(self, flow: Flow) -> None:
        self._db.execute(
            "INSERT INTO flows (at, currency, delta) VALUES (?, ?, ?)",
            (microseconds(flow.at), flow.currency, str(flow.delta)),
        )

    # -- orders and trades ----------------------------------------------------------------------

    def burn(self, identifier: str) -> bool:
        """False when it has been used before."""
        done = self._db.execute("INSERT OR IGNORE INTO identifiers VALUES (?)", (identifier,))
        return done.rowcount == 1

    def save_order(self, order: Order) -> None:
        self._db.execute(
            f"INSERT OR REPLACE INTO orders VALUES ({','.join('?' * 20)})",  # noqa: S608 - question marks only
            order_row(order),
        )

    def add_trade(self, trade: Trade) -> None:
        self._db.execute(
            "INSERT INTO trades VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            trade_row(trade),
        )

    def last_order_seq(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM orders").fetchone()[0])

    def last_trade_seq(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM trades").fetchone()[0])

    def order_by_uuid(self, uuid: str) -> Order | None:
        return self._one("SELECT * FROM orders WHERE uuid = ?", uuid)

    def order_by_identifier(self, identifier: str) -> Order | None:
        return self._one("SELECT * FROM orders WHERE identifier = ?", identifier)

    def waiting_orders(self) -> list[Order]:
        return self._many("SELECT * FROM orders WHERE state = 'wait' ORDER BY seq")

    def closed_orders(self, start: datetime, end: datetime) -> list[Order]:
        """Created in [start, end], oldest first."""
        return self._many(
            "SELECT * FROM orders WHERE state <> 'wait' AND created_at BETWEEN ? AND ? ORDER BY seq",
            microseconds(start),
            microseconds(end),
        )

    def all_orders(self) -> list[Order]:
        return self._many("SELECT * FROM orders ORDER BY seq")

    def trades_of(self, order: Order) -> list[Trade]:
        rows = self._db.execute("SELECT * FROM trades WHERE order_seq = ? ORDER BY seq", (order.seq,))
        return [trade_from(row) for row in rows]

    def all_trades(self) -> list[Trade]:
        return [trade_from(row) for row in self._db.execute("SELECT * FROM trades ORDER BY seq")]

    def _one(self, query: str, *arguments: Any) -> Order | None:
        row = self._db.execute(query, arguments).fetchone()
        return None if row is None else order_from(row)

    def _many(self, query: str, *arguments: Any) -> list[Order]:
        return [order_from(row) for row in self._db.execute(query, arguments)]

    # -- consumed depth -------------------------------------------------------------------------

    def depth(self) -> Depth:
        depth = Depth()
        for r in self._db.execute("SELECT * FROM eaten"):
            price, volume = Price(Decimal(r["price"])), Volume(Decimal(r["volume"]))
            depth.eat(Market(r["market"]), moment(r["minute"]), r["side"], price, volume)
        return depth

    def save_eaten(
        self, market: Market, minute: datetime, side: BookSide, price: Decimal, volume: Decimal
    ) -> None:
        self._db.execute("DELETE FROM eaten WHERE minute <> ?", (microseconds(minute),))
        self._db.execute(
            "INSERT OR REPLACE INTO eaten VALUES (?, ?, ?, ?, ?)",
            (market, side, str(price.normalize()), microseconds(minute), str(volume)),
        )

    def hour_shares(self) -> dict[Market, tuple[datetime, Volume]]:
        rows = self._db.execute("SELECT * FROM hour_shares")
        return {Market(r["market"]): (moment(r["hour"]), Volume(Decimal(r["volume"]))) for r in rows}

    def save_hour_share(self, market: Market, hour: datetime, volume: Decimal) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO hour_shares VALUES (?, ?, ?)", (market, microseconds(hour), str(volume))
        )
