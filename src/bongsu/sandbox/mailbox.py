"""Both sides of the Telegram stand-in's one chat: what the bot sent, and what waits to be fetched by it."""

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from bongsu.sandbox.rows import microseconds, moment

Buttons = list[list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Message:
    """`text` as the reader sees it, `source` as it was sent."""

    id: int
    at: datetime  # wall time
    market_time: datetime
    chat_id: str
    text: str
    source: str
    parse_mode: str | None
    buttons: Buttons
    pictured: bool


class Mailbox:
    """Transactions are the caller's, who owns the connection."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    # -- from the bot ---------------------------------------------------------------------------

    def add_message(
        self,
        *,
        market_time: datetime,
        chat_id: str,
        text: str,
        source: str,
        parse_mode: str | None,
        buttons: Buttons,
        photo: bytes | None = None,
    ) -> Message:
        at = datetime.now(UTC)
        done = self._db.execute(
            "INSERT INTO messages (at, market_time, chat_id, text, source, parse_mode) VALUES (?, ?, ?, ?, ?, ?)",
            (microseconds(at), microseconds(market_time), chat_id, text, source, parse_mode),
        )
        number = done.lastrowid or 0
        self._save_buttons(number, buttons)
        if photo is not None:
            self._db.execute("INSERT INTO photos VALUES (?, ?)", (number, photo))
        return Message(
            number, at, market_time, chat_id, text, source, parse_mode, buttons, pictured=photo is not None
        )

    def edit_message(
        self, number: int, text: str, source: str, parse_mode: str | None, buttons: Buttons
    ) -> None:
        self._db.execute(
            "UPDATE messages SET text = ?, source = ?, parse_mode = ? WHERE id = ?",
            (text, source, parse_mode, number),
        )
        self._db.execute("DELETE FROM keyboards WHERE message_id = ?", (number,))
        self._save_buttons(number, buttons)

    def _save_buttons(self, number: int, buttons: Buttons) -> None:
        if buttons:
            rows = msgspec.json.encode(buttons).decode()
            self._db.execute("INSERT INTO keyboards VALUES (?, ?)", (number, rows))

    def messages(self, after: int, limit: int) -> list[Message]:
        rows = self._db.execute(f"{_MESSAGES} WHERE m.id > ? ORDER BY m.id LIMIT ?", (after, limit))
        return [_message(row) for row in rows]

    def message(self, number: int) -> Message | None:
        row = self._db.execute(f"{_MESSAGES} WHERE m.id = ?", (number,)).fetchone()
        return None if row is None else _message(row)

    def photo(self, number: int) -> bytes | None:
        row = self._db.execute("SELECT content FROM photos WHERE message_id = ?", (number,)).fetchone()
        return None if row is None else bytes(row["content"])

    # -- to the bot -----------------------------------------------------------------------------

    def add_update(self, kind: str, body: dict[str, Any]) -> int:
        """Answers its number."""
        done = self._db.execute(
            "INSERT INTO updates (kind, body) VALUES (?, ?)", (kind, msgspec.json.encode(body).decode())
        )
        return done.lastrowid or 0

    def updates(self, kinds: list[str] | None, limit: int) -> list[dict[str, Any]]:
        """Those not confirmed, oldest first; all kinds when None."""
        rows = self._db.execute("SELECT * FROM updates ORDER BY id").fetchall()
        wanted = [row for row in rows if kinds is None or row["kind"] in kinds][:limit]
        return [{"update_id": r["id"], r["kind"]: msgspec.json.decode(r["body"])} for r in wanted]

    def confirm_updates(self, before: int) -> None:
        """They are never fetched again."""
        self._db.execute("DELETE FROM updates WHERE id < ?", (before,))


_MESSAGES = (
    "SELECT m.*, k.rows AS buttons, p.message_id AS pictured FROM messages m"
    " LEFT JOIN keyboards k ON k.message_id = m.id LEFT JOIN photos p ON p.message_id = m.id"
)


def _message(row: sqlite3.Row) -> Message:
    return Message(
        row["id"],
        moment(row["at"]),
        moment(row["market_time"]),
        row["chat_id"],
        row["text"],
        row["source"],
        row["parse_mode"],
        msgspec.json.decode(row["buttons"]) if row["buttons"] else [],
        row["pictured"] is not None,
    )
