"""Candle files: what is wrong is named with its line, and what is finer than an hour is brought to it."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bongsu.core.market import HOUR
from bongsu.errors import CandleFileInvalid
from bongsu.sandbox.candles import parse_sources, read_candles
from bongsu.sandbox.world import World, world_id
from sandbox.worlds import DATA, FIRST, FLAT, HEADER, options, recording, row

GOOD = [row(FIRST), row(FIRST + HOUR)]


def written(directory: Path, text: str | bytes, name: str = "KRW-ETH-1h.csv") -> str:
    path = directory / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def read(argument: str) -> list:
    (source,) = parse_sources([argument])
    return read_candles(source)


BAD = {
    "empty": ("", "line 1: columns must be"),
    "another header": ("time,open,high,low,close,volume\n", "line 1: columns must be"),
    "header only": (HEADER, "holds no candle"),
    "one candle": (f"{HEADER}\n{GOOD[0]}", "one candle only"),
    "few fields": (f"{HEADER}\n{GOOD[0]}\n2024-01-01T10:00:00,1,2", "line 3: 3 fields instead of 7"),
    "many fields": (f"{HEADER}\n{GOOD[0]},7\n", "line 2: 8 fields instead of 7"),
    "no time": (f"{HEADER}\nyesterday,1,1,1,1,1,1", "line 2: time_kst 'yesterday'"),
    "no number": (f"{HEADER}\n2024-01-01T09:00:00,1,1,1,x,1,1", "line 2: close 'x'"),
    "nan": (f"{HEADER}\n2024-01-01T09:00:00,1,NaN,1,1,1,1", "line 2: high 'NaN'"),
    "infinite": (f"{HEADER}\n2024-01-01T09:00:00,1,1,1,1,Infinity,1", "line 2: volume 'Infinity'"),
    "exponent": (f"{HEADER}\n2024-01-01T09:00:00,1,1e400,1,1,1,1", "line 2: high '1e400'"),
    "negative": (f"{HEADER}\n2024-01-01T09:00:00,1,1,-1,1,1,1", "line 2: low '-1'"),
    "zero price": (f"{HEADER}\n2024-01-01T09:00:00,1,1,0,1,1,1", "line 2: low 0 is not a price"),
    "high too low": (f"{HEADER}\n2024-01-01T09:00:00,5,4,3,4,1,1", "line 2: high 4 lies below"),
    "low too high": (f"{HEADER}\n2024-01-01T09:00:00,5,9,6,7,1,1", "line 2: low 6 lies above"),
    "twice": (f"{HEADER}\n{GOOD[0]}\n{GOOD[0]}", "line 3: 2024-01-01T09:00:00 is there twice"),
    "backwards": (f"{HEADER}\n{GOOD[1]}\n{GOOD[0]}", "line 3: 2024-01-01T09:00:00 goes back in time"),
    "off the hour": (
        "\n".join([HEADER, row(FIRST), row(FIRST + HOUR), row(FIRST + timedelta(hours=2, minutes=7))]),
        "do not divide|is no start of a candle",
    ),
    "days": (f"{HEADER}\n{row(FIRST)}\n{row(FIRST + timedelta(days=1))}", "candles of 1 d"),
    "four hours": (f"{HEADER}\n{row(FIRST)}\n{row(FIRST + 4 * HOUR)}", "candles of 4 h"),
    "90 minutes": (f"{HEADER}\n{row(FIRST)}\n{row(FIRST + 1.5 * HOUR)}", "candles of 90 min"),
    "7 minutes": (f"{HEADER}\n{row(FIRST)}\n{row(FIRST + timedelta(minutes=7))}", "do not divide an hour"),
    "half past": (
        f"{HEADER}\n{row(FIRST + HOUR / 2)}\n{row(FIRST + 1.5 * HOUR)}",
        "line 2: 2024-01-01T09:30:00 is no start of a candle of 1 h",
    ),
    "not text": (b"\xff\xfe\x00", "not UTF-8 text"),
    "open quote": (f'{HEADER}\n"2024-01-01T09:00:00,1,1,1,1,1,1', "line 2"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_named_with_line_and_reason(tmp_path: Path, name: str) -> None:
    text, reason = BAD[name]
    path = written(tmp_path, text)
    with pytest.raises(CandleFileInvalid, match=reason) as error:
        read(path)
    assert path in str(error.value)


@pytest.mark.parametrize(
    "damage", [lambda _: b"not gzip", lambda packed: packed[:20], lambda packed: packed[:-2]]
)
def test_damaged_gzip_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    damaged = damage(gzip.compress("\n".join([HEADER, *GOOD]).encode()))
    with pytest.raises(CandleFileInvalid, match="not a readable gzip file"):
        read(written(tmp_path, damaged, "KRW-ETH-1h.csv.gz"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CandleFileInvalid, match=r"KRW-ETH\.csv: cannot be read"):
        read(str(tmp_path / "KRW-ETH.csv"))


@pytest.mark.parametrize(
    ("argument", "market"),
    [
        ("KRW-ETH.csv", "KRW-ETH"),
        ("a/KRW-BTC-1h-2024.csv.gz", "KRW-BTC"),
        ("KRW-XRP=x/candles.csv", "KRW-XRP"),
    ],
)
def test_the_market_comes_from_the_name_or_stands_before_the_path(argument: str, market: str) -> None:
    assert [source.market for source in parse_sources([argument])] == [market]


@pytest.mark.parametrize("argument", ["candles.csv", "BTC-ETH-1h.csv", "krw-eth=x.csv", "KRW-ETH.parquet"])
def test_a_file_without_a_market_is_refused(argument: str) -> None:
    with pytest.raises(CandleFileInvalid, match="KRW-ETH"):
        parse_sources([argument])


def test_two_files_of_one_market_are_refused() -> None:
    with pytest.raises(CandleFileInvalid, match="a second file for KRW-ETH"):
        parse_sources(["KRW-ETH-2024.csv", "KRW-ETH=b.csv"])


def test_quarters_become_hours_and_gaps_stay_gaps(tmp_path: Path) -> None:
    quarter = timedelta(minutes=15)
    shapes = [(10, 14, 9, 12, "1"), (12, 13, 8, 9, "2"), (9, 20, 9, 15, "3"), (15, 16, 11, 11, "4")]
    rows = [row(FIRST + n * quarter, shape) for n, shape in enumerate(shapes)]
    rows.append(row(FIRST + 2 * HOUR + quarter, (30, 31, 29, 30, "5")))
    first, last = read(written(tmp_path, "\n".join([HEADER, *rows]), "KRW-ETH-15m.csv"))
    assert (first.open, first.high, first.low, first.close, first.volume) == (10, 20, 8, 11, 10)
    assert first.value == Decimal(12 + 2 * 9 + 3 * 15 + 4 * 11)
    assert (last.opened_at, last.open) == (FIRST + 2 * HOUR, 30)


def test_intervals_without_volume_are_silent(tmp_path: Path) -> None:
    rows = [row(FIRST), row(FIRST + HOUR, (1, 1, 1, 1, "0")), row(FIRST + 2 * HOUR), row(FIRST + 3 * HOUR)]
    assert len(read(written(tmp_path, "\n".join([HEADER, *rows])))) == 3


def test_too_few_hours_for_the_warm_up_start_nothing(tmp_path: Path) -> None:
    short = options(tmp_path, candles=(written(tmp_path, "\n".join([HEADER, *GOOD])),))
    with pytest.raises(CandleFileInvalid, match="2 hours; more than 400 are needed"):
        World(short)
    assert not (tmp_path / "world").exists()


def test_a_world_is_its_content_not_its_compression(tmp_path: Path) -> None:
    packed = recording(tmp_path, [FLAT])
    plain = written(tmp_path, gzip.decompress(Path(packed).read_bytes()))
    assert world_id(options(tmp_path, candles=(packed,))) == world_id(options(tmp_path, candles=(plain,)))


@pytest.mark.skipif(not DATA.is_dir(), reason="no recorded candles beside the repository (shared/data)")
class TestRecordings:
    def test_hours(self) -> None:
        candles = read(str(DATA / "KRW-ETH-1h-2024-01_2024-08.csv.gz"))
        assert len(candles) == 5_727
        assert candles[0].opened_at == datetime(2023, 12, 31, 15, tzinfo=UTC)

    def test_quarters_agree_with_the_hours(self) -> None:
        hours = {c.opened_at: c for c in read(str(DATA / "KRW-ETH-1h-2024-01_2024-08.csv.gz"))}
        made = read(str(DATA / "KRW-ETH-15m-2024-01_2024-08.csv.gz"))
        full = [c for c in made if c.opened_at in hours and hours[c.opened_at].volume == c.volume]
        assert len(full) > 5_000
        for candle in full:
            recorded = hours[candle.opened_at]
            assert (candle.open, candle.high, candle.low, candle.close) == (
                recorded.open,
                recorded.high,
                recorded.low,
                recorded.close,
            )

    @pytest.mark.parametrize("file", ["KRW-BTC-1d-2024.csv.gz", "KRW-PEPE-1d-2025.csv.gz"])
    def test_days_are_refused_by_name(self, file: str) -> None:
        with pytest.raises(CandleFileInvalid, match=f"{file}: candles of 1 d"):
            read(str(DATA / file))
