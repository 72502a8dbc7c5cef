"""`make alarms`: whole months of the bot's life, and every alarm that nobody needed.

Exits with 1 if there was one, or if an alarm that had a reason did not come.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import promql_parser

from alarms.life import DAY, HOUR, draw
from alarms.trial import Verdict, Window, judge
from alarms.work import Work, work_of
from bongsu.ops.stack.alarm_tools import PROMTOOL, find
from bongsu.ops.stack.places import Places
from rules.alert_rules import RULES, Rule, parsed, seconds

WARM = HOUR


@dataclass(frozen=True)
class Trial:
    title: str
    window: Window
    rules: tuple[Rule, ...]


@dataclass
class Tally:
    """Of one seed. `judged`: evaluations of single rules."""

    trials: int = 0
    days: int = 0
    judged: int = 0
    told: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)

    def add(self, trial: Trial, verdict: Verdict) -> None:
        self.trials += 1
        self.judged += verdict.evaluations * len(trial.rules)
        self.told.update({alert: n for alert, n in verdict.fired.items() if alert not in verdict.false})
        self.false.update(verdict.false)
        self.missed += [f"{truth.alert} at {truth.start:.0f} s ({truth.why})" for truth in verdict.missed]


def trials(work: Work, rules: Sequence[Rule], evaluation: int | None = None) -> Iterator[Trial]:
    """Every rule at its group's pace, or each `evaluation` seconds, day by day, on the shipped scrapes of 10 s.

    A rule that looks back for an hour or more changes its mind slowly and costs much: it is judged over the whole life at
    once, on a sample a minute, each minute, and each five minutes where it looks back for six hours or more. So a window of
    three days is full after the third day; what it says before stands on the days there are, as after an installation.
    """
    slow = [rule for rule in rules if longest_window(rule) >= HOUR]
    for pace, chosen in (
        (60, [rule for rule in slow if longest_window(rule) < 6 * HOUR]),
        (300, [rule for rule in slow if longest_window(rule) >= 6 * HOUR]),
    ):
        if chosen:
            window = Window(work, 0, work.life.length, 0, scrape=60, evaluation=pace)
            yield Trial(f"long windows, each {pace} s", window, tuple(chosen))
    quick = [rule for rule in rules if rule not in slow]
    for pace in sorted({evaluation or seconds(rule.interval) for rule in quick}):
        chosen = [rule for rule in quick if pace == (evaluation or seconds(rule.interval))]
        for day in range(int(work.life.days)):
            window = Window(work, day * DAY, (day + 1) * DAY, WARM if day else 0, scrape=10, evaluation=pace)
            yield Trial(f"day {day + 1}, each {pace} s", window, tuple(chosen))


def run(
    promtool: Path, days: int, seeds: Sequence[int], workers: int, evaluation: int | None
) -> dict[int, Tally]:
    tallies = {seed: Tally(days=days) for seed in seeds}
    with tempfile.TemporaryDirectory() as directory, ThreadPoolExecutor(workers) as pool:
        jobs = []
        for seed in seeds:
            for number, trial in enumerate(trials(work_of(draw(seed, days)), RULES, evaluation)):
                place = Path(directory) / f"{seed}_{number}"
                jobs.append((seed, trial, pool.submit(judge, promtool, place, trial.window, trial.rules)))
        try:
            for seed, trial, judged in jobs:
                verdict = judged.result()
                tallies[seed].add(trial, verdict)
                print(f"seed {seed}, {trial.title}: {_said(verdict)}", flush=True)
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            print("interrupted: the table holds what was judged until now")
    return tallies


def longest_window(rule: Rule) -> float:
    """0 for a rule that looks at the moment only."""
    ranges = [
        node.range.total_seconds() for node in parsed(rule) if isinstance(node, promql_parser.MatrixSelector)
    ]
    return max(ranges, default=0)


def _said(verdict: Verdict) -> str:
    if verdict.false or verdict.missed:
        return (
            f"FALSE {verdict.false or 'none'}, MISSED {[truth.alert for truth in verdict.missed] or 'none'}"
        )
    return ", ".join(sorted(verdict.fired)) or "silent"


def table(tallies: dict[int, Tally]) -> str:
    """Of each false alarm: at how many evaluations it fired."""
    lines = ["seed  days  trials  evaluations  alarms with a reason → false alarms"]
    for seed, tally in tallies.items():
        told = ", ".join(sorted(tally.told)) or "none"
        false = ", ".join(f"{alert} ({n})" for alert, n in sorted(tally.false.items())) or "none"
        lines.append(f"{seed:>4}  {tally.days:>4}  {tally.trials:>6}  {tally.judged:>11,}  {told} → {false}")
        lines += [f"      MISSED {missed}" for missed in tally.missed]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make alarms", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 on")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--evaluation", type=int, help="seconds; default: each rule at its group's pace")
    chosen = parser.parse_args()
    promtool = find(PROMTOOL, Places.from_environment().tools)
    assert promtool is not None, "promtool: python scripts/fetch_alarm_tools.py"
    seeds = [chosen.seed] if chosen.seed is not None else range(1, chosen.seeds + 1)
    tallies = run(promtool, chosen.days, seeds, chosen.workers, chosen.evaluation)
    print(table(tallies))
    return 1 if any(tally.false or tally.missed for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
