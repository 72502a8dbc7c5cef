"""A day of life in which much happens and nobody needs to be told more than what is true; and rules that would cry wolf."""

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alarms.campaign import JUDGED, report, run
from alarms.direct import judge_directly
from alarms.life import DAY, HOUR, MINUTE, Closed, Deploy, Life, Restart, draw
from alarms.notation import notation
from alarms.results import Shelf
from alarms.scrapes import TARGETS
from alarms.trial import Tools, Verdict, Window, judge, series, whole
from alarms.work import work_of
from bongsu.metric import Kind
from bongsu.metrics import METRICS
from rules.alert_rules import RECORDED, RECORDINGS, RULES, Rule, selectors
from rules.foreign import FOREIGN

# What rules read and such a life does not show.
LEFT_OUT = {
    "bot_trading_paused": "1 for each reason that pauses trading: nobody pauses, no replay ends",
    "exchange_api_key_expiry_timestamp_seconds": "absent in the sandbox, and a key lives longer than a month",
}
EVENTFUL = Life(
    seed=5,
    days=3 / 24,
    restarts=tuple(Restart(n * 240.0, n * 240.0 + 20) for n in (2, 3, 4)),
    deploys=(Deploy(2500, Restart(2510, 2605), (2620, 2645), more_rules=1, reload=2800),),
    backend_restarts=((1700, 1760),),
    closed=(Closed(1.1 * HOUR, 1.6 * HOUR),),
    advisor_away=((2 * HOUR, 2.1 * HOUR),),
    unasked=((2.2 * HOUR, 2.7 * HOUR),),
    defective=((0.4 * HOUR, HOUR),),
    warned=((1.2 * HOUR, 2.3 * HOUR),),
    moved=((0.3 * HOUR, 0.9 * HOUR),),
    loss_at=2.5 * HOUR,
)
LATE = Restart(stop=HOUR + 59.5, back=HOUR + 98, crashed=True)
SHORT = Life(seed=2, days=3 / 24)


def _rule(alert: str) -> Rule:
    return next(rule for rule in RULES if alert in (rule.name, str(rule)))


def _judged(tools: Tools, directory: Path, life: Life, *rules: Rule) -> Verdict:
    return judge(tools, directory, whole(life), rules)


def test_a_day_raises_no_alarm_without_a_reason_and_misses_none_with_one(
    tools: Tools, tmp_path: Path
) -> None:
    (tally,), complete = run(tools, 1, [1], 1, Shelf(tmp_path))
    assert complete
    assert tally.good, tally
    assert {"JobFailed", "SchedulerJobFailed"} <= tally.told.keys(), "a crash in the middle of a run"
    assert {"ExchangeErrorBudgetBurn", "APIErrorBudgetBurn"} <= tally.told.keys(), "and two budgets are spent"


def test_it_says_what_the_rule_engine_says_of_the_rules_themselves(tools: Tools, tmp_path: Path) -> None:
    """In three hours with everything in them, and with rules that cry wolf."""
    wolves = [
        _without("RestartLoop", "> 3.5", "> 1.2"),
        _without("TargetDown", "unless on() (max(bot_maintenance) == 1)"),
    ]
    window = Window(work_of(EVENTFUL), 0, EVENTFUL.length, pace=30)
    rules = [*(rule for rule in JUDGED if rule.name not in {wolf.name for wolf in wolves}), *wolves]
    verdict = judge(tools, tmp_path / "results", window, rules)
    assert verdict.false.keys() >= {"RestartLoop", "TargetDown"}
    assert "APIErrorBudgetBurn" in verdict.fired, "what is recorded is seen, too"
    direct = judge_directly(tools.promtool, tmp_path / "rules", window, rules)
    assert (verdict.fired, verdict.false) == (direct.fired, direct.false)
    assert verdict.evaluations == direct.evaluations


def test_a_window_says_of_itself_what_the_whole_life_says(tools: Tools, tmp_path: Path) -> None:
    """What was pending or in a rule's window when it began goes on in it."""
    rules = [
        _rule(name)
        for name in ("MetricsNotCollected", "AIDecisionStalled", "RestartLoop", "DiskWillFill-warning")
    ]
    work = work_of(EVENTFUL)
    long = judge(tools, tmp_path / "whole", Window(work, 0, 3 * HOUR), rules)
    cuts = [Window(work, n * 15 * MINUTE, (n + 1) * 15 * MINUTE) for n in range(12)]
    parts = [judge(tools, tmp_path / str(n), cut, rules) for n, cut in enumerate(cuts)]
    assert sum((Counter(part.fired) for part in parts), Counter()) == Counter(long.fired)


def test_a_lowered_threshold_makes_the_campaign_red(tools: Tools, tmp_path: Path) -> None:
    lowered = _without("PostgresTooManyConnections", "> 0.8", "> 0.1")
    tallies, complete = run(tools, 1, [1], 1, Shelf(tmp_path), [lowered])
    assert tallies[0].false.keys() == {"PostgresTooManyConnections"}
    assert not report(tallies, [lowered], complete=complete)["good"]


