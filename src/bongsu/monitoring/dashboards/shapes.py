"""Panels that come again and again: ages, tallies, rates, percentiles, money."""

from grafana_foundation_sdk.builders import bargauge, stat, timeseries

from bongsu.monitoring.dashboards.parts import (
    PER_SECOND,
    PLAIN,
    SECONDS,
    TIMES,
    WON,
    Limits,
    Query,
    bars,
    figure,
    lines,
    runbook,
)
from bongsu.monitoring.dashboards.words import GREEN, ORANGE, RED

BUDGET = 0.005  # of the requests; the alarms' rules have it, too


def age(title: str, description: str, moment: str, limits: Limits) -> stat.Panel:
    """How long ago `moment`, a series of unix seconds, was."""
    return figure(title, description, Query(f"time() - {moment}", "경과"), unit=SECONDS, limits=limits)


def tally(
    title: str, description: str, counter: str, by: str, *, limits: Limits = PLAIN, unit: str = WON
) -> bargauge.Panel:
    """A counter's sums from the beginning, one for each value of the label `by`."""
    return bars(title, description, _by(by, counter), limits=limits, unit=unit)


def hourly(
    title: str,
    description: str,
    counter: str,
    by: str,
    *,
    colors: dict[str, str] | None = None,
    crowded: bool = False,
) -> timeseries.Panel:
    """How much a counter grew within the hour before. Not stacked: what is 0 would lie on top of the others."""
    grown = _by(by, f"increase({counter}[1h])")
    return lines(title, description, grown, decimals=1, colors=colors, crowded=crowded).axis_soft_min(0)


def per_second(
    title: str,
    description: str,
    counter: str,
    by: str,
    *,
    colors: dict[str, str] | None = None,
    crowded: bool = False,
) -> timeseries.Panel:
    """All values of `by`, those at 0 too: the legend's last figure of a series that is gone would be an old one."""
    rate = _by(by, f"rate({counter}[5m])")
    return lines(title, description, rate, unit=PER_SECOND, colors=colors, crowded=crowded)


def percentile(
    title: str, description: str, histogram: str, by: str, *, window: str = "5m", limits: Limits | None = None
) -> timeseries.Panel:
    """The 95th, of observations within `window`, for each value of the label `by`."""
    buckets = f"sum by ({by}, le) (rate({histogram}_bucket[{window}]))"
    slow = Query(f"histogram_quantile(0.95, {buckets})", f"{{{{{by}}}}}")
    return lines(title, description, slow, unit=SECONDS, limits=limits, crowded=True)


def burn(title: str, description: str, counted: str, alarm: str) -> timeseries.Panel:
    """How many times faster than in 30 days the error budget is spent; `counted`: whose requests, in the recorded series.

    Windows are those of the alarms: whole pieces of five minutes, without their left edge.
    """
    windows = {"1시간": "59m", "6시간": "5h59m", "하루": "23h59m", "사흘": "71h59m"}
    queries = [
        Query(
            f"sum_over_time({counted}:failures:increase5m[{window}])"
            f" / sum_over_time({counted}:requests:increase5m[{window}]) / {BUDGET}",
            legend,
        )
        for legend, window in windows.items()
    ]
    limits = Limits(GREEN, ((1, ORANGE), (6, RED), (14.4, RED)))
    grave = "1시간에 14.4배, 6시간에 6배가 넘으면 심각, 하루에 3배, 사흘에 1배가 넘으면 주의 알람"
    told = f"{description}\n\n{grave}. 처음 켜고 10분쯤 뒤부터 보입니다." + runbook(alarm)
    return lines(title, told, *queries, unit=TIMES, limits=limits).axis_soft_min(0)


def won(title: str, description: str, *queries: Query, stacked: bool = False) -> timeseries.Panel:
    return lines(title, description, *queries, unit=WON, decimals=0, axis="원", stacked=stacked)


def still(grouped: str, series: str, legend: str) -> Query:
    """`grouped` around series that come and go: 0 when they are gone, or a legend would go on telling the last figure."""
    before = grouped.format(f"max_over_time({series}[$__range])")
    return Query(f"{grouped.format(series)} or {before} * 0", legend)


def _by(label: str, expression: str) -> Query:
    return Query(f"sum by ({label}) ({expression})", f"{{{{{label}}}}}")
