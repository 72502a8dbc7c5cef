"""Grafana, where its owner has it: nothing is fetched, and the rest of the stack does not need it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bongsu.ops.language import say
from bongsu.ops.stack.places import CHECKOUT
from bongsu.settings import Settings

PROGRAM = "grafana-server"
PROVISIONED = CHECKOUT / "monitoring" / "grafana"

# True of every Grafana of ours, native or container.
SETTINGS: Mapping[str, str] = {
    "GF_AUTH_ANONYMOUS_ENABLED": "false",
    "GF_USERS_ALLOW_SIGN_UP": "false",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    "GF_LOG_MODE": "console",
}


@dataclass(frozen=True, slots=True)
class Ledger:
    """Of a server of ours: `address` as host and port."""

    address: str
    database: str
    password_file: Path


def find() -> Path | None:
    found = shutil.which(PROGRAM)
    return Path(found) if found else None


def home_options(program: Path) -> tuple[str, ...]:
    """Where its pages are: beside the program, of its package, or of Homebrew's; it looks in its directory only."""
    above = program.resolve().parent.parent
    for home in (above, above / "share/grafana", Path("/usr/share/grafana")):
        if (home / "conf/defaults.ini").is_file():
            return (f"--homepath={home}",)
    return ()


def environment(settings: Settings, port: int, kept: Path, provisioning: Path) -> dict[str, str]:
    """`kept`: where it keeps what its users change."""
    password = settings.grafana_admin_password
    return {
        **SETTINGS,
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_SECURITY_ADMIN_USER": settings.grafana_admin_user,
        "GF_SECURITY_ADMIN_PASSWORD": (password.get_secret_value() if password else "") or "admin",
        "GF_PATHS_DATA": str(kept),
        "GF_PATHS_LOGS": str(kept / "log"),
        "GF_PATHS_PLUGINS": str(kept / "plugins"),
        "GF_PATHS_PROVISIONING": str(provisioning),
    }


def provision(folder: Path, prometheus: str, ledger: Ledger | None) -> None:
    """Copies of the repository's provisioning files, with the addresses and paths of this machine.

    Without `ledger` the owner's own server is not ours to make a reader on.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sources = _read("datasources/prometheus.yml")
    sources["datasources"][0]["url"] = prometheus
    _write(folder / "datasources/prometheus.yml", sources)
    if ledger is not None:
        reading = _read("datasources/postgres.yml")
        source = reading["datasources"][0]
        source["url"] = ledger.address
        source["jsonData"]["database"] = ledger.database.replace("$", "$$")
        source["secureJsonData"]["password"] = f"$__file{{{ledger.password_file}}}"
        _write(folder / "datasources/postgres.yml", reading)
    dashboards = _read("dashboards/dashboard.yml")
    dashboards["providers"][0]["options"]["path"] = str(PROVISIONED / "dashboards")
    _write(folder / "dashboards/dashboard.yml", dashboards)


def _read(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((PROVISIONED / name).read_text(encoding="utf-8")))


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def absence(status_page: str) -> str:
    """What its owner can do where it is not."""
    return say(
        f"Grafana는 켜지 않았습니다: PATH에 {PROGRAM} 이(가) 없습니다. 상태 화면({status_page})에서 보거나, "
        "설치한 뒤 다시 make up, 또는 Docker로: docker-compose up -d grafana",
        f"Grafana is not started: no {PROGRAM} on the PATH. Look at the status page ({status_page}), "
        "or install it and make up again, or with Docker: docker-compose up -d grafana",
    )
