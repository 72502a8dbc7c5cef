"""How a program of ours speaks to whoever started it, and ends when it cannot go on: in words, and without a secret."""

import contextlib
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, TextIO, cast

from bongsu.core.redaction import redact
from bongsu.errors import CannotStart, LiveRefused, SettingsInvalid
from bongsu.ops.stack.services import EX_CONFIG, EX_UNAVAILABLE

_INTERRUPTED = 130


@contextlib.contextmanager
def told_in_words() -> Iterator[None]:
    """Around a whole program. Ends it for what its owner can repair, and lets everything else pass, without secrets."""
    sys.stdout, sys.stderr = _cleaned(sys.stdout), _cleaned(sys.stderr)
    _hide_secrets_in_tracebacks()
    try:
        yield
    except SettingsInvalid as invalid:
        _say(
            "설정을 고쳐 주세요. 아무것도 시작하지 않았습니다 (settings to repair; nothing was started):",
            *(f"  • {fault}" for fault in invalid.faults),
        )
        sys.exit(EX_CONFIG)
    except LiveRefused as refused:
        _say(
            "실거래를 시작하지 않습니다 (live trading is not started):",
            *(f"  ❌ {line}" for line in refused.refusals),
        )
        sys.exit(EX_UNAVAILABLE if refused.passing else EX_CONFIG)
    except CannotStart as reason:
        _say(f"시작할 수 없습니다 (cannot start): {reason}")
        sys.exit(EX_UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


class Clean:
    """A stream whose every text passes the redaction; in all else it is the one it stands for."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _cleaned(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, Clean) else cast("TextIO", Clean(stream))


def _say(*lines: str) -> None:
    print("\n".join(lines), file=sys.stderr)


def _hide_secrets_in_tracebacks() -> None:
    """Python's own words about what nobody caught: in the main thread, in another, and where nothing can be raised."""
    sys.excepthook = _show
    threading.excepthook = lambda fault: _show(fault.exc_type, fault.exc_value, fault.exc_traceback)
    sys.unraisablehook = lambda fault: _show(fault.exc_type, fault.exc_value, fault.exc_traceback)


def _show(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):  # a thread's way to end
        _say("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))
