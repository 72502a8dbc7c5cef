"""HTML that is escaped by construction."""

from collections.abc import Iterable
from html import escape


class Html(str):
    """Text that is markup already; every other text is escaped where it is filled in."""

    __slots__ = ()


def fill(template: str, **values: object) -> Html:
    """`template` is ours; values are anybody's."""
    return Html(template.format(**{name: _safe(value) for name, value in values.items()}))


def join(parts: Iterable[Html], separator: str = "") -> Html:
    return Html(separator.join(parts))


def _safe(value: object) -> str:
    return value if isinstance(value, Html) else escape(str(value))
