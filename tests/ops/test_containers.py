"""What runs in a container before, beside and within our processes."""

import json
import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psycopg
import pytest
import structlog
import yaml

from bongsu.errors import SettingsInvalid
from bongsu.ops.alive import STALE, ailment
from bongsu.ops.logging import configure_logging
from bongsu.ops.stack.containers import KEYS_GROUP, OWN_UID, READERS
from bongsu.ops.stack.postgres import EXPORTER, READER, Cluster
from bongsu.ops.stack.prepare import Keys, open_backups, open_logs
from bongsu.ops.stack.roles import furnish
from bongsu.settings import Settings, Wiring, load_settings
from ports import free_port
from postgres_keeper import start_server
from stage import REPOSITORY

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other accounts")
TOKEN = "123456789:" + "AbC-_" * 7


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path)


def _settings(**chosen: object) -> Settings:
    return Settings(_env_file=None, **chosen)  # type: ignore[call-arg,arg-type]


def test_a_key_once_made_stays_the_same(keys: Keys) -> None:
    def kept() -> list[str]:
        names = ("bot/api_token", "bot/postgres_password", "postgres/superuser_password", "exporter/password")
        names += ("grafana/password",)
        return [(keys.directory / name).read_text() for name in names]

    keys.make(_settings())
    before = kept()
    keys.make(_settings())
    assert kept() == before
    assert len(set(before)) == 5


@as_root
def test_each_reader_gets_its_own_keys_and_nobody_else(keys: Keys) -> None:
    keys.make(_settings())
    keys.hand_over()
    keys.make(_settings(bongsu_lang="en"))  # the next start, over what was given away
    keys.hand_over()
    for reader, uid in READERS.items():
        for path in (keys.folder(reader), *keys.folder(reader).iterdir()):
            found = path.stat()
            assert (found.st_uid, found.st_gid) == (uid, KEYS_GROUP)
            assert stat.S_IMODE(found.st_mode) & 0o027 == 0


def test_alertmanager_speaks_to_the_stand_in_until_telegram_is_switched_on(keys: Keys) -> None:
    def direct() -> dict[str, object]:
        config = yaml.safe_load((keys.folder("alertmanager") / "alertmanager.yml").read_text())
        return next(dict(r["telegram_configs"][0]) for r in config["receivers"] if "telegram_configs" in r)

    keys.make(_settings())
    assert direct()["api_url"] == "http://exchange:8700/telegram"
    keys.make(_settings(telegram_enabled=True, telegram_bot_token=TOKEN, telegram_chat_id="7"))
    assert (direct()["api_url"], direct()["bot_token"], direct()["chat_id"]) == (
        "https://api.telegram.org",
        TOKEN,
        7,
    )


def test_the_exporter_follows_the_owner_to_another_server(keys: Keys) -> None:
    keys.make(_settings(database_url="postgresql://me:p%40ss@db.example:6000/mine?sslmode=disable"))
    told = {name: (keys.folder("exporter") / name).read_text() for name in ("uri", "user", "password")}
    assert told["uri"].startswith("db.example:6000/mine?sslmode=disable")
    assert (told["user"], told["password"]) == ("me", "p@ss")
    keys.make(
        _settings(
            database_url="postgresql://me@db.example/mine",
            data_source_name="postgresql://w:x@db.example/mine",
        )
    )
    assert (keys.folder("exporter") / "user").read_text() == "w"


def test_the_contract_s_dsn_in_env_leads_the_exporter(keys: Keys, tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text(
        "DATA_SOURCE_NAME=postgresql://trading_user:trading_password@postgres:5432/trading_db?sslmode=disable\n"
    )
    keys.make(load_settings(env))
    told = {name: (keys.folder("exporter") / name).read_text() for name in ("uri", "user", "password")}
    assert told["uri"].startswith("postgres:5432/trading_db?sslmode=disable")
    assert (told["user"], told["password"]) == ("trading_user", "trading_password")


@as_root
def test_logs_are_written_by_us_and_deleted_by_their_owner(tmp_path: Path) -> None:
    env, logs = tmp_path / ".env", tmp_path / "logs"
    env.touch()
    os.chown(env, 1234, 1234)
    (logs / "scheduler").mkdir(parents=True)
    (logs / "scheduler/scheduler.log").touch()
    open_logs(logs, env)
    for folder in (logs, logs / "backend", logs / "scheduler"):
        assert (folder.stat().st_uid, folder.stat().st_gid) == (1234, OWN_UID)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o2775
    old = (logs / "scheduler/scheduler.log").stat()
    assert (old.st_gid, stat.S_IMODE(old.st_mode)) == (OWN_UID, 0o664)


@as_root
def test_backups_are_written_by_us_read_by_nobody_else_and_deleted_by_their_owner(tmp_path: Path) -> None:
    env, backups = tmp_path / ".env", tmp_path / "backups"
    env.touch()
    os.chown(env, 1234, 1234)
    for _ in range(2):  # each start does it again
        open_backups(backups, env)
    assert (backups.stat().st_uid, backups.stat().st_gid) == (1234, OWN_UID)
    assert stat.S_IMODE(backups.stat().st_mode) == 0o770


def test_the_second_step_lets_each_role_in_with_its_key(keys: Keys, cluster: Cluster) -> None:
    server = start_server(cluster)
    settings = _settings(postgres_db="ours")
    keys.make(settings)
    superuser = (cluster.home / "superuser_password").read_text()
    (keys.folder("postgres") / "superuser_password").write_text(superuser)
    for _ in range(2):  # each start does it again
        furnish(settings, keys.directory, f"127.0.0.1:{cluster.port}")
    for user, key in (
        ("trading_user", "bot/postgres_password"),
        (EXPORTER, "exporter/password"),
        (READER, "grafana/password"),
    ):
        password = (keys.directory / key).read_text()
        with psycopg.connect(cluster.url(user, password, "ours")) as connection:
            assert connection.execute("SHOW is_superuser").fetchone() == ("off",)
    server.kill()
    server.wait()


# -- a process and its health ---------------------------------------------------------------------------------


class _Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *args: object) -> None: ...


