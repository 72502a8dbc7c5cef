"""The declared services as containers: what is true of them only there. `docker.py` writes the compose files from it.

Tags are exact and never `latest`. Accounts: ours is 10001; the others are those of their images, but for the exporter,
which needs nothing of its image's and gets one of its own, so that it cannot read what Alertmanager reads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from bongsu.ops.stack import grafana
from bongsu.ops.stack.postgres import CONTAINER_SETTINGS, SUPERUSER
from bongsu.ops.stack.services import PROMETHEUS_OPTIONS, service

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]

OWN_IMAGE = "bongsu:0.1.0"
OWN_UID = 10001
KEYS_GROUP = 10000  # of the one step that reads every key
READERS = {
    "bot": OWN_UID,
    "postgres": 999,
    "exporter": 10002,
    "alertmanager": 65534,
    "grafana": 472,
}  # a folder of keys each
KEYS = "/run/keys"
LOGS = "/var/log/bongsu"
BACKUPS = "/var/backups/bongsu"
ENV_FILE = "/etc/bongsu/.env"
ENV_MOUNT = f"./.env:{ENV_FILE}:ro"  # as a file: what compose reads of it would not change at a restart

_KEYS_MOUNT = f"keys:{KEYS}:ro"
_LOGS_MOUNT = f"./logs:{LOGS}"
_BACKUPS_MOUNT = f"./backups:{BACKUPS}"  # a folder here: it outlives `down -v`, which the ledger does not
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - within the network; the ports are published on 127.0.0.1
_WGET = ("wget", "-q", "-O", "/dev/null")
_PREPARED: Mapping[str, Condition] = {"prepare": "service_completed_successfully"}
_FURNISHED: Mapping[str, Condition] = {"roles": "service_completed_successfully"}


@dataclass(frozen=True, slots=True)
class Container:
    """`mounts` in compose's short form. Without `healthy` it is a step that ends. Times are in seconds."""

    name: str
    image: str
    user: str
    memory_mb: int
    port: int | None = None
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ("/tmp",)  # noqa: S108 - the container's own
    needs: Mapping[str, Condition] = field(default_factory=dict)
    healthy: tuple[str, ...] = ()
    warm_up: int = 30  # failed checks do not count before
    groups: tuple[str, ...] = ()  # besides the user's own
    capabilities: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    stop_signal: str | None = None

    @property
    def is_ours(self) -> bool:
        return self.image == OWN_IMAGE

    @property
    def is_step(self) -> bool:
        return not self.healthy


def _process(name: str, *options: str, needs: Mapping[str, Condition], **more: str) -> Container:
    """One of the bot's own."""
    declared = service(name)
    logging = {"BONGSU_LOG_DIR": LOGS, "BONGSU_LOG_FILES": LOGS}
    return Container(
        name,
        OWN_IMAGE,
        f"{OWN_UID}:{OWN_UID}",
        declared.memory_mb,
        declared.port,
        command=(name, *options),
        environment={**logging, **more},
        mounts=(_LOGS_MOUNT,),
        needs=needs,
        healthy=("python", "-m", "bongsu.ops.alive", name),
        warm_up=60,
    )


def _trader(name: str) -> Container:
    """One that knows the ledger. What the owner decides it reads from the file alone.

    It waits for the exchange in every mode, which therefore starts in every mode, with nothing of `.env`: to wait only
    where it trades there would take a profile, and another command to type, or a `required: false` that 1.29 refuses.
    """
    own = _process(
        name,
        needs={**_FURNISHED, "exchange": "service_healthy"},
        BIND_HOST=_EVERYWHERE,
        BONGSU_ENV_FILE=ENV_FILE,
        BONGSU_STATE_DIR=f"{KEYS}/bot",
        POSTGRES_HOST="postgres",
        PULSE_FILE="/tmp/pulse",  # noqa: S108 - the container's own
        CLASSIC_PROMETHEUS="false",
        BACKEND_URL="http://backend:8000",
        EXCHANGE_URL="http://exchange:8700",
        PROMETHEUS_URL="http://prometheus:9090",
        ALERTMANAGER_URL="http://alertmanager:9093",
    )
    return replace(own, mounts=(*own.mounts, ENV_MOUNT, _KEYS_MOUNT))


def _backend() -> Container:
    """It sees what Grafana is given, where the program looks for it, and writes backups."""
    own = _trader("backend")
    mounts = (*own.mounts, "./monitoring/grafana:/app/monitoring/grafana:ro", _BACKUPS_MOUNT)
    return replace(own, mounts=mounts, environment={**own.environment, "BONGSU_BACKUP_DIR": BACKUPS})


def _step(name: str, module: str, user: str, *mounts: str, **more: Any) -> Container:
    """Ours, too, but over before the others begin."""
    return Container(
        name,
        OWN_IMAGE,
        user,
        memory_mb=128,
        entrypoint=("python", "-m", module),
        environment={"BONGSU_ENV_FILE": ENV_FILE},
        mounts=(ENV_MOUNT, *mounts),
        **more,
    )


def _server(
    name: str, image: str, user: str, *options: str, environment: Mapping[str, str] | None = None, **more: Any
) -> Container:
    """Somebody else's, as it comes."""
    declared = service(name)
    check = (*_WGET, f"http://127.0.0.1:{declared.port}{declared.ready_path}")
    return Container(
        name,
        image,
        user,
        declared.memory_mb,
        declared.port,
        command=options,
        environment=environment or {"GOMEMLIMIT": f"{declared.memory_mb * 4 // 5}MiB"},
        **{"healthy": check, **more},
    )


