"""A long message in pieces: cut after a line where that is possible, and nothing cut away."""

from collections.abc import Callable, Iterator

from bongsu.core.redaction import Sink, keep_out

_PREFIX = "(999/999)\n"

Measure = Callable[[str], int]


def split(text: str, limit: int, measure: Measure = len) -> list[str]:
    """Numbered pieces that measure `limit` at most; one without a number where all fits."""
    if measure(text) <= limit:
        return [text]
    room = limit - measure(_PREFIX)
    pieces = [""]
    for line in _lines(text, room, measure):
        if measure(pieces[-1] + line) > room:
            pieces.append("")
        pieces[-1] += line
    return [f"({number}/{len(pieces)})\n{piece}" for number, piece in enumerate(pieces, 1)]


def _lines(text: str, room: int, measure: Measure) -> Iterator[str]:
    for part in text.splitlines(keepends=True):
        line = part
        while measure(line) > room:
            cut = _fitting(line, room, measure)
            yield line[:cut]
            line = line[cut:]
        yield line


def _fitting(line: str, room: int, measure: Measure) -> int:
    """How many characters fit; one at least, so that every line comes to its end."""
    low, high = 1, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(line[:middle]) <= room else (low, middle - 1)
    return low


def fit_to_leave(text: str) -> str:
    """Without secrets, whoever wrote it; lone surrogates, which no wire takes, become U+FFFD."""
    clean = keep_out(text, Sink.MESSAGE)
    return clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
