"""What the exchange says by itself, taken as a reason to look sooner. What is looked at is REST and the ledger, as ever."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from bongsu.core.exits import exit_due
from bongsu.core.facts import JobName
from bongsu.core.hints import BalancesStirred, Hint, LineOpened, OrderStirred, PriceHeard
from bongsu.core.market import Market
from bongsu.core.portfolio import Position
from bongsu.core.risk import RiskLimits
from bongsu.trading.ports import Clock

_log = logging.getLogger(__name__)

APART: Final = 10.0  # wall seconds between two prompts for one reason: what blocks an exit may last


Stream = Callable[[], Awaitable[None]]  # listens for ever


class Hints:
    """`streams` is told who hears, and answers what there is to listen to.

    A price is weighed against the limits in percent only: those in true ranges need candles, and wait for the minute.
    """

    def __init__(
        self,
        limits: RiskLimits,
        clock: Clock,
        streams: Callable[[Callable[[Hint], None]], Sequence[Stream]] = lambda _: (),
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._streams = streams
        self._positions: dict[Market, Position] = {}
        self._prompted: set[JobName] = set()
        self._weighed: dict[Market, float] = {}  # when its price last called for a look
        self._stirred = asyncio.Event()

    def watch(self, positions: Sequence[Position]) -> None:
        """Whose prices matter: those that were held when the stops were last looked at."""
        self._positions = {position.market: position for position in positions}

    def hear(self, hint: Hint) -> None:
        match hint:
            case LineOpened():
                self._prompted |= {JobName.RECONCILE, JobName.POSITION}
            case PriceHeard():
                self._weigh(hint)
            case OrderStirred() | BalancesStirred():
                self._stirred.set()
                self._prompted.add(JobName.RECONCILE)

    def _weigh(self, heard: PriceHeard) -> None:
        position = self._positions.get(heard.market)
        if position is None or exit_due(position, heard.price, heard.price, self._limits) is None:
            return
        now = time.monotonic()
        if now - self._weighed.get(heard.market, float("-inf")) >= APART:
            self._weighed[heard.market] = now
            self._prompted.add(JobName.POSITION)

    def take(self, job: JobName) -> bool:
        """Whether there is a reason to run it now; it is asked once."""
        prompted = job in self._prompted
        self._prompted.discard(job)
        return prompted

    async def rest(self, seconds: float) -> None:
        """So long, or until something stirs."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stirred.wait(), seconds)
        self._stirred.clear()

    async def keep_listening(self) -> None:
        """For ever, and to nothing in lock-step: what comes by itself would come elsewhere each time it is played."""
        async with asyncio.TaskGroup() as tasks:
            for stream in () if self._clock.state.lockstep else self._streams(self.hear):
                tasks.create_task(_outlived(stream))
            await asyncio.Event().wait()


async def _outlived(stream: Stream) -> None:
    try:
        await stream()
    except Exception:  # noqa: BLE001 - trading does not hang on it
        _log.exception("a stream ended; nothing is missed without it, for all is asked for anyway")
