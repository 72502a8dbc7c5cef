"""What a metric is. Which there are: `metrics/`.

Owners: LEDGER is projected from PostgreSQL by the backend; BACKEND and SCHEDULER are counted in those processes.
A business name has exactly one owner, else sums double.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

_NOTHING: Mapping[str, tuple[str, ...]] = {}


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Owner(StrEnum):
    LEDGER = "ledger"
    BACKEND = "backend"
    SCHEDULER = "scheduler"


@dataclass(frozen=True, slots=True)
class Metric:
    """`labels` maps each label to its closed list of values, or to None where the values come with the facts (markets).

    `live_scheduler`: withheld when the scheduler's heartbeat is stale, so that `absent()` sees a dead scheduler.
    """

    name: str
    kind: Kind
    owners: tuple[Owner, ...]
    help: str
    labels: tuple[tuple[str, tuple[str, ...] | None], ...] = ()
    buckets: tuple[float, ...] = ()
    live_scheduler: bool = False

    @property
    def summed(self) -> bool:
        """A sum of values of either sign goes up and down: no counter, so a histogram of such has none."""
        return not self.buckets or self.buckets[0] >= 0

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.labels)

    @property
    def samples(self) -> tuple[str, ...]:
        """Names as they stand on the wire: a histogram has no sample of its bare name."""
        if self.kind is not Kind.HISTOGRAM:
            return (self.name,)
        parts = ("bucket", "sum", "count") if self.summed else ("bucket", "count")
        return tuple(f"{self.name}_{part}" for part in parts)

    def label_sets(self, known: Mapping[str, tuple[str, ...]] = _NOTHING) -> list[dict[str, str]]:
        """Every combination the metric starts with; a label without a closed list takes what is `known` of it."""
        values = [allowed if allowed is not None else known.get(name, ()) for name, allowed in self.labels]
        return [dict(zip(self.label_names, combination, strict=True)) for combination in product(*values)]
