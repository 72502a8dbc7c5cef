"""The owner's `.env`, changed in place: comments, order and every other line stay as they were."""

import io
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import parse_stream

_PRIVATE = 0o600
_OTHERS = 0o007

# A value ends where its quotes do, or before a blank and `#`, or with the line.
_ASSIGNMENT = re.compile(
    r"""(?P<head>\s*(?:export[^\S\r\n]+)?[^\s=#]+[^\S\r\n]*=[^\S\r\n]*)"""
    r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\r\n]*?)"""
    r"""(?P<tail>[^\S\r\n]*(?:(?<=\s)\#[^\r\n]*)?(?:\r\n|\n|\r)?)""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Saved:
    """`backup` is None where nothing had to be changed, or there was no file. `narrowed`: others could read it before."""

    backup: Path | None
    narrowed: bool


def read_values(text: str) -> dict[str, str]:
    """As the settings read them, by upper-case name; empty ones are left out."""
    found = dotenv_values(stream=io.StringIO(text))
    return {name.upper(): value for name, value in found.items() if value}


def change(text: str, values: Mapping[str, str]) -> str:
    """Each of `values` takes the place of the assignment that counts, the last of its name; new ones come at the end.

    The values are plain words: nothing in them needs quotes.
    """
    parts = [(binding.key, binding.original.string) for binding in parse_stream(io.StringIO(text))]
    last = {key.upper(): number for number, (key, _) in enumerate(parts) if key is not None}
    pieces = [piece for _, piece in parts]
    for name, value in values.items():
        if name in last:
            pieces[last[name]] = _assign(pieces[last[name]], name, value)
        else:
            pieces.append(f"{_line_break(pieces)}{name}={value}{_ending(text)}")
    return "".join(pieces)


def _assign(piece: str, name: str, value: str) -> str:
    found = _ASSIGNMENT.fullmatch(piece)
    if found is None:  # a name without a value
        blank = piece[: len(piece) - len(piece.lstrip())]
        return f"{blank}{name}={value}{piece[len(piece.rstrip()) :]}"
    return f"{found['head']}{value}{found['tail']}"


def _ending(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_break(pieces: list[str]) -> str:
    """What ends the last line where it has no end."""
    before = "".join(pieces[-1:])
    return "" if not before or before.endswith(("\n", "\r")) else _ending("".join(pieces))


def save(path: Path, values: Mapping[str, str]) -> Saved:
    """Replaces the file at once by one that its owner alone can read, or a group that was given it alone.

    The file before stands beside it as `.bak`, as closed. Raises OSError and UnicodeDecodeError; then it is as it was.
    """
    path = path.resolve()  # a link stays a link
    if not path.exists():
        _write(path, change("", values), _PRIVATE)
        return Saved(None, narrowed=False)
    before = path.read_bytes().decode("utf-8")
    after = change(before, values)
    if after == before:
        return Saved(None, narrowed=False)
    known = path.stat()
    open_to_all = bool(known.st_mode & _OTHERS)
    mode = _PRIVATE if open_to_all else stat.S_IMODE(known.st_mode) & 0o660
    backup = path.with_name(f"{path.name}.bak")
    _write(backup, before, mode, known)
    _write(path, after, mode, known)
    return Saved(backup, narrowed=open_to_all)


def _write(path: Path, text: str, mode: int, like: os.stat_result | None = None) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "wb") as file:
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        if like is not None and (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(draft, like.st_uid, like.st_gid)
        draft.chmod(mode)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
