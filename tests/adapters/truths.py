"""What stands in a reply, and what the client made of it."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

ODD: list[Any] = [
    None, True, -1, 0, 1e308, 1e-300, -0.5, "", "NaN", "Infinity", "-1", "1e400", "1_000", " 1", "1 ", "0x10", "٣", "1,000",
    "1e50", "+1", "01", ".5", "5.", "1e5", "0E-8", [], {}, "null", "9" * 400, "0." + "3" * 400, "2024-06-01T11:00:00",
    "0001-01-01T00:00:00+09:00", "9999-12-31T23:59:59-23:59", 10**30,
]  # fmt: skip


def amounts(value: Any) -> Iterator[Decimal]:
    """Every amount inside of our nouns."""
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from amounts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from amounts(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from amounts(getattr(value, field.name))


def told(body: bytes) -> set[Decimal]:
    """Every number that stands in the reply, as text or as a number."""
    found = set()
    for text in re.findall(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?", body):
        try:
            found.add(Decimal(text.decode()))
        except InvalidOperation:
            continue
    return found


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value in a document."""
    yield path
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    copy = value.copy()
    copy[path[0]] = replaced(value[path[0]], path[1:], by)
    return copy


def removed(value: Any, path: tuple[Any, ...]) -> Any:
    copy = value.copy()
    if len(path) == 1:
        del copy[path[0]]
    else:
        copy[path[0]] = removed(value[path[0]], path[1:])
    return copy
