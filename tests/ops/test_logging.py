"""What leaves a process as a log: readable by machines, and without a secret."""

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.redaction import KNOWN, redact
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
    KNOWN.learn(["a", "postgres", "password"])
    assert redact("a postgres b c") == "a postgres b c"


PEM = "\n".join(
    [
        "-----BEGIN PRIVATE KEY-----",
        "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        "BKcwggSjAgEAAoIB",
        "-----END PRIVATE KEY-----",
    ]
)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (PEM, "BKcwggSjAgEAAoIB"),
        (json.dumps({"key": PEM}), "BKcwggSjAgEAAoIB"),
        (f"cut off: {PEM[:70]}", "MIIEvQ"),
        ("https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/7", "0123456789abcdef"),
        ("POST https://hooks.slack.com/services/T0/B0/XyZ123abc", "XyZ123abc"),
        ("POST https://discord.com/api/webhooks/42/AbC_dEf-1", "AbC_dEf-1"),
        ("GET /v1?access_key=Canary9value&market=KRW-ETH", "Canary9value"),
        ('{"api_key": "Canary9value"}', "Canary9value"),
        ("{'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("Authorization: Token Canary9value", "Canary9value"),
        ("POSTGRES_PASSWORD=Canary9value", "Canary9value"),
    ],
)
def test_each_shape_of_a_secret_is_known(text: str, key: str) -> None:
    assert key not in redact(text)
    assert redact(redact(text)) == redact(text)


def test_what_is_no_secret_keeps_its_words() -> None:
    for text in (
        "token 123 expired",
        "unexpected token: EOF in line 1",
        "the secret is out",
        "authorization failed for trading_user",
        "market=KRW-ETH&side=bid",
    ):
        assert redact(text) == text


@pytest.mark.parametrize("password", ["p@ss/word:1", 'quo"te\\d7', "한글비밀번호", "plus+and space"])
def test_a_known_value_is_hidden_in_each_form(password: str) -> None:
    address = f"postgresql://me:{quote(password, safe='')}@db/mine"
    KNOWN.learn([address])
    for form in (
        password,
        json.dumps(password),
        repr(password),
        quote(password),
        quote_plus(password),
        address,
    ):
        hidden = redact(f"x {form} y")
        assert hidden.startswith("x ")
        assert hidden.endswith(" y")
        assert password not in hidden
        assert quote(password) not in hidden


def test_nobody_s_exception_shows_a_secret(lines: io.StringIO) -> None:
    """Python itself writes what nobody caught: in the main thread, in another, and out of a destructor."""
    program = f"""
import threading
from bongsu.core.redaction import KNOWN
from bongsu.ops.ending import told_in_words
KNOWN.learn(["Canary9value"])
class Bad:
    def __del__(self): raise ValueError("Canary9value in a destructor")
def fail(): raise ValueError("Canary9value in a thread {TOKEN}")
with told_in_words():
    Bad()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    try:
        raise KeyError("Canary9value at first")
    except KeyError:
        raise ValueError("Canary9value at last")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 1
    for words in ("in a destructor", "in a thread", "at first", "at last"):
        assert words in ran.stderr
    assert "Traceback" in ran.stderr
    assert "Canary9value" not in ran.stderr
    assert TOKEN not in ran.stderr


def test_what_json_would_disguise_is_hidden_before_it_is_written(lines: io.StringIO) -> None:
    """In the finished line its quotes have backslashes, and where it ends could not be told."""
    told = '{"token": "a b Canary9value"}'
    logging.getLogger("b").error("%s", told, extra={"deep": [{"list": told}]})
    structlog.get_logger("a").error("said", value={"x": told})
    assert "Canary9value" not in lines.getvalue()
    assert [json.loads(line)["process"] for line in lines.getvalue().splitlines()] == ["scheduler"] * 2
