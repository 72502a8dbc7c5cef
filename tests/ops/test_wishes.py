"""`bongsu pause`, `kill` and their like: asked for in a terminal, over a real ledger, with and without a scheduler."""

import json
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer.main
from typer.testing import CliRunner, Result

from bongsu.cli import app
from ports import free_port
from stage import BuyOnce, open_stage

Ask = Callable[..., Result]
COMMANDS: Any = typer.main.get_command(app)
LATE = """SELECT 1 FROM order_intents i, controls c
           WHERE c.kind = 'kill' AND i.side = 'buy' AND i.opened_at > c.ended_at"""


@pytest.fixture
def ask(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """In nobody's terminal: what is typed comes from a pipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BONGSU_ENV_FILE", str(tmp_path / ".env"))
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*words: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, words, input=typed)

    return run


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def wishes(url: str) -> list[tuple[Any, ...]]:
    return rows(url, "SELECT kind, args, state, who, why FROM controls ORDER BY requested_at")


def killed(url: str) -> bool:
    return bool(rows(url, "SELECT killed FROM switches")[0][0])


@pytest.fixture
def in_a_terminal(ask: Ask, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ask:
    """As `ask`, with somebody who types: answers the exit code and all that stood on the screen."""

    def run(*words: str, typed: str) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        os.write(ours, f"{typed}\n".encode())
        with os.fdopen(ours, "wb"), os.fdopen(theirs, "r") as keyboard, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", keyboard)
            with pytest.raises(SystemExit) as ended:
                COMMANDS.main(list(words), standalone_mode=False)
        shown = capfd.readouterr()
        return int(str(ended.value.code)), shown.out + shown.err

    return run


def test_a_kill_needs_neither_scheduler_nor_backend(ask: Ask, database_url: str) -> None:
    said = ask("kill", "--yes", "--why", "시험")
    assert (said.exit_code, said.stdout) == (0, "✅ kill: 새 매수를 막았습니다\n")
    assert killed(database_url)
    ((kind, args, state, who, why),) = wishes(database_url)
    assert (kind, args, state, why) == ("kill", {}, "done", "시험")
    assert who.startswith("cli:")
    on_record = rows(database_url, "SELECT source FROM events WHERE kind = 'control_kill'")
    assert on_record == [(who,)]
    assert "킬 스위치 켜짐" in rows(database_url, "SELECT text FROM notifications")[0][0]


def test_a_mistake_in_the_settings_stops_no_kill(ask: Ask, database_url: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MARKETS=ETH\nNO_SUCH=1\n")
    said = ask("kill", "--yes")
    assert (said.exit_code, killed(database_url)) == (0, True)
    assert "NO_SUCH" in said.stderr


def test_what_waits_for_the_scheduler_is_called_asked_for_and_not_done(ask: Ask, database_url: str) -> None:
    said = ask("close", "eth", "--yes", "--wait", "0")
    assert (said.exit_code, said.stdout) == (75, "")
    assert "아직 실행되지 않았습니다" in said.stderr
    assert "한 번도 시작되지 않았습니다" in said.stderr
    told = ask("pause", "--yes", "--wait", "0", "--json")
    shape = json.loads(told.stdout)
    assert (told.exit_code, shape["state"], shape["kind"]) == (75, "pending", "pause")
    assert shape["blocking"][0] == "scheduler_never_started"
    assert [wish[:3] for wish in wishes(database_url)] == [
        ("close", {"market": "KRW-ETH"}, "pending"),
        ("pause", {}, "pending"),
    ]


@pytest.mark.parametrize(
    "words", [("kill",), ("kill", "--flatten"), ("pause",), ("close", "KRW-ETH"), ("unkill",)]
)
def test_nothing_happens_when_nobody_can_confirm(ask: Ask, database_url: str, words: tuple[str, ...]) -> None:
    said = ask(*words, typed="kill\n")
    assert said.exit_code == 2
    assert "확인할 사람이 없어" in said.stderr
    assert ("--yes" in said.stderr) == (words != ("unkill",)), "it is told what there is"
    assert wishes(database_url) == []


@pytest.mark.parametrize(
    "words",
    [("close", "이더", "--yes"), ("close", "--yes"), ("unkill", "--yes"), ("kill", "--wait", "-1", "--yes")],
)
def test_wrong_usage_asks_for_nothing(ask: Ask, database_url: str, words: tuple[str, ...]) -> None:
    assert ask(*words).exit_code == 2
    assert wishes(database_url) == []


def test_the_word_is_asked_for_in_a_terminal(in_a_terminal: Any, database_url: str) -> None:
    code, shown = in_a_terminal("kill", typed="yes")
    assert (code, "그만두었습니다" in shown) == (1, True)
    assert wishes(database_url) == []
    code, shown = in_a_terminal("kill", typed="KILL")
    assert (code, "• kill: 새 매수를 바로 막습니다" in shown) == (0, True)
    assert killed(database_url)


@pytest.mark.slow
def test_a_scheduler_does_what_is_asked_and_its_outcome_is_told(
    ask: Ask, in_a_terminal: Any, tmp_path: Path, database_url: str
) -> None:
    """The kill comes while a buy is on its way to the exchange: what it bought is sold all the same."""
    with open_stage(tmp_path, database_url, candles=None, speed="60") as stage:
        stage.arm({"path": "/v1/orders", "method": "POST", "count": 1, "kind": "latency", "seconds": 2})
        with stage.scheduler(BuyOnce()):
            stage.until(lambda: stage.rows("SELECT 1 FROM order_intents"), "a buy is on its way")
            said = ask("kill", "--flatten", "--yes")
            assert said.exit_code == 0, said.output
            kill, flatten = said.stdout.splitlines()
            assert kill == "✅ kill: 새 매수를 막았습니다"
            assert flatten.startswith("✅ flatten: 보유한 종목을 모두 팔았습니다 (KRW-")
            assert stage.rows("SELECT 1 FROM positions WHERE volume > 0") == []
            assert stage.rows(LATE) == []

            nothing = ask("close", "KRW-ETH", "--yes")
            assert (nothing.exit_code, nothing.stderr.splitlines()[-1][:18]) == (1, "❌ close KRW-ETH: 하")
            assert ask("pause", "--yes", "--why", "점검").exit_code == 0
            assert stage.value("SELECT note FROM pauses WHERE reason = 'owner'") == "점검"
            resumed = ask("resume", "--yes")
            assert resumed.exit_code == 0
            assert "아직 매수하지 않는 까닭" in resumed.stdout, "the kill switch is still on"
            assert "킬 스위치가 켜졌습니다" in resumed.stdout
            code, shown = in_a_terminal("unkill", typed="unkill")
            assert (code, "킬 스위치를 풀었습니다" in shown) == (0, True)
            assert not killed(database_url)
        assert stage.observe() == []


def test_without_its_ledger_a_kill_says_that_it_was_not_carried_out(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    said = ask("kill", "--yes")
    assert (said.exit_code, said.stdout) == (69, "")
    assert "실행하지 못했습니다" in said.stderr
    assert "bongsu start postgres" in said.stderr
    assert not [record for record in caplog.records if record.name == "psycopg.pool"], "one answer is enough"
