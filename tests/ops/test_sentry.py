"""What reaches Sentry: errors, told well and without a secret; and nothing unless it is switched on."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bongsu.errors import SettingsInvalid
from bongsu.settings import load_settings
from envelopes import Receiver, receive

KEY = "0123456789abcdef0123456789abcdef"
TOKEN = "123456789:" + "AbC-_" * 7
PASSWORD = "Canary9database"

PROGRAM = f"""
import asyncio, logging, os, sys, threading
import structlog
from bongsu.ops.ending import told_in_words
from bongsu.ops.logging import configure_logging
from bongsu.ops.sentry import report_to_sentry
from bongsu.settings import load_settings

def fail(address):
    local_password = os.environ["CANARY_LOCAL"]
    raise ConnectionError(f"no answer from {{address}}")

def work():
    settings = load_settings()
    configure_logging("scheduler", settings.secrets())
    report_to_sentry(settings, "scheduler")
    log = logging.getLogger("bongsu.test")
    log.info("on the way with %s", "{PASSWORD}")
    structlog.get_logger("bongsu.other").warning("asked", url="https://api.telegram.org/bot{TOKEN}/getMe")
    try:
        try:
            fail("postgresql://me:{PASSWORD}@db/mine")
        except ConnectionError as first:
            raise ValueError("{TOKEN}") from first
    except ValueError:
        log.exception("in a trace")
        structlog.get_logger("bongsu.other").exception("in another", token="{TOKEN}")
    log.error("%d of nothing", "{PASSWORD}")
    log.error("plain %s", "{PASSWORD}", extra={{"deep": ["{TOKEN}"]}})
    thread = threading.Thread(target=fail, args=("{TOKEN}",))
    thread.start()
    thread.join()
    fail("https://{KEY}@o1.ingest.sentry.io/1?password={PASSWORD}")

with told_in_words():
    work()
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as receiving:
        yield receiving


def run(directory: Path, *lines: str, program: str = PROGRAM) -> "subprocess.CompletedProcess[str]":
    (directory / ".env").write_text("\n".join(lines))
    environment = {**os.environ, "BONGSU_ENV_FILE": str(directory / ".env"), "CANARY_LOCAL": "Canary9local"}
    return subprocess.run(
        [sys.executable, "-c", program, "Canary9argument"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def switched_on(receiver: Receiver) -> tuple[str, ...]:
    return (
        "SENTRY_ENABLED=true",
        f"SENTRY_DSN={receiver.dsn(KEY)}",
        "SENTRY_ENVIRONMENT=test",
        f"DATABASE_URL=postgresql://me:{PASSWORD}@db/mine",
    )


def test_errors_arrive_without_secrets_and_nothing_that_nobody_gave(
    receiver: Receiver, tmp_path: Path
) -> None:
    """No arguments, environment, modules, requests; no pings of sessions, no reports about itself."""
    ran = run(tmp_path, *switched_on(receiver))
    assert ran.returncode == 1
    assert "a line of the log was lost" in ran.stderr
    sent = "\n".join(receiver.bodies)
    for secret in (KEY, TOKEN, PASSWORD, "AbC-_AbC", "Canary9"):
        assert secret not in sent
        assert secret not in ran.stderr
    events = receiver.events()
    raised = [[e["type"] for e in event["exception"]["values"]] for event in events if "exception" in event]
    assert raised == [
        ["ConnectionError", "ValueError"],
        ["ConnectionError", "ValueError"],
        *[["ConnectionError"]] * 2,
    ]
    assert [event["message"] for event in events if "message" in event] == ["plain ***"]
    assert {event["environment"] for event in events} == {"test"}
    assert {(event["tags"]["mode"], event["tags"]["process"]) for event in events} == {
        ("sandbox", "scheduler")
    }
    crumbs = [crumb["message"] for crumb in events[0]["breadcrumbs"]["values"]]
    assert crumbs == ["on the way with ***", "asked url=https://api.telegram.org/bot***/getMe"]
    assert '"vars"' not in sent
    for event in events:
        assert set(event) <= {
            *(
                "event_id",
                "timestamp",
                "level",
                "platform",
                "exception",
                "message",
                "logentry",
                "breadcrumbs",
            ),
            *(
                "tags",
                "extra",
                "contexts",
                "environment",
                "release",
                "server_name",
                "sdk",
                "transaction",
                "transaction_info",
            ),
        }
        assert set(event["contexts"]) <= {"trace"}
        assert set(event.get("extra", {})) <= {"line"}
    assert len(receiver.bodies) == len(events)


def test_off_by_default_not_even_the_package_is_loaded(receiver: Receiver, tmp_path: Path) -> None:
    loaded = PROGRAM.replace("    log = ", "    assert 'sentry_sdk' not in sys.modules\n    log = ", 1)
    ran = run(tmp_path, f"SENTRY_DSN={receiver.dsn(KEY)}", program=loaded)
    assert "AssertionError" not in ran.stderr
    assert receiver.bodies == []


def test_a_sentry_that_is_away_costs_nothing_but_its_events(tmp_path: Path) -> None:
    with receive() as gone:
        lines = switched_on(gone)
    ran = run(tmp_path, *lines)
    assert ran.returncode == 1
    assert "in a trace" in ran.stderr
    assert KEY not in ran.stderr
    assert "urllib3" not in ran.stderr


def test_a_missing_package_is_told_with_its_repair(receiver: Receiver, tmp_path: Path) -> None:
    program = PROGRAM.replace("def work():", "def work():\n    sys.modules['sentry_sdk'] = None")
    ran = run(tmp_path, *switched_on(receiver), program=program)
    assert ran.returncode == 69, ran.stderr
    assert "make up" in ran.stderr


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "your_sentry_dsn_here",
        "https://example.com/1",
        f"http://{KEY}@sentry.example/1",
        f"https://{KEY}@h/x",
    ],
)
def test_another_dsn_is_refused_without_showing_it(dsn: str, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text(f"SENTRY_ENABLED=true\nSENTRY_DSN={dsn}\n")
    with pytest.raises(SettingsInvalid, match="SENTRY_DSN") as refused:
        load_settings(env)
    assert KEY not in str(refused.value)
