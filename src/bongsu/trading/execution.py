"""An order, exactly once: written first, sent once, settled from what the exchange says."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bongsu.core.facts import DuplicatePrevented, OrderOutcomeLost, OrderRefused, OrderSettled
from bongsu.core.order import Intent, Order, OrderRequest
from bongsu.core.risk import Veto
from bongsu.errors import (
    Banned,
    ExchangeError,
    IdentifierTaken,
    NotAuthorized,
    OrderOutcomeUnknown,
    OrderRejected,
    RateLimited,
)
from bongsu.trading.ports import Blindness, Clock, Exchange, Ledger

_POLL = 0.5  # wall seconds between two look-ups of one order
_SETTLE_PATIENCE = 10.0  # a market order is done at once; its fills may be listed a little later


class Execution:
    """`patience`: how long, in wall seconds, an order that nobody has seen is asked for before it counts as never placed.

    `blind` tells why the bot cannot see, at this moment. `observe` is told a phase ("submit", "settle") and its seconds.
    `rest` waits for so many seconds between two look-ups, or less where there is reason to look again.
    """

    def __init__(
        self,
        exchange: Exchange,
        ledger: Ledger,
        clock: Clock,
        *,
        account: str,
        patience: float,
        blind: Blindness,
        observe: Callable[[str, float], None] = lambda _phase, _seconds: None,
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._exchange = exchange
        self._ledger = ledger
        self._clock = clock
        self._account = account
        self._patience = patience
        self._blind = blind
        self._observe = observe
        self._rest = rest
        # Whoever compares balances with the ledger must not do so in the middle of an order.
        self.in_order = asyncio.Lock()

    async def execute(self, request: OrderRequest) -> Intent | Veto | DuplicatePrevented:
        """Answers the intent once its order is settled, or as settled as it can be for now.

        Raises LedgerUnavailable and LeaseLost; then nothing was sent, or recovery will find the intent.
        """
        async with self.in_order, self._clock.standing_still("order"):
            opened = await self._ledger.open_intent(request, self._account, self._blind())
            if isinstance(opened, Intent):
                await self._send(opened)
            return opened

    async def recover(self) -> int:
        """Settles all that was left open, oldest first: after a crash as after a lost reply."""
        async with self.in_order:
            intents = await self._ledger.open_intents()
            if intents:
                async with self._clock.standing_still("recovery"):
                    for intent in intents:
                        await self._settle(intent)
            return len(intents)

    async def _send(self, intent: Intent) -> None:
        began = time.monotonic()
        try:
            order = await self._exchange.place(intent.request, intent.identifier)
        except (OrderRejected, NotAuthorized) as no:
            await self._ledger.record(OrderRefused(intent, no.name, str(no), self._clock.now()))
        except (OrderOutcomeUnknown, IdentifierTaken, RateLimited, Banned) as lost:
            await self._ledger.record(OrderOutcomeLost(intent, str(lost)))
            await self._settle(intent)
        else:
            self._observe("submit", time.monotonic() - began)
            await self._conclude(intent, order, recovered=False)

    async def _settle(self, intent: Intent) -> None:
        """Finds out what became of an order that may or may not have been placed.

        Sending the same identifier again is a fence: the exchange accepts it now, or says that it exists; either way nothing
        that is still on its way can be accepted afterwards. It is sent only while the wish is fresh and the gate allows it.
        """
        began = time.monotonic()
        fenced = intent.fenced
        while True:
            order = await self._look_up(intent)
            if order is not None:
                await self._conclude(intent, order, recovered=True)
                return
            if intent.age + time.monotonic() - began > self._patience:
                await self._give_up(intent, fenced=fenced)
                return
            if not fenced:
                fenced = await self._fence(intent)
            else:
                await self._rest(_POLL)

    async def _fence(self, intent: Intent) -> bool:
        """Whether nothing sent under the identifier can be accepted any more."""
        if not await self._ledger.may_resend(intent, self._blind()):
            await asyncio.sleep(_POLL)
            return False
        try:
            await self._exchange.place(intent.request, intent.identifier)
        except IdentifierTaken as exists:
            await self._ledger.mark_fenced(intent, str(exists))
        except OrderRejected as no:
            # A refused request uses the identifier up as well; whether the first one was faster, the look-up tells.
            await self._ledger.mark_fenced(intent, f"the repeated request was refused: {no}")
        except ExchangeError:
            await asyncio.sleep(_POLL)
            return False
        return True

    async def _look_up(self, intent: Intent) -> Order | None:
        try:
            return await self._exchange.find_order(intent.identifier)
        except ExchangeError:
            await asyncio.sleep(_POLL)
            return None

    async def _give_up(self, intent: Intent, *, fenced: bool) -> None:
        """Asked long enough: closed as never placed, unless the list of closed orders knows better.

        Raises ExchangeError when the exchange does not say; the intent then stays open.
        """
        order = None if fenced else await self._use_up(intent)
        order = order or await self._find_closed(intent)
        if order is not None:
            await self._conclude(intent, order, recovered=True)
            return
        reason = f"no order found within {self._patience:.0f} s"
        await self._ledger.record(OrderRefused(intent, "not_found", reason, self._clock.now()))

    async def _find_closed(self, intent: Intent) -> Order | None:
        request = intent.request
        closed = await self._exchange.closed_orders(request.market, request.at)
        return next((order for order in closed if order.identifier == intent.identifier), None)

    async def _use_up(self, intent: Intent) -> Order | None:
        """A fence that cannot buy: too small a request for the exchange to accept uses the identifier up as well.

        Without it an order could still be on its way, and be accepted when nobody asks for it any more.
        """
        try:
            return await self._exchange.place(intent.request.far_too_small(), intent.identifier)
        except OrderRejected:
            return None
        except IdentifierTaken:
            return await self._exchange.find_order(intent.identifier)
        except OrderOutcomeUnknown as unknown:
            if not unknown.answered:
                raise
            return await self._exchange.find_order(intent.identifier)

    async def _conclude(self, intent: Intent, order: Order, *, recovered: bool) -> None:
        """Waits until the order is final and its fills account for it, then writes it all at once."""
        began = time.monotonic()
        pause = 0.0  # the reply to a new order lists no fills: the first look-up need not wait
        while not (order.final and order.fills_complete):
            if time.monotonic() - began > _SETTLE_PATIENCE:
                await self._ledger.record(
                    OrderOutcomeLost(intent, "체결이 아직 끝나지 않았습니다 (not final yet)")
                )
                return
            if pause:
                await self._rest(pause)
            order, pause = await self._look_up(intent) or order, _POLL
        await self._ledger.record(OrderSettled(intent, order, recovered))
        self._observe("settle", time.monotonic() - began)
