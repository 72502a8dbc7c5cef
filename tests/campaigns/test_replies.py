"""Garbled replies in short; `make replies` reads a hundred thousand."""

import pytest
import stamina

from bongsu.adapters.upbit import wire
from campaigns.replies import QUESTIONS, Verdict, play
from stage import seeded


async def played(count: int) -> Verdict:
    with stamina.set_testing(True, attempts=1):
        return await play(seeded().randrange(2**31), count)


async def test_nothing_is_invented_of_a_garbled_reply() -> None:
    verdict = await played(1200)
    assert verdict.wrong == []
    assert all(verdict.outcomes[f"{name}: answer"] for name in QUESTIONS), "some are sound all the same"


async def test_an_invented_value_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that reads what it cannot read as a number of its own."""
    read = wire._amount

    def guessed(text: str) -> object:
        try:
            return read(text)
        except wire.Unreadable:
            return wire.ZERO + 4711

    monkeypatch.setattr(wire, "_amount", guessed)
    assert (await played(600)).wrong
