"""Kills in short: the protocol holds, and without any of its elements it does not. `make kills` has the long form."""

import pytest

from campaigns.ablations import WHOLE, WITHOUT, Protocol
from campaigns.kills import replay
from campaigns.lives import Outcome, play
from campaigns.mortal import Storm
from stage import seeded

# Histories of twenty kills in which that element was needed; the whole protocol lives through each of them.
NEEDED_BY = {"intent first": 1, "identifier": 2, "fence": 3, "one transaction": 1, "used-up identifier": 2}


def played(database_url: str, seed: int, protocol: Protocol) -> Outcome:
    return play(database_url, seed, 20, protocol, Storm)


def test_no_kill_loses_or_doubles_an_order(database_url: str) -> None:
    outcome = play(database_url, seeded().randrange(2**31), 60)
    assert outcome.wrong == [], replay(outcome)
    assert outcome.trades > 5, "the kills fell into trading"


@pytest.mark.parametrize("seed", sorted(set(NEEDED_BY.values())))
def test_the_whole_protocol_holds_where_more_is_late(database_url: str, seed: int) -> None:
    assert played(database_url, seed, WHOLE).wrong == []


@pytest.mark.parametrize("element", WITHOUT)
def test_every_element_of_the_protocol_is_needed(database_url: str, element: str) -> None:
    assert played(database_url, NEEDED_BY[element], WITHOUT[element]).wrong
