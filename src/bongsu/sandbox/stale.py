"""A question for candles, asked as if the market had not gone on."""

from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from bongsu.sandbox.orders import Refused
from bongsu.sandbox.quotation import parse_time


def asked_as_of(query: bytes, at: datetime) -> bytes:
    """For candles that opened before `at` at the latest. What is no question stays one for the exchange to refuse."""
    pairs = dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))
    try:
        until = min(parse_time(pairs["to"]), at) if pairs.get("to") else at
    except Refused:
        return query
    return urlencode({**pairs, "to": until.isoformat()}).encode()
