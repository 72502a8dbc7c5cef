"""The two steps before the containers, as compose runs them: a bad `.env` is told in words, and shows no secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bongsu.errors import CannotStart
from bongsu.ops.stack.prepare import Keys, prepare
from bongsu.ops.stack.roles import furnish
from bongsu.settings import Settings
from ports import free_port

CANARY = "Canary9Canary9"
PEM = f"-----BEGIN PRIVATE KEY-----\n{CANARY}Abc+/==\n-----END PRIVATE KEY-----"


def run(step: str, env_file: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", f"bongsu.ops.stack.{step}"],
        env={**os.environ, "BONGSU_ENV_FILE": str(env_file)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BAD = f"""\
TELEGRAM_TOKEN=x
RETENTION_DAYS={CANARY}
MARKETS=KRW-ETH,{CANARY}
DATABASE_URL=postgresql://me:{CANARY}/x@db/mine
DATA_SOURCE_NAME={CANARY}
DEADMAN_URL=http://{CANARY}.example/x
TELEGRAM_BOT_TOKEN={PEM}
"""
NAMED = ("TELEGRAM_TOKEN", "RETENTION_DAYS", "MARKETS", "DATABASE_URL", "DATA_SOURCE_NAME", "DEADMAN_URL")


@pytest.mark.parametrize("step", ["prepare", "roles"])
def test_a_bad_env_is_told_in_words(step: str, tmp_path: Path) -> None:
    """All faults at once, each by its name and without its value."""
    env = tmp_path / ".env"
    env.write_text(BAD)
    ran = run(step, env)
    assert ran.returncode == 78, ran.stderr
    assert "설정을 고쳐 주세요" in ran.stderr
    assert "settings to repair" in ran.stderr
    for name in NAMED:
        assert f"• {name}: " in ran.stderr
    assert "line 8 is not NAME=value" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert CANARY.lower() not in ran.stderr.lower()


@pytest.mark.parametrize(
    ("env", "told"), [(b"\xff\xfe", "UTF-8"), (None, "a directory")], ids=["not text", "a directory"]
)
def test_an_env_that_cannot_be_read_is_told_in_words(env: bytes | None, told: str, tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.mkdir() if env is None else path.write_bytes(env)
    ran = run("prepare", path)
    assert ran.returncode == 78, ran.stderr
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_volume_that_cannot_be_written_is_told_by_its_name(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.touch()
    (tmp_path / "bot").touch()  # a file where a folder belongs
    with pytest.raises(CannotStart, match=r"bot.*must be writable"):
        prepare(Keys(tmp_path), tmp_path / "logs", tmp_path / "backups", env)


def test_a_server_that_does_not_let_us_in_is_told_without_the_password(tmp_path: Path) -> None:
    keys = Keys(tmp_path)
    keys.make(Settings(_env_file=None))  # type: ignore[call-arg]
    with pytest.raises(CannotStart, match="POSTGRES_PASSWORD") as told:
        furnish(Settings(_env_file=None), tmp_path, f"127.0.0.1:{free_port()}")  # type: ignore[call-arg]
    assert (tmp_path / "postgres/superuser_password").read_text() not in str(told.value)
    (tmp_path / "postgres/superuser_password").unlink()
    with pytest.raises(CannotStart, match="superuser_password: No such file"):
        furnish(Settings(_env_file=None), tmp_path, "127.0.0.1:1")  # type: ignore[call-arg]
