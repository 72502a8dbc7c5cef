"""What a key may do, asked before it trades and where nobody counts: a refusal here is an answer, and no alarm."""

from decimal import Decimal

from bongsu.adapters.upbit import wire
from bongsu.adapters.upbit.connection import Connection, Endpoint
from bongsu.adapters.upbit.refusals import OUT_OF_SCOPE
from bongsu.core.market import Market
from bongsu.errors import ExchangeRefused, NotAuthorized, OrderRejected

_TEST = Endpoint("orders_test", "POST", "/v1/orders/test", "order-test", signed=True)
_WITHDRAWALS = Endpoint("withdraws", "GET", "/v1/withdraws", "default", signed=True)


async def sees_withdrawals(connection: Connection) -> bool:
    """Whether the key has the right to view withdrawals. The right to withdraw alone does not show."""
    try:
        await connection.read(_WITHDRAWALS, [("limit", "1")], wire.parse_anything)
    except NotAuthorized as refusal:
        if refusal.name == OUT_OF_SCOPE:
            return False
        raise
    return True


async def test_order(connection: Connection, market: Market, funds: Decimal) -> None:
    """What a buy would be told, without placing it: a passed test proves the right to order.

    Raises OrderRejected, NotAuthorized, and what a read raises.
    """
    params = [("market", market), ("side", "bid"), ("ord_type", "price"), ("price", f"{funds:f}")]
    try:
        await connection.write(_TEST, params, wire.parse_anything)
    except NotAuthorized:
        raise
    except ExchangeRefused as refusal:
        raise OrderRejected(refusal.name, refusal.message) from refusal
