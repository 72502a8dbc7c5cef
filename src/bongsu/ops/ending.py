"""How a program of ours ends when it cannot go on: in words and by an exit code. No traceback shows a secret."""

import contextlib
import sys
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType

from bongsu.core.redaction import Sink, keep_out
from bongsu.errors import CannotStart, SettingsInvalid
from bongsu.ops.stack.services import EX_CONFIG, EX_UNAVAILABLE

_INTERRUPTED = 130


@contextlib.contextmanager
def told_in_words() -> Iterator[None]:
    """Around a whole program. Ends it for what its owner can repair, and lets everything else pass, without secrets."""
    _hide_secrets_in_tracebacks()
    try:
        yield
    except SettingsInvalid as invalid:
        _say(
            "설정을 고쳐 주세요. 아무것도 시작하지 않았습니다 (settings to repair; nothing was started):",
            *(f"  • {fault}" for fault in invalid.faults),
        )
        sys.exit(EX_CONFIG)
    except CannotStart as reason:
        _say(f"시작할 수 없습니다 (cannot start): {reason}")
        sys.exit(EX_UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _say(*lines: str) -> None:
    print(keep_out("\n".join(lines), Sink.LOG), file=sys.stderr)


def _hide_secrets_in_tracebacks() -> None:
    """Python's own words about what nobody caught: in the main thread, in another, and where nothing can be raised."""
    sys.excepthook = _show
    threading.excepthook = lambda fault: _show(fault.exc_type, fault.exc_value, fault.exc_traceback)
    sys.unraisablehook = lambda fault: _show(fault.exc_type, fault.exc_value, fault.exc_traceback)


def _show(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, SystemExit):  # a thread's way to end
        _say("".join(traceback.format_exception(kind, error, trace)).rstrip("\n"))
