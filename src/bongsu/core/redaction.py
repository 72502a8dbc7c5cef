"""Takes out of a text what must never be shown, whoever wrote it: the shapes of secrets, and known values."""

import re
from collections.abc import Iterable

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
