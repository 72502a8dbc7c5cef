"""The Telegram stand-in as its own process: what our messages really arrive at."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2

from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN
from ports import free_port

_RUN = """
import sys
from pathlib import Path
from bongsu.sandbox.serve import ExchangeOptions, run
run(ExchangeOptions(world_dir=Path(sys.argv[1]), port=int(sys.argv[2]), speed=1))
"""


PATIENCE = 60  # seconds


@dataclass(frozen=True)
class Arrived:
    id: int
    at: datetime
    text: str


@dataclass
class StandIn:
    """`start` is the last message of the tests before."""

    url: str
    start: int = 0

    def messenger(self, token: str = SANDBOX_TOKEN, chat: str = SANDBOX_CHAT) -> TelegramMessenger:
        return TelegramMessenger(f"{self.url}/telegram", token, chat)

    def break_with(self, **rule: Any) -> None:
        self.break_with_all(rule)

    def break_with_all(self, *rules: dict[str, Any]) -> None:
        body = [{"path": "/telegram/*", **rule} for rule in rules]
        httpx2.put(f"{self.url}/sandbox/faults", json=body, timeout=PATIENCE).raise_for_status()

    def received(self) -> list[Arrived]:
        """All of them, page by page."""
        found: list[Arrived] = []
        while True:
            after = found[-1].id if found else self.start
            asked = {"after": after, "limit": 1000}
            rows = httpx2.get(f"{self.url}/sandbox/inbox", params=asked, timeout=PATIENCE).json()
            if not rows:
                return found
            found += [Arrived(row["id"], datetime.fromisoformat(row["at"]), row["text"]) for row in rows]

    def begin(self) -> None:
        httpx2.delete(f"{self.url}/sandbox/faults", timeout=PATIENCE).raise_for_status()
        self.start = max((message.id for message in self.received()), default=self.start)


class StandInProcess:
    """Can be killed, stopped and started again: what arrived and its address stay."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port = free_port()
        self.at = StandIn(f"http://127.0.0.1:{self._port}")
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-c", _RUN, str(self._directory), str(self._port)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        _wait_until_up(self.at.url, self._process)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """It answers nobody and refuses nobody."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def running_stand_in(directory: Path) -> Iterator[StandIn]:
    process = StandInProcess(directory)
    try:
        yield process.at
    finally:
        process.kill()


def _wait_until_up(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            httpx2.get(f"{url}/sandbox/clock").raise_for_status()
        except httpx2.HTTPError:
            assert process.poll() is None, "the stand-in ended"
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the stand-in does not answer")
