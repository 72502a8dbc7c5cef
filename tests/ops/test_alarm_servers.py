"""Prometheus and Alertmanager: really fetched, really fed with what we render."""

import asyncio
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bongsu.errors import CannotStart
from bongsu.ledger.voice import Voice
from bongsu.ops.stack import alarm_tools
from bongsu.ops.stack.native import Database, Native
from bongsu.ops.stack.places import CHECKOUT, Places
from bongsu.ops.stack.render import TelegramAccount, render_prometheus
from ops.alertmanager import find_tool

MONITORING = CHECKOUT / "monitoring"
ACCOUNT = TelegramAccount("http://127.0.0.1:8800/telegram", "1:token", "1000", Voice("ko", "sandbox"))


@pytest.fixture
def native(tmp_path: Path) -> Native:
    places = Places(tmp_path / "state", tmp_path / "logs", tmp_path / "data", port_offset=100)
    places.make()
    fetched = Places.from_environment().tools
    if fetched.is_dir():
        places.tools.symlink_to(fetched)
    return Native(
        places,
        "w",
        tmp_path / "world",
        Database("postgresql://elsewhere/db"),
        (),
        lambda: ACCOUNT,
        tmp_path / ".env",
        print,
    )


def prepare(native: Native, name: str) -> None:
    """What the runner does before it starts that service."""
    launch = next(launch for launch in native.launches() if launch.service.name == name)
    asyncio.run(launch.prepare())


