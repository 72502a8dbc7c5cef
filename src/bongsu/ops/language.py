"""Which of the two languages the command line speaks."""

import os

_settled: list[str] = []


def speak(lang: str) -> None:
    """From the settings, for this process alone: what it starts reads its own, so that an edited `.env` counts."""
    _settled[:] = [lang]


def say(korean: str, english: str) -> str:
    """The text in the owner's language: BONGSU_LANG of the environment, else what `speak` settled, else Korean."""
    lang = os.environ.get("BONGSU_LANG") or next(iter(_settled), "ko")
    return english if lang.strip().lower() == "en" else korean
