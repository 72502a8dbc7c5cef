"""The same question the long way: the rule engine evaluates the rules themselves, sample after sample."""

from collections.abc import Sequence
from pathlib import Path

from alarms.questions import Stretch, ask
from alarms.scrapes import Scrapes
from alarms.trial import Verdict, Window, series, verdict
from alarms.truths import truths
from rules.alert_rules import Rule, selectors


def judge_directly(promtool: Path, directory: Path, window: Window, rules: Sequence[Rule]) -> Verdict:
    """All rules at one pace: the engine of `promtool test rules` knows no other."""
    (pace,) = {window.interval(rule) for rule in rules}
    scrapes = Scrapes(window.work, window.begin, window.end, window.scrape, origin=-window.begin)
    read = {selector.name for rule in rules for selector in selectors(rule)}
    known = [one for one in series(scrapes) if one.name in read]
    stretch = Stretch(window.begin, window.begin, window.end, window.scrape, known, truths(window.work))
    answers = ask(promtool, directory, rules, [stretch], pace)
    evaluations = sum(answer.evaluations for answer in answers) * len(rules)
    return verdict(window, rules, evaluations, answers)
