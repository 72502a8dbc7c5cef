"""The market's time on both ends of the wire."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bongsu.adapters import clock as clock_module
from bongsu.adapters.clock import SandboxClock, WallClock
from bongsu.core.market import HOUR
from bongsu.errors import ExchangeUnavailable
from contract.sandboxes import Process, Sandbox, connected, launch, stop
from races import races

SPEED = 600.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    process = launch(tmp_path_factory.mktemp("world"), str(SPEED))
    yield process
    stop(process)


async def market_time(sandbox: Sandbox) -> datetime:
    return datetime.fromisoformat((await sandbox.seen("/sandbox/clock"))["now"])


# -- lock-step ------------------------------------------------------------------------------------


async def test_lockstep_moves_only_when_it_is_waited_for(sandbox: Sandbox) -> None:
    start = sandbox.clock.now()
    assert sandbox.clock.state.lockstep
    assert sandbox.clock.state.speed == 0
    await asyncio.sleep(0.05)
    assert sandbox.clock.now() == start == await market_time(sandbox)
    state = await sandbox.clock.wait_until(start + HOUR, 60)
    assert state.now == start + HOUR == await market_time(sandbox)


async def test_lockstep_does_not_go_back(sandbox: Sandbox) -> None:
    start = sandbox.clock.now()
    assert (await sandbox.clock.wait_until(start - HOUR, 60)).now == start


async def test_nobody_moves_a_market_that_is_held(lockstep: Process, sandbox: Sandbox) -> None:
    async with connected(lockstep) as other:
        start = sandbox.clock.now()
        async with sandbox.clock.standing_still("cycle"):
            began = time.monotonic()
            assert (await other.clock.wait_until(start + HOUR, 0.3)).now == start
            assert time.monotonic() - began >= 0.3
        assert (await other.clock.wait_until(start + HOUR, 60)).now == start + HOUR


async def test_a_waiter_goes_on_when_the_hold_ends(lockstep: Process, sandbox: Sandbox) -> None:
    async with connected(lockstep) as other:
        start = sandbox.clock.now()
        async with sandbox.clock.standing_still("cycle"):
            waiting = asyncio.create_task(other.clock.wait_until(start + HOUR, 60))
            await asyncio.sleep(0.1)
            assert not waiting.done()
        assert (await asyncio.wait_for(waiting, 60)).now == start + HOUR


@pytest.mark.parametrize("how", ["error", "cancelled"])
async def test_a_hold_ends_however_its_holder_does(sandbox: Sandbox, how: str) -> None:
    inside = asyncio.Event()

    async def hold() -> None:
        async with sandbox.clock.standing_still("cycle"):
            inside.set()
            if how == "error":
                raise ZeroDivisionError
            await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    await inside.wait()
    if how == "cancelled":
        assert (await sandbox.seen("/sandbox/clock"))["held"]
        task.cancel()
    with pytest.raises(ZeroDivisionError if how == "error" else asyncio.CancelledError):
        await task
    assert not (await sandbox.seen("/sandbox/clock"))["held"]


async def test_overlapping_holds_of_one_owner_are_two(sandbox: Sandbox) -> None:
    async with sandbox.clock.standing_still("job"):
        async with sandbox.clock.standing_still("job"):
            pass
        assert (await sandbox.seen("/sandbox/clock"))["held"]
    assert not (await sandbox.seen("/sandbox/clock"))["held"]


async def test_a_long_hold_is_renewed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock_module, "RENEW_EVERY", 0.1)
    for race in races(1.0, 5.0, 25.0):  # a renewal must come within that, again and again
        monkeypatch.setattr(clock_module, "HOLD_TTL", race.seconds)
        async with sandbox.clock.standing_still("cycle"):
            last, worst = time.monotonic(), 0.0
            while last - race.began < race.seconds * 1.4:
                await asyncio.sleep(0.05)
                worst, last = max(worst, time.monotonic() - last), time.monotonic()
            held = (await sandbox.seen("/sandbox/clock"))["held"]
        race.won = held or worst < race.seconds / 4
        assert held or not race.won


# -- at a speed -----------------------------------------------------------------------------------


async def test_between_answers_it_is_reckoned_at_the_markets_speed(running: Process) -> None:
    asked = time.monotonic()
    async with connected(running) as sandbox:
        connecting = time.monotonic() - asked
        assert sandbox.clock.state.speed == SPEED
        for _ in range(3):
            await asyncio.sleep(0.2)
            asked = time.monotonic()
            reckoned = sandbox.clock.now()
            real = await market_time(sandbox)
            # Never ahead of the market, and behind it by no more than what the requests took.
            took = connecting + time.monotonic() - asked
            assert timedelta() <= real - reckoned <= timedelta(seconds=SPEED * took)


async def test_waiting_ends_at_the_time_or_with_the_patience(running: Process) -> None:
    async with connected(running) as sandbox:
        when = sandbox.clock.now() + timedelta(seconds=SPEED * 0.3)
        began = time.monotonic()
        state = await sandbox.clock.wait_until(when, 60)
        assert state.now >= when
        assert 0.2 < time.monotonic() - began < 30

        far = state.now + timedelta(days=365)
        began = time.monotonic()
        assert (await sandbox.clock.wait_until(far, 0.3)).now < far
        assert 0.25 < time.monotonic() - began < 30


async def test_a_held_market_stands_to_the_microsecond(running: Process) -> None:
    async with connected(running) as sandbox:
        async with sandbox.clock.standing_still("cycle"):
            held = sandbox.clock.now()
            await asyncio.sleep(0.2)
            assert sandbox.clock.now() == held == await market_time(sandbox)
        await asyncio.sleep(0.05)
        assert sandbox.clock.now() > held


# -- ends -----------------------------------------------------------------------------------------


def candle_file(folder: Path, hours: int) -> Path:
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - the files are written in KST without an offset
    rows = [f"{start + HOUR * n},3000000,3010000,2990000,3000000,10.5,31500000" for n in range(hours)]
    path = folder / "KRW-ETH-1h.csv"
    path.write_text("\n".join(["time_kst,open,high,low,close,volume,value_krw", *rows, ""]))
    return path


async def test_the_end_of_a_recording_is_told_at_once_and_then_costs_the_patience(tmp_path: Path) -> None:
    process = launch(tmp_path / "world", "max", candle_file(tmp_path, 403))
    try:
        async with connected(process) as sandbox:
            start = sandbox.clock.now()
            assert not sandbox.clock.state.ended
            state = await sandbox.clock.wait_until(start + 100 * HOUR, 60)
            assert (state.ended, state.now) == (True, start + 3 * HOUR)
            began = time.monotonic()
            assert (await sandbox.clock.wait_until(start + 100 * HOUR, 0.3)).ended
            assert time.monotonic() - began >= 0.3
    finally:
        stop(process)


async def test_an_exchange_that_is_gone(tmp_path: Path) -> None:
    process = launch(tmp_path / "world", "max")
    clock = await SandboxClock.connect(process.url)
    stop(process)
    began = time.monotonic()
    last = clock.now()
    assert (await clock.wait_until(last + HOUR, 0.3)).now == last
    assert time.monotonic() - began >= 0.3
    entered = False
    with pytest.raises(ExchangeUnavailable):
        async with clock.standing_still("cycle"):
            entered = True
    assert not entered
    with pytest.raises(ExchangeUnavailable):
        await SandboxClock.connect(process.url)
    await clock.close()


async def test_the_real_market_runs_on_real_time() -> None:
    clock = WallClock()
    began = datetime.now(UTC)
    state = await clock.wait_until(began + timedelta(seconds=0.05), 60)
    assert began + timedelta(seconds=0.05) <= state.now + timedelta(milliseconds=5)
    assert (state.speed, state.lockstep, state.ended) == (1.0, False, False)
    assert (await clock.wait_until(began + HOUR, 0.05)).now < began + HOUR
    async with clock.standing_still("cycle"):
        pass
