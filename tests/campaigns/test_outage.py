"""Telegram's outage in short, every kind of message in it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.outage import SHORT, outage, told
from campaigns.witness import put_together
from stage import seeded
from stand_in import Arrived


def test_no_message_is_lost(tmp_path: Path, database_url: str) -> None:
    outcome = outage(tmp_path, database_url, seeded().randrange(2**31), SHORT)
    told(outcome)
    assert outcome.wrong == []


@pytest.mark.parametrize(
    ("arrived", "whole", "fragments"),
    [
        (["A", "B"], ["A", "B"], 0),
        (["(1/2)\nA", "(2/2)\nB", "C"], ["AB", "C"], 0),
        (["(1/2)\nA", "(1/2)\nA", "(2/2)\nB"], ["AB"], 1),  # its acknowledgement was lost
        (["(1/2)\nA", "(2/2)\nB", "(2/2)\nB"], ["AB", "AB"], 0),
        (["(1/3)\nA", "(2/3)\nB", "(1/3)\nA", "(2/3)\nB", "(3/3)\nC"], ["ABC"], 2),  # its sender died
        (["(1/2)\nA", "C"], ["C"], 1),
    ],
)
def test_the_witness_puts_parts_together(arrived: list[str], whole: list[str], fragments: int) -> None:
    at = datetime(2025, 12, 28, tzinfo=UTC)
    copies, left = put_together([Arrived(number, at, text) for number, text in enumerate(arrived)])
    assert ([copy.text for copy in copies], left) == (whole, fragments)
