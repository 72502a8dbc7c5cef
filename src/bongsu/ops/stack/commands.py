"""What the command line does with the stack. Each function prints and answers an exit code."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bongsu.errors import CannotStart
from bongsu.ops.language import say
from bongsu.ops.stack import control
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.progress import tail

_TAIL_LINES = 200
_FOLLOW_SECONDS = 0.2


def down() -> int:
    """Returns when the last process is gone."""
    _ask({"do": "down"})
    print(say("모두 멈췄습니다.", "All stopped."))
    return 0


def stop(service: str) -> int:
    return _change("stop", service)


def start(service: str) -> int:
    return _change("start", service)


def restart(service: str) -> int:
    return _change("restart", service)


def _change(wish: str, service: str) -> int:
    answer = _ask({"do": wish, "service": service})
    if "state" not in answer:
        print(
            say(f"{service}: 모르는 서비스입니다 ({answer['why']})", f"{service}: one of {answer['why']}"),
            file=sys.stderr,
        )
        return 2
    print(f"{service}: {answer['state']} {answer['why']}".rstrip())
    return 0 if answer["ok"] else 1


def ps(*, as_json: bool = False) -> int:
    """0 when everything runs, 1 when something does not."""
    answer = _ask({"do": "ps"})
    rows = answer["services"]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        _print_table(rows)
    return 0 if all(row["state"] == "ready" for row in rows) else 1


def _print_table(rows: list[dict[str, Any]]) -> None:
    titles = say("서비스 상태 PID 가동 재시작 메모리", "service state pid uptime restarts memory").split()
    table = Table(*titles, box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["service"],
            f"{row['state']} {row['why']}".rstrip(),
            str(row["pid"] or "-"),
            _duration(row["uptime"]) if row["pid"] else "-",
            str(row["restarts"]),
            f"{row['memory_mb']:.0f} MB" if row["memory_mb"] else "-",
        )
    Console(width=None if sys.stdout.isatty() else 160, highlight=False).print(table)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def logs(service: str | None = None, *, follow: bool = False) -> int:
    """The last lines of one service or of all; with `follow` also what comes, until Ctrl-C."""
    places = _places()
    names = (
        [service]
        if service
        else sorted(p.name for p in places.logs.glob("*") if places.log(p.name).is_file())
    )
    found = [places.log(name) for name in names if places.log(name).is_file()]
    if not found:
        print(say(f"로그가 없습니다: {places.logs}", f"no logs in {places.logs}"), file=sys.stderr)
        return 1
    for log in found:
        for line in tail(log, _TAIL_LINES):
            _print_line(log, line, named=len(found) > 1)
    if follow:
        try:
            _follow(found)
        except KeyboardInterrupt:
            return 0
    return 0


def _follow(logs: list[Path]) -> None:
    files = {log: log.open(encoding="utf-8", errors="replace") for log in logs}
    for file in files.values():
        file.seek(0, os.SEEK_END)
    while True:
        for log, file in files.items():
            while (line := file.readline()).endswith("\n"):
                _print_line(log, line.rstrip("\n"), named=len(files) > 1)
            if line:  # half written: read it again when it is whole
                file.seek(file.tell() - len(line.encode()))
            if log.exists() and log.stat().st_ino != os.fstat(file.fileno()).st_ino:  # rotated
                file.close()
                files[log] = log.open(encoding="utf-8", errors="replace")
        sys.stdout.flush()
        time.sleep(_FOLLOW_SECONDS)


def _print_line(log: Path, line: str, *, named: bool) -> None:
    print(f"{log.stem:<18}| {line}" if named else line)


def _ask(request: dict[str, str]) -> control.Answer:
    try:
        return control.ask(_places().run, request)
    except TimeoutError:
        raise CannotStart(
            say(
                "실행 중인 스택이 1분 동안 답하지 않습니다. 상태: bongsu ps",
                "the running stack has not answered for a minute; see: bongsu ps",
            )
        ) from None


def _places() -> Places:
    return Places.from_environment()
