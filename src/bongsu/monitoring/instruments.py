"""The live metrics of one process, made from the registry: nothing is counted under a name that is not there."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from bongsu.metric import Kind, Metric, Owner
from bongsu.metrics import METRICS

_Live = Counter | Gauge | Histogram


class Instruments:
    """Counters of closed label lists stand at 0 from the start; a gauge is absent until it is set or after `forget`.

    Unknown names raise KeyError.
    """

    def __init__(self, owner: Owner) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=True)
        for runtime in (ProcessCollector, PlatformCollector, GCCollector):
            runtime(registry=self.registry)
        self._metrics = {m.name: m for m in METRICS if owner in m.owners}
        self._live = {
            name: _made(m, self.registry) for name, m in self._metrics.items() if m.kind is not Kind.GAUGE
        }

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        counter = self._series(name, labels)
        assert isinstance(counter, Counter), name
        counter.inc(amount)

    def set(self, name: str, value: float, **labels: str) -> None:
        gauge = self._series(name, labels)
        assert isinstance(gauge, Gauge), name
        gauge.set(value)

    def add(self, name: str, change: float, **labels: str) -> None:
        gauge = self._series(name, labels)
        assert isinstance(gauge, Gauge), name
        gauge.inc(change)

    def follow(self, name: str, reading: Callable[[], Mapping[str, int]]) -> None:
        """A counter of one label that is kept elsewhere, from before there were instruments: read at each scrape."""
        self.registry.unregister(self._live.pop(name))
        self.registry.register(_Followed(self._metrics[name], reading))

    def forget(self, name: str) -> None:
        """What is not known any more is not told."""
        if (gauge := self._live.pop(name, None)) is not None:
            self.registry.unregister(gauge)

    def expect(self, name: str, **labels: str) -> None:
        """Stands at 0 from now on: a counter that is born with its first event shows no increase of it."""
        self._series(name, labels)

    def observe(self, name: str, value: float, **labels: str) -> None:
        histogram = self._series(name, labels)
        assert isinstance(histogram, Histogram), name
        histogram.observe(value)

    def _series(self, name: str, labels: dict[str, str]) -> _Live:
        if name not in self._live:
            self._live[name] = _bare(self._metrics[name], self.registry)
        metric = self._live[name]
        return metric.labels(**labels) if labels else metric


class _Followed(Collector):
    def __init__(self, metric: Metric, reading: Callable[[], Mapping[str, int]]) -> None:
        self._metric, self._reading = metric, reading

    def collect(self) -> Iterator[CounterMetricFamily]:
        family = CounterMetricFamily(self._metric.name, self._metric.help, labels=self._metric.label_names)
        for value, counted in self._reading().items():
            family.add_metric([value], counted)
        yield family


def _made(metric: Metric, registry: CollectorRegistry) -> _Live:
    live = _bare(metric, registry)
    if metric.labels and all(allowed is not None for _, allowed in metric.labels):
        for labels in metric.label_sets():
            live.labels(**labels)
    return live


def _bare(metric: Metric, registry: CollectorRegistry) -> _Live:
    match metric.kind:
        case Kind.COUNTER:
            return Counter(metric.name, metric.help, metric.label_names, registry=registry)
        case Kind.GAUGE:
            return Gauge(metric.name, metric.help, metric.label_names, registry=registry)
        case Kind.HISTOGRAM:
            return Histogram(
                metric.name, metric.help, metric.label_names, registry=registry, buckets=metric.buckets
            )
