"""The declared services as processes of this machine: commands, addresses, environment."""

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bongsu.ops.stack import alarm_tools, exporter, grafana
from bongsu.ops.stack.alarm_tools import Tell, Tool
from bongsu.ops.stack.child import Launch, Step
from bongsu.ops.stack.places import CHECKOUT, Places, write_private
from bongsu.ops.stack.postgres import Cluster, ensure_database, ensure_exporter, ensure_reader
from bongsu.ops.stack.probes import Probe, http_ready, postgres_ready
from bongsu.ops.stack.render import TelegramAccount, render_alertmanager, render_prometheus
from bongsu.ops.stack.services import PROMETHEUS_OPTIONS, SERVICES, Service, service
from bongsu.settings import keep_secret, load_settings

_SCRAPED = {"backend", "scheduler", "postgres-exporter", "prometheus", "alertmanager"}


@dataclass(frozen=True, slots=True)
class Database:
    """Where the ledger is; `cluster` only when the server is ours."""

    url: str
    user: str = ""
    password: str = ""
    name: str = ""
    cluster: Cluster | None = None
    watched_as: str = ""  # how the exporter enters, where the owner says it


@dataclass(frozen=True, slots=True)
class Native:
    """Everything the processes must be told."""

    places: Places
    world_id: str
    world: Path
    database: Database
    exchange: (
        tuple[str, ...] | None
    )  # the arguments of `bongsu exchange`; None where we trade at Upbit itself
    telegram: Callable[[], TelegramAccount]  # by the settings of now
    env_file: Path
    tell: Tell
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    def launches(self) -> list[Launch]:
        return list(self._launches())

    def _launches(self) -> Iterator[Launch]:
        if self.database.cluster is not None:
            yield self._postgres(self.database.cluster)
        if self.exchange is not None:
            yield self._program("exchange", *self.exchange)
        yield self._postgres_exporter()
        yield self._alertmanager()
        yield self._prometheus()
        if program := grafana.find():
            yield self._grafana(program)
        yield self._program("backend")
        yield self._program("scheduler")

    def environment(self) -> dict[str, str]:
        return {
            "BONGSU_STATE_DIR": str(self.places.state),
            "BONGSU_LOG_DIR": str(self.places.logs),
            "BONGSU_ENV_FILE": str(self.env_file),
            "BONGSU_PORT_OFFSET": str(self.places.port_offset),
            "DATABASE_URL_FILE": str(self._database_url),
            "EXCHANGE_URL": self.url("exchange"),
            "TELEGRAM_API_URL": self.telegram().api_url,
            "BACKEND_URL": self.url("backend"),
            "PROMETHEUS_URL": self.url("prometheus"),
            "ALERTMANAGER_URL": self.url("alertmanager"),
            "BONGSU_STORAGE_DIR": str(self.places.storage),
            "WORLD_ID": self.world_id,
            "PYTHONUNBUFFERED": "1",
        }

    @property
    def _database_url(self) -> Path:
        return self.places.run / "database_url"

    def keep_database_url(self) -> None:
        """In a file: an environment is shown by more programs than one would think."""
        write_private(self._database_url, self.database.url)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._port(name)}"

    def ports(self) -> dict[str, int]:
        """Of the services that this stack has; asked before a first start has made what a launch knows."""
        absent = {"postgres"} if self.database.cluster is None else set()
        absent |= {"exchange"} if self.exchange is None else set()
        absent |= set() if grafana.find() else {"grafana"}
        return {s.name: self._port(s.name) for s in SERVICES if s.name not in absent}

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
        furnished = False

        async def ready() -> bool:
            nonlocal furnished
            if not await answers():
                return False
            if not furnished:
                self._furnish(cluster)
                furnished = True
            return True

        async def prepare() -> None:
            nonlocal furnished
            furnished = False
            cluster.clear_remains()

        return Launch(
            service("postgres"),
            cluster.command(),
            ready,
            identity=cluster.identity,
            directory=cluster.pgdata.parent,
            prepare=prepare,
        )

    def _furnish(self, cluster: Cluster) -> None:
        """Roles and database, with the passwords of now."""
        database = self.database
        ensure_database(
            cluster.superuser_url, user=database.user, password=database.password, database=database.name
        )
        password = keep_secret(self._exporter_password)
        ensure_exporter(cluster.superuser_url, password=password, database=database.name)
        reading = keep_secret(self._reader_password)
        ensure_reader(cluster.superuser_url, password=reading, database=database.name, owner=database.user)

    @property
    def _exporter_password(self) -> Path:
        return self.places.state / "exporter_password"

    @property
    def _reader_password(self) -> Path:
        return self.places.state / "reader_password"

    def _postgres_exporter(self) -> Launch:
        queries = self.places.run / "postgres_queries.yml"
        program = alarm_tools.location(alarm_tools.EXPORTER, self.places.tools)
        port = self._port("postgres-exporter")
        source: Mapping[str, str] = {}

        async def look() -> None:
            nonlocal source
            server = await exporter.look_at(self.database.watched_as or self.database.url)
            exporter.write_queries(server, queries)
            source = self._exporter_source(server)

        launch = self._fetched("postgres-exporter", program, (alarm_tools.EXPORTER,), look)
        return replace(
            launch,
            environment=lambda: {**launch.environment(), **source},
            options=lambda: exporter.options_for(program, queries, port),
        )

    def _exporter_source(self, server: exporter.Server | None) -> Mapping[str, str]:
        cluster, chosen = self.database.cluster, self.database.watched_as
        if cluster is None or chosen:
            return exporter.foreign_source(chosen or self.database.url, server)
        return exporter.own_source(cluster.port, self.database.name, self._exporter_password)

    def _prometheus(self) -> Launch:
        config = self.places.run / "prometheus.yml"
        monitoring = CHECKOUT / "monitoring"
        addresses = {f"{name}:{service(name).port}": f"127.0.0.1:{self._port(name)}" for name in _SCRAPED}

        async def render() -> None:
            rules = monitoring / "alert_rules.yml"
            text = render_prometheus(monitoring / "prometheus.yml", addresses, rules)
            write_private(config, text)

        options = (
            f"--config.file={config}",
            f"--storage.tsdb.path={self.world / 'prometheus'}",
            *PROMETHEUS_OPTIONS,
            "--storage.tsdb.use-lockfile",  # Debian turns it off
            f"--web.listen-address=127.0.0.1:{self._port('prometheus')}",
        )
        return self._alarm_server("prometheus", alarm_tools.PROMETHEUS, options, render)

    def _grafana(self, program: Path) -> Launch:
        declared = service("grafana")
        provisioning = self.places.run / "grafana"
        kept = self.places.state / "grafana"

        async def prepare() -> None:
            kept.mkdir(exist_ok=True, mode=0o700)
            if self.database.cluster is not None:
                keep_secret(
                    self._reader_password
                )  # a file that Grafana is told of and does not find ends its start
            grafana.provision(provisioning, self.url("prometheus"), self._ledger())

        return Launch(
            declared,
            (str(program), *grafana.home_options(program)),
            self._probe(declared),
            lambda: grafana.environment(load_settings(), self._port("grafana"), kept, provisioning),
            directory=kept.parent,
            prepare=prepare,
        )

    def _ledger(self) -> grafana.Ledger | None:
        if (cluster := self.database.cluster) is None:
            return None
        return grafana.Ledger(f"127.0.0.1:{cluster.port}", self.database.name, self._reader_password)

    def _alertmanager(self) -> Launch:
        config = self.places.run / "alertmanager.yml"

        async def render() -> None:
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

    def _alarm_server(self, name: str, tool: Tool, options: tuple[str, ...], render: Step) -> Launch:
        program = alarm_tools.location(tool, self.places.tools)
        launch = self._fetched(name, program, alarm_tools.ALARM_SERVERS, render)
        return replace(launch, command=(*launch.command, *options))

    def _fetched(self, name: str, program: Path, wanted: tuple[Tool, ...], then: Step) -> Launch:
        """A service whose program may have to be downloaded first."""
        declared = service(name)

        async def prepare() -> None:
            async with self._fetching:
                await alarm_tools.ensure(wanted, self.places.tools, self.tell)
            self.places.tools.mkdir(parents=True, exist_ok=True)
            await then()

        memory = {"GOMEMLIMIT": f"{declared.memory_mb * 4 // 5}MiB"}
        return Launch(
            declared,
            (str(program),),
            self._probe(declared),
            lambda: memory,
            directory=self.places.tools,  # where an unpacked one finds its templates and pages
            prepare=prepare,
        )
