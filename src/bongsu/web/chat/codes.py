"""One-time codes: nothing is changed by a single tap, and nothing twice."""

import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from bongsu.web.chat.commands import Command

LIVES = 60.0  # seconds
_TRIES = 3

Who = tuple[int, int]  # user and chat


@dataclass(slots=True)
class _Asked:
    command: Command
    code: str
    until: float
    tries: int = _TRIES


class Codes:
    """One for each user and chat; a new one voids the one before. They end with the process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked: dict[Who, _Asked] = {}

    def ask(self, who: Who, command: Command) -> str:
        code = f"{secrets.randbelow(1_000_000):06d}"
        self._asked[who] = _Asked(command, code, self._clock() + LIVES)
        return code

    def redeem(self, who: Who, code: str) -> Command | None:
        """The command, once."""
        asked = self._asked.get(who)
        if asked is None or self._clock() >= asked.until:
            return None
        asked.tries -= 1
        right = hmac.compare_digest(asked.code, code)
        if right or asked.tries <= 0:
            del self._asked[who]
        return asked.command if right else None

    def drop(self, who: Who) -> None:
        self._asked.pop(who, None)
