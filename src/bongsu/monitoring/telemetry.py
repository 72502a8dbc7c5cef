"""What a process tells Prometheus at its `/metrics`."""

import asyncio
import gzip
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

import bongsu
from bongsu.core.redaction import REMOVALS
from bongsu.metric import Owner
from bongsu.metrics import SECRETS_REDACTED
from bongsu.monitoring.exposition import Exposition
from bongsu.monitoring.instruments import Instruments
from bongsu.monitoring.ledger_series import LedgerSeries

RENDERED_FOR = 0.5  # seconds
CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


@dataclass(frozen=True, slots=True)
class _Page:
    plain: bytes
    compressed: bytes


class Telemetry:
    """`connections` answers how many of the pool are in use, idle, and allowed."""

    def __init__(
        self,
        owner: Owner,
        *,
        config_hash: str,
        mode: str,
        connections: Callable[[], tuple[int, int, int]] | None = None,
        answers: Callable[[], bool] | None = None,
        ledger: LedgerSeries | None = None,
        disks: Mapping[str, Path] | None = None,
    ) -> None:
        self.instruments = Instruments(owner)
        self.instruments.follow(SECRETS_REDACTED.name, REMOVALS.by_sink)
        self._connections = connections
        self._answers = answers
        self._ledger = ledger
        self._disks = disks or {}
        self._exposition = Exposition()
        self._page: asyncio.Task[_Page] | None = None
        self._page_begun_at = float("-inf")
        self.instruments.set("bot_build_info", 1, version=bongsu.__version__, commit=source_commit())
        self.instruments.set("bot_config_info", 1, config_hash=config_hash, process=owner, mode=mode)
        if ledger is not None:
            self.instruments.add("http_requests_in_progress", 0)
            self.note_watchdog(time.time())

    async def render(self, *, compressed: bool = False) -> bytes:
        """The same bytes for all who ask while they are made and within RENDERED_FOR. Waits for no database."""
        if self._ledger is not None:
            await self._ledger.refresh()
        now = time.monotonic()
        if self._page is None or (self._page.done() and now - self._page_begun_at >= RENDERED_FOR):
            self._page, self._page_begun_at = asyncio.create_task(self._render()), now
        page = await asyncio.shield(self._page)
        return page.compressed if compressed else page.plain

    async def _render(self) -> _Page:
        self.note_connections()
        ledger = b""
        if self._ledger is not None:
            ledger = self._ledger.text
            self.instruments.set("ledger_up", ledger != b"")
            self.instruments.set("db_up", self._ledger.database_up)
        return await asyncio.to_thread(self._make_page, ledger)

    def _make_page(self, ledger: bytes) -> _Page:
        self._note_disks()
        plain = self._exposition.write(self.instruments.registry.collect()) + ledger
        return _Page(plain, gzip.compress(plain, compresslevel=6))

    def note_connections(self) -> None:
        if self._connections is not None:
            in_use, idle, most = self._connections()
            self.instruments.set("db_pool_connections", in_use, state="in_use")
            self.instruments.set("db_pool_connections", idle, state="idle")
            self.instruments.set("db_pool_connections_max", most)

        if self._answers is not None:
            self.instruments.set("db_up", self._answers())

    def note_watchdog(self, at: float) -> None:
        """When the alarm that always fires last arrived, as a Unix time; the start until then."""
        self.instruments.set("watchdog_last_received_timestamp_seconds", at)

    def note_rules(self, *, loaded: int | None, expected: int | None) -> None:
        """None where nobody knows: Prometheus does not answer, or the file is not there."""
        self._note("monitoring_rules_loaded", loaded)
        self._note("monitoring_rules_expected", expected)

    def note_panels(self, broken: int | None) -> None:
        """None where nobody knows: Prometheus does not answer, or there are no dashboards."""
        self._note("dashboard_panels_broken", broken)

    def note_backup_due(self, at: datetime) -> None:
        self.instruments.set("backup_due_timestamp_seconds", at.timestamp())

    def _note(self, name: str, value: float | None) -> None:
        if value is None:
            self.instruments.forget(name)
        else:
            self.instruments.set(name, value)

    def _note_disks(self) -> None:
        """Paths on one disk say the same, to the byte: by that DiskWillFill knows them."""
        measured: dict[int, tuple[int, int]] = {}  # total and free by device
        for path, place in self._disks.items():
            try:
                device = place.stat().st_dev
                if device not in measured:
                    disk = shutil.disk_usage(place)
                    measured[device] = disk.total, disk.free
            except OSError:
                continue
            total, free = measured[device]
            self.instruments.set("disk_size_bytes", total, path=path)
            self.instruments.set("disk_free_bytes", free, path=path)

    def expect_requests(self, method: str, route: str) -> None:
        """Its failures stand at 0: the first one counts, too."""
        self.instruments.expect("http_route_duration_seconds", method=method, route=route, status="5xx")

    def request_began(self) -> None:
        self.instruments.add("http_requests_in_progress", 1)

    def request_ended(self, method: str, route: str, status: int, seconds: float) -> None:
        self.instruments.add("http_requests_in_progress", -1)
        self.instruments.observe("http_request_duration_seconds", seconds)
        self.instruments.observe(
            "http_route_duration_seconds", seconds, method=method, route=route, status=f"{status // 100}xx"
        )

    def transaction_ended(self, operation: str, seconds: float) -> None:
        self.instruments.observe("db_query_duration_seconds", seconds, operation=operation)


def source_commit() -> str:
    """Of the checkout that runs, or of the image it was built into; "unknown" where neither says."""
    if told := os.environ.get("BONGSU_COMMIT"):
        return told
    here = Path(__file__).parent
    try:
        asked = subprocess.run(
            ["git", "-C", here, "rev-parse", "--short", "HEAD"],
            capture_output=True,
            check=False,
            text=True,
            timeout=2,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return asked.stdout.strip() or "unknown"