def test_one_dead_promtool_is_tried_again_and_two_leave_the_day_unjudged(
    tools: Tools, tmp_path: Path
) -> None:
    rule = [_rule("JobFailed")]
    once = tmp_path / "dies_once"
    once.write_text(
        f'#!/bin/sh\n[ -e {tmp_path}/died ] && exec {tools.promtool} "$@"\ntouch {tmp_path}/died\nkill -9 $$\n'
    )
    once.chmod(0o700)
    dead = replace(tools, promtool=Path("/bin/false"))
    (unjudged,), complete = run(dead, 1, [1], 1, Shelf(tmp_path / "kept"), rule)
    assert len(unjudged.not_judged) == 1
    assert not report([unjudged], rule, complete=complete)["good"]
    (judged,), _ = run(replace(tools, promtool=once), 1, [1], 1, Shelf(tmp_path / "kept"), rule)
    assert judged.good
    (kept,), _ = run(dead, 1, [1], 1, Shelf(tmp_path / "kept"), rule)
    assert kept.figures() == judged.figures(), "nothing is judged twice"


def _without(alert: str, part: str, other: str = "") -> Rule:
    rule = _rule(alert)
    assert part in rule.expression, f"{alert} does not say {part!r} any more"
    return rule.changed(expr=rule.expression.replace(part, other))


def _unexcused(missed: Rule) -> Rule:
    """Without what a scheduler that has just started is granted: that alone would hide the mistake."""
    excuse = "unless on(job_name) "
    assert excuse in missed.expression
    lines = missed.expression.splitlines()
    first = next(number for number, line in enumerate(lines) if excuse in line)
    return missed.changed(expr="\n".join(lines[:first] + lines[first + 2 :]))


def _deploy(away: float) -> Life:
    at = HOUR + 5 * MINUTE
    scheduler = Restart(at + 10, at + 10 + away)
    backend = (scheduler.back + 20, scheduler.back + 40)
    return replace(SHORT, deploys=(Deploy(at, scheduler, backend, more_rules=1, reload=backend[1] + 90),))


MISTAKES = {
    "a run may take up to its deadline": (
        _unexcused(
            _without(
                "JobMissed", " + scheduler_job_deadline_seconds", " + 0 * scheduler_job_deadline_seconds"
            )
        ),
        replace(SHORT, restarts=(LATE,), slow=((HOUR + 90, HOUR + 300),)),
    ),
    "a scheduler that has just started owes no run": (
        _unexcused(_rule("JobMissed")),
        replace(SHORT, restarts=(replace(LATE, back=HOUR + 150),), slow=((HOUR + 90, HOUR + 300),)),
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
    "a deploy brings its panels before what they show": (
        _without("DashboardBroken", "unless on() (max(bot_maintenance) == 1)"),
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
    "a closed exchange spends no budget": (
        _rule("ExchangeErrorBudgetBurn-critical").changed(
            expr='sum(increase(exchange_requests_total{outcome=~"server_error|timeout|malformed"}[1h]))'
            " / sum(increase(exchange_requests_total[1h])) / 0.005 > 14.4"
        ),
        replace(SHORT, closed=(Closed(HOUR, 1.5 * HOUR),)),
    ),
    "a failure that never was lies at 0": (
        _without("JobFailed", "< 600", "< 2e9"),
        SHORT,
    ),
}


@pytest.mark.parametrize("lesson", MISTAKES)
def test_a_rule_that_forgets_what_was_learnt_cries_wolf(tools: Tools, tmp_path: Path, lesson: str) -> None:
    mistaken, life = MISTAKES[lesson]
    shipped = next(rule for rule in RULES if str(rule) == str(mistaken))
    assert _judged(tools, tmp_path / "shipped", life, shipped).false == {}
    assert _judged(tools, tmp_path / "mistaken", life, mistaken).false.keys() == {mistaken.name}


def test_a_rule_that_never_fires_misses_what_is_true(tools: Tools, tmp_path: Path) -> None:
    crash = replace(SHORT, restarts=(Restart(HOUR + MINUTE + 2, HOUR + MINUTE + 30, crashed=True),))
    deaf = _without("JobFailed", "< 600", "< -1")
    assert not _judged(tools, tmp_path / "shipped", crash, _rule("JobFailed")).missed
    assert _judged(tools, tmp_path / "deaf", crash, deaf).missed


def test_life_shows_every_series_that_a_rule_reads_or_says_why_not() -> None:
    shown = {one.name for one in series(whole(SHORT).scrapes())}
    read = {selector.name for rule in (*RECORDINGS, *RULES) for selector in selectors(rule)} - RECORDED.keys()
    assert read - shown == read & LEFT_OUT.keys()


def test_life_shows_only_names_and_labels_that_exist() -> None:
    ours = {}
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        ours |= {metric.name + suffix: set(metric.label_names) for suffix in suffixes}
    for one in series(whole(SHORT).scrapes()):
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
    one, other = ([s.values for s in series(w.scrapes()) if s.name == name] for w in (long, cut))
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
