"""The ledger as series: what `/metrics` shows of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import psycopg

from bongsu import metrics
from bongsu.errors import LedgerError
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.queries import load

_SQL = load("projection")

STALE_AFTER = 15.0  # seconds without a heartbeat, after which the scheduler counts as dead
MAX_SYMBOLS = 50
OTHER = "other"

_LIVE = {m.name for m in metrics.METRICS if m.live_scheduler}


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: Decimal


async def project(database: Database, *, lease_seconds: float, markets: tuple[str, ...] = ()) -> list[Sample]:
    """One sample per series; what the dead scheduler would have to vouch for is left out.

    Raises LedgerUnavailable when the database does not answer within a second, LedgerError when the schema is not there.
    """
    try:
        async with database.transaction("project") as tx:
            return await _read(tx, lease_seconds, markets)
    except psycopg.ProgrammingError as error:
        raise LedgerError(f"the schema does not fit this program: {error}") from error


async def idle_reasons(tx: Tx, lease_seconds: float) -> list[dict[str, Any]]:
    """Why nothing is being done now, the gravest first; rows of reason, at, detail. Empty while a decision is being made."""
    limits = {"lease_seconds": lease_seconds, "stale_after": STALE_AFTER}
    return await (await tx.execute(_SQL["idle_reasons"], limits)).fetchall()


async def _read(tx: Tx, lease_seconds: float, markets: tuple[str, ...]) -> list[Sample]:
    await tx.execute(_SQL["limit_time"])
    beat = await (await tx.execute(_SQL["heartbeat_age"])).fetchone()
    scheduler_lives = beat is not None and beat["age"] <= STALE_AFTER
    counters = await (await tx.execute(_SQL["counters"])).fetchall()
    gauges = await (await tx.execute(_SQL["gauges"], {"lease_seconds": lease_seconds})).fetchall()
    idle = {row["reason"] for row in await idle_reasons(tx, lease_seconds)}
    samples = [Sample(row["name"], row["labels"], row["value"]) for row in (*counters, *gauges)]
    samples += [Sample("bot_idle_reason", {"reason": reason}, Decimal(1)) for reason in sorted(idle)]
    shown = [s for s in samples if scheduler_lives or s.name not in _LIVE]
    return fold_symbols(shown, markets)


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
