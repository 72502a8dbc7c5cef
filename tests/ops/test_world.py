"""A world is found again by what it plays, and erased only when that is meant."""

import gzip
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bongsu.errors import CandleFileInvalid
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.world import MarketOptions, World


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "state", tmp_path / "logs", tmp_path / "storage", port_offset=3)


def candles(path: Path, hours: int, *, broken_line: int | None = None) -> str:
    start = datetime(2024, 1, 1)  # noqa: DTZ001 - the files have Korean wall time without an offset
    rows = ["time_kst,open,high,low,close,volume,value_krw"]
    for hour in range(hours):
        at = start + timedelta(hours=hour)
        price = "oops" if broken_line == hour + 2 else "3000000"
        rows.append(f"{at:%Y-%m-%d %H:%M:%S},3000000,3001000,2999000,{price},1.5,4500000")
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    return str(path)


def opened(options: MarketOptions, places: Places, *, fresh: bool = False, replay: bool = False) -> World:
    world = World.of(options, places, replay=replay)
    world.open(fresh=fresh, tell=lambda _: None)
    return world


def test_the_same_market_is_the_same_world_at_any_speed(places: Places) -> None:
    slow = World.of(MarketOptions(speed=60), places, replay=False)
    fast = World.of(MarketOptions(speed=3600), places, replay=False)
    other = World.of(MarketOptions(seed=2), places, replay=False)
    assert slow.directory == fast.directory
    assert other.directory != slow.directory


def test_a_world_is_resumed_and_erased_only_when_asked(places: Places) -> None:
    world = opened(MarketOptions(), places)
    earned = world.directory / "earned"
    earned.touch()
    opened(MarketOptions(), places)
    assert earned.exists()
    opened(MarketOptions(), places, fresh=True)
    assert not earned.exists()
    assert world.directory.is_dir()


def test_a_replay_never_erases_the_run_of_the_same_candles(places: Places, tmp_path: Path) -> None:
    options = MarketOptions((candles(tmp_path / "KRW-ETH-1h.csv.gz", 450),))
    run = opened(options, places)
    (run.directory / "earned").touch()
    replay = opened(replace(options, speed="max"), places, fresh=True, replay=True)
    assert replay.id == run.id
    assert (run.directory / "earned").exists()


@pytest.mark.parametrize(
    ("hours", "broken_line", "reason"), [(450, 77, "line 77: close 'oops'"), (200, None, "more than 400")]
)
def test_a_bad_file_is_refused_before_anything_is_erased(
    places: Places, tmp_path: Path, hours: int, broken_line: int | None, reason: str
) -> None:
    options = MarketOptions((candles(tmp_path / "KRW-ETH-1h.csv.gz", hours, broken_line=broken_line),))
    world = World.of(options, places, replay=False)
    world.directory.mkdir(parents=True)
    (world.directory / "earned").touch()
    with pytest.raises(CandleFileInvalid, match=reason):
        world.open(fresh=True, tell=lambda _: None)
    assert (world.directory / "earned").exists()


def test_the_exchange_is_told_what_was_chosen_and_nothing_else(places: Places, tmp_path: Path) -> None:
    plain = World.of(MarketOptions(), places, replay=False)
    assert plain.exchange_arguments() == (
        "--world-dir", str(plain.directory / "exchange"), "--port", "8703", "--speed", "60.0",
    )  # fmt: skip
    file = candles(tmp_path / "a.csv.gz", 450)
    chosen = MarketOptions(
        (f"KRW-ETH={file}",), "max", 7, datetime(2024, 1, 18, tzinfo=UTC), Decimal(5_000_000)
    )
    arguments = World.of(chosen, places, replay=False).exchange_arguments()
    assert arguments[4:] == (
        "--speed", "max", "--candles", f"KRW-ETH={file}",
        "--seed", "7", "--start", "2024-01-18T00:00:00+00:00", "--krw", "5000000",
    )  # fmt: skip
