"""Messages told together: the digest after quiet hours, and the group of a storm."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bongsu.core.figures import span_text
from bongsu.core.outgoing import Urgency
from bongsu.ledger.messages import Kind
from bongsu.ledger.voice import RULE, Voice

MOST_OF_A_STORM = 10  # different texts; how many more there were is said
MOST_OF_A_NIGHT = 40
_TIMES = ("시각: ", "Time: ")


@dataclass(frozen=True, slots=True)
class Held:
    """A message as it waits."""

    id: int
    kind: Kind
    text: str
    topic: str | None
    log_line: str | None
    urgency: Urgency
    of_the_channel: bool
    held_for: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Alike:
    """What says the same, but for the time."""

    title: str
    body: tuple[str, ...]
    times: tuple[datetime, ...]


def storm(group: Sequence[Held], voice: Voice) -> str:
    """The first of a topic was told by itself; these are those that followed."""
    alike = _alike(group, voice)
    number = len(group)
    title = alike[0].title + voice.say(f" · 같은 알림 {number}건 더", f" · {number} more of these")
    sections = []
    for one in alike[:MOST_OF_A_STORM]:
        times = (f"({len(one.times)}" + voice.say("건)", " times)"),) if len(one.times) > 1 else ()
        sections.append("\n".join((*one.body, *times)))
    return _letter(voice, title, group, sections, _left_over(alike[MOST_OF_A_STORM:], voice))


def digest(group: Sequence[Held], voice: Voice) -> str:
    alike = _alike(group, voice)
    number = len(group)
    title = voice.say(f"🌙 조용한 시간에 모인 알림 {number}건", f"🌙 {number} messages of the quiet hours")
    sections = ["\n".join((_headline(one, voice), *one.body)) for one in alike[:MOST_OF_A_NIGHT]]
    return _letter(voice, title, group, sections, _left_over(alike[MOST_OF_A_NIGHT:], voice))


def _headline(one: _Alike, voice: Voice) -> str:
    if len(one.times) == 1:
        return one.title
    span = span_text(one.times[0], one.times[-1])
    return f"{one.title} ({len(one.times)}" + voice.say("건", " times") + f", {span})"


def _left_over(alike: Sequence[_Alike], voice: Voice) -> list[str]:
    number = sum(len(one.times) for one in alike)
    if not number:
        return []
    return [voice.say(f"그 밖에 {number}건: bongsu outbox list", f"{number} more: bongsu outbox list")]


def _letter(voice: Voice, title: str, group: Sequence[Held], sections: list[str], rest: list[str]) -> str:
    span = span_text(group[0].created_at, group[-1].created_at)
    head = (title, RULE, voice.say("기간: ", "From: ") + span)
    return "\n".join(("\n\n".join(("\n".join(head), *sections, *rest)), *voice.mode_line()))


def _alike(group: Sequence[Held], voice: Voice) -> list[_Alike]:
    found: dict[tuple[str, ...], list[Held]] = {}
    for one in group:
        timeless = (line for line in _lines(one, voice) if not line.startswith(_TIMES))
        found.setdefault(tuple(timeless), []).append(one)
    alike = []
    for untimed, members in found.items():
        title, *body = untimed if len(members) > 1 else _lines(members[0], voice)
        alike.append(_Alike(title, tuple(body), tuple(one.created_at for one in members)))
    return alike


def _lines(one: Held, voice: Voice) -> list[str]:
    return [line for line in one.text.split("\n") if line not in (RULE, *voice.mode_line())]
