"""A backend, a Prometheus and an Alertmanager as they are shipped, and what the backend says when one of the two dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import yaml

from bongsu.ledger.voice import Voice
from bongsu.ops.stack import alarm_tools
from bongsu.ops.stack.places import CHECKOUT
from bongsu.ops.stack.render import TelegramAccount
from ops.alertmanager import Alertmanager, find_tool, run_alertmanager, until
from ports import free_port

PATIENCE = 5  # seconds, in the place of five minutes
NOBODY = TelegramAccount("http://127.0.0.1:1", "1:token", "1000", Voice("ko", "sandbox"))


@contextmanager
def running(*command: str | Path, log: Path, **environment: str) -> Iterator[None]:
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*map(str, command)], stdout=out, stderr=out, env={**os.environ, **environment}
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def backend(directory: Path, database_url: str, port: int) -> Iterator[None]:
    environment = {
        "BONGSU_STATE_DIR": str(directory),
        "BONGSU_ENV_FILE": str(directory / "none"),
        "BONGSU_PORT_OFFSET": str(port - 8000),
        "DATABASE_URL": database_url,
        "TELEGRAM_API_URL": NOBODY.api_url,
        "MONITORING_BLIND_SECONDS": str(PATIENCE),
    }
    with running(sys.executable, "-m", "bongsu", "backend", log=directory / "backend.log", **environment):
        until(lambda: _answers(f"http://127.0.0.1:{port}/health"), "the backend answers", 60)
        yield


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url).is_success
    except httpx2.HTTPError:
        return False


@contextmanager
def prometheus(directory: Path, alertmanager: int) -> Iterator[None]:
    """Evaluates the shipped Watchdog each second."""
    groups = yaml.safe_load((CHECKOUT / "monitoring/alert_rules.yml").read_text())["groups"]
    watchdog = [rule for group in groups for rule in group["rules"] if rule.get("alert") == "Watchdog"]
    assert watchdog
    rules = {"groups": [{"name": "w", "interval": "1s", "rules": watchdog}]}
    (directory / "rules.yml").write_text(yaml.safe_dump(rules))
    config = {
        "rule_files": [str(directory / "rules.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]},
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    with running(
        find_tool(alarm_tools.PROMETHEUS),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{free_port()}",
        "--rules.alert.resend-delay=1s",
        log=directory / "prometheus.log",
    ):
        yield


def test_it_says_so_when_either_dies_and_when_both_are_back(tmp_path: Path, database_url: str) -> None:
    hook, server = free_port(), free_port()
    url = f"http://127.0.0.1:{hook}"

    def told() -> list[str]:
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("SELECT text FROM notifications WHERE kind = 'alert' ORDER BY id")
            return [text for (text,) in rows.fetchall()]

    def seen() -> dict[str, Any]:
        return dict(httpx2.get(f"{url}/api/v1/status").json()["monitoring"])

    def alertmanager() -> AbstractContextManager[Alertmanager]:
        address = f"{url}/api/v1/alerts/webhook"
        return run_alertmanager(find_tool(alarm_tools.ALERTMANAGER), tmp_path, address, NOBODY, server)

    def seen_at() -> Any:
        at = seen()["watchdog_at"]
        return at and datetime.fromisoformat(at)  # none has come yet

    with ExitStack() as stack:
        with alertmanager():
            with prometheus(tmp_path, server):
                stack.enter_context(backend(tmp_path, database_url, hook))
                until(seen_at, "a Watchdog arrives", 60)
                calm = seen_at() + timedelta(seconds=PATIENCE + 1)
                until(lambda: seen_at() > calm, "Watchdogs beyond the grace", 60)
                assert told() == [], "nothing is wrong"
            died = time.monotonic()
            until(lambda: len(told()) == 1, "Prometheus's death is told", 60)
            assert time.monotonic() - died < PATIENCE + 3, "not later for what Alertmanager repeats"
            assert "🔴 경보 발생" in told()[0]
            assert "(MonitoringBlind)" in told()[0]
            assert seen()["blind"]
            stack.enter_context(prometheus(tmp_path, server))
            until(lambda: len(told()) == 2, "its return, too", 60)
            assert "✅ 경보 해제" in told()[1]
            assert not seen()["blind"]
        until(lambda: len(told()) == 3, "Alertmanager's death is told", 60)
        with alertmanager():
            until(lambda: len(told()) == 4, "its return, too", 60)
    assert ["🔴" in text for text in told()] == [True, False, True, False]