def test_the_native_prometheus_scrapes_local_addresses_with_moved_ports(native: Native) -> None:
    promtool = find_tool(alarm_tools.PROMTOOL)
    prepare(native, "prometheus")
    config = native.places.run / "prometheus.yml"

    subprocess.run([promtool, "check", "config", config], check=True, capture_output=True)

    rendered = yaml.safe_load(config.read_text())
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in rendered["scrape_configs"]}
    assert targets == {
        "backend": ["127.0.0.1:8100"],
        "scheduler": ["127.0.0.1:8101"],
        "postgres": ["127.0.0.1:9287"],
        "prometheus": ["127.0.0.1:9190"],
        "alertmanager": ["127.0.0.1:9193"],
    }
    assert rendered["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["127.0.0.1:9193"]}]
    assert rendered["rule_files"] == [str(MONITORING / "alert_rules.yml")]


def test_a_target_without_a_native_address_is_an_error_not_a_false_alarm() -> None:
    with pytest.raises(KeyError, match="backend:8000"):
        render_prometheus(MONITORING / "prometheus.yml", {}, MONITORING / "alert_rules.yml")


def test_the_committed_file_keeps_the_names_of_the_contract() -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    assert config["global"] == {"scrape_interval": "10s", "evaluation_interval": "10s"}
    assert jobs["backend"] == ["backend:8000"]
    assert jobs["postgres"] == ["postgres-exporter:9187"]
    assert config["rule_files"] == ["alert_rules.yml"]


def test_the_native_alertmanager_reports_to_the_backend_and_hides_the_token(native: Native) -> None:
    amtool = find_tool(alarm_tools.AMTOOL)
    prepare(native, "alertmanager")
    config = native.places.run / "alertmanager.yml"

    subprocess.run([amtool, "check-config", config], check=True, capture_output=True)

    assert config.stat().st_mode & 0o077 == 0
    receivers = {r["name"]: r for r in yaml.safe_load(config.read_text())["receivers"]}
    for name in ("outbox", "watchdog"):
        hook = receivers[name]["webhook_configs"][0]
        assert hook["url"] == "http://127.0.0.1:8100/api/v1/alerts/webhook"
        assert hook["http_config"]["authorization"]["credentials_file"] == str(
            native.places.state / "api_token"
        )
    direct = receivers["telegram"]["telegram_configs"][0]
    assert (direct["api_url"], direct["bot_token"], direct["chat_id"]) == (ACCOUNT.api_url, "1:token", 1000)


@pytest.mark.parametrize(
    ("alert", "severity", "receivers"),
    [
        ("SchedulerDown", "critical", ["outbox"]),
        ("SlowAPIResponse", "warning", ["outbox"]),
        ("ExchangeMaintenance", "info", ["outbox"]),
        ("MetricsNotCollected", "critical", ["telegram", "outbox"]),
        ("PostgresDown", "critical", ["telegram", "outbox"]),
        ("Watchdog", "none", ["watchdog"]),
    ],
)
def test_each_alert_takes_its_way(native: Native, alert: str, severity: str, receivers: list[str]) -> None:
    amtool = find_tool(alarm_tools.AMTOOL)
    prepare(native, "alertmanager")
    config = f"--config.file={native.places.run / 'alertmanager.yml'}"
    route = subprocess.run(
        [amtool, "config", "routes", "test", config, f"alertname={alert}", f"severity={severity}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert route.stdout.strip().split(",") == receivers


def test_how_long_each_alert_waits_and_when_it_is_repeated() -> None:
    """By the contract; the routes below inherit what they do not name."""
    route = yaml.safe_load((MONITORING / "alertmanager.yml.tmpl").read_text())["route"]
    assert route["group_by"] == ["alertname", "job_name"]
    pace = ("group_wait", "group_interval", "repeat_interval")
    paces = {str(r.get("matchers")): tuple(r[p] for p in pace) for r in (route, *route["routes"])}
    assert paces == {
        "None": ("30s", "4m", "12h"),
        "['alertname = \"Watchdog\"']": ("0s", "15s", "1m"),
        "['alertname =~ \"MetricsNotCollected|PostgresDown\"']": ("1s", "1m", "1h"),
        "['severity = \"critical\"']": ("5s", "1m", "1h"),
    }


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("apt-get") is None, reason="no apt here: nothing to fetch from")
@pytest.mark.skipif(shutil.which("promtool") is not None, reason="installed here: nothing is missing")
def test_what_is_missing_is_fetched_without_installing_anything(tmp_path: Path) -> None:
    told: list[str] = []
    try:
        asyncio.run(alarm_tools.ensure(alarm_tools.ALARM_SERVERS, tmp_path, told.append))
    except CannotStart as refusal:
        pytest.skip(f"no Debian mirror: {refusal}")
    version = subprocess.run([tmp_path / "usr/bin/promtool", "--version"], capture_output=True, check=True)
    assert b"promtool" in version.stdout + version.stderr
    assert told
    asyncio.run(alarm_tools.ensure(alarm_tools.ALARM_SERVERS, tmp_path, told.append))
    assert len(told) == 1, "the second time there is nothing to fetch"


def test_where_nothing_can_be_fetched_the_one_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("BONGSU_LANG", "en")
    with pytest.raises(CannotStart, match="Run this, then start again: docker-compose"):
        asyncio.run(alarm_tools.ensure(alarm_tools.ALARM_SERVERS, tmp_path / "tools", print))
    assert not os.listdir(tmp_path)


def test_a_chat_by_name_costs_the_direct_messages_only(native: Native) -> None:
    """Alertmanager 0.25 knows chats by number: a name in its configuration would keep it from starting."""
    channel = replace(native, telegram=lambda: replace(ACCOUNT, chat="@my_channel"))
    prepare(channel, "alertmanager")
    config = native.places.run / "alertmanager.yml"
    (native.places.state / "api_token").touch()

    check = [find_tool(alarm_tools.AMTOOL), "check-config", config]
    subprocess.run(check, check=True, capture_output=True)

    receivers = {receiver["name"]: receiver for receiver in yaml.safe_load(config.read_text())["receivers"]}
    assert receivers["telegram"] == {"name": "telegram"}
    assert "webhook_configs" in receivers["outbox"]


def test_what_is_sent_past_the_bot_is_english_for_an_owner_who_reads_english(native: Native) -> None:
    english = replace(native, telegram=lambda: replace(ACCOUNT, voice=Voice("en", "live")))
    prepare(english, "alertmanager")
    config = yaml.safe_load((native.places.run / "alertmanager.yml").read_text())
    (direct,) = next(r["telegram_configs"] for r in config["receivers"] if r["name"] == "telegram")
    assert not re.search("[가-힣]", direct["message"])
    assert re.findall(r"Annotations\.(\w+)", direct["message"]) == [
        "summary_en",
        "description_en",
        "runbook_url",
    ]
