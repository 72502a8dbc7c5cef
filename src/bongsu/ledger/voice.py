"""The look of every message: title, rule, lines; and how the bot speaks."""

import re
from dataclasses import dataclass
from typing import Literal

from bongsu.core.redaction import Sink, keep_out

RULE = "━" * 20
_RUNBOOK = re.compile(r"docs/runbooks/([A-Za-z]+)\.md")


@dataclass(frozen=True, slots=True)
class Voice:
    lang: Literal["ko", "en"]
    mode: Literal["sandbox", "paper", "live"]
    runbooks: str | None = None  # where their pages are served

    @property
    def korean(self) -> bool:
        return self.lang == "ko"

    def say(self, ko: str, en: str) -> str:
        return ko if self.korean else en

    def letter(self, title: str, *lines: str) -> str:
        """Outside live mode the last line says so; it follows the text and never stands inside.

        Free text inside a line can neither break the shape nor give a secret away.
        """
        return "\n".join((_one_line(title), RULE, *map(_one_line, lines), *self.mode_line()))

    def add_line(self, letter: str, line: str) -> str:
        """Behind the text, before the line that names the mode."""
        end = "".join(f"\n{mode}" for mode in self.mode_line())
        return f"{letter.removesuffix(end)}\n{line}{end}"

    def runbook_page(self, path: str) -> str | None:
        """Of a runbook of ours, which is known by its path in the repository."""
        ours = _RUNBOOK.fullmatch(path)
        return f"{self.runbooks.rstrip('/')}/{ours[1]}" if ours and self.runbooks else None

    def mode_line(self) -> tuple[str, ...]:
        return () if self.mode == "live" else (self.say("모드: 모의거래", "Mode: simulated trading"),)


def _one_line(text: str) -> str:
    return keep_out(" ".join(text.split()), Sink.MESSAGE)


def sent_again(letter: str, number: int, voice: Voice) -> str:
    """A message that may have arrived before says so."""
    line = voice.say(
        f"재전송: 이 알림은 이미 한 번 도착했을 수 있습니다. (#{number})",
        f"Sent again: this message may have arrived before. (#{number})",
    )
    return voice.add_line(letter, line)
