"""How a life's events become samples: when each target answers, and what it then shows of counters, ages and times.

Names, labels and owners come from the registry: a series the bot does not have raises KeyError.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alarms.life import DAY, Life, Span, Times
from alarms.work import MARKETS, Work
from bongsu.metric import Metric, Owner
from bongsu.metrics import find
from bongsu.metrics.values import NO_MODEL
from rules.foreign import FOREIGN

EPOCH = 1_700_006_400.0  # wall time at which a life begins, 09:00 KST: a timestamp of 0 lies that far back
WITHHELD_AFTER = 15.0
HEARTBEAT = 5.0
TARGETS = {
    "backend": "backend:8000",
    "scheduler": "scheduler:8001",
    "postgres": "postgres-exporter:9187",
    "prometheus": "prometheus:9090",
    "alertmanager": "alertmanager:9093",
}

Labels = Mapping[str, str]
Flags = NDArray[np.bool_]
Events = Mapping[tuple[str, ...], Times]  # by the values of the labels, in the registry's order

NOTHING: Times = np.array([])
KNOWN = {"symbol": MARKETS, "model": (NO_MODEL,)}


@dataclass(frozen=True)
class Series:
    name: str
    labels: Labels
    values: Times

    def __str__(self) -> str:
        labels = ", ".join(f'{key}="{value}"' for key, value in self.labels.items())
        return f"{self.name}{{{labels}}}"


def count(events: Times, at: Times) -> Times:
    return np.searchsorted(np.sort(events), at, side="right").astype(float)


def latest(events: Times, at: Times, before: float) -> Times:
    """The last event at or before each time; `before` where there was none yet."""
    known = np.concatenate([[before], np.sort(events)])
    return known[np.searchsorted(known[1:], at, side="right")]


def during(spans: Sequence[Span], at: Times) -> Flags:
    inside = np.zeros(len(at), dtype=bool)
    for begin, end in spans:
        inside |= (at >= begin) & (at < end)
    return inside


@dataclass(frozen=True)
class Scrapes:
    """From `begin` on, each `step` seconds. `origin`: what clocks show when the life begins."""

    work: Work
    begin: float
    end: float
    step: float
    origin: float = EPOCH

    @property
    def life(self) -> Life:
        return self.work.life

    @cached_property
    def at(self) -> Times:
        return np.arange(self.begin, self.end + self.step / 2, self.step)

    @cached_property
    def seen(self) -> Times:
        """The backend shows the ledger up to 5 s late, and a rule reads what was scraped up to 10 s ago."""
        return self.at - self.life.chance(2).uniform(0, 15)

    @cached_property
    def answers(self) -> dict[str, Flags]:
        """Which scrapes of each target succeed. One in a day and target is lost, for no reason."""
        away = {
            "backend": during(self.life.backend_away, self.at),
            "scheduler": during([(r.stop, r.back) for r in self.life.scheduler_away], self.at),
        }
        return {job: ~(away.get(job, False) | self.struck(3, n, each=DAY)) for n, job in enumerate(TARGETS)}

    def struck(self, *stream: int, each: float, lasting: float = 0.0) -> Flags:
        """Whether something that happens once in `each` seconds, on average, goes on; for a scrape at least."""
        events = self.sometimes(*stream, each=each)
        return during([(at, at + max(lasting, self.step)) for at in events], self.at)

    def sometimes(self, *stream: int, each: float) -> Times:
        """The same events however the life is cut into windows."""
        rng = self.life.chance(*stream)
        number = rng.poisson((self.life.length + DAY) / each)
        return np.sort(rng.uniform(-DAY, self.life.length, number))

    @cached_property
    def heartbeat(self) -> Times:
        """When the last sign of life was, at each time."""
        beats = np.full(len(self.at), -np.inf)
        for begin, end in self.life.leading:
            origin = max(begin, -DAY)
            until = np.minimum(self.seen, end)
            beat = origin + np.floor((until - origin) / HEARTBEAT) * HEARTBEAT
            beats = np.where(self.seen >= origin, beat, beats)
        return beats

    @cached_property
    def ledger_read(self) -> Flags:
        """Now and then the database does not answer a read in time."""
        return ~self.struck(4, each=DAY)

    @cached_property
    def scheduler_vouches(self) -> Flags:
        return self.ledger_read & (self.seen - self.heartbeat <= WITHHELD_AFTER)

    def ledger(self, name: str, values: Times | float, **labels: str) -> Series:
        metric = _registered(name, Owner.LEDGER)
        _check(metric, labels)
        shown = self.scheduler_vouches if metric.live_scheduler else self.ledger_read
        return self._of("backend", name, np.where(shown, values, np.nan), labels)

    def counters(self, name: str, events: Events | None = None) -> Iterator[Series]:
        """Every label set of the ledger's counter, from 0 on: it never resets."""
        metric = _registered(name, Owner.LEDGER)
        for labels in metric.label_sets(KNOWN):
            happened = (events or {}).get(tuple(labels.values()), NOTHING)
            yield self.ledger(name, count(happened, self.seen), **labels)

    def process(self, owner: Owner, name: str, values: Times | float, **labels: str) -> Series:
        _check(_registered(name, owner), labels)
        return self._of(owner, name, np.broadcast_to(values, self.at.shape), labels)

    def process_counters(self, owner: Owner, name: str, events: Events) -> Iterator[Series]:
        """From 0 at each start of the process."""
        for labels in _registered(name, owner).label_sets(KNOWN):
            happened = events.get(tuple(labels.values()), NOTHING)
            yield self.process(owner, name, self.since_start(owner, happened), **labels)

    def histogram(
        self, owner: Owner, name: str, at: Times, took: Times, parts: Sequence[str], **labels: str
    ) -> Iterator[Series]:
        """Of `parts`: bucket, count. Events in any order."""
        metric = _registered(name, owner)
        _check(metric, labels)
        if "count" in parts:
            yield self._of(owner, f"{name}_count", self.since_start(owner, at), labels)
        if "bucket" in parts:
            for edge in (*metric.buckets, np.inf):
                le = "+Inf" if edge == np.inf else repr(float(edge))
                values = self.since_start(owner, at[took <= edge])
                yield self._of(owner, f"{name}_bucket", values, {**labels, "le": le})

    def since_start(self, owner: Owner, events: Times) -> Times:
        started = latest(self.starts(owner), self.at, -DAY)
        return count(events, self.at) - count(events, started)

    def starts(self, owner: Owner) -> Times:
        if owner is Owner.BACKEND:
            return np.array([back for _, back in self.life.backend_away])
        return np.array([restart.back for restart in self.life.scheduler_away])

    def around(self, job: str, name: str, values: Times | float, **labels: str) -> Series:
        """A series of a target that is not ours, with the labels its server gives it."""
        assert tuple(labels) == FOREIGN[name].labels, f"{name} has labels {FOREIGN[name].labels}"
        return self._of(job, name, np.broadcast_to(values, self.at.shape), labels)

    def _of(self, job: str, name: str, values: Times, labels: Labels) -> Series:
        shown = np.where(self.answers[job], values, np.nan)
        return Series(name, {**labels, "job": job, "instance": TARGETS[job]}, shown)

    def made(self, job: str, name: str, values: Times) -> Series:
        """What Prometheus adds itself for each target, whether it answers or not."""
        return Series(name, {"job": job, "instance": TARGETS[job]}, values)

    def timestamp(self, moments: Times | float) -> Times | float:
        return moments + self.origin

    def never(self) -> float:
        """A timestamp of 0."""
        return self.origin - EPOCH


def _registered(name: str, owner: Owner) -> Metric:
    metric = find(name)
    assert owner in metric.owners, f"{name} is not of the {owner}"
    return metric


def _check(metric: Metric, labels: Labels) -> None:
    assert tuple(labels) == metric.label_names, f"{metric.name} has labels {metric.label_names}"
    for name, allowed in metric.labels:
        assert allowed is None or labels[name] in allowed, f"{metric.name}: no {name}={labels[name]!r}"
