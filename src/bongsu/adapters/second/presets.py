"""What each service's webhook wants: its body, its limits, its markup."""

import base64
import re
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from bongsu.adapters.second.pieces import split
from bongsu.adapters.telegram.text import utf16_units
from bongsu.core.outgoing import Urgency

DISCORD_LIMIT = 2000  # characters of `content`
SLACK_LIMIT = 4000  # Slack's advice; it cuts off at 40,000
NTFY_LIMIT = 4096  # bytes; what is longer becomes an attachment
NTFY_TITLE = 200  # characters; a longer first line stays in the message

_BOLD = re.compile(r"(?<!\S)\*\*(?=[^\s*])([^\n]*?[^\s*])\*\*(?!\*)")
_NTFY_PRIORITIES = {Urgency.CRITICAL: "5", Urgency.WARNING: "4", Urgency.INFO: "3"}
_RULE = re.compile("^━+\n")


@dataclass(frozen=True, slots=True)
class Post:
    """One request: what httpx2 takes, by its names."""

    content: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Notice:
    """A message as the presets see it."""

    id: str
    text: str
    urgency: Urgency
    picture: bytes | None


class Preset(Protocol):
    @property
    def takes_pictures(self) -> bool: ...

    def posts(self, notice: Notice) -> list[Post]: ...


class Json:
    """For a program of the owner's: all we know, as it is."""

    takes_pictures = False

    def posts(self, notice: Notice) -> list[Post]:
        text = _plain(notice.text)
        body = {
            "source": "bongsu",
            "id": notice.id,
            "urgency": notice.urgency.value,
            "title": text.partition("\n")[0],
            "text": text,
        }
        return [Post({"json": body})]


class Discord:
    """`wait` makes it answer with the message; nobody is mentioned, whatever the text says."""

    takes_pictures = True

    def posts(self, notice: Notice) -> list[Post]:
        pieces = split(notice.text, DISCORD_LIMIT, lambda text: utf16_units(_discord(text)))
        bodies: list[dict[str, Any]] = [
            {"content": _discord(piece), "allowed_mentions": {"parse": []}} for piece in pieces
        ]
        posts = [Post({"json": body}, params={"wait": "true"}) for body in bodies]
        if notice.picture is not None:
            carried = {
                "data": {"payload_json": msgspec.json.encode(bodies[-1]).decode()},
                "files": {"files[0]": ("equity.png", notice.picture, "image/png")},
            }
            posts[-1] = Post(carried, params={"wait": "true"})
        return posts


class Slack:
    takes_pictures = False

    def posts(self, notice: Notice) -> list[Post]:
        pieces = split(notice.text, SLACK_LIMIT, lambda text: len(_slack(text)))
        return [Post({"json": {"text": _slack(p), "unfurl_links": False}}) for p in pieces]


class Ntfy:
    """The first line is the title, in a header that holds ASCII only."""

    takes_pictures = False

    def posts(self, notice: Notice) -> list[Post]:
        title, _, rest = _plain(notice.text).partition("\n")
        if not rest or len(title) > NTFY_TITLE:
            title, rest = "", _plain(notice.text)
        headers = {
            "Content-Type": "text/plain; charset=utf-8",
            "Priority": _NTFY_PRIORITIES[notice.urgency],
            **({"Title": _encoded(title)} if title else {}),
        }
        pieces = split(_RULE.sub("", rest), NTFY_LIMIT, lambda text: len(text.encode()))
        return [Post({"content": piece.encode()}, headers) for piece in pieces]


PRESETS: dict[str, Preset] = {"json": Json(), "discord": Discord(), "slack": Slack(), "ntfy": Ntfy()}


def _plain(text: str) -> str:
    return _BOLD.sub(r"\1", text)


_DISCORD_MARKS = re.compile(r"https?://\S+|[\\*_~`|]|^(?:[#>-]|\d+\.)", re.MULTILINE)


def _discord(text: str) -> str:
    """Its bold is ours; every other mark is a character like any."""
    spans = _BOLD.split(text)
    return "".join(
        f"**{_discord_escaped(span)}**" if index % 2 else _discord_escaped(span)
        for index, span in enumerate(spans)
    )


def _discord_escaped(text: str) -> str:
    return _DISCORD_MARKS.sub(
        lambda found: found[0] if len(found[0]) > 4 else f"{found[0][:-1]}\\{found[0][-1]}", text
    )


def _slack(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _BOLD.sub(r"*\1*", escaped)


def _encoded(text: str) -> str:
    """RFC 2047, where a header would not take it as it is."""
    if text.isascii() and text.isprintable():
        return text
    return f"=?UTF-8?B?{base64.b64encode(text.encode()).decode()}?="
