"""`bongsu maintenance`: an announcement that ends by itself, or by a second command."""

from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from bongsu import cli
from ports import free_port

ANNOUNCED = "SELECT ends_at - clock_timestamp(), who FROM maintenance WHERE ends_at > clock_timestamp()"


@pytest.fixture(autouse=True)
def stack_of_ones_own(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BONGSU_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("BONGSU_ENV_FILE", str(tmp_path / ".env"))
    monkeypatch.setenv("DATABASE_URL", database_url)


def maintenance(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["maintenance", *arguments])


def announced(database_url: str) -> tuple[timedelta, str] | None:
    with psycopg.connect(database_url) as connection:
        return connection.execute(ANNOUNCED).fetchone()


@pytest.mark.parametrize(("arguments", "minutes"), [((), 5), (("--minutes", "60"), 60)])
def test_it_lasts_as_long_as_announced_and_can_be_ended(
    database_url: str, arguments: tuple[str, ...], minutes: int
) -> None:
    said = maintenance(*arguments)
    assert (said.exit_code, f"점검 {minutes}분" in said.output) == (0, True)
    found = announced(database_url)
    assert found is not None
    assert timedelta(minutes=minutes - 2) < found[0] <= timedelta(minutes=minutes)
    assert found[1] == "bongsu maintenance"

    ended = maintenance("--end")
    assert (ended.exit_code, "점검 끝" in ended.output) == (0, True)
    assert announced(database_url) is None


@pytest.mark.parametrize("minutes", ["0", "61", "-1", "long"])
def test_another_length_is_wrong_usage(database_url: str, minutes: str) -> None:
    assert maintenance("--minutes", minutes).exit_code == 2
    assert announced(database_url) is None


def test_without_a_database_it_says_that_nothing_was_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody:x@127.0.0.1:{free_port()}/none")
    refused = maintenance()
    assert refused.exit_code == 69
    assert "실행하지 못했습니다" in refused.stderr
    assert "점검" not in refused.output
