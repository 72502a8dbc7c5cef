"""What was judged, kept on disk trial by trial: a campaign that was interrupted goes on where it stopped."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alarms.trial import Verdict
from alarms.truths import truths
from alarms.work import Work
from bongsu.core.facts import JobName
from rules.alert_rules import ROOT, Rule, inputs, rendered

_KEPT = 4  # fingerprints whose results stay


@dataclass(frozen=True)
class Result:
    """A trial's verdict, or why there is none."""

    seed: int
    title: str
    evaluations: int = 0
    fired: dict[str, int] = field(default_factory=dict)
    false: dict[str, int] = field(default_factory=dict)
    when: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)
    not_judged: str = ""

    @classmethod
    def of(cls, seed: int, title: str, verdict: Verdict) -> "Result":
        missed = [f"{truth.alert} at {truth.start:.0f} s ({truth.why})" for truth in verdict.missed]
        return cls(seed, title, verdict.evaluations, verdict.fired, verdict.false, verdict.when, missed)

    @property
    def good(self) -> bool:
        return not (self.false or self.missed or self.not_judged)

    def __str__(self) -> str:
        if self.not_judged:
            return f"NOT JUDGED: {self.not_judged}"
        if not self.good:
            false = [f"{alert} ({n}, before {self.when[alert]:.0f} s)" for alert, n in self.false.items()]
            return f"FALSE {false or 'none'}, MISSED {self.missed or 'none'}"
        return ", ".join(sorted(self.fired)) or "silent"


@dataclass(frozen=True)
class Shelf:
    """Results of these very rules and of this very simulation; of nothing else."""

    directory: Path

    @classmethod
    def below(cls, state: Path, days: int, rules: Sequence[Rule]) -> "Shelf":
        return cls(state / "alarms" / f"{_fingerprint(rules)}-{days}")

    def clear(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def find(self, seed: int, title: str) -> Result | None:
        try:
            return Result(**json.loads(self._file(seed, title).read_text("utf-8")))
        except FileNotFoundError:
            return None

    def keep(self, result: Result) -> None:
        """Only verdicts: what was not judged is tried again."""
        if not result.not_judged:
            self.directory.mkdir(parents=True, exist_ok=True)
            file = self._file(result.seed, result.title)
            unfinished = file.with_suffix(".part")
            unfinished.write_text(json.dumps(asdict(result)), "utf-8")
            unfinished.replace(file)

    def forget_others(self) -> None:
        """Old campaigns, but for the latest few."""
        known = sorted(self.directory.parent.glob("*-*"), key=lambda place: place.stat().st_mtime)
        for place in known[:-_KEPT]:
            if place != self.directory:
                shutil.rmtree(place, ignore_errors=True)

    def _file(self, seed: int, title: str) -> Path:
        return self.directory / f"{seed}_{title.replace(' ', '_').replace(',', '')}.json"


def _fingerprint(rules: Sequence[Rule]) -> str:
    sources = [
        *sorted((ROOT / "src/bongsu").glob("metric*.py")),
        *sorted(Path(__file__).parent.glob("*.py")),
    ]
    code = b"".join(source.read_bytes() for source in sources)
    return hashlib.sha256(code + rendered([*inputs(rules), *rules]).encode()).hexdigest()[:12]


@dataclass
class Tally:
    """Of one seed."""

    work: Work
    trials: int = 0
    judged: int = 0
    evaluations: int = 0
    told: Counter[str] = field(default_factory=Counter)
    false: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    not_judged: list[str] = field(default_factory=list)

    def add(self, result: Result) -> None:
        if result.not_judged:
            self.not_judged.append(f"{result.title}: {result.not_judged}")
            return
        self.judged += 1
        self.evaluations += result.evaluations
        self.told += Counter({alert: n for alert, n in result.fired.items() if alert not in result.false})
        self.false.update(result.false)
        self.missed += result.missed

    @property
    def good(self) -> bool:
        return self.judged == self.trials and not (self.false or self.missed)

    def reasons(self) -> dict[str, list[str]]:
        """Why each alarm that fired was allowed to."""
        known: dict[str, set[str]] = {}
        for truth in truths(self.work):
            known.setdefault(truth.alert, set()).add(truth.why)
        return {alert: sorted(known.get(alert, ())) for alert in sorted(self.told)}

    def lived(self) -> dict[str, int]:
        life = self.work.life
        hourly = [run for run in self.work.runs[JobName.TRADING] if 0 <= run.start < life.length]
        return {
            "hourly jobs": len(hourly),
            "restarts": len(life.restarts) + len(life.backend_restarts),
            "deploys": len(life.deploys),
            "maintenances": len(life.closed),
            "AI outages": len(life.advisor_away),
            "spent budgets": len(life.strained) + len(life.defective),
            "hours without traffic": round(sum(end - begin for begin, end in life.unasked) / 3600),
        }

    def figures(self) -> dict[str, Any]:
        return {
            "seed": self.work.life.seed,
            "days": self.work.life.days,
            "lived": self.lived(),
            "trials": self.trials,
            "judged": self.judged,
            "evaluations": self.evaluations,
            "told": dict(self.told),
            "reasons": self.reasons(),
            "false": dict(self.false),
            "missed": self.missed,
            "not_judged": self.not_judged,
        }


def table(tallies: Iterable[Tally]) -> str:
    """Markdown. Of each false alarm: at how many evaluations it fired."""
    tallies = list(tallies)
    lived = list(tallies[0].lived()) if tallies else []
    lines = [
        _row("seed", "trials judged", "evaluations of rules", *lived, "false alarms", "missed"),
        _row(*["---:"] * (5 + len(lived))),
    ]
    for tally in tallies:
        false = ", ".join(f"{alert} ({n})" for alert, n in sorted(tally.false.items())) or "0"
        judged = f"{tally.judged} of {tally.trials}"
        figures = (f"{number:,}" for number in (tally.evaluations, *tally.lived().values()))
        lines.append(_row(str(tally.work.life.seed), judged, *figures, false, str(len(tally.missed))))
    lines += [
        f"seed {tally.work.life.seed}: {what}"
        for tally in tallies
        for what in (*(f"MISSED {m}" for m in tally.missed), *(f"NOT JUDGED {n}" for n in tally.not_judged))
    ]
    return "\n".join([*lines, "", *_allowed(tallies)])


def _allowed(tallies: Iterable[Tally]) -> list[str]:
    seeds: dict[str, list[int]] = {}
    whys: dict[str, set[str]] = {}
    for tally in tallies:
        for alert, reasons in tally.reasons().items():
            seeds.setdefault(alert, []).append(tally.work.life.seed)
            whys.setdefault(alert, set()).update(reasons)
    rows = [
        _row(alert, ", ".join(map(str, seeds[alert])), "; ".join(sorted(whys[alert])))
        for alert in sorted(seeds)
    ]
    return [_row("alarm with a reason", "seeds", "reason"), _row("---", "---", "---"), *rows]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
