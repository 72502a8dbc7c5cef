"""The ledger as series: what `/metrics` shows of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from bongsu import metrics
from bongsu.core.clock import MAX_CLOCK_SKEW
from bongsu.core.market import MarketState
from bongsu.core.money import Krw
from bongsu.core.tradingday import NINE, trading_day_start
from bongsu.errors import LedgerError, LedgerUnavailable
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.queries import load
from bongsu.metrics.values import DECIDING, PAUSE_REASONS

_SQL = load("projection")

STALE_AFTER = 15.0  # seconds without a heartbeat, after which the scheduler counts as dead
_NO_BUDGET = Krw(Decimal(0))
MAX_SYMBOLS = 50
OTHER = "other"

_LIMITS = {"stale_after": STALE_AFTER, "max_skew": MAX_CLOCK_SKEW}
_LIVE = {m.name for m in metrics.METRICS if m.live_scheduler}
_IDLE = "bot_idle_reason"
# One statement: all figures are of one moment, and a slow or far database is waited for once.
_ALL_SERIES = sql.SQL(
    "{series} UNION ALL SELECT DISTINCT {name}, jsonb_build_object('reason', reason), 1 FROM ({reasons}) AS idle"
).format(series=sql.SQL(_SQL["series"]), name=sql.Literal(_IDLE), reasons=sql.SQL(_SQL["idle_reasons"]))


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: Decimal


async def project(
    database: Database,
    *,
    lease_seconds: float,
    markets: tuple[str, ...] = (),
    day_start: time = NINE,
    ai_budget: Krw = _NO_BUDGET,
) -> list[Sample]:
    """One sample per series; what the dead scheduler would have to vouch for is left out.

    Raises LedgerUnavailable when the database does not answer, LedgerError when it answers that a statement took too
    long, or that the schema is not there.
    """
    today = trading_day_start(datetime.now(UTC), day_start)
    try:
        async with database.reading("project") as tx:
            return await _read(
                tx, {"lease_seconds": lease_seconds, "day": today, "ai_budget": ai_budget}, markets
            )
    except psycopg.ProgrammingError as error:
        raise LedgerError(f"the schema does not fit this program: {error}") from error
    except LedgerUnavailable as error:
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise LedgerError(f"the database is slow: {error}") from error
        raise


async def idle_reasons(tx: Tx, lease_seconds: float) -> list[dict[str, Any]]:
    """Why nothing is being done now, the gravest first; rows of reason, at, detail. Empty while a decision is being made."""
    return await (
        await tx.execute(_SQL["idle_reasons"], {**_LIMITS, "lease_seconds": lease_seconds})
    ).fetchall()


async def _read(tx: Tx, values: Mapping[str, Any], markets: tuple[str, ...]) -> list[Sample]:
    known = {
        **_LIMITS,
        "live_names": list(_LIVE),
        "pause_reasons": list(PAUSE_REASONS),
        "market_states": [state.value for state in MarketState],
    }
    rows = await (await tx.execute(_ALL_SERIES, {**known, **values})).fetchall()
    samples = [Sample(row["name"], row["labels"], row["value"]) for row in rows]
    if not any(sample.name == _IDLE for sample in samples):
        samples.append(Sample(_IDLE, {"reason": DECIDING}, Decimal(1)))
    return fold_symbols(samples, markets)


def fold_symbols(samples: Iterable[Sample], first: tuple[str, ...]) -> list[Sample]:
    """At most MAX_SYMBOLS markets keep their name, `first` before the others; the rest add up under `other`.

    A gauge of a folded market is left out: ratios and ages do not add up.
    """
    samples = list(samples)
    seen = sorted({s.labels["symbol"] for s in samples if "symbol" in s.labels})
    if len(seen) <= MAX_SYMBOLS:
        return samples
    kept = {
        *[m for m in first if m in seen],
        *[m for m in seen if m not in first][: MAX_SYMBOLS - len(first)],
    }
    folded: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
    for sample in filter(None, (_folded(s, kept) for s in samples)):
        key = (sample.name, frozenset(sample.labels.items()))
        before = folded.get(key)
        folded[key] = replace(sample, value=before.value + sample.value) if before else sample
    return list(folded.values())


def _folded(sample: Sample, kept: set[str]) -> Sample | None:
    if sample.labels.get("symbol", OTHER) in {*kept, OTHER}:
        return sample
    if not sample.name.endswith("_total"):
        return None
    return replace(sample, labels={**sample.labels, "symbol": OTHER})
