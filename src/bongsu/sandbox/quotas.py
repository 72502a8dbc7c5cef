"""Upbit's limits: told in the Remaining-Req header, kept by 429, and by 418 against whoever does not stop.

N times larger in a market that runs N times faster. How soon a ban comes and how it grows is not documented; here
twenty refusals within ten seconds bring one of ten seconds, and each within ten minutes of the last is twice as long.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from time import monotonic
from typing import Final

from bongsu.sandbox.clock import Speed
from bongsu.sandbox.endpoints import ENDPOINTS
from bongsu.sandbox.orders import Refused

# So many in so many seconds.
LIMITS: Final = {
    "market": (10, 1),
    "candle": (10, 1),
    "trade": (10, 1),
    "ticker": (10, 1),
    "orderbook": (10, 1),
    "order": (12, 1),
    "order-test": (8, 1),
    "order-cancel-all": (1, 2),
    "default": (30, 1),
}
_FROM_A_PAGE: Final = (1, 10)  # of a quotation group, with an Origin header, which only browsers send
_LOCK_STEP_FACTOR: Final = 10_000.0
_STRIKES: Final = 20
_STRIKING_SECONDS: Final = 10.0
_FIRST_BAN: Final = 10.0
_LONGEST_BAN: Final = 3_600.0
_REMEMBERED: Final = 600.0

_QUOTATION: Final = frozenset({"market", "candle", "trade", "ticker", "orderbook"})
_PATTERNS: Final = [
    (endpoint.method, re.compile(re.sub(r"\{\w+\}", "[^/]+", endpoint.path)), endpoint.group)
    for endpoint in ENDPOINTS
]


@dataclass(frozen=True, slots=True)
class Verdict:
    header: str | None
    refused: Refused | None = None


class Quotas:
    def __init__(self, speed: Speed, wall: Callable[[], float] = monotonic) -> None:
        self._factor = _LOCK_STEP_FACTOR if speed == "max" else max(float(speed), 1.0)
        self._used: dict[str, tuple[int, int]] = {}
        self._wall = wall
        self._bans = _Bans(wall)

    def use(self, method: str, path: str, *, page: bool = False) -> Verdict:
        """`page` tells a request that came from a web page. What is no part of Upbit has no limit."""
        group = _group(method, path)
        if group is None:
            return Verdict(None)
        if (banned := self._bans.standing()) is not None:
            return Verdict(None, banned)
        most, used = self._count(group, page=page and group in _QUOTATION)
        left = max(most - used, 0)
        header = f"group={group}; min={left * 60}; sec={left}"
        return Verdict(header) if used <= most else Verdict(header, self._bans.strike(group))

    def _count(self, group: str, *, page: bool) -> tuple[int, int]:
        """The group's limit, and how many came in the span of now, this one included."""
        most, seconds = _FROM_A_PAGE if page else LIMITS[group]
        name = f"{group} page" if page else group
        span = int(self._wall() // seconds)
        counted_in, used = self._used.get(name, (span, 0))
        used = used + 1 if counted_in == span else 1
        self._used[name] = (span, used)
        return int(most * self._factor), used


class _Bans:
    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._strikes: deque[float] = deque(maxlen=_STRIKES)
        self._length = 0.0
        self._until = float("-inf")

    def standing(self) -> Refused | None:
        left = self._until - self._wall()
        if left <= 0:
            return None
        return Refused("too_many_requests", f"blocked for {ceil(left)} seconds more", 418)

    def strike(self, group: str) -> Refused:
        now = self._wall()
        self._strikes.append(now)
        if len(self._strikes) < _STRIKES or now - self._strikes[0] > _STRIKING_SECONDS:
            return Refused("too_many_requests", f"the limit of {group} is used up", 429)
        grown = self._length * 2 if now - self._until < _REMEMBERED else _FIRST_BAN
        self._length = min(grown, _LONGEST_BAN)
        self._until = now + self._length
        self._strikes.clear()
        return Refused("too_many_requests", f"blocked for {self._length:.0f} seconds", 418)


@lru_cache(maxsize=1024)
def _group(method: str, path: str) -> str | None:
    if not path.startswith("/v1/"):
        return None
    found = (group for known, pattern, group in _PATTERNS if known == method and pattern.fullmatch(path))
    return next(found, "default")
