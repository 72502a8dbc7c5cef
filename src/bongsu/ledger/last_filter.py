"""What the ledger never takes: a secret. On each connection, so that no statement can go around it."""

import json
from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.types.json import set_json_dumps
from psycopg.types.string import StrDumperUnknown

from bongsu.core.redaction import Sink, keep_out


class _Text(StrDumperUnknown):
    def dump(self, obj: str) -> Buffer | None:
        return super().dump(keep_out(str(obj), Sink.LEDGER))


async def keep_secrets_out(connection: AsyncConnection[Any]) -> None:
    connection.adapters.register_dumper(str, _Text)
    set_json_dumps(_dumps, connection)


def _dumps(value: Any) -> str:
    return json.dumps(_clean(value))


def _clean(value: Any) -> Any:
    """Text by text: taken out of the finished JSON, a secret could take a quotation mark with it."""
    if isinstance(value, str):
        return keep_out(value, Sink.LEDGER)
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return value
