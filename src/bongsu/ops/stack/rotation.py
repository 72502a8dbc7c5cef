"""A log file that stays bounded. Rotated files end in `.log` too, so one pattern finds them all."""

import time
from pathlib import Path
from typing import BinaryIO

MOST_BYTES = 10_000_000
KEPT = 5
KEPT_DAYS = 30


class RotatingLog:
    """`scheduler.log`, before it `scheduler.1.log`, … up to `kept` older ones."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        self._path = path
        self._most = most_bytes
        self._kept = kept
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = path.open("ab", buffering=0)

    def write(self, text: bytes) -> None:
        """Raises OSError, as on a full disk."""
        if self._file.tell() + len(text) > self._most:
            self._rotate()
        self._file.write(text)

    def close(self) -> None:
        self._file.close()

    def _rotate(self) -> None:
        self._file.close()
        for number in range(self._kept, 0, -1):
            older = self._numbered(number - 1) if number > 1 else self._path
            if older.exists():
                older.replace(self._numbered(number))
        self._file = self._path.open("ab", buffering=0)

    def _numbered(self, number: int) -> Path:
        return self._path.with_suffix(f".{number}.log")


def sweep_old_logs(logs: Path, days: int = KEPT_DAYS) -> None:
    """Removes rotated files older than `days`; the newest of each process stays, for it may be open."""
    oldest = time.time() - days * 86_400
    for path in logs.glob("*/*.[0-9].log"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
