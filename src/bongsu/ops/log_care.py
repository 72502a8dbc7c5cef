"""`bongsu logs archive` and `bongsu logs clean`, beside a bot that goes on writing.

Only rotated files are touched, a day old at least; the newest of each process may be open, and stays as it is.
"""

import contextlib
import errno
import fcntl
import gzip
import os
import shutil
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from bongsu.core.figures import size_text
from bongsu.core.tradingday import KST
from bongsu.errors import CannotStart
from bongsu.ops.language import say
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.rotation import DAY_SECONDS, remove_if_same, rotated_logs

ARCHIVE = "archive"
_CHUNK = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True)
class Old:
    path: Path
    seen: os.stat_result

    def is_older(self, days: int) -> bool:
        return self.seen.st_mtime < time.time() - days * DAY_SECONDS


def archive(days: int, *, dry_run: bool) -> int:
    """0 when all that is old enough is packed, 1 when something could not be. Raises CannotStart."""
    logs = Places.from_environment().logs
    account = _Account(logs, say("묶음", "packed"), say("묶을 것", "to pack"), dry_run=dry_run)

    def pack(old: Old) -> tuple[Path, int]:
        packed = _pack(old, logs / ARCHIVE / old.path.parent.name)
        remove_if_same(old.path, old.seen)
        return packed, packed.stat().st_size

    with contextlib.nullcontext() if dry_run else _alone(logs):
        account.work_through(_old(rotated_logs(logs)), days, pack)
    return account.close()


def clean(days: int, *, archives: bool, dry_run: bool) -> int:
    """0 when all that is old enough is gone, 1 when something could not be removed. Raises CannotStart."""
    logs = Places.from_environment().logs
    account = _Account(logs, say("지움", "removed"), say("지울 것", "to remove"), dry_run=dry_run)

    def remove(old: Old) -> tuple[None, int]:
        if not remove_if_same(old.path, old.seen):
            raise FileNotFoundError(old.path)
        return None, 0

    with contextlib.nullcontext() if dry_run else _alone(logs):
        account.work_through(_old(rotated_logs(logs)), days, remove)
        if archives:
            account.work_through(_old((logs / ARCHIVE).glob("*/*.log.gz")), days, remove)
    return account.close()


def _old(paths: Iterator[Path]) -> list[Old]:
    """Oldest first; what is rotated away while we look has a new name and waits for the next time."""
    found = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            found.append(Old(path, path.stat()))
    return sorted(found, key=lambda old: old.seen.st_mtime)


def _pack(old: Old, folder: Path) -> Path:
    """The packed copy, read back and compared; one that an interrupted run has left is used. Raises OSError."""
    with old.path.open("rb") as log:
        if not os.path.samestat(os.fstat(log.fileno()), old.seen):
            raise FileNotFoundError(old.path)
        wanted = _checksum(log)
        folder.mkdir(parents=True, exist_ok=True)
        for place in _names(old, folder):
            if not place.exists():
                log.seek(0)
                _write(log, place, wanted)
                return place
            if _checksum_of(place) == wanted:
                return place
    raise AssertionError("names do not end")


def _names(old: Old, folder: Path) -> Iterator[Path]:
    """By the time of its last line: its own name changes with each rotation."""
    written = datetime.fromtimestamp(old.seen.st_mtime, KST)
    name = f"{folder.name}-{written:%Y%m%d-%H%M%S}"
    yield folder / f"{name}.log.gz"
    number = 1
    while True:
        number += 1
        yield folder / f"{name}-{number}.log.gz"


def _write(log: BinaryIO, place: Path, wanted: tuple[int, int]) -> None:
    draft = place.with_name(f".{place.name}.part")
    try:
        with draft.open("wb") as raw:
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
                shutil.copyfileobj(log, packed, _CHUNK)
            raw.flush()
            os.fsync(raw.fileno())
        if _checksum_of(draft) != wanted:
            raise OSError(errno.EIO, say("다시 읽으니 다릅니다", "read back, it differs"), str(place))
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)


