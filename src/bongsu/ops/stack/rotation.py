"""A log file that stays bounded. Rotated files end in `.log` too, so one pattern finds them all."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 10_000_000
KEPT = 5
KEPT_DAYS = 30
DAY_SECONDS = 86_400


class RotatingLog:
    """`scheduler.log`, before it `scheduler.1.log`, … up to `kept` older ones."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._most = most_bytes
        self._kept = kept
        self._file: BinaryIO | None = None
        self._open()

    def write(self, text: bytes) -> None:
        """Goes on in a new file when somebody has taken the old one away. Raises OSError, as on a full disk."""
        file = self._file if self._file and self._is_there(self._file) else self._open()
        if file.tell() + len(text) > self._most:
            file = self._rotate()
        file.write(text)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _open(self) -> BinaryIO:
        self.close()
        self._file = None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("ab", buffering=0)
        return self._file

    def _is_there(self, file: BinaryIO) -> bool:
        try:
            return self._path.stat().st_ino == os.fstat(file.fileno()).st_ino
        except OSError:
            return False

    def _rotate(self) -> BinaryIO:
        """Where nothing can be renamed now, the file grows on, and the next write tries again."""
        with contextlib.suppress(OSError):
            _make_way(self._path, self._kept)
        return self._open()


def rotate_output(log: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
    """Of this process, where it goes to `log` and that has grown too big. What a full disk refuses is left as it is."""
    with contextlib.suppress(OSError):
        if os.path.samestat(os.fstat(1), seen := log.stat()) and seen.st_size > most_bytes:
            _make_way(log, kept)
            fresh = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            os.dup2(fresh, 1)
            os.dup2(fresh, 2)
            os.close(fresh)


def go_on_in(log: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> int:
    """Where in `log` the next line will stand; a big one gives way to a new one. Raises OSError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > most_bytes:
        _make_way(log, kept)
    with log.open("ab") as file:
        return file.tell()


def _make_way(path: Path, kept: int) -> None:
    """Raises OSError where nothing can be renamed now."""
    with names_kept(path.parent, patient=False):
        for number in range(kept, 0, -1):
            older = _numbered(path, number - 1) if number > 1 else path
            if older.exists():
                older.replace(_numbered(path, number))


def _numbered(path: Path, number: int) -> Path:
    return path.with_suffix(f".{number}.log")


@contextlib.contextmanager
def names_kept(folder: Path, *, patient: bool = True) -> Iterator[None]:
    """While this holds, no other process rotates there: a name goes on meaning the same file. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX if patient else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(opened)


def rotated_logs(logs: Path) -> Iterator[Path]:
    """All but the newest of each process, which may be open."""
    return logs.glob("*/*.[0-9].log")


def remove_if_same(path: Path, seen: os.stat_result) -> bool:
    """False when `path` is by now another file than the one seen, or none. Raises OSError."""
    with names_kept(path.parent):
        try:
            now = path.stat()
        except FileNotFoundError:
            return False
        if (now.st_ino, now.st_mtime_ns, now.st_size) != (seen.st_ino, seen.st_mtime_ns, seen.st_size):
            return False
        path.unlink()
        return True


def sweep_old_logs(logs: Path, days: int = KEPT_DAYS) -> None:
    """Removes rotated files older than `days`."""
    oldest = time.time() - days * DAY_SECONDS
    for path in rotated_logs(logs):
        with contextlib.suppress(OSError):  # rotated meanwhile: it is looked at tomorrow
            if (seen := path.stat()).st_mtime < oldest:
                remove_if_same(path, seen)
