"""The projection of the ledger as Prometheus families, and the short-lived cache before it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from bongsu.errors import LedgerError, LedgerUnavailable
from bongsu.ledger.projection import Sample
from bongsu.metrics import METRICS, Kind, Metric, Owner

CACHED_FOR = 5.0  # seconds
PATIENCE = 1.5  # seconds a scrape waits: it must answer while the database hangs

_PROJECTED = tuple(m for m in METRICS if m.owners == (Owner.LEDGER,))
_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_FAMILIES: dict[Kind, type[_Family]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}
_log = logging.getLogger(__name__)


class LedgerSeries(Collector):
    """Never shows a stale value: what could not be read now is not shown."""

    def __init__(self, project: Callable[[], Awaitable[Sequence[Sample]]]) -> None:
        self._project = project
        self._reading: asyncio.Task[None] | None = None
        self._samples: Sequence[Sample] = ()
        self._read_at = float("-inf")
        self.ledger_up = False
        self.database_up = False

    async def refresh(self) -> None:
        """Answers within PATIENCE. One read goes on at a time; a hanging one is waited for, not repeated."""
        if time.monotonic() - self._read_at < CACHED_FOR:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        done, _ = await asyncio.wait({self._reading}, timeout=PATIENCE)
        if not done:
            self._forget(database_up=False)

    def collect(self) -> Iterable[_Family]:
        return families(self._samples) if self.ledger_up else ()

    def describe(self) -> Iterable[_Family]:
        return (_empty(metric) for metric in _PROJECTED)

    async def _read(self) -> None:
        try:
            self._samples = await self._project()
        except LedgerUnavailable:
            self._forget(database_up=False)
        except LedgerError:
            _log.exception("the ledger could not be projected")
            self._forget(database_up=True)
        else:
            self.ledger_up = self.database_up = True
        self._read_at = time.monotonic()

    def _forget(self, *, database_up: bool) -> None:
        self._samples = ()
        self.ledger_up, self.database_up = False, database_up


def families(samples: Iterable[Sample]) -> list[_Family]:
    """Raises KeyError for a sample that the registry does not know."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    built: list[_Family] = []
    for metric in _PROJECTED:
        if metric.kind is Kind.HISTOGRAM:
            parts = {part: by_name.pop(f"{metric.name}_{part}", []) for part in ("bucket", "sum", "count")}
            built.append(_histogram(metric, parts["bucket"], parts["sum"]))
        else:
            built.append(_plain(metric, by_name.pop(metric.name, [])))
    if by_name:
        raise KeyError(f"not in the registry: {sorted(by_name)}")
    return [family for family in built if family.samples]


def _plain(metric: Metric, samples: Iterable[Sample]) -> _Family:
    family = _empty(metric)
    assert not isinstance(family, HistogramMetricFamily)
    for sample in samples:
        family.add_metric(_values(metric, sample), float(sample.value))
    return family


def _histogram(metric: Metric, buckets: Iterable[Sample], sums: Iterable[Sample]) -> _Family:
    family = _empty(metric)
    assert isinstance(family, HistogramMetricFamily)
    edges: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for sample in buckets:
        edges.setdefault(_values(metric, sample), []).append((sample.labels["le"], float(sample.value)))
    summed = {_values(metric, sample): float(sample.value) for sample in sums}
    for labels, unordered in edges.items():
        ordered = sorted(unordered, key=lambda edge: float(edge[0]))
        family.add_metric(labels, ordered, summed.get(labels))
    return family


def _values(metric: Metric, sample: Sample) -> tuple[str, ...]:
    return tuple(sample.labels[name] for name in metric.label_names)


def _empty(metric: Metric) -> _Family:
    return _FAMILIES[metric.kind](metric.name, metric.help, labels=metric.label_names)
