"""`make kills`: a bot that is killed tens of thousands of times while it trades, and nothing lost or doubled.

In histories of 250 kills each, drawn from one seed after the other; campaigns/mortal.py says what in them is real.
Exits with 1 if anything was lost, doubled, invented or not told. Ctrl-C ends it after the histories in hand;
`--resume` goes on.
"""

import argparse
import hashlib
import json
import logging
import shlex
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bongsu.ops.stack.places import Places
from campaigns.lives import Outcome, play
from campaigns.server import Databases, running_databases

HISTORY = 250  # kills
ROOT = Path(__file__).resolve().parents[2]
_JUDGED = ("src/bongsu", "tests/campaigns", "tests/observer.py")


class Shelf:
    """What these very sources were judged to do, kept on disk history by history."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.file = directory / f"{fingerprint()}.jsonl"

    def clear(self) -> None:
        self.file.unlink(missing_ok=True)

    def kept(self) -> dict[tuple[int, int], Outcome]:
        lines = self.file.read_text("utf-8").splitlines() if self.file.exists() else []
        found = (_outcome(json.loads(line)) for line in lines)
        return {(outcome.seed, outcome.kills): outcome for outcome in found}

    def keep(self, outcome: Outcome) -> None:
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(vars(outcome), ensure_ascii=False) + "\n")


def fingerprint() -> str:
    digest = hashlib.sha256()
    for place in _JUDGED:
        path = ROOT / place
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.suffix in (".py", ".sql"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def run(
    databases: Databases, seeds: Sequence[tuple[int, int]], workers: int, shelf: Shelf
) -> tuple[list[Outcome], bool]:
    """Also whether it came to its end."""
    known = shelf.kept()
    done = [known[one] for one in seeds if one in known]
    left = [one for one in seeds if one not in known]
    print(f"{len(left)} histories to play, {len(done)} played before", flush=True)
    with ProcessPoolExecutor(workers, get_context("forkserver")) as pool:
        jobs = [pool.submit(_play, databases, *one) for one in left]
        try:
            for outcome in _told(jobs):
                shelf.keep(outcome)
                done.append(outcome)
        except KeyboardInterrupt:
            print("interrupted: ends with the histories in hand", flush=True)
            pool.shutdown(cancel_futures=True)
            return done, False
    return done, True


def _play(databases: Databases, seed: int, kills: int) -> Outcome:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.disable()
    with databases.fresh() as url:
        return play(url, seed, kills)


def _told(jobs: Sequence[Future[Outcome]]) -> Iterator[Outcome]:
    began = time.monotonic()
    for done, job in enumerate(as_completed(jobs), start=1):
        outcome = job.result()
        left = timedelta(seconds=round((time.monotonic() - began) / done * (len(jobs) - done)))
        says = f"{len(outcome.wrong)} WRONG" if outcome.wrong else f"{outcome.orders} orders, all well"
        print(f"{done}/{len(jobs)}, about {left} left: seed {outcome.seed}, {says}", flush=True)
        for line in outcome.wrong:
            print(f"    {line}")
        if outcome.wrong:
            print(f"    again: {replay(outcome)}", flush=True)
        yield outcome


def replay(outcome: Outcome) -> str:
    return f'make kills ARGS="--seed {outcome.seed} --count {outcome.kills}"'


def histories(seed: int, count: int) -> list[tuple[int, int]]:
    whole, rest = divmod(count, HISTORY)
    lengths = [HISTORY] * whole + ([rest] if rest else [])
    return [(seed + n, kills) for n, kills in enumerate(lengths)]


def report(outcomes: Sequence[Outcome], *, complete: bool) -> dict[str, Any]:
    wrong = [line for outcome in outcomes for line in outcome.wrong]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["make", "kills", f"ARGS={shlex.join(sys.argv[1:])}"]),
        "sources": fingerprint(),
        "complete": complete,
        "good": complete and not wrong,
        "histories": len(outcomes),
        "kills": sum(outcome.kills for outcome in outcomes),
        "orders": sum(outcome.orders for outcome in outcomes),
        "trades": sum(outcome.trades for outcome in outcomes),
        "fills": sum(outcome.fills for outcome in outcomes),
        "intents closed as never placed, or refused": sum(outcome.refused for outcome in outcomes),
        "messages": sum(outcome.told for outcome in outcomes),
        "lost": sum(line.startswith(("lost", "never told", "open for ever")) for line in wrong),
        "doubled": sum(line.startswith("doubled") for line in wrong),
        "wrong in any way": len(wrong),
        "faults": dict(sum((outcome.hits for outcome in outcomes), Counter[str]()).most_common()),
        "deaths": dict(sum((outcome.deaths for outcome in outcomes), Counter[str]()).most_common()),
        "again": [replay(outcome) for outcome in outcomes if outcome.wrong],
    }


def _outcome(fields: dict[str, Any]) -> Outcome:
    counted = {name: Counter(fields[name]) for name in ("hits", "deaths")}
    return Outcome(**(fields | counted))


def _table(figures: dict[str, Any]) -> Table:
    table = Table("figure", "", title="A bot that is killed while it trades")
    for name, value in figures.items():
        table.add_row(name, _words(value))
    return table


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {number}" for key, number in list(value.items())[:12])
    return "\n".join(value) if isinstance(value, list) else str(value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make kills", description=__doc__)
    parser.add_argument("--count", type=int, default=5_000, help="kills")
    parser.add_argument("--seed", type=int, default=1, help="of the first history")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--resume", action="store_true", help="keep what these sources were judged before")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    return parser.parse_args()


def main() -> int:
    asked = _arguments()
    shelf = Shelf(Places.from_environment().state / "kills")
    if not asked.resume:
        shelf.clear()
    with running_databases() as databases:
        outcomes, complete = run(databases, histories(asked.seed, asked.count), asked.workers, shelf)
    figures = report(outcomes, complete=complete)
    Console(width=120).print(_table(figures))
    if asked.json:
        asked.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1), "utf-8")
    return 0 if figures["good"] else 1


if __name__ == "__main__":
    sys.exit(main())
