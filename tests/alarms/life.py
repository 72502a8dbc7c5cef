"""A month of a bot's life, drawn from a seed: what happened, and when.

All times are seconds since the first day began (09:00 KST, when the trading day begins). What every alarm says about
such a life is decided elsewhere; here nothing knows a rule.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

MINUTE, HOUR, DAY = 60, 3600, 86_400
BACKED_UP = 19.5 * HOUR  # half past four in the morning
START_UP = 3.0  # seconds from the first answer of a scheduler's /metrics to its first heartbeat

Times = NDArray[np.float64]
Span = tuple[float, float]
Spans = tuple[Span, ...]


@dataclass(frozen=True)
class Restart:
    """The scheduler's process is away from `stop` to `back`."""

    stop: float
    back: float
    crashed: bool = False


@dataclass(frozen=True)
class Deploy:
    """Both processes come back with another configuration; Prometheus learns of `more_rules` at `reload`."""

    at: float
    scheduler: Restart
    backend: Span
    more_rules: int = 0
    reload: float = 0

    @property
    def announced(self) -> Span:
        """The maintenance row: five minutes, and it ends by itself."""
        return self.at, self.at + 5 * MINUTE


@dataclass(frozen=True)
class Closed:
    """The exchange answers everything with 503, and the jobs pause."""

    start: float
    end: float

    @property
    def flagged(self) -> Span:
        """The bot knows by the first runs that ask, and it is over for it when two probes have succeeded."""
        return (self.start // MINUTE + 1) * MINUTE + 6, self.end + 15


@dataclass(frozen=True)
class Life:
    """`slow`: the exchange takes its time. `unasked`: nobody calls the API, but for a slow request now and then.

    `strained`: one request to the exchange in eight fails. `defective`: a page that is asked for twice a minute fails.
    """

    seed: int
    days: float
    restarts: tuple[Restart, ...] = ()
    deploys: tuple[Deploy, ...] = ()
    backend_restarts: Spans = ()
    closed: tuple[Closed, ...] = ()
    advisor_away: Spans = ()
    slow: Spans = ()
    unasked: Spans = ()
    strained: Spans = ()
    defective: Spans = ()
    unbacked: Spans = ()  # no backup can be made
    warned: Spans = ()  # the exchange warns of a market, as the bot sees it
    moved: Spans = ()  # the owner trades by hand; until the next comparison, and until the owner says so
    loss_at: float | None = None  # the daily loss limit is reached

    @property
    def length(self) -> float:
        return self.days * DAY

    @cached_property
    def scheduler_away(self) -> tuple[Restart, ...]:
        """In order of time."""
        return tuple(sorted((*self.restarts, *(d.scheduler for d in self.deploys)), key=lambda r: r.stop))

    @cached_property
    def backend_away(self) -> Spans:
        return tuple(sorted((*self.backend_restarts, *(d.backend for d in self.deploys))))

    @cached_property
    def leading(self) -> Spans:
        """From the first heartbeat of each scheduler process to its end."""
        begins = [float("-inf"), *(restart.back + START_UP for restart in self.scheduler_away)]
        ends = [*(restart.stop for restart in self.scheduler_away), float("inf")]
        return tuple(zip(begins, ends, strict=True))

    def chance(self, *stream: int) -> np.random.Generator:
        """Its own numbers for each question, so that a new question does not change the old answers."""
        return np.random.default_rng([self.seed, *stream])


def draw(seed: int, days: int = 30) -> Life:
    """In 30 days: 12 restarts, 4 deploys, 2 closings of the exchange, 3 short absences of the advisor, a market warned of,
    a trade by hand.

    A shorter life has its share of them, but one of each at least.
    """
    rng = np.random.default_rng([seed, 0])

    def share(number: int) -> int:
        return max(1, round(number * days / 30))

    deploys, closings, absences, slow = share(4), share(2), share(3), share(2)
    crashes, plain, backends = share(2), share(4), share(3)
    series = 1 if days >= 5 else 0  # an evening of three restarts within a quarter of an hour
    kinds = deploys + closings + absences + slow + crashes + plain + backends + series
    # Two-hour blocks, so that two events meet only where one lasts long; two are left to a maintenance at nine.
    early = int(rng.integers(1, days)) if closings > 1 else days
    free = [block for block in range(1, days * 12) if block not in (12 * early - 1, 12 * early)]
    blocks = iter(rng.choice(free, kinds, replace=False) * 2.0 * HOUR)

    def some_time() -> float:
        """Minutes 3 to 57: while a run of the hourly job goes on, nobody restarts by hand."""
        return float(next(blocks) + rng.uniform(3 * MINUTE, 57 * MINUTE))

    def restart(at: float, *, crashed: bool = False) -> Restart:
        return Restart(at, at + rng.uniform(10, 40), crashed)

    restarts = [restart(some_time()) for _ in range(plain)]
    restarts += [restart(some_time(), crashed=True) for _ in range(crashes - 1)]
    hit = next(blocks) + HOUR + MINUTE + rng.uniform(1, 4)  # in the middle of a run of the hourly job
    restarts.append(restart(float(hit), crashed=True))
    for _ in range(series):
        first = some_time()
        restarts += [restart(first + 5 * MINUTE * n) for n in range(3)]
    return Life(
        seed=seed,
        days=days,
        restarts=tuple(restarts),
        deploys=tuple(_deploy(rng, some_time(), n) for n in range(deploys)),
        backend_restarts=tuple(
            (at, at + rng.uniform(3, 28)) for at in (some_time() for _ in range(backends))
        ),
        closed=tuple(
            _closing(rng, float(next(blocks))) if n % 2 == 0 else _at_nine(rng, early)
            for n in range(closings)
        ),
        advisor_away=tuple(_absence(rng, float(next(blocks)), n) for n in range(absences)),
        slow=tuple((at, at + rng.uniform(10, 40) * MINUTE) for at in (some_time() for _ in range(slow))),
        unasked=tuple(
            (day * DAY + 16 * HOUR, day * DAY + 22 * HOUR) for day in range(0, days, 1 if seed % 2 else 3)
        ),
        strained=(_budget_spent(seed, 1, days, hours=2),),
        defective=(_budget_spent(seed, 2, days, hours=1),),
        unbacked=(_unbacked(seed, days),),
        warned=(_warning(seed, days),),
        moved=(_movement(seed, days),),
        loss_at=float(rng.integers(1, days) * DAY + rng.uniform(2, 20) * HOUR)
        if seed % 2 and days > 1
        else None,
    )


def _deploy(rng: np.random.Generator, at: float, number: int) -> Deploy:
    stop = at + rng.uniform(5, 20)
    scheduler = Restart(stop, stop + rng.uniform(20, 90))
    begins = scheduler.back + rng.uniform(0, 30)
    backend = (begins, begins + rng.uniform(5, 28))
    return Deploy(at, scheduler, backend, more_rules=number % 2, reload=backend[1] + rng.uniform(20, 120))


def _budget_spent(seed: int, stream: int, days: int, hours: int) -> Span:
    """For so many hours or half as much more; whatever else happens then."""
    rng = np.random.default_rng([seed, 0, stream])
    start = rng.integers(0, days) * DAY + rng.uniform(1, 15) * HOUR
    return float(start), float(start + rng.uniform(1, 1.5) * hours * HOUR)


def _closing(rng: np.random.Generator, block: float) -> Closed:
    start = block + rng.uniform(20, 70) * MINUTE
    return Closed(start, start + rng.uniform(10, 60) * MINUTE)


def _at_nine(rng: np.random.Generator, day: int) -> Closed:
    """Into the new trading day, when the daily report is due."""
    start = day * DAY - rng.uniform(5, 50) * MINUTE
    return Closed(start, day * DAY + rng.uniform(5, 70) * MINUTE)


def _warning(seed: int, days: int) -> Span:
    """Drawn apart from the rest, which stays as it was."""
    rng = np.random.default_rng([seed, 0, 3])
    start = float(rng.uniform(HOUR, days * DAY - 8 * HOUR))
    return start, start + float(rng.uniform(1, 6)) * HOUR


def _movement(seed: int, days: int) -> Span:
    """Drawn apart from the rest, too."""
    rng = np.random.default_rng([seed, 0, 4])
    start = float(rng.uniform(HOUR, days * DAY - 8 * HOUR))
    return start, start + float(rng.uniform(0.2, 7)) * HOUR


def _unbacked(seed: int, days: int) -> Span:
    """Over the time of a backup, and longer than one may be late."""
    rng = np.random.default_rng([seed, 0, 5])
    due = float(rng.integers(0, days) * DAY + BACKED_UP)
    return due - float(rng.uniform(0, 3)) * HOUR, due + float(rng.uniform(1.2, 4)) * HOUR


def _absence(rng: np.random.Generator, block: float, number: int) -> Span:
    """Most of them cost one decision."""
    start = block + HOUR + MINUTE - rng.uniform(1, 4) * MINUTE + (10 * MINUTE if number % 3 == 2 else 0)
    return start, start + rng.uniform(5, 20) * MINUTE
