"""What the runner says while it works: one line per event, coloured on a terminal, plain when piped."""

import sys
import time
from pathlib import Path
from typing import TextIO

from bongsu.ops.language import say
from bongsu.ops.stack.supervisor import State, Supervised

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"
_TAIL_LINES = 8
_TAILS_SHOWN = 3  # of one service: a loop of restarts must not fill the runner's log


class Progress:
    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._colours = out.isatty()
        self._began = time.monotonic()

    def line(self, text: str, mark: str = "·", colour: str = _DIM) -> None:
        shown = f"\x1b[{colour}m{mark}\x1b[0m" if self._colours else mark
        print(f"{shown} {text}" if text else "", file=self._out, flush=True)

    def good(self, text: str) -> None:
        self.line(text, "✓", _GREEN)

    def bad(self, text: str) -> None:
        self.line(text, "✗", _RED)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def tell(self, service: Supervised) -> None:
        """The supervisor's listener."""
        name = f"{service.name:<18}"
        match service.state:
            case State.STARTING:
                self.line(f"{name} {say('시작 중…', 'starting…')}")
            case State.READY if service.reason:
                self.line(f"{name} {service.reason}", "!", _YELLOW)
            case State.READY:
                self.good(f"{name} {say('준비됨', 'ready')} ({service.seconds:.1f} s)")
            case State.RESTARTING:
                self._tell_of_an_end(service, name)
            case State.FAILED:
                self.bad(f"{name} {say('시작할 수 없음', 'cannot start')}: {service.reason}")
                self._show_tail(service.log)
            case State.STOPPED:
                self.line(f"{name} {say('멈춤', 'stopped')} ({service.seconds:.1f} s)")
            case State.WAITING | State.BLOCKED | State.PREPARING:
                return

    def _tell_of_an_end(self, service: Supervised, name: str) -> None:
        why, pause = service.reason, f"{service.pause:g}"
        text = say(
            f"뜻밖에 끝남 ({why}). {pause}초 뒤 다시 시작합니다",
            f"ended unexpectedly ({why}); again in {pause} s",
        )
        self.line(f"{name} {text}", "!", _YELLOW)
        if service.restarted <= _TAILS_SHOWN:
            self._show_tail(service.log)

    def _show_tail(self, log: Path) -> None:
        if not log.is_file():
            return
        lines = tail(log, _TAIL_LINES)
        for line in lines:
            print(f"    {line}", file=self._out)
        print(say(f"    전체 로그: {log}", f"    full log: {log}"), file=self._out, flush=True)


def tail(log: Path, lines: int) -> list[str]:
    """The last `lines` of a log that may be large."""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 400 * lines))
        return file.read().decode(errors="replace").splitlines()[-lines:]
