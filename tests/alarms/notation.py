"""Samples in promtool's notation, as short as it allows."""

import math
from collections.abc import Sequence


def notation(values: Sequence[float]) -> str:
    """`nan` stands for no sample: the first after a value ends the series (a stale marker), as a scrape without it does."""
    thousandths = [None if math.isnan(value) else round(value * 1000) for value in values]
    parts, at = [], 0
    while at < len(thousandths):
        length = _gap(thousandths, at) if thousandths[at] is None else _run(thousandths, at)
        if thousandths[at] is None:
            parts += _missing(length, ended=at > 0)
        else:
            parts.append(_linear(thousandths, at, length))
        at += length
    return " ".join(parts)


def _gap(values: Sequence[int | None], at: int) -> int:
    end = at
    while end < len(values) and values[end] is None:
        end += 1
    return end - at


def _run(values: Sequence[int | None], at: int) -> int:
    """How many samples from `at` on lie on one line."""
    step = _step(values, at)
    if step is None:
        return 1
    end = at + 1
    while _step(values, end) == step:
        end += 1
    return end - at + 1


def _step(values: Sequence[int | None], at: int) -> int | None:
    if at + 1 >= len(values):
        return None
    here, there = values[at], values[at + 1]
    return None if here is None or there is None else there - here


def _missing(length: int, *, ended: bool) -> list[str]:
    left = length - 1 if ended else length
    return (["stale"] if ended else []) + ([f"_x{left}"] if left else [])


def _linear(values: Sequence[int | None], at: int, length: int) -> str:
    first = values[at]
    assert first is not None
    if length == 1:
        return _number(first)
    step = _step(values, at)
    assert step is not None
    change = "" if step == 0 else f"{'+' if step > 0 else '-'}{_number(abs(step))}"
    return f"{_number(first)}{change}x{length - 1}"


def _number(thousandths: int) -> str:
    whole, rest = divmod(abs(thousandths), 1000)
    sign = "-" if thousandths < 0 else ""
    return f"{sign}{whole}" + (f".{rest:03d}".rstrip("0") if rest else "")
