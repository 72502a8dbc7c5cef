"""What the ledger never takes: a secret, and what PostgreSQL cannot store. On each connection, so that no statement can
go around it."""

import json
import re
from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.types.json import set_json_dumps
from psycopg.types.string import StrDumperUnknown

from bongsu.core.redaction import Sink, keep_out

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(_fit(str(obj)))


async def keep_secrets_out(connection: AsyncConnection[Any]) -> None:
    connection.adapters.register_dumper(str, _Text)
    set_json_dumps(_dumps, connection)


def _dumps(value: Any) -> str:
    return json.dumps(_clean(value))


def _clean(value: Any) -> Any:
    """Text by text: taken out of the finished JSON, a secret could take a quotation mark with it."""
    if isinstance(value, str):
        return _fit(value)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value


def _fit(text: str) -> str:
    """A fact is not lost for a character: NUL and halves of pairs become U+FFFD."""
    return keep_out(_UNSTORABLE.sub("\ufffd", text), Sink.LEDGER)
