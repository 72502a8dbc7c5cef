"""The market's clock, against a wall clock that we turn ourselves."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bongsu.sandbox.clock import MarketClock
from sandbox.worlds import START

SECOND = timedelta(seconds=1)


class Wall:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def clock(speed=60.0, end=None) -> tuple[MarketClock, Wall]:
    wall = Wall()
    return MarketClock(START, end, speed, wall), wall


def test_it_runs_n_times_faster() -> None:
    it, wall = clock(60.0)
    wall.now += 2.5
    assert it.now() == START + 150 * SECOND
    assert it.ahead(0.5) == START + 180 * SECOND


def test_it_stands_while_anybody_holds_it() -> None:
    it, wall = clock()
    it.hold("a", 100)
    it.hold("b", 100)
    wall.now += 10
    it.release("a")
    wall.now += 10
    assert (it.now(), it.held) == (START, True)
    it.release("b")
    wall.now += 1
    assert (it.now(), it.held) == (START + 60 * SECOND, False)


def test_a_hold_that_is_not_renewed_ends_at_its_own_moment() -> None:
    it, wall = clock()
    it.hold("a", 5)
    wall.now += 3
    it.hold("a", 5)
    wall.now += 9
    assert it.now() == START + 4 * 60 * SECOND


def test_the_release_of_one_does_not_run_time_back_to_the_lapse_of_another() -> None:
    it, wall = clock()
    it.hold("a", 5)
    it.hold("b", 20)
    wall.now += 10
    it.release("b")
    assert it.now() == START


def test_it_ends() -> None:
    it, wall = clock(end=START + 90 * SECOND)
    wall.now += 1
    assert not it.ended
    wall.now += 1
    assert (it.now(), it.ended) == (START + 90 * SECOND, True)


@given(st.lists(st.tuples(st.sampled_from("abw"), st.floats(0.001, 5), st.booleans()), max_size=30))
def test_it_never_goes_back(steps) -> None:
    it, wall = clock(3_600.0)
    seen = [it.now()]
    for owner, seconds, on in steps:
        if owner == "w":
            wall.now += seconds
        elif on:
            it.hold(owner, seconds)
        else:
            it.release(owner)
        seen.append(it.now())
    assert seen == sorted(seen)


async def test_in_lock_step_only_a_wait_moves_it() -> None:
    it, wall = clock("max", START + 3_600 * SECOND)
    wall.now += 100
    assert it.now() == START
    await it.wait(START + 7 * SECOND, 10)
    assert it.now() == START + 7 * SECOND
    await it.wait(START, 10)
    assert it.now() == START + 7 * SECOND
    await it.wait(START + 9_999 * SECOND, 10)
    assert (it.now(), it.ended) == (START + 3_600 * SECOND, True)


async def test_in_lock_step_a_wait_waits_for_the_holder() -> None:
    it, _ = clock("max")
    it.hold("a", 100)
    waiting = asyncio.create_task(it.wait(START + SECOND, 100))
    await asyncio.sleep(0)
    assert it.now() == START
    it.release("a")
    await asyncio.wait_for(waiting, 60)
    assert it.now() == START + SECOND


async def test_a_wait_ends_with_its_time_out() -> None:
    it = MarketClock(START, None, 1.0)
    await asyncio.wait_for(it.wait(START + 3_600 * SECOND, 0.05), 60)
    assert it.now() < START + 60 * SECOND


async def test_a_wait_ends_when_the_time_has_come() -> None:
    it = MarketClock(START, None, 3_600.0)
    await asyncio.wait_for(it.wait(START + 120 * SECOND, 30), 60)
    assert it.now() >= START + 120 * SECOND


async def test_closing_lets_waiters_go() -> None:
    it, _ = clock("max")
    it.hold("a", 100)
    waiting = asyncio.create_task(it.wait(START + SECOND, 100))
    await asyncio.sleep(0)
    it.close()
    await asyncio.wait_for(waiting, 60)
