"""What leaves a process as a log: readable by machines, and without a secret."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.redaction import redact
from bongsu.ops.logging import configure_logging

TOKEN = "123456789:" + "AbC-_" * 7
JWT = "eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3Nfa2V5IjoiYSJ9.c2lnbmF0dXJl"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging("scheduler", ['pa"ss\\word', "p@ss/word"], stream=out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_both_loggers_write_one_json_object_a_line(lines: io.StringIO) -> None:
    structlog.get_logger("a").info("하나", count=1)
    logging.getLogger("b").warning("둘 %s", 2, extra={"kind": "trade"})
    first, second = map(json.loads, lines.getvalue().splitlines())
    assert (first["message"], first["count"], first["process"]) == ("하나", 1, "scheduler")
    assert (second["message"], second["kind"], second["level"]) == ("둘 2", "trade", "warning")


def fail_with(text: str, local: str) -> None:
    raise ValueError(f"{text} {local}")


@pytest.mark.parametrize(
    "secret",
    [TOKEN, JWT, 'pa"ss\\word', "p@ss/word", "postgresql://u:hunter2hunter@h/db", "password=hunter2hunter"],
)
def test_no_secret_passes_by_any_way(lines: io.StringIO, secret: str) -> None:
    log = logging.getLogger("b")
    log.error("in the text %s", secret, extra={"in_an_extra": {"deep": [secret]}})
    structlog.get_logger("a").error(secret, value=secret)
    try:
        fail_with(f"https://api.telegram.org/bot{TOKEN}/getMe", secret)
    except ValueError:
        log.exception("in a trace")
        structlog.get_logger("a").exception("in a trace")
    text = lines.getvalue()
    assert "hunter2" not in text
    for form in (secret if "hunter2" not in secret else TOKEN, json.dumps(secret)[1:-1], TOKEN):
        assert form not in text or "hunter2" in form
    assert all(json.loads(line) for line in text.splitlines())


def test_the_http_library_does_not_write_its_addresses(lines: io.StringIO) -> None:
    logging.getLogger("httpx2").info("GET https://api.telegram.org/bot…")
    assert lines.getvalue() == ""


def test_colours_hide_no_secret_from_the_redaction() -> None:
    for secret in (TOKEN, JWT, "postgresql://u:hunter2hunter@h/db", "sk-" + "a1" * 12):
        shown = redact(f"\x1b[36mkey\x1b[0m=\x1b[35m{secret}\x1b[0m")
        assert "***" in shown
        assert "hunter2" not in shown


@given(st.text("abcXYZ0189 :/@._", max_size=60))
def test_ordinary_words_stay(text: str) -> None:
    if "://" not in text:
        assert redact(text) == text


@given(
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/\"'@:"),
        min_size=1,
        max_size=30,
    )
)
def test_a_password_in_an_address_is_hidden(password: str) -> None:
    assert redact(f"at postgresql://user:{password}@host:5432/db") == "at postgresql://user:***@host:5432/db"


def test_addresses_of_runbooks_stay() -> None:
    for address in (
        "https://github.com/me/botanic/docs/a.md",
        "http://127.0.0.1:8000/docs",
        "https://x.y/@z:1/w",
    ):
        assert redact(address) == address


def test_a_short_value_does_not_blank_the_log() -> None:
    assert redact("a b c", ["a"]) == "a b c"
