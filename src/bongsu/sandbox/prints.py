"""The trades that everybody sees: one a second while the market trades, for recordings do not tell more."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from itertools import islice

from bongsu.core.market import Market
from bongsu.core.money import Price, Volume, floor_volume
from bongsu.sandbox import wire
from bongsu.sandbox.orders import Side
from bongsu.sandbox.tape import Tape, floor_time

_SECOND = timedelta(seconds=1)
_SECONDS_AN_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Print:
    market: Market
    at: datetime
    price: Price
    volume: Volume
    taker: Side
    number: int  # grows with time; unique in its market


def prints(tape: Tape, seed: str, after: datetime, until: datetime, most: int) -> list[Print]:
    """The newest `most` of (after, until], oldest first. Equal questions give equal trades."""
    found = list(islice(_backwards(tape, seed, after, until), most))
    return found[::-1]


def _backwards(tape: Tape, seed: str, after: datetime, until: datetime) -> Iterator[Print]:
    at = floor_time(until, _SECOND)
    while at > after:
        last = tape.last(at)
        if last is None:
            return
        if at >= last.closed_at:  # silence: on to the last second that was traded
            at = last.closed_at - _SECOND
            continue
        volume = floor_volume(last.volume / _SECONDS_AN_HOUR)
        if volume > 0:
            taker: Side = "bid" if _draw(seed, tape.market, at) & 1 else "ask"
            yield Print(tape.market, at, tape.price(at), volume, taker, number(at))
        at -= _SECOND


def number(at: datetime, order: int = 0) -> int:
    """Upbit's own are milliseconds and four digits; `order` tells apart what happened in the same one."""
    return wire.milliseconds(at) * 10_000 + order % 10_000


def _draw(seed: str, market: Market, at: datetime) -> int:
    return blake2b(f"{seed}|{market}|{at.timestamp():.0f}".encode(), digest_size=1).digest()[0]
