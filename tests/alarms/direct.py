"""The same question the long way: the rule engine evaluates the rules themselves, sample after sample."""

from collections.abc import Sequence
from pathlib import Path

from alarms.questions import Stretch, ask
from alarms.scrapes import Scrapes
from alarms.trial import Verdict, Window, series, verdict
from alarms.truths import truths
from rules.alert_rules import Rule, inputs, selectors


def judge_directly(promtool: Path, directory: Path, window: Window, rules: Sequence[Rule]) -> Verdict:
    """Pace by pace: the engine of `promtool test rules` knows one at a time."""
    scrapes = Scrapes(window.work, window.begin, window.end, window.scrape, origin=-window.begin)
    answers, evaluations = [], 0
    for pace in sorted({window.interval(rule) for rule in rules}):
        asked = [rule for rule in rules if window.interval(rule) == pace]
        family = [*inputs(asked), *asked]
        read = {selector.name for rule in family for selector in selectors(rule)}
        known = [one for one in series(scrapes) if one.name in read]
        stretch = Stretch(window.begin, window.begin, window.end, window.scrape, known, truths(window.work))
        told = ask(promtool, directory / str(pace), family, [stretch], pace)
        evaluations += sum(answer.evaluations for answer in told) * len(asked)
        answers += told
    return verdict(window, rules, evaluations, answers)
