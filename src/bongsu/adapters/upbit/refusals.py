"""What Upbit's error replies mean. Names decide, not numbers; a name that we do not know decides nothing."""

import re
from datetime import timedelta

import msgspec

from bongsu.errors import (
    ExchangeError,
    ExchangeRefused,
    IdentifierTaken,
    NotAuthorized,
    OrderOutcomeUnknown,
    OrderRejected,
)

ORDER_NOT_FOUND = "order_not_found"
OUT_OF_SCOPE = "out_of_scope"  # the key has not the right
ADDRESS_REFUSED = frozenset({"no_authorization_i_p", "no_authorization_ip"})  # not on the key's allow-list

# The local exchange's name. The real one's is not documented: there a repeated identifier comes back under a
# name that we do not know, which leaves the outcome open until the order has been looked up.
IDENTIFIER_TAKEN = "duplicate_identifier"

# By these an order or a market's rules are refused where nobody can trade.
NOT_TRADED = frozenset({"market_offline", "market_does_not_exist"})

_FINAL = NOT_TRADED | frozenset(
    {
        "create_ask_error",
        "create_bid_error",
        "insufficient_funds_ask",
        "insufficient_funds_bid",
        "under_min_total_ask",
        "under_min_total_bid",
        "validation_error",
        "invalid_parameter",
        "invalid_price_ask",
        "invalid_price_bid",
        "invalid_volume_ask",
        "invalid_volume_bid",
        "invalid_funds_ask",
        "invalid_funds_bid",
        "volume_too_large",
        "not_supported_ord_type",
        "thirdparty_agreement_required",
    }
)

# `nonce_used` is missing on purpose: we never use a nonce twice, so something on the way repeated our
# request, and the first copy may have been accepted.
_KEY_REFUSED = frozenset(
    {
        "invalid_query_payload",
        "jwt_verification",
        "invalid_access_key",
        "expired_access_key",
        "no_authorization_token",
        OUT_OF_SCOPE,
        *ADDRESS_REFUSED,
    }
)

_DURATION = re.compile(r"(\d{1,6})\s*(초|sec|분|min|시간|hour|일|day)", re.IGNORECASE)
_SECONDS = {"초": 1, "sec": 1, "분": 60, "min": 60, "시간": 3600, "hour": 3600, "일": 86400, "day": 86400}
_UNTOLD_BAN = timedelta(minutes=10)
_LONGEST_BAN = timedelta(days=30)


class _Error(msgspec.Struct):
    name: str | int  # quotation endpoints put the status there
    message: str = ""


class _ErrorReply(msgspec.Struct):
    error: _Error


_decoder = msgspec.json.Decoder(_ErrorReply)


def parse_refusal(status: int, body: bytes) -> ExchangeRefused | None:
    """None when the body is not one of Upbit's error replies."""
    try:
        error = _decoder.decode(body).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    name = str(error.name)
    kind = NotAuthorized if status in (401, 403) or name in _KEY_REFUSED else ExchangeRefused
    return kind(name, error.message)


def judge_order_refusal(refusal: ExchangeRefused) -> ExchangeError:
    """What a refused POST of an order means for the order."""
    if refusal.name == IDENTIFIER_TAKEN:
        return IdentifierTaken(str(refusal))
    if refusal.name in _KEY_REFUSED:
        return refusal
    if refusal.name in _FINAL:
        return OrderRejected(refusal.name, refusal.message)
    return OrderOutcomeUnknown(str(refusal), answered=True)


def ban_duration(body: bytes) -> timedelta:
    """The block time in a 418's message; ten minutes when it names none."""
    found = _DURATION.findall(body[:4096].decode("utf-8", "replace"))
    seconds = sum(int(count) * _SECONDS[unit.lower()] for count, unit in found)
    return min(timedelta(seconds=seconds), _LONGEST_BAN) if seconds else _UNTOLD_BAN
