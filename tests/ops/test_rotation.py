"""Logs stay bounded, and one pattern finds all of them."""

import os
import time
from pathlib import Path

from bongsu.ops.stack.rotation import RotatingLog, sweep_old_logs


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


def test_old_rotated_logs_go_and_open_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    long_ago = time.time() - 31 * 86_400
    for name in ("web.log", "web.1.log", "web.2.log"):
        (tmp_path / "web" / name).touch()
        if name != "web.2.log":
            os.utime(tmp_path / "web" / name, (long_ago, long_ago))
    sweep_old_logs(tmp_path)
    assert sorted(p.name for p in (tmp_path / "web").iterdir()) == ["web.2.log", "web.log"]
