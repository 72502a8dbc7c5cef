"""The trades that everybody sees, asked for page by page, newest first."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from bongsu.sandbox import wire
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.prints import Print, prints
from bongsu.sandbox.tape import DAY, Tape, floor_time

_SECOND = timedelta(seconds=1)
_INSTANT = timedelta(microseconds=1)
_KEPT = 7 * DAY
_A_NUMBER_ENDS_WITH = 10_000
_LONGEST_NUMBER = 20


def ticks(
    tape: Tape, seed: str, now: datetime, *, to: str, cursor: str, days_ago: str, count: int
) -> list[dict[str, Any]]:
    """`to` is a time of the day that lies `days_ago` back; `cursor` the number of a trade. Empty: not asked for.

    Raises Refused.
    """
    today = floor_time(now, DAY)
    day = today - _days(days_ago) * DAY
    until = now if day == today else day + DAY - _SECOND
    if to:
        until = min(until, datetime.combine(day, _time(to), UTC) - _SECOND)
    if cursor:
        until = min(until, _moment(cursor) - _SECOND)
    oldest = day - _SECOND if days_ago else now - _KEPT
    found = prints(tape, seed, oldest, until, count)
    return [_written(one, tape) for one in reversed(found)]


def _written(one: Print, tape: Tape) -> dict[str, Any]:
    before = tape.last(floor_time(one.at, DAY) - _INSTANT)
    previous: Decimal = one.price if before is None else before.close
    return {
        "market": one.market,
        "trade_date_utc": one.at.strftime("%Y-%m-%d"),
        "trade_time_utc": one.at.strftime("%H:%M:%S"),
        "timestamp": wire.milliseconds(one.at),
        "trade_price": one.price,
        "trade_volume": one.volume,
        "prev_closing_price": previous,
        "change_price": one.price - previous,
        "ask_bid": one.taker.upper(),
        "sequential_id": one.number,
    }


def _days(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and 1 <= int(text) <= _KEPT // DAY):
        raise _invalid("days_ago must be 1 to 7")
    return int(text or 0)


def _time(text: str) -> time:
    for form in ("%H:%M:%S", "%H%M%S"):
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).time()
        except ValueError:
            continue
    raise _invalid(f"to {text[:20]!r} is no time such as 09:30:00")


def _moment(cursor: str) -> datetime:
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _LONGEST_NUMBER):
        raise _invalid("cursor must be a sequential_id")
    try:
        return datetime.fromtimestamp(int(cursor) // _A_NUMBER_ENDS_WITH / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        raise _invalid("cursor must be a sequential_id") from None


def _invalid(message: str) -> Refused:
    return Refused("invalid_parameter", message)
