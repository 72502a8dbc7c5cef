"""Which of the two languages the command line speaks."""

import os


def say(korean: str, english: str) -> str:
    """The text in the owner's language: Korean unless BONGSU_LANG is `en`."""
    return english if os.environ.get("BONGSU_LANG", "").strip().lower() == "en" else korean
