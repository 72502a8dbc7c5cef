"""What the owner's chat and the ledger say after an outage. Shares no code with the bot: it reads rows and messages."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from stand_in import Arrived

_LABEL = re.compile(r"\n재전송: [^\n]*\(#(\d+)\)(?=\n모드: |$)")
_PART = re.compile(r"^\((\d+)/(\d+)\)\n")
_SLACK = 0.02  # of the pace: two clocks of one machine


@dataclass(frozen=True)
class Row:
    id: int
    text: str
    state: str
    created_at: datetime


@dataclass
class Copy:
    """One arrival of a message, all its parts."""

    text: str
    at: datetime
    label: int | None
    row: Row | None = None


@dataclass
class Verdict:
    owed: int
    rows: int
    arrivals: int
    missing: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    repeats: int = 0
    labels: int = 0
    fragments: int = 0
    closest: float = 0.0  # seconds between two messages
    waited: float = 0.0  # seconds from the return to the last message written before it

    def wrong(self, *, lost: int, uncertain: int, pace: float) -> list[str]:
        """`lost` acknowledgements at most, `uncertain` attempts in all; each way in which the promise is broken."""
        found = [f"missing: {text}" for text in self.missing]
        found += [f"nobody wrote: {text}" for text in self.strange]
        found += [f"out of order: {text}" for text in self.out_of_order]
        found += [f"repeated without saying so: {text}" for text in self.unlabelled]
        if self.rows != self.owed:
            found.append(f"{self.owed} messages owed, {self.rows} written")
        if self.repeats + self.fragments > lost:
            found.append(f"{self.repeats} repeats and {self.fragments} parts, {lost} lost acknowledgements")
        if self.labels > uncertain:
            found.append(f"{self.labels} say that they may have arrived, {uncertain} attempts were in doubt")
        if self.closest < pace * (1 - _SLACK):
            found.append(f"two messages within {self.closest:.3f} s")
        return found


def testify(database_url: str, arrived: Sequence[Arrived], owed: int, returned: datetime) -> Verdict:
    """`returned`: when Telegram came back."""
    rows = _rows(database_url)
    by_text = {_bare(row.text): row for row in rows}
    assert len(by_text) == len(rows), "two messages say the same: nobody could tell one from the other"
    copies, fragments = put_together(arrived)
    for copy in copies:
        copy.row = by_text.get(_bare(copy.text))
    told = [copy for copy in copies if copy.row is not None]
    seen = Counter(copy.row.id for copy in told if copy.row)
    gaps = [(b.at - a.at).total_seconds() for a, b in itertools.pairwise(arrived)]
    return Verdict(
        owed=owed,
        rows=len(rows),
        arrivals=len(arrived),
        missing=[_short(row.text) for row in rows if row.id not in seen or row.state != "sent"],
        strange=[_short(copy.text) for copy in copies if copy.row is None],
        out_of_order=list(_out_of_order(told)),
        unlabelled=list(_unlabelled(told)),
        repeats=len(told) - len(seen),
        labels=sum(copy.label is not None for copy in told),
        fragments=fragments,
        closest=min(gaps, default=0.0),
        waited=_waited(told, returned),
    )


def _rows(database_url: str) -> list[Row]:
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT id, text, state, created_at FROM notifications ORDER BY id")
        return [Row(*row) for row in found]


def put_together(arrived: Sequence[Arrived]) -> tuple[list[Copy], int]:
    """Messages put together of their parts, and how many parts belong to none.

    A long message that broke off may go on with the part whose acknowledgement was lost, were it its last one.
    """
    copies: list[Copy] = []
    fragments, parts, whole = 0, list[str](), list[str]()
    for message in arrived:
        found = _PART.match(message.text)
        number, of = (int(found[1]), int(found[2])) if found else (1, 1)
        if number > 1 and not parts:
            parts = whole[: number - 1]
        kept = number - 1 if number in {len(parts), len(parts) + 1} else 0
        fragments += len(parts) - kept
        parts = [*parts[:kept], message.text[found.end() :] if found else message.text]
        if number == of:
            text = "".join(parts)
            label = _LABEL.search(text)
            copies.append(Copy(_LABEL.sub("", text), message.at, int(label[1]) if label else None))
            parts, whole = [], parts
    return copies, fragments + len(parts)


def _out_of_order(told: Sequence[Copy]) -> Iterator[str]:
    """Of what one process told: two that write at once may commit in another order than they were numbered."""
    newest: dict[bool, int] = {}
    for copy in told:
        assert copy.row is not None
        teller = bool(re.search(r"B\d{3}", copy.row.text))
        if copy.row.id < newest.get(teller, 0):
            yield _short(copy.text)
        newest[teller] = max(copy.row.id, newest.get(teller, 0))


def _unlabelled(told: Sequence[Copy]) -> Iterator[str]:
    seen = set[int]()
    for copy in told:
        assert copy.row is not None
        if copy.row.id in seen and copy.label != copy.row.id:
            yield _short(copy.text)
        seen.add(copy.row.id)


def _waited(told: Sequence[Copy], returned: datetime) -> float:
    first: dict[int, datetime] = {}
    for copy in told:
        assert copy.row is not None
        if copy.row.created_at < returned:
            first.setdefault(copy.row.id, copy.at)
    return max(((at - returned).total_seconds() for at in first.values()), default=0.0)


def _bare(text: str) -> str:
    """Without what a chat takes away: markup, and blanks at the ends of parts."""
    return "".join(text.replace("**", "").split())


def _short(text: str) -> str:
    return " / ".join(text.splitlines()[:4])[:120]
