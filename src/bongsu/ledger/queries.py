"""SQL by name: each `sql/*.sql` file holds blocks of `-- name --`, a line of purpose, the statement."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_HEAD = re.compile(r"^-- ([a-z_]+) --$", re.MULTILINE)


@cache
def load(file: str) -> Mapping[str, str]:
    """The statements of `sql/{file}.sql`. Raises ValueError when a name stands twice."""
    text = files("bongsu.ledger").joinpath("sql", f"{file}.sql").read_text(encoding="utf-8")
    parts = _HEAD.split(text)[1:]
    names, statements = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{file}.sql names a statement twice")
    return MappingProxyType(dict(zip(names, statements, strict=True)))
