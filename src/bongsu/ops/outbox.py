"""What became of the messages, in the terminal; and those that were given up, sent again."""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bongsu.core.channels import CHANNEL_NAMES, TELEGRAM
from bongsu.core.facts import MessageResent
from bongsu.core.figures import kst_text
from bongsu.ledger.reading import Reading
from bongsu.ledger.store import Ledger
from bongsu.ops.language import say

MOST_AT_ONCE = 1000  # messages sent again by one command

Row = dict[str, Any]

_CHANNELS: dict[str, tuple[str, str]] = {
    TELEGRAM: ("텔레그램", "Telegram"),
    **{str(channel): names for channel, names in CHANNEL_NAMES.items()},
}
_STATES = {
    "pending": ("⏳ 대기", "⏳ waiting"),
    "held": ("🌙 모으는 중", "🌙 held"),
    "merged": ("📎 묶어서 전송", "📎 told together"),
    "sent": ("✅ 전송됨", "✅ sent"),
    "dead": ("❌ 포기함", "❌ given up"),
    "spared": ("· 필요 없음", "· not needed"),
}


async def list_messages(source: Reading, *, state: str | None, last: int, as_json: bool) -> int:
    """Newest last, as a terminal is read."""
    rows = (await _read(source, state=state, limit=last))[::-1]
    if as_json:
        print(_as_json(rows))
        return 0
    for row in rows:
        title = row["text"].partition("\n")[0]
        ways = " · ".join(_way(name, found) for name, found in _channels(row))
        print(f"#{row['id']:<5} {kst_text(row['created_at'])}  {title}\n       {ways}{_held(row)}")
    if not rows:
        print(say("해당하는 메시지가 없습니다.", "No such message."))
    return 0


async def show_message(source: Reading, number: int, *, as_json: bool) -> int:
    """1 when there is none of that number."""
    rows = await _read(source, number=number)
    if not rows:
        print(say(f"#{number} 메시지가 없습니다.", f"There is no message #{number}."), file=sys.stderr)
        return 1
    if as_json:
        print(_as_json(rows[0]))
        return 0
    row = rows[0]
    print(f"{row['text']}\n")
    for name, found in _channels(row):
        error = f"\n   {found['last_error']}" if found["last_error"] else ""
        print(f"{_way(name, found)} ({_tries(found['attempts'])}){error}")
    if row["told_in"]:
        told_in = row["told_in"]
        print(say(f"#{told_in} 에 묶여 있습니다.", f"It is told in #{told_in}."))
    return 0


async def resend(source: Reading, ledger: Ledger, numbers: Sequence[int], who: str) -> int:
    """Those that were given up; none named means all of them. 1 when a named one was not given up."""
    dead = await _read(source, state="dead", limit=MOST_AT_ONCE)
    wanted = [row for row in dead[::-1] if not numbers or row["id"] in numbers]
    for row in wanted:
        for name in _dead_on(row):
            if await ledger.record(MessageResent(row["id"], name, who)):
                print(f"#{row['id']} {say(*_CHANNELS[name])}: " + say("다시 보냅니다", "waits again"))
    left = set(numbers) - {row["id"] for row in wanted}
    for number in sorted(left):
        print(say(f"#{number}: 포기한 메시지가 아닙니다", f"#{number} was not given up"), file=sys.stderr)
    if not wanted and not left:
        print(say("포기한 메시지가 없습니다.", "No message was given up."))
    return 1 if left else 0


async def _read(
    source: Reading, *, number: int | None = None, state: str | None = None, limit: int = 1
) -> list[Row]:
    async with source.look() as view:
        return await view.all("outbox", id=number, state=state, limit=limit)


def _dead_on(row: Row) -> Iterable[str]:
    return [name for name, found in _channels(row) if found["state"] == "dead"]


def _channels(row: Row) -> list[tuple[str, Row]]:
    """Telegram first."""
    return [(name, row["channels"][name]) for name in _CHANNELS if name in row["channels"]]


def _way(name: str, found: Row) -> str:
    return f"{say(*_CHANNELS[name])} {say(*_STATES[found['state']])}"


def _held(row: Row) -> str:
    if row["channels"]["telegram"]["state"] != "held":
        return ""
    until = kst_text(row["hold_until"])
    return say(f" ({until}까지)", f" (until {until})")


def _tries(number: int) -> str:
    return say(f"{number}번 시도", f"{number} attempts")


def _as_json(found: Row | list[Row]) -> str:
    return json.dumps(found, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
