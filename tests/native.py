"""A whole native stack in directories and on ports of its own, driven through the command line as its owner would."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml

from bongsu.ops.stack.services import SERVICES
from ports import free_offset
from stage import REPOSITORY


@dataclass
class Stack:
    root: Path
    offset: int
    environment: dict[str, str]
    market: tuple[str, ...]

    def bongsu(self, *arguments: str, expect: int = 0, patience: float = 120) -> str:
        ran = subprocess.run(
            [sys.executable, "-m", "bongsu", *arguments],
            env=self.environment,
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=patience,
            check=False,
        )
        assert ran.returncode == expect, f"{arguments}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout + ran.stderr

    def up(self) -> str:
        return self.bongsu("up", "-d", *self.market, "--port-offset", str(self.offset), patience=300)

    def url(self, port: int, path: str) -> str:
        return f"http://127.0.0.1:{port + self.offset}{path}"

    def ask(self, port: int, path: str) -> Any:
        with urllib.request.urlopen(self.url(port, path), timeout=60) as reply:
            return json.load(reply)

    def query(self, promql: str) -> list[dict[str, Any]]:
        found = self.ask(9090, "/api/v1/query?" + urllib.parse.urlencode({"query": promql}))
        return list(found["data"]["result"])

    def labels(self, series: str) -> list[dict[str, str]]:
        """Of every series of that name."""
        return [found["metric"] for found in self.query(series)]

    def kind(self, series: str) -> str | None:
        """As its exporter says; None of what Prometheus makes itself."""
        known = self.ask(9090, "/api/v1/metadata?" + urllib.parse.urlencode({"metric": series}))["data"]
        return next((entry["type"] for entry in known.get(series, ())), None)

    def inbox(self) -> list[str]:
        return [m["text"] for m in json.loads(self.bongsu("inbox", "--json", "--last", "500"))]

    def services(self) -> dict[str, dict[str, Any]]:
        """As `bongsu ps` tells them, none while nobody runs; its exit code says whether all is well, which is not asked."""
        told = subprocess.run(
            [sys.executable, "-m", "bongsu", "ps", "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return {row["service"]: row for row in json.loads(told.stdout or "[]")}

    def pid(self, service: str) -> int:
        return int(self.services()[service]["pid"])

    def all_ready(self) -> bool:
        found = self.services().values()
        return bool(found) and all(row["state"] == "ready" for row in found)

    @property
    def database_url(self) -> str:
        password = (self.root / "state" / "postgres_password").read_text().strip()
        return f"postgresql://trading_user:{password}@127.0.0.1:{5432 + self.offset}/trading_db"

    def value(self, query: str) -> Any:
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(query.encode()).fetchone()
        return row and row[0]

    def until(self, condition: Callable[[], Any], what: str, patience: float = 120) -> float:
        """Seconds until it held."""
        began = time.monotonic()
        while time.monotonic() - began < patience:
            if condition():
                return time.monotonic() - began
            time.sleep(0.25)
        raise AssertionError(f"not within {patience:.0f} s: {what}")

    def shorten_alarms(self) -> None:
        """The shipped rules and routes with their waits cut down, in the rendered copies only."""
        rules = yaml.safe_load((REPOSITORY / "monitoring" / "alert_rules.yml").read_text())
        for group in rules["groups"]:
            group["interval"] = "5s"
            for rule in group["rules"]:
                if "alert" in rule:
                    rule["for"] = "10s"
        fast = self.root / "fast_rules.yml"
        fast.write_text(yaml.safe_dump(rules, allow_unicode=True))
        config = self.root / "state" / "run" / "prometheus.yml"
        rendered = yaml.safe_load(config.read_text())
        rendered["rule_files"] = [str(fast)]
        config.write_text(yaml.safe_dump(rendered))
        os.kill(self.pid("prometheus"), signal.SIGHUP)
        routes = self.root / "state" / "run" / "alertmanager.yml"
        shown = yaml.safe_load(routes.read_text())
        for route in (shown["route"], *shown["route"]["routes"]):
            route |= {"group_wait": "1s", "group_interval": "5s"}
        routes.write_text(yaml.safe_dump(shown, allow_unicode=True))
        os.kill(self.pid("alertmanager"), signal.SIGHUP)
        self.until(
            lambda: any(g["interval"] == 5 for g in self.ask(9090, "/api/v1/rules")["data"]["groups"]),
            "the short rules are loaded",
        )


@contextmanager
def open_stack(*market: str) -> Iterator[Stack]:
    """`market`: the options of `bongsu up` that choose it. Nothing is started yet; at the end nothing is left."""
    # Not below pytest's own directory: that is closed to the account PostgreSQL runs under.
    root = Path(tempfile.mkdtemp(prefix="bongsu-stack-", dir="/tmp"))
    root.chmod(0o755)
    (root / ".env").write_text("BONGSU_LANG=ko\n")
    environment = os.environ | {
        "BONGSU_STATE_DIR": str(root / "state"),
        "BONGSU_LOG_DIR": str(root / "logs"),
        "BONGSU_DATA_DIR": str(root / "data"),
        "BONGSU_ENV_FILE": str(root / ".env"),
    }
    tools = REPOSITORY / ".bongsu" / "tools"
    if tools.exists():
        (root / "state").mkdir()
        (root / "state" / "tools").symlink_to(tools)
    stack = Stack(root, free_offset(*(service.port for service in SERVICES)), environment, market)
    try:
        yield stack
    finally:
        if stack.services():
            stack.bongsu("down")
        shutil.rmtree(root)
