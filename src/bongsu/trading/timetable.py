"""Which jobs there are, and when each is due."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import time, timedelta

from bongsu.core.facts import JobName
from bongsu.core.market import HOUR
from bongsu.core.tradingday import DAY, day_offset
from bongsu.trading.jobs import Job

_MINUTE = timedelta(minutes=1)
_AT_ONCE = timedelta(0)


def timetable(runs: Mapping[JobName, Callable[[], Awaitable[None]]], day_start: time) -> tuple[Job, ...]:
    """In the order in which they run where several are due."""
    return (
        Job(JobName.RECONCILE, _MINUTE, _AT_ONCE, HOUR, 45.0, runs[JobName.RECONCILE]),
        Job(JobName.POSITION, _MINUTE, _AT_ONCE, 20 * _MINUTE, 45.0, runs[JobName.POSITION]),
        Job(JobName.PORTFOLIO, _MINUTE, _AT_ONCE, HOUR, 45.0, runs[JobName.PORTFOLIO]),
        Job(JobName.TRADING, HOUR, _MINUTE, HOUR, 480.0, runs[JobName.TRADING]),
        Job(
            JobName.DAILY_REPORT,
            DAY,
            day_offset(day_start),
            DAY,
            60.0,
            runs[JobName.DAILY_REPORT],
            asks_exchange=False,
        ),
    )
