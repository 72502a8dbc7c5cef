"""Upbit's limits per second, kept on our side and corrected by what each reply says is left."""

import asyncio
import math
import re
from collections.abc import Callable, Mapping

# Requests per second, by Upbit's group. "order" is the lower of the two limits published in 2026.
LIMITS: Mapping[str, int] = {
    "market": 10,
    "candle": 10,
    "ticker": 10,
    "orderbook": 10,
    "default": 30,
    "order": 8,
    "order-test": 8,
}

_GROUP = re.compile(r"(?:^|;)\s*group=([a-z-]{1,30})\s*(?:;|$)")
_LEFT = re.compile(r"(?:^|;)\s*sec=(\d{1,6})\s*(?:;|$)")


class TokenBucket:
    """Never more than `per_second` in any one second.

    Half of the limit may go in a burst and half of it comes back within a second, because the exchange counts
    whole seconds and we do not know where its seconds begin.
    """

    def __init__(self, per_second: float, now: float) -> None:
        self._refill = per_second / 2
        self._capacity = max(1.0, per_second / 2)
        self._tokens = self._capacity
        self._at = now  # up to when tokens are counted; in the future while closed

    def reserve(self, now: float) -> float:
        """Takes one token, and answers how many seconds to wait before it may be used."""
        self._advance(now)
        self._tokens -= 1
        debt = max(0.0, -self._tokens / self._refill)
        return self._at - now + debt

    def correct(self, left: int, now: float) -> None:
        """`left`: what the exchange says is left of this second."""
        self._advance(now)
        self._tokens = min(self._tokens, left)

    def close(self, seconds: float, now: float) -> None:
        """Nothing goes out for so long, and no burst after it."""
        self._advance(now)
        self._tokens = min(self._tokens, 0.0)
        self._at = max(self._at, now + seconds)

    def _advance(self, now: float) -> None:
        elapsed = max(0.0, now - self._at)
        self._tokens = min(self._capacity, self._tokens + elapsed * self._refill)
        self._at += elapsed


class RateLimits:
    """`factor` is how much faster than life the market runs; `math.inf` (lock-step) means no limit."""

    def __init__(self, factor: float, monotonic: Callable[[], float]) -> None:
        self._factor = factor
        self._monotonic = monotonic
        self._buckets = {
            group: TokenBucket(limit * factor, monotonic())
            for group, limit in LIMITS.items()
            if math.isfinite(factor)
        }
        self.remaining: dict[str, int] = {}  # by group, as last told

    async def wait(self, group: str) -> None:
        if bucket := self._buckets.get(group):
            await asyncio.sleep(bucket.reserve(self._monotonic()))

    def learn(self, group: str, remaining_req: str | None) -> None:
        """From the header `Remaining-Req: group=default; min=1800; sec=29`, whose `min` means nothing.

        It is the exchange that counts: where it names another group of ours than `group`, it is that one's.
        """
        left, named = _LEFT.search(remaining_req or ""), _GROUP.search(remaining_req or "")
        if left is None:
            return
        if named is not None and named[1] in LIMITS:
            group = named[1]
        self.remaining[group] = int(left[1])
        if self.remaining[group] == 0:
            self.exceeded(group)
        elif bucket := self._buckets.get(group):
            bucket.correct(self.remaining[group], self._monotonic())

    def exceeded(self, group: str) -> None:
        """Nothing more before the exchange's next second."""
        if bucket := self._buckets.get(group):
            bucket.close(1 / self._factor, self._monotonic())
