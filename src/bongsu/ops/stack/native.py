"""The declared services as processes of this machine: commands, addresses, environment."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bongsu.ops.stack import alarm_tools
from bongsu.ops.stack.alarm_tools import Tell, Tool
from bongsu.ops.stack.child import Launch
from bongsu.ops.stack.places import CHECKOUT, Places, write_private
from bongsu.ops.stack.postgres import Cluster, ensure_database
from bongsu.ops.stack.probes import Probe, http_ready, postgres_ready
from bongsu.ops.stack.render import TelegramAccount, render_alertmanager, render_prometheus
from bongsu.ops.stack.services import SERVICES, Service, service

_SCRAPED = {"backend", "scheduler", "prometheus", "alertmanager"}
_NOT_NATIVE = {"postgres-exporter:9187": ""}


@dataclass(frozen=True, slots=True)
class Database:
    """Where the ledger is; `cluster` only when the server is ours."""

    url: str
    user: str = ""
    password: str = ""
    name: str = ""
    cluster: Cluster | None = None


@dataclass(frozen=True, slots=True)
class Native:
    """Everything the processes must be told."""

    places: Places
    world_id: str
    world: Path
    database: Database
    exchange: tuple[str, ...]  # the arguments of `bongsu exchange`
    telegram: Callable[[], TelegramAccount]  # by the settings of now
    env_file: Path
    tell: Tell
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    def launches(self) -> list[Launch]:
        return list(self._launches())

    def _launches(self) -> Iterator[Launch]:
        if self.database.cluster is not None:
            yield self._postgres(self.database.cluster)
        yield self._program("exchange", *self.exchange)
        yield self._alertmanager()
        yield self._prometheus()
        yield self._program("backend")
        yield self._program("scheduler")

    def environment(self) -> dict[str, str]:
        return {
            "BONGSU_STATE_DIR": str(self.places.state),
            "BONGSU_LOG_DIR": str(self.places.logs),
            "BONGSU_ENV_FILE": str(self.env_file),
            "BONGSU_PORT_OFFSET": str(self.places.port_offset),
            "DATABASE_URL": self.database.url,
            "EXCHANGE_URL": self.url("exchange"),
            "TELEGRAM_API_URL": self.telegram().api_url,
            "BACKEND_URL": self.url("backend"),
            "WORLD_ID": self.world_id,
            "PYTHONUNBUFFERED": "1",
        }

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port(name)}"

    def ports(self) -> dict[str, int]:
        own = self.database.cluster is not None
        return {s.name: self._port(s.name) for s in SERVICES if own or s.name != "postgres"}

    def _port(self, name: str) -> int:
        return self.places.port(service(name).port)

    def _probe(self, declared: Service) -> Probe:
        assert declared.ready_path is not None
        return http_ready(self._port(declared.name), declared.ready_path)

    def _program(self, name: str, *arguments: str) -> Launch:
        declared = service(name)
        command = (sys.executable, "-m", "bongsu", name, *arguments)
        return Launch(declared, command, self._probe(declared), self.environment)

    def _postgres(self, cluster: Cluster) -> Launch:
        answers = postgres_ready(cluster.superuser_url)

        async def ready() -> bool:
            if not await answers():
                return False
            ensure_database(
                cluster.superuser_url,
                user=self.database.user,
                password=self.database.password,
                database=self.database.name,
            )
            return True

        async def prepare() -> None:
            cluster.clear_remains()

        return Launch(
            service("postgres"),
            cluster.command(),
            ready,
            identity=cluster.identity,
            directory=cluster.pgdata.parent,
            prepare=prepare,
        )

    def _prometheus(self) -> Launch:
        config = self.places.run / "prometheus.yml"
        monitoring = CHECKOUT / "monitoring"
        addresses = {f"{name}:{service(name).port}": f"127.0.0.1:{self._port(name)}" for name in _SCRAPED}

        def render() -> None:
            rules = monitoring / "alert_rules.yml"
            text = render_prometheus(monitoring / "prometheus.yml", addresses | _NOT_NATIVE, rules)
            write_private(config, text)

        options = (
            f"--config.file={config}",
            f"--storage.tsdb.path={self.world / 'prometheus'}",
            "--storage.tsdb.retention.time=15d",
            "--storage.tsdb.use-lockfile",  # Debian turns it off
            f"--web.listen-address=127.0.0.1:{self._port('prometheus')}",
        )
        return self._alarm_server("prometheus", alarm_tools.PROMETHEUS, options, render)

    def _alertmanager(self) -> Launch:
        config = self.places.run / "alertmanager.yml"

        def render() -> None:
            text = render_alertmanager(
                CHECKOUT / "monitoring/alertmanager.yml.tmpl",
                webhook=f"{self.url('backend')}/api/v1/alerts/webhook",
                token_file=self.places.state / "api_token",
                telegram=self.telegram(),
            )
            write_private(config, text)

        options = (
            f"--config.file={config}",
            f"--storage.path={self.world / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{self._port('alertmanager')}",
            "--cluster.listen-address=",  # else it opens port 9094 to the world
        )
        return self._alarm_server("alertmanager", alarm_tools.ALERTMANAGER, options, render)

    def _alarm_server(
        self, name: str, tool: Tool, options: tuple[str, ...], render: Callable[[], None]
    ) -> Launch:
        declared = service(name)

        async def prepare() -> None:
            async with self._fetching:
                await alarm_tools.ensure(self.places.tools, self.tell)
            render()

        program = str(alarm_tools.location(tool, self.places.tools))
        memory = {"GOMEMLIMIT": f"{declared.memory_mb * 4 // 5}MiB"}
        return Launch(
            declared,
            (program, *options),
            self._probe(declared),
            lambda: memory,
            directory=self.places.tools,  # where an unpacked one finds its templates and pages
            prepare=prepare,
        )
