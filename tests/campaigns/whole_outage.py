"""The shipped senders through an hour without Telegram, and without one safety rule each; `make outage` runs it.

The hour takes OUTAGE_HOUR seconds (180 unless named): nothing can arrive in it, so only the backlog's age is shortened.
What comes after it is not shortened.
"""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.outage import SHORT, Shape, outage, told
from stage import seeded

HOUR = float(os.environ.get("OUTAGE_HOUR", "180"))
# What a rule prevents needs some of it.
MUCH = replace(SHORT, events=60, kills=16, aimed=1.0, faults=4.0)


def test_an_hour_without_telegram(tmp_path: Path, database_url: str) -> None:
    outcome = outage(tmp_path, database_url, seeded().randrange(2**31), Shape(hour=HOUR))
    told(outcome)
    assert outcome.wrong == []


@pytest.mark.parametrize(
    ("rule", "signs"),
    [
        ("order", ("out of order",)),
        ("lease", ("two messages within", "repeated without saying so")),
        ("retry", ("missing",)),
        ("label", ("repeated without saying so",)),
    ],
)
def test_it_sees_that_a_rule_is_missing(
    tmp_path: Path, database_url: str, rule: str, signs: tuple[str, ...]
) -> None:
    outcome = outage(tmp_path, database_url, seeded().randrange(2**31), MUCH, rule)
    told(outcome)
    assert any(sign in line for sign in signs for line in outcome.wrong)
