"""Where things lie, and who may read them."""

import os
from pathlib import Path

import pytest

from bongsu.ops.stack.places import Places, write_private
from bongsu.settings import keep_secret


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BONGSU_DATA_DIR", str(tmp_path / "storage"))
    monkeypatch.delenv("BONGSU_PORT_OFFSET", raising=False)
    found = Places.from_environment()
    found.make()
    return found


def test_a_secret_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "deep/secret"
    first = keep_secret(path)
    assert len(first) > 30
    assert keep_secret(path) == first
    assert path.stat().st_mode & 0o077 == 0
    assert os.listdir(path.parent) == ["secret"], "nothing of it may lie around"


def test_what_replaces_an_open_file_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o077 == 0


def test_another_terminal_finds_the_ports_of_the_running_stack(places: Places) -> None:
    with places.publish({"BONGSU_PORT_OFFSET": "300", "DATABASE_URL": "postgresql://secret"}):
        assert Places.from_environment().port(8000) == 8300
        assert Places.from_environment(port_offset=5).port(8000) == 8005
        assert (places.run / "environment.json").stat().st_mode & 0o077 == 0
    assert Places.from_environment().port(8000) == 8000


def test_the_environment_goes_before_what_runs(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BONGSU_PORT_OFFSET", "7")
    with places.publish({"BONGSU_PORT_OFFSET": "300"}):
        assert Places.from_environment().port(8000) == 8007


def test_the_state_is_closed_to_others(places: Places) -> None:
    assert places.state.stat().st_mode & 0o077 == 0
    assert places.run.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps its storage apart")
def test_root_keeps_storage_where_another_account_can_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BONGSU_DATA_DIR", raising=False)
    monkeypatch.setenv("BONGSU_STATE_DIR", "/root/somewhere/.bongsu")
    one = Places.from_environment()
    monkeypatch.setenv("BONGSU_STATE_DIR", "/root/elsewhere/.bongsu")
    other = Places.from_environment()
    assert one.storage.parent == Path("/var/lib/bongsu")
    assert one.storage != other.storage
    assert one.programs == other.programs == Path("/var/lib/bongsu/programs")
