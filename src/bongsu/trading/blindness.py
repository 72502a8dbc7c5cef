"""Whether trading may trust what it sees of the exchange, and that its alarms would be heard."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from bongsu.core.clock import ExchangeSigns
from bongsu.core.sight import BLIND_REASON, Sight
from bongsu.errors import LedgerUnavailable
from bongsu.trading.ports import Blindness

EVERY = 5.0  # seconds
_GOOD_FOR = 30.0  # seconds that an answer counts when no newer one comes

_log = logging.getLogger(__name__)


class MonitoringWatch:
    """What the gate is told of monitoring; it cannot wait for an answer, so one is kept at hand.

    `patience` as for MonitoringBlind. No answer is as good as blind.
    """

    def __init__(self, look: Callable[[], Awaitable[Sight]], patience: float) -> None:
        self._look = look
        self._patience = patience
        self._sight: Sight | None = None
        self._looked_at = float("-inf")

    async def keep_looking(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        try:
            self._sight = await self._look()
        except LedgerUnavailable as away:
            _log.debug("the watchdog's record cannot be read: %s", away)
        else:
            self._looked_at = time.monotonic()

    def blind(self) -> tuple[str, ...]:
        fresh = time.monotonic() - self._looked_at <= _GOOD_FOR
        if self._sight is None or not fresh or self._sight.is_blind(self._patience):
            return (BLIND_REASON,)
        return ()


def blindness_of(
    mode: str, watch: MonitoringWatch, signs: Callable[[], ExchangeSigns], listing: Blindness
) -> Blindness:
    """In the sandbox lost alarms are shown and stop nothing: no money is at stake."""

    def blind() -> tuple[str, ...]:
        unheard = () if mode == "sandbox" else watch.blind()
        return (*signs().blind, *listing(), *unheard)

    return blind
