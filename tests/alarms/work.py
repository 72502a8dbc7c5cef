"""What the jobs of a life did: every run, and what follows from it."""

import math
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np

from alarms.life import DAY, HOUR, MINUTE, Life, Span, Times
from bongsu.core.facts import JobName

MARKETS = ("KRW-ETH", "KRW-BTC")
DRAIN = 20.0  # seconds a run may go on after the scheduler was told to stop
BEFORE = DAY + HOUR  # a life did not begin with its first scrape


@dataclass(frozen=True)
class Schedule:
    interval: int
    offset: int
    deadline: int


SCHEDULES = {
    JobName.RECONCILE: Schedule(MINUTE, 0, 45),
    JobName.POSITION: Schedule(MINUTE, 0, 45),
    JobName.PORTFOLIO: Schedule(MINUTE, 0, 45),
    JobName.TRADING: Schedule(HOUR, MINUTE, 480),
    JobName.DAILY_REPORT: Schedule(DAY, 0, 60),
}


class Outcome(Enum):
    SUCCESS = "success"
    FAILURE = "failure"


@dataclass(frozen=True)
class Run:
    """`over`: when it came to an end in the ledger; for a run that a crash cut off, the next start."""

    job: JobName
    start: float
    over: float
    outcome: Outcome


@dataclass(frozen=True)
class Work:
    """`skips`: when a run was given up because the exchange is closed. The last one is made up for once it opens."""

    life: Life
    runs: dict[JobName, tuple[Run, ...]]
    skips: dict[JobName, Times]

    def starts(self, *jobs: JobName) -> Times:
        return np.sort([run.start for job in jobs for run in self.runs[job]])

    def ends(self, outcome: Outcome, *jobs: JobName) -> Times:
        return np.sort(np.concatenate([self._ends[outcome, job] for job in jobs or self.runs]))

    @cached_property
    def _ends(self) -> dict[tuple[Outcome, JobName], Times]:
        return {
            (outcome, job): np.array([run.over for run in runs if run.outcome is outcome])
            for job, runs in self.runs.items()
            for outcome in Outcome
        }

    def in_vain(self, *jobs: JobName) -> Times:
        """Starts of runs that asked a closed exchange before the bot knew."""
        spans = [(closed.start, closed.flagged[0]) for closed in self.life.closed]
        every = np.concatenate([self.skips[job] for job in jobs])
        return every[[any(_within(at, span) for span in spans) for at in every]]

    @cached_property
    def cycles(self) -> tuple[Run, ...]:
        """The runs of the hourly job that came to their end, with decisions or without."""
        return tuple(run for run in self.runs[JobName.TRADING] if run.outcome is Outcome.SUCCESS)

    def advised(self, cycle: Run) -> bool:
        return not any(begin <= cycle.start < end for begin, end in self.life.advisor_away)

    @cached_property
    def decided(self) -> Times:
        return np.array([run.over for run in self.cycles if self.advised(run)])

    @cached_property
    def unadvised(self) -> Times:
        return np.array([run.over for run in self.cycles if not self.advised(run)])


def work_of(life: Life) -> Work:
    lived = {job: _runs(life, job) for job in SCHEDULES}
    return Work(
        life,
        {job: tuple(runs) for job, (runs, _) in lived.items()},
        {job: np.array(skips, dtype=float) for job, (_, skips) in lived.items()},
    )


def _runs(life: Life, job: JobName) -> tuple[list[Run], list[float]]:
    schedule = SCHEDULES[job]
    rng = life.chance(1, list(SCHEDULES).index(job))
    runs: list[Run] = []
    skips: list[float] = []
    # The last slot that had its run.
    done = schedule.offset - schedule.interval * math.ceil(BEFORE / schedule.interval)
    for begin, end in life.leading:
        crashed = any(r.stop == end and r.crashed for r in life.scheduler_away)
        free = max(begin, done)
        while True:
            latest = (free - schedule.offset) // schedule.interval * schedule.interval + schedule.offset
            slot = max(done + schedule.interval, latest)
            start = max(slot, free) + rng.uniform(0, 1)
            if start >= min(end, life.length + HOUR):
                break
            if job is not JobName.DAILY_REPORT and (opens := _opens(life, start)) is not None:
                skips += [start, *np.arange(slot + schedule.interval, opens, schedule.interval)]
                free = opens
                continue
            run = _run(life, job, start, rng)
            done, free = slot, run.over
            if run.over > end and (crashed or run.over > end + DRAIN):
                runs.append(Run(job, start, _next_lead(life, end), Outcome.FAILURE))
                break
            runs.append(run)
    return runs, skips


def _opens(life: Life, at: float) -> float | None:
    """When the bot sees that an exchange that is closed at this moment is open again."""
    return next((c.flagged[1] for c in life.closed if c.start <= at < c.flagged[1]), None)


def _next_lead(life: Life, end: float) -> float:
    return next(begin for begin, _ in life.leading if begin > end)


def _run(life: Life, job: JobName, start: float, rng: np.random.Generator) -> Run:
    took = _duration(job, rng, slow=any(_within(start, span) for span in life.slow))
    if job is JobName.TRADING and any(_within(start, away) for away in life.advisor_away):
        took = 2 * 30 + rng.uniform(2, 8)  # a time-out for each market
    return Run(job, start, start + took, Outcome.SUCCESS)


def _duration(job: JobName, rng: np.random.Generator, *, slow: bool) -> float:
    """Mostly short; one in a hundred takes its time without a reason."""
    slow = slow or rng.random() < 0.01
    if job is JobName.TRADING:
        return float(rng.uniform(180, 280) if slow else rng.lognormal(2.3, 0.5) + 3)
    return float(rng.uniform(30, 40) if slow else rng.lognormal(-0.3, 0.6) + 0.2)


def _within(at: float, span: Span) -> bool:
    return span[0] <= at < span[1]
