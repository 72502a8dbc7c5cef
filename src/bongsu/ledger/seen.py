"""What was seen of the markets: candles, and how fresh they were."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bongsu.core.market import Candle, Market
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = load("facts")


async def save_candles(tx: Tx, candles: Sequence[Candle]) -> None:
    """Of one market; those from the newest stored one on, older ones are on record."""
    first = candles[0]
    where = {"market": first.market, "interval": int(first.interval.total_seconds())}
    row = await (await tx.execute(_SQL["newest_candle"], where)).fetchone()
    newest = row["at"] if row else None
    rows = [where | _candle_row(c) for c in candles if newest is None or c.opened_at >= newest]
    await tx.cursor().executemany(_SQL["save_candle"], rows)


async def save_freshness(
    tx: Tx, market: Market, interval: timedelta, newest_at: datetime, age: float
) -> None:
    """`age` in wall seconds."""
    values = {
        "market": market,
        "interval": int(interval.total_seconds()),
        "newest_at": newest_at,
        "age": Decimal(repr(age)),
    }
    await tx.execute(_SQL["save_freshness"], values)


def _candle_row(candle: Candle) -> dict[str, Any]:
    return {
        "opened_at": candle.opened_at,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "value": candle.value,
        "synthetic": candle.synthetic,
    }
