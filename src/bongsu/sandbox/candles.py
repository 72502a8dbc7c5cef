"""Recorded candles: one CSV (or CSV.gz) file per market, checked row by row, brought to one hour."""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import groupby, pairwise
from pathlib import Path

from bongsu.core.market import HOUR, Candle, Market, parse_market
from bongsu.core.money import Krw, Price, Volume
from bongsu.errors import CandleFileInvalid

KST = timezone(timedelta(hours=9))
COLUMNS = ("time_kst", "open", "high", "low", "close", "volume", "value_krw")
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?")
_MARKET_IN_NAME = re.compile(r"(KRW-[A-Z0-9]{1,15})(?:-.*)?\.csv(?:\.gz)?")


@dataclass(frozen=True, slots=True)
class CandleSource:
    market: Market
    path: Path


@dataclass(frozen=True, slots=True)
class _Row:
    line: int
    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    value: Decimal


def parse_sources(arguments: Iterable[str]) -> list[CandleSource]:
    """Each argument is a path whose file name starts with the market, or `KRW-ETH=path`."""
    sources: list[CandleSource] = []
    for argument in arguments:
        source = _parse_source(argument)
        if any(s.market == source.market for s in sources):
            raise CandleFileInvalid(f"{source.path}: a second file for {source.market}; give one per market")
        sources.append(source)
    return sources


def digest(source: CandleSource) -> str:
    """Of the content, so that a compressed and a plain copy are the same world."""
    return hashlib.sha256(_content(source.path)).hexdigest()


def read_candles(source: CandleSource) -> list[Candle]:
    """One-hour candles, oldest first; hours without a trade are absent."""
    rows = _parse_rows(source.path)
    interval = _interval(source.path, rows)
    _check_alignment(source.path, rows, interval)
    return [_hour_candle(source.market, hour, list(group)) for hour, group in groupby(rows, _hour_of)]


def _parse_source(argument: str) -> CandleSource:
    name, separator, path = argument.partition("=")
    if separator and "/" not in name:
        try:
            return CandleSource(parse_market(name), Path(path))
        except ValueError as unknown:
            raise CandleFileInvalid(f"{argument}: {unknown}") from None
    match = _MARKET_IN_NAME.fullmatch(Path(argument).name)
    if match is None:
        raise CandleFileInvalid(
            f"{argument}: the file name does not start with a market such as KRW-ETH; "
            f"rename it (KRW-ETH-1h.csv.gz) or write KRW-ETH={argument}"
        )
    return CandleSource(Market(match[1]), Path(argument))


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as broken:
        raise CandleFileInvalid(f"{path}: not a readable gzip file ({broken})") from None
    except OSError as unreadable:
        raise CandleFileInvalid(f"{path}: cannot be read ({unreadable.strerror})") from None


def _parse_rows(path: Path) -> list[_Row]:
    rows: list[_Row] = []
    for line, cells in _lines(path):
        try:
            row = _parse_row(line, cells)
        except ValueError as reason:
            raise CandleFileInvalid(f"{path}, line {line}: {reason}") from None
        if rows and row.opened_at <= rows[-1].opened_at:
            kind = "is there twice" if row.opened_at == rows[-1].opened_at else "goes back in time"
            raise CandleFileInvalid(f"{path}, line {line}: {cells['time_kst']} {kind}")
        rows.append(row)
    traded = [row for row in rows if row.volume > 0]  # an interval without a trade has no candle on Upbit
    if not traded:
        raise CandleFileInvalid(f"{path}: holds no candle")
    return traded


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = _content(path).decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise CandleFileInvalid(f"{path}: not UTF-8 text (byte {wrong.start})") from None
    lines = csv.reader(io.StringIO(text), strict=True)
    try:
        header = [name.strip() for name in next(lines, [])]
        if sorted(header) != sorted(COLUMNS):
            raise CandleFileInvalid(
                f"{path}, line 1: columns must be {','.join(COLUMNS)}, found {','.join(header) or 'nothing'}"
            )
        for cells in lines:
            if not cells:
                continue
            if len(cells) != len(header):
                raise CandleFileInvalid(
                    f"{path}, line {lines.line_num}: {len(cells)} fields instead of {len(header)}"
                )
            yield lines.line_num, dict(zip(header, cells, strict=True))
    except csv.Error as broken:
        raise CandleFileInvalid(f"{path}, line {lines.line_num}: {broken}") from None


def _parse_row(line: int, cells: dict[str, str]) -> _Row:
    row = _Row(
        line,
        _parse_time(cells["time_kst"]),
        *(_parse_number(name, cells[name]) for name in COLUMNS[1:]),
    )
    if row.low <= 0:
        raise ValueError(f"low {row.low} is not a price")
    if row.high < max(row.open, row.close, row.low):
        raise ValueError(f"high {row.high} lies below another price of the candle")
    if row.low > min(row.open, row.close):
        raise ValueError(f"low {row.low} lies above another price of the candle")
    return row


def _parse_time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"time_kst {text!r} is not a time such as 2024-01-01T09:00:00") from None
    return (at if at.tzinfo else at.replace(tzinfo=KST)).astimezone(UTC)


def _parse_number(name: str, text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{name} {text!r} is not a number ≥ 0")
    return Decimal(text)


def _interval(path: Path, rows: Sequence[_Row]) -> timedelta:
    if len(rows) < 2:
        raise CandleFileInvalid(f"{path}: one candle only, its interval cannot be told")
    interval = min(after.opened_at - before.opened_at for before, after in pairwise(rows))
    if interval > HOUR:
        raise CandleFileInvalid(
            f"{path}: candles of {_in_words(interval)}; the market is played from 1-hour candles or finer ones"
        )
    if HOUR % interval:
        raise CandleFileInvalid(f"{path}: candles {_in_words(interval)} apart do not divide an hour")
    return interval


def _check_alignment(path: Path, rows: Sequence[_Row], interval: timedelta) -> None:
    for row in rows:
        if (row.opened_at - _hour_of(row)) % interval:
            raise CandleFileInvalid(
                f"{path}, line {row.line}: {row.opened_at.astimezone(KST):%Y-%m-%dT%H:%M:%S} "
                f"is no start of a candle of {_in_words(interval)}"
            )


def _in_words(interval: timedelta) -> str:
    if interval % timedelta(days=1) == timedelta():
        return f"{interval.days} d"
    if interval % HOUR == timedelta():
        return f"{interval // HOUR} h"
    return f"{interval.total_seconds() / 60:g} min"


def _hour_of(row: _Row) -> datetime:
    return row.opened_at.replace(minute=0, second=0, microsecond=0)


def _hour_candle(market: Market, hour: datetime, rows: Sequence[_Row]) -> Candle:
    return Candle(
        market,
        HOUR,
        hour,
        Price(rows[0].open),
        Price(max(row.high for row in rows)),
        Price(min(row.low for row in rows)),
        Price(rows[-1].close),
        Volume(sum((row.volume for row in rows), Decimal(0))),
        Krw(sum((row.value for row in rows), Decimal(0))),
    )
