"""`bongsu logs archive` and `bongsu logs clean`: what they do, what they leave alone, and what they say."""

import gzip
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import time_machine

from bongsu.cli import app
from bongsu.errors import CannotStart
from bongsu.ops import log_care
from bongsu.ops.log_care import archive, clean, size_text
from bongsu.ops.stack.rotation import RotatingLog

DAY = 86_400


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BONGSU_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setenv("BONGSU_LANG", "en")
    return tmp_path / "logs"


def write(path: Path, text: bytes, *, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    os.utime(path, (time.time() - days * DAY,) * 2)
    return path


def tree(logs: Path) -> dict[str, bytes]:
    return {str(p.relative_to(logs)): p.read_bytes() for p in logs.rglob("*") if p.is_file()}


def packed(logs: Path) -> list[bytes]:
    return [gzip.decompress(p.read_bytes()) for p in sorted((logs / "archive").rglob("*.log.gz"))]


def furnish(logs: Path) -> None:
    write(logs / "scheduler/scheduler.log", b"open", days=90)
    write(logs / "scheduler/scheduler.1.log", b"today", days=0.5)
    write(logs / "scheduler/scheduler.2.log", b"line\n" * 2000, days=2)
    write(logs / "backend/backend.1.log", b"long ago", days=40)


def test_archive_packs_what_is_rotated_and_old_and_nothing_else(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    furnish(logs)
    assert archive(1, dry_run=False) == 0
    assert packed(logs) == [b"long ago", b"line\n" * 2000]
    left = {name: text for name, text in tree(logs).items() if not name.startswith("archive/")}
    assert left == {"scheduler/scheduler.log": b"open", "scheduler/scheduler.1.log": b"today"}
    *files, total = capsys.readouterr().out.splitlines()
    assert [line.split(" → ")[0] for line in files] == [
        "packed: backend/backend.1.log 8 B",
        "packed: scheduler/scheduler.2.log 10.0 kB",
    ]
    size = sum(p.stat().st_size for p in (logs / "archive").rglob("*.gz"))
    assert total.startswith(f"packed: 2 files, 10.0 kB → {size_text(size)} · 1 kept, too new · ")
    assert total.endswith("freed · 0 failed")


def test_a_second_run_finds_nothing_to_do(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(logs)
    archive(1, dry_run=False)
    before = tree(logs)
    capsys.readouterr()
    assert archive(1, dry_run=False) == 0
    assert tree(logs) == before
    assert capsys.readouterr().out.startswith("packed: 0 files, 0 B · 1 kept")


def test_a_dry_run_tells_all_and_changes_nothing(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(logs)
    before = tree(logs)
    assert archive(1, dry_run=True) == 0
    assert clean(30, archives=True, dry_run=True) == 0
    assert tree(logs) == before
    told = capsys.readouterr().out.splitlines()
    assert told == [
        "to pack: backend/backend.1.log 8 B",
        "to pack: scheduler/scheduler.2.log 10.0 kB",
        "to pack: 2 files, 10.0 kB · 1 kept, too new · nothing was changed",
        "to remove: backend/backend.1.log 8 B",
        "to remove: 1 files, 8 B · 2 kept, too new · nothing was changed",
    ]


def test_clean_removes_by_age_and_packed_ones_only_when_asked(
    logs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    furnish(logs)
    write(logs / "archive/backend/backend-20200101-000000.log.gz", b"gz", days=400)
    assert clean(30, archives=False, dry_run=False) == 0
    assert "backend/backend.1.log" not in tree(logs)
    assert len(tree(logs)) == 4
    assert "removed: 1 files, 8 B · 2 kept, too new · 8 B freed · 0 failed" in capsys.readouterr().out
    assert clean(1, archives=True, dry_run=False) == 0
    assert set(tree(logs)) == {"scheduler/scheduler.log", "scheduler/scheduler.1.log"}


def test_what_an_interrupted_run_left_is_gone_on_with(logs: Path) -> None:
    """Packed but not removed: not packed twice. Half written: written anew. Another log of the same second: kept, too."""
    written = int(time.time()) - 3 * DAY

    def put(number: int, text: bytes) -> None:
        os.utime(write(logs / f"web/web.{number}.log", text, days=0), (written, written))

    put(1, b"content")
    put(2, b"another")
    archive(1, dry_run=False)
    first = tree(logs)
    assert sorted(packed(logs)) == [b"another", b"content"]
    put(3, b"content")
    archive(1, dry_run=False)
    assert tree(logs) == first
    for path in (logs / "archive/web").iterdir():
        path.rename(path.with_name(f".{path.name}.part"))
    put(4, b"content")
    archive(1, dry_run=False)
    assert packed(logs) == [b"content"]


def test_no_line_is_lost_or_doubled_while_the_bot_writes(logs: Path) -> None:
    """A writer that rotates all the time; everything rotated counts as old. It waits before it would lose a file itself."""
    written = 2_000
    halt = threading.Event()

    def work() -> None:
        log = RotatingLog(logs / "bot/bot.log", most_bytes=400, kept=9)
        for number in range(written):
            while len(list((logs / "bot").glob("*.log"))) > 8:
                if halt.wait(0.001):
                    return
            log.write(b"line %05d\n" % number)
        log.close()

    writer = threading.Thread(target=work)
    writer.start()
    try:
        with time_machine.travel(time.time() + 2 * DAY):
            while writer.is_alive():
                assert archive(1, dry_run=False) == 0
            assert archive(1, dry_run=False) == 0
    finally:
        halt.set()
        writer.join()
    texts = [*packed(logs), (logs / "bot/bot.log").read_bytes()]
    lines = sorted(line for text in texts for line in text.splitlines())
    assert lines == [b"line %05d" % number for number in range(written)]


def test_two_at_once_are_refused(logs: Path) -> None:
    logs.mkdir()
    with log_care._alone(logs), pytest.raises(CannotStart, match="Another terminal"):
        clean(30, archives=False, dry_run=False)


def test_an_archive_that_does_not_read_back_removes_nothing(
    logs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk that keeps something else than it was given."""
    write(logs / "web/web.1.log", b"content", days=3)
    monkeypatch.setattr("bongsu.ops.log_care.os.fsync", lambda number: os.truncate(number, 12))
    assert archive(1, dry_run=False) == 1
    assert tree(logs) == {"web/web.1.log": b"content"}
    assert "differs (the original stays)" in capsys.readouterr().err


MOUNT = {
    "full": ("mount -t tmpfs -o size=32k none {0}/archive", "the disk is full"),
    "read-only": ("mount -t tmpfs -o ro none {0}/archive", "run it as the folder's owner"),
}


@pytest.mark.parametrize("disk", MOUNT)
def test_a_disk_that_refuses_is_told_in_words(logs: Path, disk: str) -> None:
    """A real file system of that kind, seen by the command alone."""
    furnish(logs)
    for number in (3, 4):
        write(logs / f"scheduler/scheduler.{number}.log", os.urandom(100_000), days=2)
    (logs / "archive").mkdir()
    before = tree(logs)
    mount, told = MOUNT[disk]
    bongsu = f"{mount.format(logs)} || exit 99; exec {sys.executable} -m bongsu logs archive"
    ran = subprocess.run(
        ["unshare", "-rm", "sh", "-c", bongsu], capture_output=True, text=True, timeout=60, check=False
    )
    if ran.returncode == 99 or "unshare" in ran.stderr:
        pytest.skip("needs mounts of its own")
    assert ran.returncode == 1, ran.stderr
    assert told in ran.stderr
    assert "the original stays" in ran.stderr
    assert "Traceback" not in ran.stderr
    left = tree(logs)
    refused = [name for name in before if name[-5:-4] in ("3", "4")]
    assert refused
    assert all(left[name] == before[name] for name in refused)


def test_a_folder_that_is_a_file_is_told_in_words(logs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    furnish(logs)
    (logs / "archive").write_text("in the way")
    assert archive(1, dry_run=False) == 1
    assert "archive" in capsys.readouterr().err
    assert (logs / "backend/backend.1.log").exists()


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["logs"], "no logs"),
        (["logs", "scheduler"], "no logs"),
        (["logs", "show", "scheduler"], "no logs"),
        (["logs", "clean", "--days", "0"], "--days"),
    ],
)
def test_the_word_show_may_be_left_out(arguments: list[str], shown: str) -> None:
    from typer.testing import CliRunner

    ran = CliRunner().invoke(app, arguments)
    assert ran.exit_code != 0
    assert shown in ran.output


def test_sizes_are_shown_as_people_read_them() -> None:
    assert [size_text(n) for n in (0, 999, 1000, 10_000_000, 999_960)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "10.0 MB",
        "1.0 MB",
    ]