_POSTGRES = _server(
    "postgres",
    "postgres:18.6-bookworm",
    "999:999",
    *(
        "postgres",
        *(part for name, value in CONTAINER_SETTINGS.items() for part in ("-c", f"{name}={value}")),
    ),
    environment={
        "POSTGRES_USER": SUPERUSER,
        "POSTGRES_PASSWORD_FILE": f"{KEYS}/postgres/superuser_password",
        "POSTGRES_INITDB_ARGS": "--auth-host=scram-sha-256 --encoding=UTF8 --no-locale",
    },
    mounts=("postgres-data:/var/lib/postgresql", _KEYS_MOUNT),
    tmpfs=("/tmp", "/run/postgresql:mode=1777"),  # noqa: S108
    needs=_PREPARED,
    # On TCP: the server that the image starts to initialise itself has the socket only.
    healthy=("pg_isready", "-q", "-h", "127.0.0.1", "-U", SUPERUSER, "-d", "postgres"),
    warm_up=60,
    stop_signal="SIGINT",
)

# Collectors that nobody reads. In the native stack the program is asked what it has; this one's version is known.
_UNREAD = (
    "replication",
    "replication_slot",
    "stat_bgwriter",
    "stat_user_tables",
    "statio_user_tables",
    "wal",
)

_EXPORTER = _server(
    "postgres-exporter",
    "prometheuscommunity/postgres-exporter:v0.19.1",
    f"{READERS['exporter']}:{READERS['exporter']}",
    "--extend.query-path=/etc/postgres-exporter/queries.yml",
    "--disable-settings-metrics",
    "--log.level=warn",
    *(f"--no-collector.{name}" for name in _UNREAD),
    environment={
        "DATA_SOURCE_URI_FILE": f"{KEYS}/exporter/uri",
        "DATA_SOURCE_USER_FILE": f"{KEYS}/exporter/user",
        "DATA_SOURCE_PASS_FILE": f"{KEYS}/exporter/password",
        "GOMEMLIMIT": f"{service('postgres-exporter').memory_mb * 4 // 5}MiB",
    },
    mounts=("./monitoring/postgres_queries.yml:/etc/postgres-exporter/queries.yml:ro", _KEYS_MOUNT),
    needs=_FURNISHED,
)

_PROMETHEUS = _server(
    "prometheus",
    "prom/prometheus:v3.10.0",
    "65534:65534",
    "--config.file=/etc/prometheus/prometheus.yml",
    "--storage.tsdb.path=/prometheus",
    *PROMETHEUS_OPTIONS,
    mounts=(
        "prometheus-data:/prometheus",
        "./monitoring/prometheus.yml:/etc/prometheus/prometheus.yml:ro",
        "./monitoring/alert_rules.yml:/etc/prometheus/alert_rules.yml:ro",
    ),
    needs={"alertmanager": "service_started"},
)

_ALERTMANAGER = _server(
    "alertmanager",
    "prom/alertmanager:v0.31.1",
    "65534:65534",
    f"--config.file={KEYS}/alertmanager/alertmanager.yml",
    "--storage.path=/alertmanager",
    "--cluster.listen-address=",
    mounts=("alertmanager-data:/alertmanager", _KEYS_MOUNT),
    needs=_PREPARED,
)

_GRAFANA = _server(
    "grafana",
    "grafana/grafana:12.4.0",
    f"{READERS['grafana']}:0",
    environment={
        **grafana.SETTINGS,
        "POSTGRES_DB": "${POSTGRES_DB:-trading_db}",  # of the data source
        "GF_SERVER_HTTP_PORT": str(service("grafana").port),
        "GF_SECURITY_ADMIN_USER": "${GRAFANA_ADMIN_USER:-admin}",
        "GF_SECURITY_ADMIN_PASSWORD": "${GRAFANA_ADMIN_PASSWORD:-admin}",
    },
    mounts=(
        "grafana-data:/var/lib/grafana",
        "./monitoring/grafana/datasources:/etc/grafana/provisioning/datasources:ro",
        "./monitoring/grafana/dashboards/dashboard.yml:/etc/grafana/provisioning/dashboards/dashboard.yml:ro",
        "./monitoring/grafana/dashboards:/var/lib/grafana/dashboards:ro",
        _KEYS_MOUNT,
    ),
    needs=_PREPARED,
    warm_up=60,
    # `docker exec -it bitcoin-grafana ping prometheus` without any capability: over an ICMP datagram socket.
    sysctls={"net.ipv4.ping_group_range": "0 2147483647"},
)

_PREPARE = _step(
    "prepare",
    "bongsu.ops.stack.prepare",
    "0:0",
    f"keys:{KEYS}",
    _LOGS_MOUNT,
    _BACKUPS_MOUNT,
    # It gives each key to its reader, and looks at what it gave away at the next start.
    capabilities=("CHOWN", "DAC_OVERRIDE", "FOWNER"),
)
_ROLES = _step(
    "roles",
    "bongsu.ops.stack.roles",
    f"{OWN_UID}:{KEYS_GROUP}",
    _KEYS_MOUNT,
    needs={"postgres": "service_healthy"},
    groups=(str(OWN_UID),),  # an .env that only the containers' group may read
)
_EXCHANGE = _process(
    "exchange", "--world-dir", "/var/lib/bongsu/exchange", "--host", _EVERYWHERE, needs=_PREPARED
)

AROUND_A_BOT = (_ALERTMANAGER, _GRAFANA, _POSTGRES, _EXPORTER, _PREPARE, _PROMETHEUS, _ROLES)
EVERYTHING = (
    *AROUND_A_BOT,
    _backend(),
    replace(_EXCHANGE, mounts=(*_EXCHANGE.mounts, "exchange-data:/var/lib/bongsu")),
    _trader("scheduler"),
)
