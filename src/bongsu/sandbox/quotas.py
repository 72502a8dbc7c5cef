"""Upbit's limits a second, told in the Remaining-Req header, N times larger in a market that runs N times faster.

They are told, not enforced: a fault switch sends the 429.
"""

from collections.abc import Callable
from time import monotonic

from bongsu.sandbox.clock import Speed

_PER_SECOND = {
    "market": 10,
    "candle": 10,
    "ticker": 10,
    "orderbook": 10,
    "order": 12,
    "order-test": 8,
    "default": 30,
}
_LOCK_STEP_FACTOR = 10_000.0
_PATHS = (
    ("/v1/market/", "market"),
    ("/v1/candles/", "candle"),
    ("/v1/ticker", "ticker"),
    ("/v1/orderbook", "orderbook"),
    ("/v1/orders/test", "order-test"),
    ("/v1/", "default"),
)


class Quotas:
    def __init__(self, speed: Speed, wall: Callable[[], float] = monotonic) -> None:
        factor = _LOCK_STEP_FACTOR if speed == "max" else max(float(speed), 1.0)
        self._limits = {group: int(limit * factor) for group, limit in _PER_SECOND.items()}
        self._used: dict[str, tuple[int, int]] = {}
        self._wall = wall

    def use(self, method: str, path: str) -> str | None:
        """The header's value; None for what is no part of Upbit."""
        group = _group(method, path)
        if group is None:
            return None
        second = int(self._wall())
        counted_in, used = self._used.get(group, (second, 0))
        used = used + 1 if counted_in == second else 1
        self._used[group] = (second, used)
        left = max(self._limits[group] - used, 0)
        return f"group={group}; min={left * 60}; sec={left}"


def _group(method: str, path: str) -> str | None:
    if method == "POST" and path == "/v1/orders":
        return "order"
    return next((group for prefix, group in _PATHS if path.startswith(prefix)), None)
