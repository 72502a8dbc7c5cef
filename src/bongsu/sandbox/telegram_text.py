"""What Telegram takes as a text and as buttons, and its own words for what it does not take."""

import html
import re

import msgspec

from bongsu.errors import BongsuError

MAX_TEXT = 4096  # UTF-16 code units, counted after the markup is taken out
MAX_CAPTION = 1024
_MAX_BUTTON_BYTES = 64
_MAX_BUTTONS = 100
_STYLES = ("b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "tg-spoiler")
_TAGS = frozenset((*_STYLES, "a", "code", "pre", "blockquote", "tg-emoji"))
_TOKEN = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)((?:\s[^<>]*)?)>")


class Declined(BongsuError):
    """As the Bot API declines: a status and a description."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


def bad_request(reason: str) -> Declined:
    return Declined(400, f"Bad Request: {reason}")


def shown(source: str, parse_mode: object) -> str:
    """The text as its reader sees it. Raises Declined."""
    text = _read(source, parse_mode)
    if not text:
        raise bad_request("message text is empty")
    if units(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return text


def caption(source: str, parse_mode: object) -> str:
    """As `shown`, for what stands below a picture: it may be empty. Raises Declined."""
    text = _read(source, parse_mode)
    if units(text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    return text


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def keyboard(markup: object) -> list[list[dict[str, str]]]:
    """The buttons below a message: we use those that send their `callback_data` back. Raises Declined."""
    if markup is None or markup == "":
        return []
    try:
        asked = msgspec.json.decode(markup) if isinstance(markup, str) else markup
        rows = msgspec.convert(asked, _Keyboard).inline_keyboard
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise bad_request("can't parse reply keyboard markup JSON object") from None
    if sum(map(len, rows)) > _MAX_BUTTONS:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    for button in (button for row in rows for button in row):
        if not button.text.strip():
            raise bad_request("inline keyboard button text must be non-empty")
        if not 1 <= len(button.word.encode()) <= _MAX_BUTTON_BYTES:
            raise bad_request("BUTTON_DATA_INVALID")
    kept: list[list[dict[str, str]]] = msgspec.to_builtins([row for row in rows if row])
    return kept


class _Button(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    word: str = msgspec.field(name="callback_data")


class _Keyboard(msgspec.Struct, forbid_unknown_fields=True):
    inline_keyboard: list[list[_Button]]


class _BotCommand(msgspec.Struct, forbid_unknown_fields=True):
    command: str
    description: str


def menu(commands: object) -> list[dict[str, str]]:
    """The commands a client shows beside its text field. Raises Declined."""
    try:
        asked = msgspec.json.decode(commands) if isinstance(commands, str) else commands
        rows = msgspec.convert(asked, list[_BotCommand])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise bad_request("can't parse commands JSON array") from None
    if len(rows) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for row in rows:
        if not re.fullmatch(r"/?[a-z0-9_]{1,32}", row.command):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(row.description.strip()) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return [{"command": row.command.lstrip("/"), "description": row.description} for row in rows]


def _read(source: str, parse_mode: object) -> str:
    if parse_mode not in (None, "", "HTML"):
        raise bad_request("unsupported parse_mode")
    _encodable(source)
    return (_without_markup(source) if parse_mode == "HTML" else source).strip()


def _encodable(source: str) -> None:
    try:
        source.encode()
    except UnicodeEncodeError:
        raise bad_request("strings must be encoded in UTF-8") from None


def _without_markup(source: str) -> str:
    text: list[str] = []
    open_tags: list[str] = []
    position = 0
    while (found := source.find("<", position)) >= 0:
        text.append(html.unescape(source[position:found]))
        position = _step_over_tag(source, found, open_tags)
    if open_tags:
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{open_tags[-1]}"')
    text.append(html.unescape(source[position:]))
    return "".join(text)


def _step_over_tag(source: str, start: int, open_tags: list[str]) -> int:
    """Where the text goes on."""
    offset = len(source[:start].encode())
    tag = _TOKEN.match(source, start)
    if tag is None:
        raise _unparsable(f'Unsupported start tag "{source[start + 1 : start + 11]}" at byte offset {offset}')
    closing, name = bool(tag[1]), tag[2].lower()
    if not closing:
        if name not in _TAGS or (name == "span" and 'class="tg-spoiler"' not in tag[3]):
            raise _unparsable(f'Unsupported start tag "{name}" at byte offset {offset}')
        open_tags.append(name)
    elif not open_tags:
        raise _unparsable(f"Unexpected end tag at byte offset {offset}")
    elif open_tags[-1] != name:
        expected = f'expected "</{open_tags[-1]}>", found "</{name}>"'
        raise _unparsable(f"Unmatched end tag at byte offset {offset}, {expected}")
    else:
        open_tags.pop()
    return tag.end()


def _unparsable(reason: str) -> Declined:
    return bad_request(f"can't parse entities: {reason}")
