"""The drawn curve: a PNG that any reader opens, and the line where the figures say."""

import struct
import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.money import Krw
from bongsu.core.report import EquityPoint
from bongsu.ledger.picture import BLUE, BOTTOM, HEIGHT, INK, LEFT, RIGHT, SKY, TOP, WIDTH, draw_equity
from bongsu.sandbox.picture import require_picture

NINE = datetime(2025, 12, 21, tzinfo=UTC)  # 09:00 KST


def curve(*equity: int, step: timedelta = timedelta(minutes=15)) -> list[EquityPoint]:
    return [EquityPoint(NINE + n * step, Krw(Decimal(amount))) for n, amount in enumerate(equity)]


def rows_of(png: bytes) -> list[bytes]:
    """By the book: signature, chunks with their sums, one filter byte before each row."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + body)
        chunks[name] = body
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (WIDTH, HEIGHT, 8, 3, 0, 0, 0)
    flat = zlib.decompress(chunks[b"IDAT"])
    rows = [flat[n : n + WIDTH + 1] for n in range(0, len(flat), WIDTH + 1)]
    assert {row[0] for row in rows} == {0}
    return [row[1:] for row in rows]


def line_at(rows: list[bytes], column: int) -> list[int]:
    return [number for number, row in enumerate(rows) if row[column] == BLUE]


def test_the_line_begins_and_ends_where_the_money_does() -> None:
    rows = rows_of(draw_equity(curve(1_000_000, 1_010_000, 1_000_000)))
    first, top, last = (line_at(rows, x) for x in (LEFT, (LEFT + WIDTH - RIGHT) // 2, WIDTH - RIGHT - 1))
    assert abs(min(first) - min(last)) <= 1, "the slope is within a pixel"
    assert max(top) < min(first)
    assert {SKY} <= {row[LEFT + 5] for row in rows[max(first) + 10 : HEIGHT - BOTTOM]}
    assert not any(line_at(rows, x) for x in (LEFT - 1, WIDTH - RIGHT))


def test_what_never_moved_is_a_level_line_in_the_middle() -> None:
    rows = rows_of(draw_equity(curve(5000, 5000)))
    lines = {tuple(line_at(rows, x)) for x in range(LEFT, WIDTH - RIGHT)}
    assert len(lines) == 1
    middle = (TOP + HEIGHT - BOTTOM) / 2
    assert all(abs(row - middle) < 4 for row in lines.pop())


def test_amounts_and_days_are_written_beside_it() -> None:
    rows = rows_of(draw_equity(curve(*range(1_000_000, 1_000_600), step=timedelta(hours=1))))
    assert any(INK in row[: LEFT - 8] for row in rows[TOP : HEIGHT - BOTTOM])
    assert any(INK in row[LEFT:] for row in rows[HEIGHT - BOTTOM :])
    assert not any(INK in row[LEFT:] for row in rows[TOP : HEIGHT - BOTTOM])


_WON = st.decimals("0", "1000000000000", places=8)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.datetimes(timezones=st.just(UTC)), _WON), min_size=1, max_size=5))
def test_any_curve_can_be_drawn(drawn: list[tuple[datetime, Decimal]]) -> None:
    points = [EquityPoint(at, Krw(won)) for at, won in sorted(drawn) if 1970 < at.year < 2100]
    if points:
        assert require_picture(draw_equity(points))


@pytest.mark.parametrize("number", [672, 2976])
def test_a_month_is_a_few_kilobytes(number: int) -> None:
    wild = curve(*(1_000_000 + n * 7919 % 30_011 for n in range(number)))
    assert len(draw_equity(wild)) < 40_000
