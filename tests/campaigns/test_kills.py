"""Kills in short: the protocol holds, and without any of its elements it does not. `make kills` has the long form."""

import pytest

from campaigns.ablations import WHOLE, WITHOUT
from campaigns.kills import replay
from campaigns.lives import play
from campaigns.mortal import Storm
from stage import seeded

MANY = 240  # kills, in which every element is needed: mostly twenty are enough


def test_no_kill_loses_or_doubles_an_order(database_url: str) -> None:
    outcome = play(database_url, seeded().randrange(2**31), 60)
    assert outcome.wrong == [], replay(outcome)
    assert outcome.trades > 5, "the kills fell into trading"


def test_the_whole_protocol_holds_where_more_is_late(database_url: str) -> None:
    assert play(database_url, 1, 40, WHOLE, Storm).wrong == []


@pytest.mark.parametrize("element", WITHOUT)
def test_every_element_of_the_protocol_is_needed(database_url: str, element: str) -> None:
    assert play(database_url, 1, MANY, WITHOUT[element], Storm, look_every=20).wrong
