"""What the local Telegram stand-in received, in the terminal."""

import json
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from bongsu.core.figures import kst_text
from bongsu.ops.language import say
from bongsu.ops.running import NoAnswer, fetch, find_addresses, tell
from bongsu.ops.stack.places import Places

_PAGE = 500
_FOLLOW_SECONDS = 1.0
_ANSWER_SECONDS = 10.0
_PHONE = 52  # columns
_COLOURS = {
    "🤖": "green",
    "✅": "green",
    "▶": "green",
    "⚠": "yellow",
    "🟠": "yellow",
    "🔴": "red",
    "🛑": "red",
    "📊": "cyan",
}

Message = dict[str, Any]


def show_inbox(*, follow: bool = False, as_json: bool = False, last: int = 20) -> int:
    """The `last` messages, oldest first, and with `follow` those that come, until Ctrl-C. 1 when nobody answers."""
    url = f"{find_addresses(Places.from_environment()).exchange}/sandbox/inbox"
    try:
        seen = 0
        newest = deque(_received(url, seen), maxlen=last)
        show(list(newest), as_json=as_json, streaming=follow)
        if newest:
            seen = newest[-1]["id"]
        elif not as_json:
            print(say("받은 메시지가 아직 없습니다.", "No message yet."))
        while follow:
            time.sleep(_FOLLOW_SECONDS)
            for message in _received(url, seen):
                seen = message["id"]
                show([message], as_json=as_json, streaming=True)
    except NoAnswer as why:
        print(
            say(
                f"로컬 수신함을 열 수 없습니다: {why}\n시작: make up",
                f"The local inbox cannot be opened: {why}\nStart: make up",
            ),
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        pass
    return 0


def say_to_bot(text: str) -> int:
    """Types into the local chat and shows what came back. 1 when nobody answers."""
    url = f"{find_addresses(Places.from_environment()).exchange}/sandbox"
    try:
        newest = deque(_received(f"{url}/inbox", 0), maxlen=1)
        after = newest[0]["id"] if newest else 0
        typed = tell(f"{url}/chat/type", {"text": text})
        deadline = time.monotonic() + _ANSWER_SECONDS
        while typed.is_success and time.monotonic() < deadline:
            if answers := list(_received(f"{url}/inbox", after)):
                show(answers, as_json=False, streaming=True)
                return 0
            time.sleep(_FOLLOW_SECONDS / 5)
    except NoAnswer as why:
        print(why, file=sys.stderr)
        return 1
    print(say("답이 없습니다. bongsu logs backend", "No answer. bongsu logs backend"), file=sys.stderr)
    return 1


def show(messages: list[Message], *, as_json: bool, streaming: bool) -> None:
    """JSON is one array, or while `streaming` one object a line."""
    if as_json and not streaming:
        print(json.dumps(messages, ensure_ascii=False, indent=2))
        return
    console = Console(highlight=False)
    for message in messages:
        if as_json:
            print(json.dumps(message, ensure_ascii=False), flush=True)
        elif console.is_terminal:
            console.print(_bubble(message))
        else:
            print(f"[{message['id']}] {_received_at(message)}\n{message['text']}\n", flush=True)


def _received(url: str, after: int) -> Iterator[Message]:
    while page := fetch(url, after=after, limit=_PAGE):
        yield from page
        after = page[-1]["id"]


def _bubble(message: Message) -> Panel:
    colour = next((c for mark, c in _COLOURS.items() if message["text"].startswith(mark)), "blue")
    return Panel(
        Text(message["text"]),
        width=_PHONE,
        border_style=colour,
        subtitle=f"{_received_at(message)} · {message['id']}",
        subtitle_align="right",
    )


def _received_at(message: Message) -> str:
    return kst_text(datetime.fromisoformat(message["at"]))
