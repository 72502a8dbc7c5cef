"""`make alarms`: whole months of the bot's life, and every alarm that nobody needed.

Exits with 1 if there was one, if an alarm that had a reason did not come, or if anything was not judged. Ctrl-C ends it
after the days in hand; `--resume` goes on.
"""

import argparse
import json
import re
import shlex
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from alarms.life import DAY, draw
from alarms.questions import Unjudged
from alarms.results import Result, Shelf, Tally, table
from alarms.store import Unanswered
from alarms.trial import Tools, Window, judge, looks_back
from alarms.work import Work, work_of
from bongsu.ops.stack.alarm_tools import PROMETHEUS, PROMTOOL, find
from bongsu.ops.stack.places import Places
from rules.alert_rules import RULES, Rule

JUDGED = tuple(rule for rule in RULES if rule.severity != "none")  # all but the Watchdog, which always fires
TRIES = 2
MISSING = "python scripts/fetch_alarm_tools.py"


@dataclass(frozen=True)
class Trial:
    seed: int
    title: str
    window: Window
    rules: tuple[Rule, ...]


def trials(work: Work, rules: Sequence[Rule] = JUDGED) -> Iterator[Trial]:
    """Every rule at its group's pace, day by day, on the shipped scrapes of 10 s.

    A rule that looks back for a day or more changes its mind slowly and costs much: it is judged over the whole life at
    once, on a sample a minute, each five minutes. So a window of three days is full after the third day; what it says
    before stands on the days there are, as after an installation.
    """
    slow = tuple(rule for rule in rules if looks_back(rule) >= DAY)
    quick = tuple(rule for rule in rules if rule not in slow)
    if slow:
        window = Window(work, 0, work.life.length, scrape=60, pace=300)
        yield Trial(work.life.seed, "long windows", window, slow)
    for day in range(int(work.life.days)):
        yield Trial(work.life.seed, f"day {day + 1}", Window(work, day * DAY, (day + 1) * DAY), quick)


def attempt(tools: Tools, trial: Trial) -> Result:
    """A second time where a server died."""
    for left in reversed(range(TRIES)):
        with tempfile.TemporaryDirectory(prefix="alarms_") as directory:
            try:
                verdict = judge(tools, Path(directory), trial.window, trial.rules)
                return Result.of(trial.seed, trial.title, verdict)
            except (Unanswered, Unjudged, OSError) as error:
                why = f"{type(error).__name__}: {error}"
                print(f"seed {trial.seed}, {trial.title}: {why}; tries left: {left}", flush=True)
    return Result(trial.seed, trial.title, not_judged=why)


def run(
    tools: Tools,
    days: int,
    seeds: Sequence[int],
    workers: int,
    shelf: Shelf,
    rules: Sequence[Rule] = JUDGED,
) -> tuple[list[Tally], bool]:
    """Also whether it came to its end."""
    tallies, left = {}, []
    for seed in seeds:
        work = work_of(draw(seed, days))
        tally = tallies[seed] = Tally(work)
        for trial in trials(work, rules):
            tally.trials += 1
            if (known := shelf.find(seed, trial.title)) is not None:
                tally.add(known)
            else:
                left.append(trial)
    kept = sum(tally.judged for tally in tallies.values())
    print(f"{len(rules)} rules; {len(left)} trials to judge, {kept} judged before", flush=True)
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(_judged, tools, trial, shelf) for trial in left]
        try:
            for result in _told(jobs):
                tallies[result.seed].add(result)
        except KeyboardInterrupt:
            print("interrupted: ends with the days in hand", flush=True)
            pool.shutdown(cancel_futures=True)
            return list(tallies.values()), False
    return list(tallies.values()), True


def _judged(tools: Tools, trial: Trial, shelf: Shelf) -> Result:
    result = attempt(tools, trial)
    shelf.keep(result)
    return result


def _told(jobs: Sequence[Future[Result]]) -> Iterator[Result]:
    began = time.monotonic()
    for done, job in enumerate(as_completed(jobs), start=1):
        result = job.result()
        left = timedelta(seconds=round((time.monotonic() - began) / done * (len(jobs) - done)))
        print(
            f"{done}/{len(jobs)}, about {left} left: seed {result.seed}, {result.title}: {result}", flush=True
        )
        yield result


def report(tallies: Sequence[Tally], rules: Sequence[Rule], *, complete: bool) -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["make", "alarms", f"ARGS={shlex.join(sys.argv[1:])}"]),
        "complete": complete,
        "good": complete and all(tally.good for tally in tallies),
        "rules": [str(rule) for rule in rules],
        "seeds": [tally.figures() for tally in tallies],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make alarms", description=__doc__)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 1 on")
    parser.add_argument("--seed", type=int, help="this one only")
    parser.add_argument("--only", default="", metavar="REGEX", help="rules by name-severity")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="keep what these rules were judged before")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    return parser.parse_args()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> int:
    chosen = _arguments()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _interrupt)
    places = Places.from_environment()
    prometheus, promtool = (find(tool, places.tools) for tool in (PROMETHEUS, PROMTOOL))
    assert prometheus is not None, MISSING
    assert promtool is not None, MISSING
    rules = [rule for rule in JUDGED if re.search(chosen.only, str(rule))]
    shelf = Shelf.below(places.state, chosen.days, rules)
    if not chosen.resume:
        shelf.clear()
    shelf.forget_others()
    seeds = [chosen.seed] if chosen.seed is not None else range(1, chosen.seeds + 1)
    tallies, complete = run(Tools(prometheus, promtool), chosen.days, seeds, chosen.workers, shelf, rules)
    print(table(tallies))
    said = report(tallies, rules, complete=complete)
    if chosen.json:
        chosen.json.write_text(json.dumps(said, ensure_ascii=False, indent=1), "utf-8")
    if not complete:
        print('not complete: make alarms ARGS="--resume"')
        return 130
    return 0 if said["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
