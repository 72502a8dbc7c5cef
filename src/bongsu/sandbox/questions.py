"""What is asked of the admin endpoints: JSON of a known shape."""

from typing import TypeVar

import msgspec
from starlette.requests import Request

from bongsu.sandbox.orders import Refused

_T = TypeVar("_T")


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


async def parse_question(request: Request, what: type[_T]) -> _T:
    """Raises Refused, which names the field."""
    try:
        return msgspec.json.decode(await request.body(), type=what)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise Refused("validation_error", str(wrong)) from None
