"""Takes out of a text what must never be shown, whoever wrote it: the shapes of secrets, and known values."""

import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from enum import StrEnum
from urllib.parse import quote, quote_plus, unquote

HIDDEN = "***"
_SHORTEST_VALUE = 6  # a shorter one would blank ordinary words
_SHORTEST_WORD = 12  # of lower-case letters alone: "postgres" cannot be told from the word
_SHORTEST_LINE = 16  # of a value of many lines, such as a key

# A value by its name: in quotes up to the closing one, else up to what ends a word. In the source of a JSON text a quote
# has a backslash before it, which is the quote's and not the value's.
_QUOTE = r"(?:\\*[\"'])"
_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_WORD = r"(?:[^\s\"',;&)}\\]|\\(?![\"'nrtu]))"
_NAMES = r"passwd|pwd|passphrase|secret|secret[_-]?key|access[_-]?key|api[_-]?key|token"

# No shape begins with a word boundary: on a terminal a colour code ends in a letter.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # private keys, whole or cut off, on lines or on one with the newlines written out, in a tree of exceptions
    (
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?:[A-Za-z0-9+/=\s|]|\\+[nr]|-(?!----BEGIN))*"),
        HIDDEN,
    ),
    # Telegram bot tokens, bare or inside a URL
    (re.compile(r"(?<!\d)\d{6,12}(?::|%3A)[A-Za-z0-9_-]{30,}", re.IGNORECASE), HIDDEN),
    (re.compile(r"(/bot)\d+(?::|%3A)[^/\s\"'\\]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # JWTs
    (re.compile(r"eyJ[A-Za-z0-9_-]{1,500}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), HIDDEN),
    # passwords of connection strings; the last @ before the host ends them
    (re.compile(r"([a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']*:)[^\s/\"']+(?=@)"), rf"\1{HIDDEN}"),
    # a DSN of Sentry has no password: its user is the key
    (re.compile(r"(https?://)[0-9a-f]{32}(?=@)"), rf"\1{HIDDEN}"),
    # webhooks whose path is the key
    (re.compile(r"(hooks\.slack\.com/[a-z]+/)[A-Za-z0-9_/-]+"), rf"\1{HIDDEN}"),
    (re.compile(r"(discord(?:app)?\.com/api/webhooks/)[A-Za-z0-9_/-]+"), rf"\1{HIDDEN}"),
    # values by their names: of a setting, in JSON, in a query, as a header
    (
        re.compile(rf"(password{_QUOTE}?\s*[=:]\s*)(?:{_QUOTED}|{_QUOTE}?{_WORD}+)", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"((?:{_NAMES})(?:=|{_QUOTE}\s*[:=]\s*(?={_QUOTE})))(?:{_QUOTED}|{_QUOTE}?{_WORD}{{6,}})",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"(authorization{_QUOTE}?\s*[=:,]\s*{_QUOTE}?(?:[a-z]+\s+)?){_WORD}{{6,}}", re.IGNORECASE
        ),
        rf"\1{HIDDEN}",
    ),
    (
        re.compile(
            rf"(x-[a-z-]{{0,20}}(?:key|token){_QUOTE}?\s*[=:]\s*{_QUOTE}?){_WORD}{{6,}}", re.IGNORECASE
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(Bearer\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"((?:(?<![A-Za-z])|(?<=\dm))sk-)[A-Za-z0-9_-]{16,}"), rf"\1{HIDDEN}"),
)
_UNBROKEN = re.compile(r"[^\s\"'<>\\]+")
_PLAIN = re.compile(r"[A-Za-z0-9_.+]{0,24}")  # a name, a figure: no shape is that simple, and most texts are
_DEEPEST = 3  # an address within an address within an address

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://([^/?#@:]*)(?::([^/?#]*))?@")
_BOT_TOKEN = re.compile(r"\d{6,12}:[A-Za-z0-9_-]{20,}")


class Known:
    """The secrets that this process has read, in each form in which a text may hold them."""

    def __init__(self) -> None:
        self._forms: tuple[str, ...] = ()

    def learn(self, secrets: Iterable[str]) -> None:
        found = {form for secret in secrets for form in _forms(secret) if not _is_ordinary(form)}
        # Longest first, so that none is left in pieces by a shorter one.
        self._forms = tuple(sorted(found.union(self._forms), key=len, reverse=True))

    def forget(self) -> None:
        self._forms = ()

    def hide(self, text: str) -> str:
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _forms(secret: str) -> Iterator[str]:
    """As it stands, as JSON and Python write it, as addresses and pages do."""
    for part in (secret, *_parts(secret)):
        yield from (
            part,
            json.dumps(part, ensure_ascii=False)[1:-1],
            json.dumps(part)[1:-1],
            repr(part)[1:-1],
        )
        yield from (quote(part, safe=""), quote(part), quote_plus(part))
        yield from (html.escape(part), html.escape(part, quote=False))


def _parts(secret: str) -> Iterator[str]:
    """What is a secret by itself: an address's password, or its user where that is the key; a bot token's key; a line."""
    if found := _ADDRESS.match(secret):
        scheme, user, password = found.groups()
        key = password or ("" if scheme.startswith("postgres") else user)
        yield from (key, unquote(key))
    if _BOT_TOKEN.fullmatch(secret):
        yield secret.partition(":")[2]
    lines = secret.splitlines()
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


def _is_ordinary(form: str) -> bool:
    is_word = form.isalpha() and form.islower() and len(form) < _SHORTEST_WORD
    return len(form) < _SHORTEST_VALUE or is_word


KNOWN = Known()


def redact(text: str) -> str:
    text = _take_out(text)
    return _UNBROKEN.sub(lambda found: _look_into(found[0]), text) if "%" in text else text


def _take_out(text: str) -> str:
    text = KNOWN.hide(text)
    if _PLAIN.fullmatch(text):
        return text
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    return text


def _look_into(word: str) -> str:
    """One that is percent-encoded is shown decoded where that shows a secret in it, without it; else as it is."""
    meant = word
    for _ in range(_DEEPEST if "%" in word else 0):
        meant = unquote(meant)
        if (clean := _take_out(meant)) != meant:
            return clean
    return word


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


def keep_out(text: str, sink: Sink) -> str:
    """The last line of defence: what `redact` still finds here has leaked, and is counted. Text made for the eye, where
    hiding is the design, takes `redact`.
    """
    clean = redact(text)
    if clean != text:
        REMOVALS.note(sink)
    return clean
