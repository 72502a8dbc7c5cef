"""What a real Prometheus says of its rules, and what we make of one that says nothing we can read."""

import asyncio
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bongsu.adapters.alertmanager import read_roll
from bongsu.adapters.prometheus import ask_for, count_alert_rules, read_waits
from bongsu.app import expected_rules
from bongsu.ops.stack.places import CHECKOUT
from ports import free_port
from real_prometheus import prometheus

OURS = CHECKOUT / "monitoring/alert_rules.yml"
# Recording rules are no alarms.
FOREIGN = """
groups:
  - name: g
    rules:
      - {record: "a:b", expr: vector(1)}
      - {alert: One, expr: vector(1)}
"""


async def counted(url: str) -> int:
    """Once it answers."""
    deadline = time.monotonic() + 60
    while (rules := await count_alert_rules(url)) is None:
        assert time.monotonic() < deadline, "Prometheus does not answer"
        await asyncio.sleep(0.05)
    return rules


async def test_a_running_prometheus_has_the_rules_that_the_file_holds(tmp_path: Path) -> None:
    with prometheus(tmp_path, OURS) as url:
        assert await counted(url) == expected_rules()
        waits = await read_waits(url)
    assert waits is not None
    assert (waits["ApiKeyExpiring"], waits["SchedulerDown"], waits["Watchdog"]) == (3600.0, 300.0, 0.0)
    assert waits["DiskWillFill"] == 3600.0, "two rules of one name: the longer one"


async def test_without_rules_it_has_none_and_recording_rules_are_no_alarms(tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(FOREIGN)
    with prometheus(tmp_path, tmp_path / "rules.yml") as url:
        assert await counted(url) == 1
    with prometheus(tmp_path, tmp_path / "none.yml") as url:
        assert await counted(url) == 0


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, "{}"),
        (200, "<html>"),
        (200, "null"),
        (200, "[]"),
        (200, '{"data": {"groups": 1}}'),
        (200, '{"data": null}'),
        (200, '{"data": {"startTime": "yesterday"}}'),
        (200, '{"data": {"startTime": 7}}'),
    ],
)
async def test_an_answer_that_nobody_can_read_is_no_number(status: int, body: str) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert await count_alert_rules(address) is None
        assert await read_waits(address) is None
        assert await ask_for(address, ["up"]) is None
        assert await read_roll(address) is None
        server.shutdown()


async def test_nobody_there_is_no_number() -> None:
    address = f"http://127.0.0.1:{free_port()}"
    assert await count_alert_rules(address) is None
    assert await read_waits(address) is None
    assert await ask_for(address, ["up"]) is None
    assert await read_roll(address) is None
