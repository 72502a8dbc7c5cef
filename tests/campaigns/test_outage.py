"""Telegram's outage in short, every kind of message in it."""

from pathlib import Path

from campaigns.outage import SHORT, outage, told
from stage import seeded


def test_no_message_is_lost(tmp_path: Path, database_url: str) -> None:
    outcome = outage(tmp_path, database_url, seeded().randrange(2**31), SHORT)
    told(outcome)
    assert outcome.wrong == []
