"""A planted secret, through the real filter: it is hidden, and it is counted where the alarm looks."""

import io
import logging
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest, start_http_server

from bongsu.core import facts as f
from bongsu.core.redaction import REMOVALS, Sink, keep_out, redact
from bongsu.ledger.voice import Voice
from bongsu.metric import Owner
from bongsu.monitoring.telemetry import Telemetry
from bongsu.ops.logging import configure_logging
from monitoring.test_projection import of, parsed
from web.story import Books

CANARY = "canary-in-the-log"
TOKEN = "123456789:" + "AbC-_" * 7


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """A process that keeps its log twice, as in a container."""
    monkeypatch.setenv("BONGSU_LOG_FILES", str(tmp_path))
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    configure_logging("scheduler", [CANARY], stream=out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def telemetry(owner: Owner = Owner.SCHEDULER) -> Telemetry:
    return Telemetry(owner, config_hash="abc", mode="sandbox")


class Since:
    """What has been counted since this was made."""

    def __init__(self) -> None:
        self._before = REMOVALS.by_sink()

    def counted(self) -> dict[str, int]:
        grown = {sink: n - self._before[sink] for sink, n in REMOVALS.by_sink().items()}
        return {sink: n for sink, n in grown.items() if n}


def fail_at(address: str) -> None:
    raise ConnectionError(f"no answer from {address}")


def test_a_secret_in_a_log_counts_once_though_the_line_is_kept_twice(log: io.StringIO) -> None:
    since = Since()
    logging.getLogger("a").warning("asked with %s", CANARY)
    assert since.counted() == {Sink.LOG: 1}
    structlog.get_logger("b").info("asked", key=CANARY)
    try:
        fail_at(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ConnectionError:
        logging.getLogger("a").exception("in a trace")
    assert since.counted() == {Sink.LOG: 3}
    assert CANARY not in log.getvalue()
    assert TOKEN not in log.getvalue()


def test_what_is_harmless_or_hidden_by_design_counts_nothing(log: io.StringIO) -> None:
    since = Since()
    logging.getLogger("a").info("bought %s for %s", "KRW-BTC", 5000)
    logging.getLogger("a").info("at postgresql://user:***@host/db, password=***")
    assert redact(f"shown to its owner: {CANARY}") == "shown to its owner: ***"
    assert since.counted() == {}


def test_a_leak_before_there_were_metrics_stands_in_the_first_scrape_of_the_scheduler(
    log: io.StringIO,
) -> None:
    logging.getLogger("a").error("at the start: %s", CANARY)
    counted = REMOVALS.by_sink()
    server, thread = start_http_server(0, "127.0.0.1", telemetry().instruments.registry)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as page:
            series = of(parsed(page.read().decode()), "secrets_redacted_total")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert series == {(("sink", sink),): n for sink, n in counted.items()}
    assert counted[Sink.LOG] > 0


def test_both_processes_show_every_sink_and_what_is_counted_between_two_scrapes() -> None:
    for owner in (Owner.BACKEND, Owner.SCHEDULER):
        registry = telemetry(owner).instruments.registry
        before = parsed(generate_latest(registry).decode())
        assert len(of(before, "secrets_redacted_total")) == len(Sink)
        keep_out(f"password={CANARY}", Sink.MESSAGE)
        after = parsed(generate_latest(registry).decode())
        grown = {key for key in before if key[0] == "secrets_redacted_total" and after[key] != before[key]}
        assert grown == {("secrets_redacted_total", (("sink", "message"),))}


def test_a_message_is_counted() -> None:
    since = Since()
    letter = Voice("ko", "sandbox").letter("봇 에러", f"bot{TOKEN}", "괜찮은 줄")
    assert TOKEN not in letter
    assert since.counted() == {Sink.MESSAGE: 1}


async def test_what_the_ledger_keeps_is_counted(books: Books) -> None:
    since = Since()
    await books.ledger.record(f.ErrorOccurred(f.ErrorType.EXCHANGE, "Refused", f"token {TOKEN}", {}))
    assert since.counted()[Sink.LEDGER] == 1
    async with books.database.transaction("read") as tx:
        kept = await (await tx.execute("SELECT message FROM events WHERE kind = 'error'")).fetchone()
    assert kept is not None
    assert "token ***" in kept["message"]


@given(st.text("abcXYZ0189 :/@._=*-password", max_size=80))
def test_what_is_clean_is_clean_the_second_time(text: str) -> None:
    """A text on its way through several sinks, or told again, is one leak in each at most."""
    assert redact(redact(text)) == redact(text)
