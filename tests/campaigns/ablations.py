"""The order protocol without one of its elements each. Production has no switch for this."""

import itertools
from dataclasses import dataclass
from uuid import uuid5

from bongsu.core.facts import DuplicatePrevented
from bongsu.core.order import Intent, Order, OrderRequest
from bongsu.core.risk import Veto
from bongsu.errors import ExchangeError
from bongsu.trading.execution import Execution


class _OrderFirst(Execution):
    """The usual order of steps: send, then write down what was sent."""

    async def execute(self, request: OrderRequest) -> Intent | Veto | DuplicatePrevented:
        order = await self._exchange.place(request, request.identifier(self._account))
        opened = await self._ledger.open_intent(request, self._account, self._blind())
        if isinstance(opened, Intent):
            await self._conclude(opened, order, recovered=False)
        return opened


_numbers = itertools.count()


class _AnotherName(Execution):
    """What is sent again is a new order to the exchange."""

    async def _fence(self, intent: Intent) -> bool:
        if not await self._ledger.may_resend(intent, self._blind()):
            return False
        try:
            again = await self._exchange.place(intent.request, uuid5(intent.identifier, str(next(_numbers))))
        except ExchangeError:
            return False
        await self._conclude(intent, again, recovered=True)
        return True


class _NoFence(Execution):
    """Looks the order up, and believes that what is not there will not be there."""

    async def _fence(self, intent: Intent) -> bool:
        return True


class _NothingUsedUp(Execution):
    """Closes an order that it could not fence while the first request may still be on its way."""

    async def _use_up(self, intent: Intent) -> Order | None:
        return None


@dataclass(frozen=True)
class Protocol:
    execution: type[Execution] = Execution
    piecemeal: frozenset[str] = frozenset()  # operations whose statements are committed one by one


WHOLE = Protocol()
WITHOUT = {
    "intent first": Protocol(execution=_OrderFirst),
    "identifier": Protocol(execution=_AnotherName),
    "fence": Protocol(execution=_NoFence),
    "one transaction": Protocol(piecemeal=frozenset({"record"})),
    "used-up identifier": Protocol(execution=_NothingUsedUp),
}
