"""Takes out of a text what must never be shown, whoever wrote it: the shapes of secrets, and known values."""

import re
import threading
from collections.abc import Iterable
from enum import StrEnum

HIDDEN = "***"
_SHORTEST_VALUE = 6  # a shorter one would blank ordinary words

# No shape begins with a word boundary: on a terminal a colour code ends in a letter.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # Telegram bot tokens, bare or inside a URL
    (re.compile(r"(?<!\d)\d{6,12}:[A-Za-z0-9_-]{30,}"), HIDDEN),
    (re.compile(r"(/bot)\d+(?::|%3A)[^/\s\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # JWTs
    (re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
    # passwords of connection strings; the last @ before the host ends them
    (re.compile(r"([a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']*:)[^\s/\"']+(?=@)"), rf"\1{HIDDEN}"),
    (re.compile(r"(password[\"']?\s*[=:]\s*[\"']?)[^\s\"',;)}]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(Bearer\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"((?:(?<![A-Za-z])|(?<=\dm))sk-)[A-Za-z0-9_-]{16,}"), rf"\1{HIDDEN}"),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`secrets` are hidden as they stand, longest first, so that none is left in pieces by a shorter one."""
    for secret in sorted((s for s in secrets if len(s) >= _SHORTEST_VALUE), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


class Sink(StrEnum):
    """Where a text stays, or goes, that must hold no secret when it gets there."""

    LOG = "log"
    LEDGER = "ledger"
    MESSAGE = "message"


class Removals:
    """Texts that a secret had come into. Lives in the process: a log is written where there may be no database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[str, int] = dict.fromkeys(map(str, Sink), 0)

    def note(self, sink: Sink) -> None:
        with self._lock:
            self._texts[sink] += 1

    def by_sink(self) -> dict[str, int]:
        with self._lock:
            return dict(self._texts)


REMOVALS = Removals()


def keep_out(text: str, sink: Sink, secrets: Iterable[str] = ()) -> str:
    """The last line of defence: what `redact` still finds here has leaked, and is counted. Text made for the eye, where
    hiding is the design, takes `redact`.
    """
    clean = redact(text, secrets)
    if clean != text:
        REMOVALS.note(sink)
    return clean