@pytest.fixture
def answering() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Well)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_process_is_well_while_it_answers_and_its_heart_beats(answering: str, tmp_path: Path) -> None:
    pulse = tmp_path / "pulse"
    assert ailment(f"{answering}/health", None) is None
    assert ailment(f"{answering}/health", pulse) == "no heartbeat yet"
    pulse.touch()
    assert ailment(f"{answering}/health", pulse) is None
    old = time.time() - STALE - 5
    os.utime(pulse, (old, old))
    assert (ailment(f"{answering}/health", pulse) or "").startswith("last heartbeat 25 s ago")


def test_a_process_that_refuses_or_is_silent_is_ill(answering: str) -> None:
    assert "503" in (ailment(f"{answering}/ready", None) or "")
    assert ailment(f"http://127.0.0.1:{free_port()}/", None)


def test_the_check_costs_next_to_nothing() -> None:
    """It runs four times a minute beside each process: nothing of the bot is imported for it."""
    import subprocess
    import sys

    told = subprocess.run(
        [sys.executable, "-c", "import sys, bongsu.ops.alive; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {"psycopg", "pydantic", "httpx2", "yaml"} & set(told)


# -- what the owner decides -----------------------------------------------------------------------------------


def test_the_file_says_where_the_ledger_is_unless_somebody_said_so_before(tmp_path: Path) -> None:
    wiring = Wiring(postgres_host="postgres", bongsu_state_dir=tmp_path)
    told = _settings(postgres_password="p@ss/word", postgres_db="a b")
    assert wiring.find_database(told) == "postgresql://trading_user:p%40ss%2Fword@postgres:5432/a%20b"
    kept = wiring.find_database(_settings()) or ""
    assert (tmp_path / "postgres_password").read_text() in kept
    own = "postgresql://me@elsewhere/mine"
    assert wiring.find_database(_settings(database_url=own)) == own
    assert Wiring().find_database(_settings()) is None


def test_messages_go_to_telegram_when_the_file_says_so() -> None:
    wiring = Wiring(exchange_url="http://exchange:8700")
    on = _settings(telegram_enabled=True, telegram_bot_token=TOKEN, telegram_chat_id="7")
    assert wiring.telegram_api(_settings()) == "http://exchange:8700/telegram"
    assert wiring.telegram_api(on) == "https://api.telegram.org"
    assert Wiring(telegram_api_url="http://here").telegram_api(on) == "http://here"


@as_root
def test_a_file_that_is_closed_to_us_is_named_with_the_repair(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.touch(mode=0o600)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    os.seteuid(OWN_UID)
    try:
        with pytest.raises(SettingsInvalid) as refused:
            load_settings(env)
    finally:
        os.seteuid(0)
    assert "chgrp 10001 .env && chmod 640 .env" in refused.value.faults[0]


@pytest.fixture
def quiet() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("quiet")
def test_a_process_keeps_its_own_log_where_no_runner_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BONGSU_LOG_FILES", str(tmp_path))
    long_ago = time.time() - 31 * 86_400
    (tmp_path / "backend").mkdir()
    for name in ("backend/backend.1.log", "backend/backend.log"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (long_ago, long_ago))
    configure_logging("scheduler", [TOKEN])
    logging.getLogger("a").info("✅ Telegram 시작 알림 전송 완료 %s", TOKEN)
    written = json.loads((tmp_path / "scheduler/scheduler.log").read_text())
    assert written["message"].startswith("✅ Telegram 시작 알림 전송 완료")
    assert TOKEN not in written["message"]
    assert not (tmp_path / "backend/backend.1.log").exists()
    assert (tmp_path / "backend/backend.log").exists()


def test_the_repository_and_the_image_agree_on_where_things_are() -> None:
    """`CHECKOUT` of the installed sources is the folder that the image copies them to."""
    assert "COPY src /app/src" in (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
