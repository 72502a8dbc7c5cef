"""What a client may say on a WebSocket: a ticket, types with their codes, a format. Errors bear Upbit's names."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, cast, get_args

import msgspec

from bongsu.core.market import Market
from bongsu.errors import BongsuError
from bongsu.sandbox.endpoints import Words

Format = Literal["DEFAULT", "SIMPLE", "JSON_LIST", "SIMPLE_LIST"]
ErrorName = Literal["INVALID_AUTH", "WRONG_FORMAT", "NO_TICKET", "NO_TYPE", "NO_CODES", "INVALID_PARAM"]

CANDLES: Final = {
    "candle.1s": timedelta(seconds=1),
    **{f"candle.{unit}m": timedelta(minutes=unit) for unit in (1, 3, 5, 10, 15, 30, 60, 240)},
}
PUBLIC: Final = frozenset({"ticker", "trade", "orderbook", *CANDLES})
PRIVATE: Final = frozenset({"myOrder", "myAsset"})
_NO_FORMULA = Words(
    "업비트 지표의 계산식이 공개되지 않았습니다", "Upbit's own indicators have no published formula"
)
NOT_PLAYED: Final = {
    "announcement": Words("공지가 없습니다", "no announcements are made here"),
    "indicator": _NO_FORMULA,
    "indicator_signal": _NO_FORMULA,
}
BOOK_UNITS: Final = (1, 5, 15, 30)
_ALL_UNITS: Final = 30
LIST: Final = "LIST_SUBSCRIPTIONS"


class Misunderstood(BongsuError):
    def __init__(self, name: ErrorName, message: str) -> None:
        super().__init__(message)
        self.name = name
        self.message = message


@dataclass(frozen=True, slots=True)
class Wish:
    """One type that is asked for. No codes means every market, where a type allows that."""

    kind: str
    codes: tuple[str, ...]  # as they were asked for: an order book's may end in ".5"
    snapshot: bool = True
    realtime: bool = True

    def markets(self) -> dict[Market, int]:
        """With the levels of an order book that are wanted."""
        return dict(_split(code) for code in self.codes)


@dataclass(frozen=True, slots=True)
class Request:
    """`format` is None where none was named: then what was said before goes on."""

    ticket: str
    wishes: tuple[Wish, ...]
    lists: bool
    format: Format | None


def parse_request(said: str | bytes, kinds: frozenset[str], known: Callable[[Market], bool]) -> Request:
    """`kinds` are those of the endpoint, `known` tells whether there is such a market. Raises Misunderstood."""
    parts = _parts(said)
    tickets = [part["ticket"] for part in parts if "ticket" in part]
    if not tickets or not isinstance(tickets[0], str) or not tickets[0]:
        raise Misunderstood("NO_TICKET", "a ticket is missing")
    lists = _lists(parts)
    typed = [part for part in parts if "type" in part]
    if not typed and not lists:
        raise Misunderstood("NO_TYPE", "a type is missing")
    wishes = tuple(_wish(part, kinds, known) for part in typed)
    return Request(tickets[0], wishes, lists, _format(parts))


def _parts(said: str | bytes) -> list[dict[str, Any]]:
    try:
        return msgspec.json.decode(said, type=list[dict[str, Any]])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Misunderstood("WRONG_FORMAT", "a request is a JSON array of objects") from None


def _lists(parts: Sequence[dict[str, Any]]) -> bool:
    methods = [part["method"] for part in parts if "method" in part]
    if any(method != LIST for method in methods):
        raise Misunderstood("INVALID_PARAM", f"method must be {LIST}")
    return bool(methods)


def _format(parts: Sequence[dict[str, Any]]) -> Format | None:
    formats = [part["format"] for part in parts if "format" in part]
    if any(named not in get_args(Format) for named in formats):
        raise Misunderstood("INVALID_PARAM", f"format must be one of {', '.join(get_args(Format))}")
    return cast("Format", formats[-1]) if formats else None


def _wish(part: dict[str, Any], kinds: frozenset[str], known: Callable[[Market], bool]) -> Wish:
    kind = part["type"]
    if not isinstance(kind, str) or kind not in kinds:
        raise Misunderstood("INVALID_PARAM", f"type {str(kind)[:40]!r} is none of this endpoint's")
    if kind == "myAsset" and "codes" in part:
        raise Misunderstood("WRONG_FORMAT", "myAsset takes no codes")
    if part.get("level") not in (None, 0):
        raise Misunderstood("INVALID_PARAM", "level: these markets support 0 only")
    only_snapshot, only_realtime = _flag(part, "is_only_snapshot"), _flag(part, "is_only_realtime")
    if only_snapshot and only_realtime:
        raise Misunderstood("INVALID_PARAM", "is_only_snapshot and is_only_realtime leave nothing")
    return Wish(kind, _codes(part, kind, known), not only_realtime, not only_snapshot)


def _flag(part: dict[str, Any], name: str) -> bool:
    """By its name of today, or by that of before 2024, which libraries still send."""
    before = "isOnly" + name.removeprefix("is_only_").capitalize()
    value = part.get(name, part.get(before, False))
    if not isinstance(value, bool):
        raise Misunderstood("INVALID_PARAM", f"{name} must be true or false")
    return value


def _codes(part: dict[str, Any], kind: str, known: Callable[[Market], bool]) -> tuple[str, ...]:
    codes = part.get("codes") or []
    if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
        raise Misunderstood("WRONG_FORMAT", "codes must be a list of texts")
    if not codes and kind not in PRIVATE:
        raise Misunderstood("NO_CODES", f"codes are missing for {kind}")
    for code in codes:
        market = _split(code)[0] if kind == "orderbook" else Market(code)
        if not known(market):
            raise Misunderstood("INVALID_PARAM", f"{code[:40]} is not traded here; codes are upper case")
    return tuple(dict.fromkeys(codes))


def _split(code: str) -> tuple[Market, int]:
    """Another number than the supported ones means all levels."""
    market, _, units = code.partition(".")
    wanted = int(units) if units.isascii() and units.isdigit() and len(units) < 3 else _ALL_UNITS
    return Market(market), wanted if wanted in BOOK_UNITS else _ALL_UNITS
