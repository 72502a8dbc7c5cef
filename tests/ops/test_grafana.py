"""Grafana beside the bot where there is one, and one clear line where there is none.

A stand-in answers for it: what is proven is what we start, tell and write, not what Grafana makes of it.
"""

import asyncio
import io
import json
import socket
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
import yaml

from bongsu.ledger.voice import Voice
from bongsu.ops.checks import services
from bongsu.ops.patient import Patient
from bongsu.ops.stack import grafana
from bongsu.ops.stack.addresses import print_addresses
from bongsu.ops.stack.child import Launch
from bongsu.ops.stack.native import Database, Native
from bongsu.ops.stack.places import CHECKOUT, Places
from bongsu.ops.stack.postgres import READER, Cluster, ensure_database, ensure_reader
from bongsu.ops.stack.progress import Progress
from bongsu.ops.stack.render import TelegramAccount
from bongsu.ops.stack.services import SERVICES
from bongsu.ops.stack.supervisor import State, Supervisor
from ports import free_offset
from postgres_keeper import start_server

STAND_IN = """#!{python}
import http.server, json, os, sys

class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()
        told = {{name: value for name, value in os.environ.items() if name.startswith("GF_")}}
        self.wfile.write(json.dumps(told | {{"options": sys.argv[1:]}}).encode())

    def log_message(self, *_):
        pass

address = (os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"]))
http.server.HTTPServer(address, Health).serve_forever()
"""


