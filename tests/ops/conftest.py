"""A stack of tiny real processes, run by a real runner process of its own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bongsu.ops.stack.postgres import Cluster
from bongsu.ops.stack.postgres_programs import find_programs
from ports import free_port

TOYS = Path(__file__).parent / "toys.py"


def wait_until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Fails when `holds` is not true within that time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


class ToyStack:
    """`toys.py run` as a process, and its control socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.process: subprocess.Popen[str] | None = None
        self.environment = {
            **os.environ,
            "BONGSU_STATE_DIR": str(root / "state"),
            "BONGSU_LOG_DIR": str(root / "logs"),
            "BONGSU_DATA_DIR": str(root / "data"),
            "BONGSU_LANG": "en",
        }

    def start(self, *toys: dict[str, object]) -> "subprocess.Popen[str]":
        (self.root / "toys.json").write_text(json.dumps(toys))
        self.process = subprocess.Popen(
            [sys.executable, str(TOYS), "run", str(self.root / "toys.json")],
            stdout=(self.root / "out").open("w"),
            stderr=subprocess.STDOUT,
            env=self.environment,
            text=True,
        )
        return self.process

    @property
    def output(self) -> str:
        return (self.root / "out").read_text()

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """`toys.py down`, `ps`, `stop NAME`, …"""
        return subprocess.run(
            [sys.executable, str(TOYS), *arguments],
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def pid(self, name: str) -> int:
        return int((self.root / f"{name}.pid").read_text())

    def journal(self) -> list[str]:
        """What the toys did, in order: `start NAME`, `stop NAME`."""
        path = self.root / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def is_up(self, *names: str) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.output
        return all(any(line.startswith(f"✓ {name} ") for line in self.output.splitlines()) for name in names)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def toys(tmp_path: Path) -> Iterator[ToyStack]:
    stack = ToyStack(tmp_path)
    yield stack
    stack.end()


@pytest.fixture
def home() -> Iterator[Path]:
    """pytest's own directories are closed to the account the server runs under."""
    with tempfile.TemporaryDirectory(prefix="bongsu-", dir="/tmp", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def cluster(home: Path) -> Cluster:
    made = Cluster(find_programs(home / "programs"), home / "world", free_port(), durable=False)
    made.initialise()
    return made
