"""The equity curve as a PNG of our own drawing: no library to load, no font to miss, some ten milliseconds and kilobytes."""

import struct
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from decimal import Decimal

from bongsu.core.figures import won_text
from bongsu.core.report import EquityPoint
from bongsu.core.tradingday import DAY, KST, NINE, trading_day_start

WIDTH, HEIGHT = 800, 400
LEFT, RIGHT, TOP, BOTTOM = (
    170,
    40,
    20,
    40,
)  # room around the curve, in pixels; the last day's name stands half in it
WHITE, GREY, INK, BLUE, SKY = range(5)
_PALETTE = bytes.fromhex("ffffffdddddd4444441f6febe3eefc")

_SCALE = 2
_GLYPH_WIDTH, _GLYPH_HEIGHT = 5, 7
_ADVANCE = (_GLYPH_WIDTH + 1) * _SCALE
# Seven rows of five pixels, the highest bit on the left.
_GLYPHS = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31),
    "3": (30, 1, 1, 14, 1, 1, 30),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    ",": (0, 0, 0, 0, 4, 4, 8),
    "-": (0, 0, 0, 14, 0, 0, 0),
}


def draw_equity(curve: Sequence[EquityPoint], day_start: time = NINE) -> bytes:
    """At least one point, oldest first. Won on the left, the trading days (MM-DD, KST) below."""
    canvas = _Canvas()
    frame = _Frame(curve)
    for tick in frame.ticks():
        canvas.across(frame.row(tick))
        label = won_text(tick)
        canvas.write(label, LEFT - 10 - len(label) * _ADVANCE, frame.row(tick) - _GLYPH_HEIGHT)
    for day in frame.days(day_start):
        canvas.down(frame.column(day))
        canvas.write(f"{day.astimezone(KST):%m-%d}", frame.column(day) - 2 * _ADVANCE, HEIGHT - BOTTOM + 12)
    canvas.curve([(frame.column(point.at), frame.row(point.equity)) for point in curve])
    return canvas.png()


class _Frame:
    """From times and won to pixels."""

    def __init__(self, curve: Sequence[EquityPoint]) -> None:
        self._first, self._last = min(p.at for p in curve), max(p.at for p in curve)
        low, high = min(p.equity for p in curve), max(p.equity for p in curve)
        room = max((high - low) / 10, Decimal(1))  # a flat curve runs through the middle
        self._low, self._high = low - room, high + room

    def column(self, at: datetime) -> int:
        whole = max(self._last - self._first, timedelta(seconds=1))
        return LEFT + (at - self._first) * (WIDTH - LEFT - RIGHT - 1) // whole

    def row(self, won: Decimal) -> int:
        share = (won - self._low) / (self._high - self._low)
        return HEIGHT - BOTTOM - 1 - int(share * (HEIGHT - TOP - BOTTOM - 1))

    def ticks(self) -> Iterator[Decimal]:
        """Three to six round amounts."""
        step = _round_step((self._high - self._low) / 3)
        tick = (self._low / step).to_integral_value(rounding="ROUND_CEILING") * step
        while tick <= self._high:
            yield tick
            tick += step

    def days(self, start: time) -> Iterator[datetime]:
        """Not more than eight of the days that begin within."""
        stride = DAY * ((self._last - self._first) // (8 * DAY) + 1)
        day = trading_day_start(self._first, start)
        day += DAY if day < self._first else timedelta(0)
        while day <= self._last:
            yield day
            day += stride


def _round_step(longest: Decimal) -> Decimal:
    """The largest of 1, 2, 5, 10, 20, … that is not longer, and 1 at least: won have no parts."""
    power = Decimal(1).scaleb(longest.adjusted())
    return max(Decimal(1), next(power * n for n in (5, 2, 1) if power * n <= longest))


class _Canvas:
    """A byte for each pixel: its colour's place in the palette."""

    def __init__(self) -> None:
        self._pixels = bytearray(WIDTH * HEIGHT)

    def across(self, row: int) -> None:
        self._pixels[row * WIDTH + LEFT : (row + 1) * WIDTH - RIGHT] = bytes((GREY,)) * (WIDTH - LEFT - RIGHT)

    def down(self, column: int) -> None:
        self._column(column, TOP, HEIGHT - BOTTOM, GREY)

    def curve(self, points: Sequence[tuple[int, int]]) -> None:
        rows = dict(_columns(points))
        for column, (top, _) in rows.items():
            self._tint(column, top)
        for column, (top, bottom) in rows.items():
            self._column(column, top - 1, bottom + 2, BLUE)

    def write(self, text: str, left: int, top: int) -> None:
        for number, letter in enumerate(text):
            for row, bits in enumerate(_GLYPHS[letter]):
                for column in range(_GLYPH_WIDTH):
                    if bits >> (_GLYPH_WIDTH - 1 - column) & 1:
                        self._dot(left + number * _ADVANCE + column * _SCALE, top + row * _SCALE)

    def png(self) -> bytes:
        lines = b"".join(b"\0" + self._pixels[at : at + WIDTH] for at in range(0, len(self._pixels), WIDTH))
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"PLTE", _PALETTE), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, body) for name, body in chunks)

    def _tint(self, column: int, top: int) -> None:
        """Below the curve; the lines of the grid stay."""
        below = slice(top * WIDTH + column, (HEIGHT - BOTTOM) * WIDTH, WIDTH)
        self._pixels[below] = self._pixels[below].replace(bytes((WHITE,)), bytes((SKY,)))

    def _column(self, column: int, top: int, bottom: int, colour: int) -> None:
        self._pixels[top * WIDTH + column : bottom * WIDTH : WIDTH] = bytes((colour,)) * (bottom - top)

    def _dot(self, column: int, row: int) -> None:
        """Letters beside the picture are cut."""
        for line in range(row, row + _SCALE):
            if 0 <= line < HEIGHT and 0 <= column <= WIDTH - _SCALE:
                self._pixels[line * WIDTH + column : line * WIDTH + column + _SCALE] = bytes((INK,)) * _SCALE


def _columns(points: Sequence[tuple[int, int]]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Of each column of pixels the highest and the lowest row that the line through the points covers."""
    spans: dict[int, tuple[int, int]] = {}
    for (x0, y0), (x1, y1) in zip(points, points[1:] or points[:1], strict=False):
        for column in range(x0, x1 + 1):
            rows = sorted((_between(x0, y0, x1, y1, column), _between(x0, y0, x1, y1, min(column + 1, x1))))
            if column in spans:
                rows = [min(rows[0], spans[column][0]), max(rows[1], spans[column][1])]
            spans[column] = (rows[0], rows[1])
    yield from spans.items()


def _between(x0: int, y0: int, x1: int, y1: int, column: int) -> int:
    return y1 if x1 == x0 else y0 + (y1 - y0) * (column - x0) // (x1 - x0)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
