"""The real Alertmanager on the configuration we ship, its waits cut down, and a webhook that keeps what arrives."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from bongsu.ops.stack import alarm_tools
from bongsu.ops.stack.places import CHECKOUT, Places
from bongsu.ops.stack.render import TelegramAccount, render_alertmanager
from ports import free_port

TOKEN = "the-token-of-the-hook"


@dataclass
class Hook:
    """A webhook; `refusals` is how many requests are still to be answered 503."""

    url: str
    taken: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str | None] = field(default_factory=set)
    refusals: int = 0

    def alerts(self, status: str = "firing") -> list[str]:
        return [a["labels"]["alertname"] for p in self.taken for a in p["alerts"] if a["status"] == status]


@contextmanager
def open_hook() -> Iterator[Hook]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            hook.tokens.add(self.headers["Authorization"])
            hook.refusals -= 1
            if hook.refusals < 0:
                hook.taken.append(body)
            self.send_response(200 if hook.refusals < 0 else 503)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    hook = Hook(f"http://127.0.0.1:{server.server_port}/hook")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hook
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True)
class Alertmanager:
    url: str
    process: "subprocess.Popen[bytes]"

    def post(self, *alerts: Mapping[str, str], ended: bool = False) -> None:
        """Each alert by its labels; an annotation tells that it was posted by a test."""
        now = datetime.now(UTC)
        times = {"startsAt": (now - timedelta(minutes=2)).isoformat()}
        times["endsAt"] = (now if ended else now + timedelta(hours=1)).isoformat()
        body = [{"labels": dict(a), "annotations": _texts(a["alertname"]), **times} for a in alerts]
        httpx2.post(f"{self.url}/api/v2/alerts", json=body, timeout=60).raise_for_status()

    def silenced(self) -> set[str]:
        """Names of the firing alerts that an inhibition keeps from being told, asked of Alertmanager itself."""
        listed = httpx2.get(f"{self.url}/api/v2/alerts", timeout=60).raise_for_status().json()
        return {_subject(alert["labels"]) for alert in listed if alert["status"]["inhibitedBy"]}


def _texts(name: str) -> dict[str, str]:
    return {
        "summary": f"{name} <요약>",
        "description": "값은 3 & 4",
        "runbook_url": f"docs/runbooks/{name}.md",
    }


def _subject(labels: Mapping[str, str]) -> str:
    return labels["alertname"] + "".join(
        f" {labels[name]}" for name in ("job_name", "scope") if name in labels
    )


@contextmanager
def run_alertmanager(
    program: Path, directory: Path, hook: str, telegram: TelegramAccount, port: int | None = None
) -> Iterator[Alertmanager]:
    port = port or free_port()
    (directory / "api_token").write_text(TOKEN)
    config = directory / "alertmanager.yml"
    config.write_text(hasty(CHECKOUT / "monitoring/alertmanager.yml.tmpl", hook, directory, telegram))
    command = [program, f"--config.file={config}", f"--storage.path={directory / 'storage'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    with (directory / "alertmanager.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=_pages(program))
    server = Alertmanager(f"http://127.0.0.1:{port}", process)
    try:
        until(lambda: _ready(server.url), "Alertmanager answers", 60)
        yield server
    finally:
        process.kill()
        process.wait()


def hasty(template: Path, hook: str, directory: Path, telegram: TelegramAccount) -> str:
    """As it is rendered at a start, with seconds in the place of minutes."""
    token = directory / "api_token"
    rendered = render_alertmanager(template, webhook=hook, token_file=token, telegram=telegram)
    config = yaml.safe_load(rendered)
    for route in (config["route"], *config["route"]["routes"]):
        route |= {"group_wait": "200ms", "group_interval": "500ms"}
        if route["repeat_interval"] == "1m":
            route["repeat_interval"] = "1s"
    return yaml.safe_dump(config, allow_unicode=True)


def find_tool(wanted: alarm_tools.Tool) -> Path:
    found = alarm_tools.find(wanted, Places.from_environment().tools)
    if found is None:
        pytest.skip(f"{wanted.names[0]} is missing and could not be fetched: `make test` says why")
    return found


def until(condition: Callable[[], Any], what: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"not within {patience:g} s: {what}"
        time.sleep(0.05)


def _ready(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/-/ready").is_success
    except httpx2.HTTPError:
        return False


def _pages(program: Path) -> str:
    """Where an unpacked Alertmanager finds its templates."""
    return os.fspath(program.parents[2])