def _checksum_of(packed: Path) -> tuple[int, int] | None:
    try:
        with gzip.open(packed) as log:
            return _checksum(log)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return None


def _checksum(log: BinaryIO | gzip.GzipFile) -> tuple[int, int]:
    """Length and CRC of all that follows."""
    length, crc = 0, 0
    while chunk := log.read(_CHUNK):
        length, crc = length + len(chunk), zlib.crc32(chunk, crc)
    return length, crc


@contextlib.contextmanager
def _alone(logs: Path) -> Iterator[None]:
    """One at a time. Raises CannotStart."""
    try:
        logs.mkdir(parents=True, exist_ok=True)
        opened = os.open(logs, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as refused:
        raise CannotStart(_in_words(refused)) from refused
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotStart(
            say("다른 터미널에서 로그를 정리하고 있습니다.", "Another terminal is at the logs.")
        ) from None
    finally:
        os.close(opened)


class _Account:
    """What was done, file by file, and in sum."""

    def __init__(self, logs: Path, done: str, planned: str, *, dry_run: bool) -> None:
        self._logs = logs
        self._verb = planned if dry_run else done
        self._dry_run = dry_run
        self._count = self._before = self._after = self._failed = self._kept = 0

    def work_through(
        self, found: list[Old], days: int, work: Callable[[Old], tuple[Path | None, int]]
    ) -> None:
        for old in found:
            if not old.is_older(days):
                self._kept += 1
                continue
            try:
                place, size = (None, 0) if self._dry_run else work(old)
            except FileNotFoundError:  # rotated meanwhile: its turn comes the next time
                self._kept += 1
            except OSError as refused:
                self._failed += 1
                self._tell_refusal(old, refused)
                if refused.errno in _FULL:
                    return  # the next one would not fit either
            else:
                self._add(old, place, size)

    def _add(self, old: Old, place: Path | None, size: int) -> None:
        self._count, self._before, self._after = (
            self._count + 1,
            self._before + old.seen.st_size,
            self._after + size,
        )
        became = f" → {self._shown(place)} {size_text(size)}" if place else ""
        print(f"{self._verb}: {self._shown(old.path)} {size_text(old.seen.st_size)}{became}")

    def _tell_refusal(self, old: Old, refused: OSError) -> None:
        stays = say("원본은 그대로입니다", "the original stays")
        print(f"❌ {self._shown(old.path)}: {_in_words(refused)} ({stays})", file=sys.stderr)

    def close(self) -> int:
        before, after, freed = map(size_text, (self._before, self._after, self._before - self._after))
        became = f" → {after}" if self._after else ""
        korean = f"{self._verb}: 파일 {self._count}개, {before}{became}"
        english = f"{self._verb}: {self._count} files, {before}{became}"
        if self._dry_run:
            end = say("아무것도 바꾸지 않았습니다", "nothing was changed")
        else:
            end = say(f"비운 공간 {freed} · 실패 {self._failed}개", f"{freed} freed · {self._failed} failed")
        kept = say(f"새것이라 남김 {self._kept}개", f"{self._kept} kept, too new")
        counts = f"{say(korean, english)} · {kept} · {end}"
        print(counts)
        return 1 if self._failed else 0

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self._logs))


def _in_words(refused: OSError) -> str:
    if refused.errno in _FULL:
        return say(
            "디스크가 가득 찼습니다. 공간을 비우거나 bongsu logs clean 을 먼저 실행하세요",
            "the disk is full; free some space, or run bongsu logs clean first",
        )
    where = refused.filename or ""
    if refused.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return say(
            f"{where} 에 쓸 수 없습니다 ({refused.strerror}). 폴더의 소유자로 실행하세요",
            f"cannot write {where} ({refused.strerror}); run it as the folder's owner",
        )
    return f"{where}: {refused.strerror}"
