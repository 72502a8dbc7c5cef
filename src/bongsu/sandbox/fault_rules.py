"""What can be made to go wrong on purpose, and the rule that says when."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal

import msgspec

Kind = Literal[
    "latency",
    "down",
    "timeout_before",
    "timeout_after",
    "lost_reply",
    "late_reply",
    "late_accept",
    "error_before",
    "error_after",
    "rate_limited",
    "banned",
    "key_expired",
    "ip_refused",
    "malformed",
    "truncated",
    "cut_reply",
    "html",
    "stale_candles",
    "stale_quotes",
    "outlier_price",
    "crossed_book",
    "null_volume",
    "clock_offset",
    "partial_fill",
    "balance_change",
]


@dataclass(frozen=True, slots=True)
class Words:
    """What a kind does, for the guide; and which keys it reads beside those that every rule has."""

    korean: str
    english: str
    reads: tuple[str, ...] = ()


KINDS: Final[Mapping[Kind, Words]] = {
    "latency": Words(
        "요청을 보기 전에 `seconds`초 기다림",
        "the request is looked at `seconds` later",
        ("seconds",),
    ),
    "down": Words("연결이 끊김. 아무 일도 없었음", "the connection is cut; nothing happened"),
    "timeout_before": Words(
        "`seconds`초 침묵한 뒤 끊김. 아무 일도 없었음",
        "silence for `seconds`, then a cut; nothing happened",
        ("seconds",),
    ),
    "timeout_after": Words(
        "처리한 뒤 `seconds`초 침묵하고 끊김",
        "done, then silence for `seconds` and a cut",
        ("seconds",),
    ),
    "lost_reply": Words("처리했지만 응답이 사라짐", "done, and the reply is lost"),
    "late_reply": Words("처리하고 `seconds`초 뒤에 응답", "done, and answered `seconds` later", ("seconds",)),
    "late_accept": Words(
        "바로 끊기고 `seconds`초 뒤에 처리됨",
        "cut at once, and done `seconds` later",
        ("seconds",),
    ),
    "error_before": Words(
        "`status`로 거절. 아무 일도 없었음. `error`는 오류 이름",
        "refused with `status`; nothing happened. `error` is its name",
        ("status", "error", "description", "migrate_to_chat_id"),
    ),
    "error_after": Words(
        "처리하고 `status`로 응답",
        "done, and answered with `status`",
        ("status", "error", "description", "migrate_to_chat_id"),
    ),
    "rate_limited": Words(
        "429. 텔레그램에는 `retry_after`초를 알림",
        "429; Telegram's names `retry_after` seconds",
        ("retry_after", "description"),
    ),
    "banned": Words("418. 차단 시간 `seconds`초를 알림", "418, for `seconds`", ("seconds",)),
    "key_expired": Words(
        "서명된 요청을 401 `expired_access_key`로 거절",
        "signed requests get 401 `expired_access_key`",
    ),
    "ip_refused": Words(
        "서명된 요청을 401 `no_authorization_i_p`로 거절",
        "signed requests get 401 `no_authorization_i_p`",
    ),
    "malformed": Words(
        "처리하고 읽을 수 없는 본문으로 응답", "done, and answered with a body that is no answer"
    ),
    "truncated": Words("처리했지만 본문이 중간까지만 있음", "done, and half of the body is missing"),
    "cut_reply": Words("처리했지만 본문 중간에 연결이 끊김", "done, and cut in the middle of the body"),
    "html": Words(
        "처리하고 `status`로 HTML 페이지를 응답(200도 됨)",
        "done, and answered with a web page and `status`, which may be 200",
        ("status",),
    ),
    "stale_candles": Words(
        "규칙이 시작된 뒤에 열린 캔들이 응답에 없음",
        "candles that opened after the rule began are missing",
    ),
    "stale_quotes": Words(
        "같은 질문에 처음 응답을 되풀이",
        "the first reply is repeated to the same question",
    ),
    "outlier_price": Words(
        "시세의 가격이 `factor`배(0도 됨)",
        "quoted prices are `factor` times as high; 0 is possible",
        ("factor",),
    ),
    "crossed_book": Words("최우선 매수와 매도 호가가 뒤바뀜", "best bid and best ask change places"),
    "null_volume": Words("응답의 수량이 null", "volumes of the reply are null"),
    "clock_offset": Words(
        "응답의 시각이 시장 시각으로 `offset`초 다름",
        "the reply's time is off by `offset` seconds of the market",
        ("offset",),
    ),
    "partial_fill": Words(
        "주문이 `share` 만큼만 체결됨(0~1)",
        "an order takes no more than `share` of what it wants (0 to 1)",
        ("share",),
    ),
    "balance_change": Words(
        "요청을 보기 전에 `currency` 잔고가 밖에서 `delta` 만큼 변함",
        "before the request is looked at, `currency` changes by `delta` from outside",
        ("currency", "delta"),
    ),
}
COMMON: Final = ("kind", "path", "method", "probability", "skip", "count", "after", "until", "seed")

_SIGNED_ONLY: Final = ("key_expired", "ip_refused")
_LOWEST_ERROR: Final = 400
_MOST: Final = Decimal(1_000_000)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Applies to requests whose method and path match (`*` and `?` as in a shell), from the `skip`-th match on."""

    kind: Kind
    path: str = "*"
    method: str = "*"
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None
    after: Annotated[float, msgspec.Meta(ge=0)] = 0.0  # market seconds since it was armed
    until: Annotated[float, msgspec.Meta(gt=0)] | None = None  # likewise
    seconds: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 1.0
    status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 500
    error: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    retry_after: Annotated[int, msgspec.Meta(ge=1, le=86_400)] = 1
    description: str | None = None  # of an error of Telegram's; else its usual words for `status`
    migrate_to_chat_id: int | None = None  # the group became a supergroup
    factor: Decimal = Decimal(10)
    offset: Annotated[float, msgspec.Meta(ge=-86_400, le=86_400)] = 10.0
    share: Decimal = Decimal("0.5")
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{1,15}$")] = "KRW"
    delta: Decimal = Decimal(0)
    seed: int = 0

    def __post_init__(self) -> None:
        _insist(self.status >= _LOWEST_ERROR or self.kind == "html", "status", "Expected `int` >= 400")
        _insist(self.until is None or self.until > self.after, "until", "Must be later than `after`")
        _insist(self.factor.is_finite() and 0 <= self.factor <= _MOST, "factor", f"Expected 0 to {_MOST:f}")
        _insist(self.share.is_finite() and 0 <= self.share <= 1, "share", "Expected 0 to 1")
        moves = self.delta.is_finite() and abs(self.delta) <= _MOST**2 and self.delta != 0
        _insist(moves or self.kind != "balance_change", "delta", "Expected an amount other than 0")

    def concerns(self, method: str, path: str, *, signed: bool) -> bool:
        if self.kind in _SIGNED_ONLY and not signed:
            return False
        return fnmatchcase(path, self.path) and fnmatchcase(method, self.method)

    def open_at(self, seconds: float) -> bool:
        """`seconds` of the market after it was armed."""
        return self.after <= seconds and (self.until is None or seconds < self.until)


def _insist(promise: bool, key: str, otherwise: str) -> None:
    """In the words of the library that checks the other keys."""
    if not promise:
        raise ValueError(f"{otherwise} - at `$.{key}`")
