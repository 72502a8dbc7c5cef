"""A day of life in which much happens and nobody needs to be told more than what is true; and rules that would cry wolf."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alarms.campaign import Tally, table, trials
from alarms.life import DAY, HOUR, MINUTE, Closed, Deploy, Life, Restart, draw
from alarms.notation import notation
from alarms.scrapes import TARGETS
from alarms.trial import Verdict, judge, series, whole
from alarms.work import work_of
from bongsu.metrics import METRICS, Kind
from rules.alert_rules import RULES, Rule, selectors
from rules.foreign import FOREIGN

# What rules read and such a life does not show.
LEFT_OUT = {
    "bot_trading_paused": "1 for each reason that pauses trading: nobody pauses, no replay ends",
    "exchange_api_key_expiry_timestamp_seconds": "absent in this version, and a key lives longer than a month",
}
LATE = Restart(stop=HOUR + 59.5, back=HOUR + 98, crashed=True)
SHORT = Life(seed=2, days=3 / 24)


def _rule(alert: str) -> Rule:
    return next(rule for rule in RULES if alert in (rule.name, str(rule)))


def _judged(promtool: Path, directory: Path, life: Life, rule: Rule) -> Verdict:
    return judge(promtool, directory, whole(life), [rule])


@pytest.mark.slow
def test_a_day_raises_no_alarm_without_a_reason_and_misses_none_with_one(
    promtool: Path, tmp_path: Path
) -> None:
    tally = Tally(days=1)
    for number, trial in enumerate(trials(work_of(draw(seed=1, days=1)), RULES, evaluation=30)):
        tally.add(trial, judge(promtool, tmp_path / str(number), trial.window, trial.rules))
    assert not tally.false, table({1: tally})
    assert not tally.missed, table({1: tally})
    assert {"JobFailed", "SchedulerJobFailed"} <= tally.told.keys(), "a crash in the middle of a run"


def _without(alert: str, part: str, other: str = "") -> Rule:
    rule = _rule(alert)
    assert part in rule.expression, f"{alert} does not say {part!r} any more"
    return rule.changed(expr=rule.expression.replace(part, other))


def _deploy(away: float) -> Life:
    at = HOUR + 5 * MINUTE
    scheduler = Restart(at + 10, at + 10 + away)
    backend = (scheduler.back + 20, scheduler.back + 40)
    return replace(SHORT, deploys=(Deploy(at, scheduler, backend, more_rules=1, reload=backend[1] + 90),))


MISTAKES = {
    "a run may take up to its deadline": (
        _without("JobMissed", " + scheduler_job_deadline_seconds", " + 0 * scheduler_job_deadline_seconds"),
        replace(SHORT, restarts=(LATE,), slow=((HOUR + 90, HOUR + 300),)),
    ),
    "an announced restart is no death": (
        _without("SchedulerHeartbeatStale-critical", "unless on() (max(bot_maintenance) == 1)"),
        _deploy(away=90),
    ),
    "an announced restart may take longer than a minute": (
        _without("TargetDown", "unless on() (max(bot_maintenance) == 1)"),
        _deploy(away=90),
    ),
    "a run that ended just in time does not hang": (
        _rule("JobHung").changed(**{"for": "0s"}),
        replace(SHORT, slow=((HOUR, 2 * HOUR),)),
    ),
    "a deploy brings its rules one after the other": (
        _without("RulesNotLoaded", "unless on() (max(bot_maintenance) == 1)"),
        _deploy(away=90),
    ),
    "three restarts are no loop": (
        _without("RestartLoop", "> 3.5", "> 2"),
        replace(SHORT, restarts=tuple(Restart(HOUR + n * 240, HOUR + n * 240 + 20) for n in range(3))),
    ),
    "one cycle lost to an absence is no stalled decision": (
        _rule("AIDecisionStalled").changed(expr="sum(rate(ai_decision_total[1h])) == 0"),
        replace(SHORT, advisor_away=((HOUR, HOUR + 300),)),
    ),
    "a few slow requests are no slow API": (
        _without("SlowAPIResponse", "and on() sum(rate(http_request_duration_seconds_count[5m])) > 0.02"),
        replace(SHORT, unasked=((0, 3 * HOUR),)),
    ),
    "a backend that restarts is not gone": (
        _rule("MetricsNotCollected").changed(**{"for": "0s"}),
        replace(SHORT, backend_restarts=((HOUR, HOUR + 25),)),
    ),
    "what a closed exchange leaves in the window is no news": (
        _without("ExchangeErrors", "max_over_time(exchange_maintenance[5m])", "exchange_maintenance"),
        replace(SHORT, closed=(Closed(HOUR, 1.5 * HOUR),)),
    ),
    "a failure that never was lies at 0": (
        _without("JobFailed", "< 600", "< 2e9"),
        SHORT,
    ),
}


@pytest.mark.parametrize("lesson", MISTAKES)
def test_a_rule_that_forgets_what_was_learnt_cries_wolf(promtool: Path, tmp_path: Path, lesson: str) -> None:
    mistaken, life = MISTAKES[lesson]
    shipped = next(rule for rule in RULES if str(rule) == str(mistaken))
    assert _judged(promtool, tmp_path / "shipped", life, shipped).false == {}
    assert _judged(promtool, tmp_path / "mistaken", life, mistaken).false.keys() == {mistaken.name}


def test_a_rule_that_never_fires_misses_what_is_true(promtool: Path, tmp_path: Path) -> None:
    crash = replace(SHORT, restarts=(Restart(HOUR + MINUTE + 2, HOUR + MINUTE + 30, crashed=True),))
    deaf = _without("JobFailed", "< 600", "< -1")
    assert not _judged(promtool, tmp_path / "shipped", crash, _rule("JobFailed")).missed
    assert _judged(promtool, tmp_path / "deaf", crash, deaf).missed


def test_life_shows_every_series_that_a_rule_reads_or_says_why_not() -> None:
    shown = {one.name for one in series(whole(SHORT).scrapes)}
    read = {selector.name for rule in RULES for selector in selectors(rule)}
    assert read - shown == read & LEFT_OUT.keys()


def test_life_shows_only_names_and_labels_that_exist() -> None:
    ours = {}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        ours |= {metric.name + suffix: set(metric.label_names) for suffix in suffixes}
    for one in series(whole(SHORT).scrapes):
        own = ours[one.name] if one.name in ours else set(FOREIGN[one.name].labels)
        edge = {"le"} if one.name.endswith("_bucket") else set()
        assert one.labels.keys() == own | edge | {"job", "instance"}, one.name
        assert TARGETS[one.labels["job"]] == one.labels["instance"]


def test_the_same_seed_lives_the_same_life_however_it_is_cut() -> None:
    life = draw(seed=3, days=5)
    assert life == draw(seed=3, days=5) != draw(seed=4, days=5)
    long = whole(life)
    cut = replace(long, begin=2 * DAY, end=3 * DAY)
    name = "notification_failed_total"
    one, other = ([s.values for s in series(w.scrapes) if s.name == name] for w in (long, cut))
    assert all(np.array_equal(a[17280:25921], b, equal_nan=True) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize(
    ("values", "written"),
    [
        ([1, 1, 1], "1x2"),
        ([0, 10, 20, 5], "0+10x2 5"),
        ([2.5, 2, 1.5], "2.5-0.5x2"),
        ([math.nan, math.nan, 3], "_x2 3"),
        ([3, math.nan], "3 stale"),
        ([3, math.nan, math.nan, math.nan, -4], "3 stale _x2 -4"),
        ([-1_790_000_000, -1_790_000_000], "-1790000000x1"),
    ],
)
def test_notation(values: list[float], written: str) -> None:
    assert notation(values) == written