@pytest.fixture
def native(tmp_path: Path) -> Native:
    offset = free_offset(*(service.port for service in SERVICES))
    places = Places(tmp_path / "state", tmp_path / "logs", tmp_path / "data", port_offset=offset)
    places.make()
    account = TelegramAccount("http://127.0.0.1:1/telegram", "1:token", "1000", Voice("ko", "sandbox"))
    ours = Database("postgresql://elsewhere/db")
    return Native(places, "w", tmp_path / "w", ours, (), lambda: account, tmp_path / ".env", print)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On the PATH, as its tarball lays it out."""
    home = tmp_path / "grafana"
    program = home / "bin" / grafana.PROGRAM
    for folder in (program.parent, home / "conf"):
        folder.mkdir(parents=True)
    (home / "conf/defaults.ini").touch()
    program.write_text(STAND_IN.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return home


@pytest.fixture
def absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))


def _launch(native: Native) -> Launch:
    return next(launch for launch in native.launches() if launch.service.name == "grafana")


@pytest.mark.usefixtures("installed")
async def test_it_runs_beside_the_others_and_its_address_is_told(native: Native) -> None:
    said = io.StringIO()
    supervisor = Supervisor([_launch(native)], native.places.log)
    await supervisor.start()
    try:
        async with asyncio.timeout(30):
            await supervisor.until_settled()
        assert supervisor.services["grafana"].state is State.READY
        await print_addresses(native, supervisor, Progress(said))
    finally:
        await supervisor.stop()
    assert native.url("grafana") == f"http://127.0.0.1:{3001 + native.places.port_offset}"
    assert native.url("grafana") in said.getvalue()


async def test_it_listens_at_home_only_and_knows_where_its_things_are(
    native: Native, installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "of-the-owner")
    supervisor = Supervisor([_launch(native)], native.places.log)
    await supervisor.start()
    try:
        async with asyncio.timeout(30):
            await supervisor.until_settled()
        told = await asyncio.to_thread(_health, native)
    finally:
        await supervisor.stop()
    assert told["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert (told["GF_SECURITY_ADMIN_USER"], told["GF_SECURITY_ADMIN_PASSWORD"]) == ("admin", "of-the-owner")
    assert told["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert Path(told["GF_PATHS_DATA"]) == native.places.state / "grafana"
    assert Path(told["GF_PATHS_DATA"]).stat().st_mode & 0o077 == 0
    assert told["options"] == [f"--homepath={installed}"]
    provisioned = Path(told["GF_PATHS_PROVISIONING"])
    source = yaml.safe_load((provisioned / "datasources/prometheus.yml").read_text())["datasources"][0]
    assert (source["uid"], source["url"]) == ("prometheus", native.url("prometheus"))
    provider = yaml.safe_load((provisioned / "dashboards/dashboard.yml").read_text())["providers"][0]
    assert Path(provider["options"]["path"]) == CHECKOUT / "monitoring/grafana/dashboards"


@pytest.mark.usefixtures("installed")
async def test_the_ledger_is_a_source_where_its_server_is_ours(native: Native, cluster: Cluster) -> None:
    provisioned = native.places.run / "grafana/datasources/postgres.yml"
    await _launch(native).prepare()
    assert not provisioned.exists(), "a reader on the owner's server is not ours to make"
    ours = replace(native, database=Database("", "trading_user", "secret", "trading_db", cluster))
    await _launch(ours).prepare()
    source = yaml.safe_load(provisioned.read_text())["datasources"][0]
    assert (source["uid"], source["url"], source["user"]) == ("postgres", f"127.0.0.1:{cluster.port}", READER)
    assert source["jsonData"]["database"] == "trading_db"
    assert (native.places.state / "reader_password").stat().st_mode & 0o077 == 0
    assert source["secureJsonData"] == {"password": f"$__file{{{native.places.state / 'reader_password'}}}"}


def test_the_reader_reads_what_comes_later_too_and_changes_nothing(cluster: Cluster) -> None:
    server = start_server(cluster)
    ensure_database(cluster.superuser_url, user="trading_user", password="theirs", database="ours")
    for password in ("first", "second"):  # each start says it again
        ensure_reader(cluster.superuser_url, password=password, database="ours", owner="trading_user")
    with psycopg.connect(cluster.url("trading_user", "theirs", "ours")) as owner:
        owner.execute("CREATE TABLE later AS SELECT 1 AS one")
    with psycopg.connect(cluster.url(READER, "second", "ours"), autocommit=True) as reader:
        assert reader.execute("SELECT one FROM later").fetchone() == (1,)
        assert reader.execute("SHOW statement_timeout").fetchone() == ("10s",)
        reader.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("DELETE FROM later")
    server.kill()
    server.wait()


def _health(native: Native) -> dict[str, str]:
    with urllib.request.urlopen(f"{native.url('grafana')}/api/health", timeout=10) as reply:
        return dict(json.load(reply))


@pytest.mark.usefixtures("absent")
async def test_without_it_the_rest_starts_and_one_line_says_how_to_have_it(native: Native) -> None:
    assert "grafana" not in [launch.service.name for launch in native.launches()]
    said = io.StringIO()
    await print_addresses(native, Supervisor([], native.places.log), Progress(said))
    lines = [line for line in said.getvalue().splitlines() if "Grafana" in line]
    assert len(lines) == 1
    assert "grafana-server" in lines[0]
    assert f"{native.url('backend')}/" in lines[0]
    assert "docker-compose up -d grafana" in lines[0]


@pytest.mark.usefixtures("absent")
def test_without_it_nobody_asks_for_its_port(native: Native) -> None:
    assert "grafana" not in native.ports()


@pytest.mark.usefixtures("installed")
def test_its_port_is_asked_for(native: Native) -> None:
    assert native.ports()["grafana"] == 3001 + native.places.port_offset


@pytest.mark.parametrize("there", [True, False])
def test_the_doctor_minds_its_port_only_where_it_is(
    native: Native, request: pytest.FixtureRequest, *, there: bool
) -> None:
    request.getfixturevalue("installed" if there else "absent")
    with socket.create_server(("127.0.0.1", native.places.port(3001))):
        found = [finding.state for finding in services(Patient(native.places)) if finding.check == "ports"]
    assert found == (["warn"] if there else ["ok"])
