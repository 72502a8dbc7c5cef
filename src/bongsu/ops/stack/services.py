"""The services of the stack, declared once: the native runner runs them, the compose files are made from them."""

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bongsu.core.backoff import doubled

EX_UNAVAILABLE = 69
EX_CONFIG = 78
PROMETHEUS_OPTIONS = (
    "--storage.tsdb.retention.time=15d",
    # What it says before it has found Alertmanager is lost until said again: the first Watchdog would take a minute longer.
    "--rules.alert.resend-delay=30s",
)


@dataclass(frozen=True, slots=True)
class Service:
    """What is true of a service wherever it runs. Times are in seconds of wall time."""

    name: str
    port: int
    ready_path: str | None  # None: ready by another probe
    memory_mb: int
    grace: float
    starts_after: tuple[str, ...] = ()
    stops_after: tuple[str, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL  # sent by the kernel when the runner dies
    refusals: tuple[int, ...] = (EX_CONFIG,)  # exit codes that need the owner, not a restart
    reads_settings: bool = False


@dataclass(frozen=True, slots=True)
class Restarts:
    """Pauses between restarts: doubled each time, from the beginning again after a calm run."""

    first: float = 0.5
    longest: float = 30.0
    calm: float = 60.0

    def pause(self, failures: int) -> float:
        """`failures` starts at 1."""
        return doubled(failures, first=self.first, longest=self.longest)


# The graces along each chain of `stops_after` add up to less than ten seconds.
SERVICES = (
    Service(
        "postgres",
        port=5432,
        ready_path=None,
        memory_mb=512,
        grace=2.5,
        stops_after=("scheduler", "backend"),
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes everything
        death_signal=signal.SIGQUIT,  # "immediate": it must not linger without us; recovery does the rest
    ),
    Service(
        "exchange",
        port=8700,
        ready_path="/sandbox/clock",
        memory_mb=256,
        grace=1.5,
        stops_after=("scheduler", "backend"),
        refusals=(EX_UNAVAILABLE, EX_CONFIG),  # a bad candle file stays bad
    ),
    Service(
        "postgres-exporter", port=9187, ready_path="/", memory_mb=64, grace=1.0, starts_after=("postgres",)
    ),
    Service("alertmanager", port=9093, ready_path="/-/ready", memory_mb=96, grace=1.5),
    Service("prometheus", port=9090, ready_path="/-/ready", memory_mb=256, grace=3.0),
    Service("grafana", port=3001, ready_path="/api/health", memory_mb=384, grace=3.0),
    Service(
        "backend",
        port=8000,
        ready_path="/health",
        memory_mb=256,
        grace=2.0,
        starts_after=("postgres", "exchange"),
        stops_after=("scheduler",),  # delivers what the scheduler could not say any more
        reads_settings=True,
    ),
    Service(
        "scheduler",
        port=8001,
        ready_path="/metrics",
        memory_mb=384,
        grace=4.0,
        starts_after=("postgres", "exchange"),
        reads_settings=True,
    ),
)


def service(name: str) -> Service:
    """Raises KeyError with the names there are."""
    for declared in SERVICES:
        if declared.name == name:
            return declared
    raise KeyError(f"{name}: {', '.join(s.name for s in SERVICES)}")


def only_among(names: Sequence[str], present: Iterable[str]) -> tuple[str, ...]:
    """Of `names` those that are part of this stack: an own PostgreSQL, say, may be absent."""
    there = set(present)
    return tuple(name for name in names if name in there)
