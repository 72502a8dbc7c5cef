"""What the owner types, where one sits at a terminal."""

import getpass
import signal
import sys


def is_there() -> bool:
    return sys.stdin.isatty()


def typed(prompt: str) -> str:
    """One line without the blanks around it, empty when there is none. Ctrl-C ends the program, in a coroutine too."""
    return _read(prompt, secret=False)


def typed_secret(prompt: str) -> str:
    """As `typed`, and nothing of it is shown."""
    return _read(prompt, secret=True)


def _read(prompt: str, *, secret: bool) -> str:
    # The event loop's own handler would only note the first Ctrl-C, and the terminal would go on waiting.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return (getpass.getpass(prompt) if secret else input(prompt)).strip()
    except EOFError:
        return ""
    finally:
        signal.signal(signal.SIGINT, before)
