"""So many within so many seconds: connections of an address or an account, requests of a connection."""

from collections import deque
from collections.abc import Callable
from typing import Final

CONNECTIONS: Final = ((5, 1.0),)
REQUESTS: Final = ((5, 1.0), (100, 60.0))
FROM_A_PAGE: Final = ((1, 10.0),)  # with an Origin header, which only browsers send
_MOST_KEYS: Final = 1_000


class Limit:
    """What is refused does not count."""

    def __init__(self, spans: tuple[tuple[int, float], ...], wall: Callable[[], float]) -> None:
        self._spans = spans
        self._wall = wall
        self._used: deque[float] = deque(maxlen=max(most for most, _ in spans))

    def admits(self) -> bool:
        now = self._wall()
        if any(self._within(now - seconds) >= most for most, seconds in self._spans):
            return False
        self._used.append(now)
        return True

    def _within(self, since: float) -> int:
        return sum(at > since for at in self._used)


class Limits:
    """One limit for each key."""

    def __init__(self, spans: tuple[tuple[int, float], ...], wall: Callable[[], float]) -> None:
        self._spans = spans
        self._wall = wall
        self._of: dict[str, Limit] = {}

    def admits(self, key: str) -> bool:
        if len(self._of) > _MOST_KEYS:
            self._of.clear()
        return self._of.setdefault(key, Limit(self._spans, self._wall)).admits()
