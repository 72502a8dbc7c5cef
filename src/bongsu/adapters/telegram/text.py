"""Our messages in Telegram's HTML: escaped, `**bold**` rendered, cut only where a message is too long for one."""

import html
import re
from dataclasses import dataclass

from bongsu.core.redaction import Sink, keep_out

LIMIT = 4096  # UTF-16 units; Telegram counts them after its markup is taken out, we count them with it
_PREFIX = len("(999/999)\n")
_BOLD = re.compile(r"(?<!\S)\*\*(?=[^\s*])([^\n]*?[^\s*])\*\*(?!\*)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TAGS = len("<b></b>")
_ESCAPED = {character: len(html.escape(character)) for character in "<&>"}


@dataclass(frozen=True, slots=True)
class Part:
    """One message, with markup and without."""

    html: str
    plain: str


@dataclass(frozen=True, slots=True)
class _Run:
    text: str
    bold: bool

    @property
    def html(self) -> str:
        escaped = html.escape(self.text, quote=False)
        return f"<b>{escaped}</b>" if self.bold else escaped


def render_parts(text: str) -> list[Part]:
    """Nothing is cut away but secrets: the parts, put together, hold every character. Lone surrogates become U+FFFD."""
    runs = _parse(_SURROGATE.sub("\ufffd", keep_out(text, Sink.MESSAGE)))
    if utf16_units("".join(run.html for run in runs)) <= LIMIT:
        return [_part("", runs)]
    pieces = _split(runs, LIMIT - _PREFIX)
    return [_part(f"({number}/{len(pieces)})\n", piece) for number, piece in enumerate(pieces, 1)]


def utf16_units(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


def _part(prefix: str, runs: list[_Run]) -> Part:
    return Part(prefix + "".join(run.html for run in runs), prefix + "".join(run.text for run in runs))


def _parse(text: str) -> list[_Run]:
    runs, end = [], 0
    for found in _BOLD.finditer(text):
        runs += [_Run(text[end : found.start()], bold=False), _Run(found[1], bold=True)]
        end = found.end()
    return [*runs, _Run(text[end:], bold=False)]


def _split(runs: list[_Run], limit: int) -> list[list[_Run]]:
    pieces: list[list[_Run]] = [[]]
    room = limit
    for run in runs:
        rest = run
        while rest.text:
            fitting = _fitting(rest, room)
            if fitting == len(rest.text):
                pieces[-1].append(rest)
                room -= utf16_units(rest.html)
                break
            cut = _cut(rest.text, fitting)
            if cut:
                pieces[-1].append(_Run(rest.text[:cut], rest.bold))
                rest = _Run(rest.text[cut:], rest.bold)
            pieces.append([])
            room = limit
    return pieces


def _fitting(run: _Run, room: int) -> int:
    """How many characters of the run fit."""
    room -= _TAGS if run.bold else 0
    for index, character in enumerate(run.text):
        room -= _ESCAPED.get(character) or utf16_units(character)
        if room < 0:
            return index
    return len(run.text)


def _cut(text: str, fitting: int) -> int:
    """After the last line or word that fits, unless that would leave the part half empty."""
    for gap in ("\n", " "):
        cut = text.rfind(gap, 0, fitting) + 1
        if cut > fitting // 2:
            return cut
    return fitting
