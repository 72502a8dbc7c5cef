"""What the contract tests cannot bring about: replies that overtake one another, and outages that last."""

import json
import logging
from datetime import timedelta

import httpx2
import pytest

from adapters.scripted import NOW, Script, answer
from bongsu.adapters.clock import SandboxClock
from bongsu.core.market import HOUR
from bongsu.errors import ExchangeUnavailable


def says(**changes: object) -> httpx2.Response:
    clock = {
        "now": NOW.isoformat(),
        "speed": 60,
        "held": False,
        "ended": False,
        "start": NOW.isoformat(),
        "end": None,
    }
    return answer(json.dumps({**clock, **changes}))


async def test_a_reply_from_before_the_hold_does_not_set_the_market_going() -> None:
    held_at = (NOW + timedelta(seconds=9)).isoformat()
    stale = says(now=(NOW + timedelta(seconds=8)).isoformat())
    clock = await SandboxClock.connect(
        "http://exchange.test",
        Script(says(), says(held=True, now=held_at), stale, says(held=False, now=held_at)),
    )
    async with clock.standing_still("cycle"):
        state = await clock.wait_until(NOW, 0)
        assert clock.now() == state.now == NOW + timedelta(seconds=9)


async def test_a_long_outage_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    clock = await SandboxClock.connect(
        "http://exchange.test", Script(says(speed="max"), httpx2.ConnectError("gone"))
    )
    for _ in range(3):
        assert (await clock.wait_until(NOW + HOUR, 0)).now == NOW
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    "say",
    [
        answer("<html>"),
        answer("{}"),
        answer(b'{"now":"\xff"}'),
        says(now="2024-06-01T12:00:00"),
        says(speed="fast"),
        answer("", 500),
        httpx2.ReadTimeout("late"),
    ],
)
async def test_a_clock_that_makes_no_sense_is_no_clock(say: httpx2.Response | Exception) -> None:
    with pytest.raises(ExchangeUnavailable):
        await SandboxClock.connect("http://exchange.test", Script(say))


async def test_it_is_not_reckoned_past_the_end() -> None:
    end = NOW + timedelta(microseconds=1)
    clock = await SandboxClock.connect("http://exchange.test", Script(says(speed=1e6, end=end.isoformat())))
    assert clock.now() <= end
