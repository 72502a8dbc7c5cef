"""The projection of the ledger as Prometheus text, and the short-lived cache before it."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from bongsu.errors import LedgerError, LedgerUnavailable
from bongsu.ledger.projection import Sample
from bongsu.metric import Kind, Metric, Owner
from bongsu.metrics import METRICS
from bongsu.monitoring.exposition import Exposition

READ_EVERY = 5.0  # seconds from one read's beginning to the next's
PATIENCE = 0.05  # seconds a read may take so that scrapes wait for it
HANGS_AFTER = 5.0  # seconds after which a database that has not answered counts as down
FRESH_FOR = 10.0  # seconds that a figure is told; as much longer as its own read took
FRESH_AT_MOST = 30.0

_PROJECTED = tuple(m for m in METRICS if m.owners == (Owner.LEDGER,))
_Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_FAMILIES: dict[Kind, type[_Family]] = {
    Kind.COUNTER: CounterMetricFamily,
    Kind.GAUGE: GaugeMetricFamily,
    Kind.HISTOGRAM: HistogramMetricFamily,
}
_log = logging.getLogger(__name__)


class LedgerSeries:
    """Read in the background (`run`), so that no scrape waits for a database.

    What is shown is as old as the beginning of its read. A slow database's figures are told until its next answer is
    overdue; those of one that does not answer at all, never.
    """

    def __init__(self, project: Callable[[], Awaitable[Sequence[Sample]]]) -> None:
        self._project = project
        self._reading: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")
        self._told_until = float("-inf")
        self._took = 0.0  # the last read
        self._exposition = Exposition()
        self._text = b""
        self._database_up = False

    @property
    def ledger_up(self) -> bool:
        return time.monotonic() <= self._told_until

    @property
    def database_up(self) -> bool:
        hangs = self._reading is not None and not self._reading.done() and self._age_of_question > HANGS_AFTER
        return self._database_up and not hangs

    @property
    def text(self) -> bytes:
        return self._text if self.ledger_up else b""

    async def run(self) -> None:
        while True:
            await self.refresh()
            if self._reading is not None:
                await self._reading
            await asyncio.sleep(READ_EVERY - self._age_of_question)

    async def refresh(self) -> None:
        """Begins a read when one is due, and waits for it if the one before was quick.

        One goes on at a time; a hanging one is neither waited for nor repeated: it ends with its connection.
        """
        if self._reading is None or self._reading.done():
            if self._age_of_question < READ_EVERY:
                return
            self._asked_at = time.monotonic()
            self._reading = asyncio.create_task(self._read(self._asked_at))
        left = PATIENCE - self._age_of_question
        if left > 0 and self._took <= PATIENCE:
            await asyncio.wait({self._reading}, timeout=left)

    @property
    def _age_of_question(self) -> float:
        return time.monotonic() - self._asked_at

    async def _read(self, began: float) -> None:
        try:
            samples = await self._project()
            self._text = await asyncio.to_thread(lambda: self._exposition.write(families(samples)))
        except LedgerUnavailable:
            self._database_up, self._told_until = False, float("-inf")
        except LedgerError:  # it answers: what it said before is true for its time
            _log.exception("the ledger could not be projected")
            self._database_up = True
        else:
            told_for = min(FRESH_FOR + time.monotonic() - began, FRESH_AT_MOST)
            self._database_up, self._told_until = True, began + told_for
        finally:
            self._took = time.monotonic() - began


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
