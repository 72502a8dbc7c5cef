"""Logs stay bounded, and one pattern finds all of them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bongsu.ops.stack.rotation import (
    RotatingLog,
    go_on_in,
    names_kept,
    remove_if_same,
    sweep_old_logs,
)


def test_a_log_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "web/web.log", most_bytes=100, kept=2)
    for number in range(100):
        log.write(b"line %03d\n" % number)
    log.close()
    names = sorted(path.name for path in (tmp_path / "web").iterdir())
    assert names == ["web.1.log", "web.2.log", "web.log"]
    kept = b"".join((tmp_path / "web" / n).read_bytes() for n in ("web.2.log", "web.1.log", "web.log"))
    assert kept.endswith(b"line 098\nline 099\n")
    assert kept == b"".join(b"line %03d\n" % n for n in range(100))[-len(kept) :], "a hole"
    assert all(path.stat().st_size <= 100 for path in (tmp_path / "web").iterdir())


def test_a_log_goes_on_after_a_restart(tmp_path: Path) -> None:
    for text in (b"before\n", b"after\n"):
        log = RotatingLog(tmp_path / "web.log")
        log.write(text)
        log.close()
    assert (tmp_path / "web.log").read_bytes() == b"before\nafter\n"


def test_the_output_of_a_process_is_bounded_and_has_no_hole(tmp_path: Path) -> None:
    log = tmp_path / "runner/runner.log"
    code = (
        "import os, sys; from pathlib import Path; from bongsu.ops.stack.rotation import rotate_output\n"
        "for number in range(100):\n"
        "    os.write(1 + number % 2, b'line %03d\\n' % number)\n"
        "    rotate_output(Path(sys.argv[1]), most_bytes=90, kept=2)\n"
    )
    assert go_on_in(log) == 0
    with log.open("ab") as output:
        subprocess.run([sys.executable, "-c", code, log], stdout=output, stderr=output, check=True)
    names = ["runner.2.log", "runner.1.log", "runner.log"]
    assert sorted(path.name for path in log.parent.iterdir()) == sorted(names)
    kept = b"".join((log.parent / name).read_bytes() for name in names)
    assert kept.endswith(b"line 098\nline 099\n")
    assert kept == b"".join(b"line %03d\n" % n for n in range(100))[-len(kept) :], "a hole"
    assert all(path.stat().st_size <= 100 for path in log.parent.iterdir())
    subprocess.run([sys.executable, "-c", code, log], stdout=subprocess.DEVNULL, check=True)
    assert log.read_bytes() == kept[-len(log.read_bytes()) :], "the output of another process is not its own"


def test_a_new_process_goes_on_behind_the_old_lines_unless_they_are_too_many(tmp_path: Path) -> None:
    log = tmp_path / "runner.log"
    log.write_bytes(b"x" * 100)
    assert go_on_in(log, most_bytes=100) == 100
    assert go_on_in(log, most_bytes=99) == 0
    assert (tmp_path / "runner.1.log").read_bytes() == b"x" * 100


def test_old_rotated_logs_go_and_open_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    long_ago = time.time() - 31 * 86_400
    for name in ("web.log", "web.1.log", "web.2.log"):
        (tmp_path / "web" / name).touch()
        if name != "web.2.log":
            os.utime(tmp_path / "web" / name, (long_ago, long_ago))
    sweep_old_logs(tmp_path)
    assert sorted(p.name for p in (tmp_path / "web").iterdir()) == ["web.2.log", "web.log"]


def test_a_log_that_was_taken_away_is_begun_anew(tmp_path: Path) -> None:
    """By `find … -delete`, or with its whole folder, which must not silence the process at the next rotation."""
    log = RotatingLog(tmp_path / "web/web.log", most_bytes=20)
    log.write(b"first\n")
    (tmp_path / "web/web.log").unlink()
    log.write(b"second\n")
    assert (tmp_path / "web/web.log").read_bytes() == b"second\n"
    shutil.rmtree(tmp_path / "web")
    log.write(b"third line of it\n")
    log.write(b"fourth line of it\n")
    assert (tmp_path / "web/web.1.log").read_bytes() == b"third line of it\n"
    assert (tmp_path / "web/web.log").read_bytes() == b"fourth line of it\n"
    log.close()


def test_a_disk_that_refuses_silences_a_log_only_as_long_as_it_does(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "web/web.log")
    shutil.rmtree(tmp_path / "web")
    (tmp_path / "web").touch()  # nothing can be opened below it
    for _ in range(2):
        with pytest.raises(OSError, match="web"):
            log.write(b"lost\n")
    (tmp_path / "web").unlink()
    log.write(b"back\n")
    assert (tmp_path / "web/web.log").read_bytes() == b"back\n"
    log.close()


def test_nothing_is_rotated_while_somebody_else_needs_the_names(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "web/web.log", most_bytes=10)
    log.write(b"123456789\n")
    with names_kept(tmp_path / "web"):
        log.write(b"more\n")
    assert (tmp_path / "web/web.log").read_bytes() == b"123456789\nmore\n"
    log.write(b"at last\n")
    assert (tmp_path / "web/web.1.log").read_bytes() == b"123456789\nmore\n"
    log.close()


def test_another_file_under_the_same_name_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "web.1.log"
    path.write_text("old")
    seen = path.stat()
    path.rename(tmp_path / "web.2.log")
    path.write_text("new")
    assert not remove_if_same(path, seen)
    assert path.read_text() == "new"
    assert not remove_if_same(tmp_path / "web.3.log", seen)
    assert remove_if_same(tmp_path / "web.2.log", seen)
