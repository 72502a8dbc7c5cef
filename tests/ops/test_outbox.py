"""`bongsu outbox`: what became of the messages, and those that were given up sent again, once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from bongsu.cli import app
from second_channel import Answer, Receiver, web_server

Ask = Callable[..., Result]

TOLD = """
INSERT INTO notifications (kind, text, state, last_error, attempts, ended_at) VALUES
    ('trade', E'🤖 거래 실행\\n종목: KRW-ETH', 'sent', NULL, 1, now()),
    ('status', E'✅ 봇 시작됨\\n상태: 시작', 'dead', 'Telegram: HTTP 400: message is too long', 1, now()),
    ('alert', E'🔴 경보 발생\\n경보: A', 'sent', NULL, 2, now()),
    ('error', E'⚠️ 에러\\n메시지: B', 'dead', 'Telegram: HTTP 400: can''t parse', 1, now());
INSERT INTO deliveries (notification_id, channel, state, only_if_late, due_at, last_error, ended_at) VALUES
    (3, 'webhook', 'dead', true, now(), 'webhook: HTTP 413: too large', now());
"""


@pytest.fixture
def ask(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BONGSU_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("BONGSU_ENV_FILE", str(tmp_path / ".env"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    with psycopg.connect(database_url) as connection:
        connection.execute(TOLD)
    return lambda *words: CliRunner().invoke(app, ["outbox", *words])


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with web_server() as receiver:
        yield receiver


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def numbers(listed: Result) -> list[int]:
    return [row["id"] for row in json.loads(listed.stdout)]


def test_the_list_is_read_downwards_and_names_each_channel(ask: Ask) -> None:
    listed = ask("list")
    assert listed.exit_code == 0
    assert [line[:2] for line in listed.stdout.splitlines()[::2]] == ["#1", "#2", "#3", "#4"]
    assert "텔레그램 ✅ 전송됨 · 웹훅 ❌ 포기함" in listed.stdout
    assert numbers(ask("list", "--dead", "--json")) == [2, 3, 4]
    assert numbers(ask("list", "--last", "1", "--json")) == [4]
    assert ask("list", "--waiting").stdout == "해당하는 메시지가 없습니다.\n"
    assert ask("list", "--dead", "--held").exit_code == 2


def test_one_message_is_shown_as_it_is_with_why_it_failed(ask: Ask) -> None:
    shown = ask("show", "2").stdout
    assert shown.startswith("✅ 봇 시작됨\n상태: 시작\n")
    assert "Telegram: HTTP 400: message is too long" in shown
    assert json.loads(ask("show", "3", "--json").stdout)["channels"]["webhook"]["state"] == "dead"
    assert ask("show", "99").exit_code == 1


def test_what_was_given_up_is_sent_again_once_and_that_is_on_record(ask: Ask, database_url: str) -> None:
    assert ask("resend", "2").exit_code == 0
    again = ask("resend", "2", "1")
    assert again.exit_code == 1
    assert "#1: 포기한 메시지가 아닙니다\n#2: 포기한 메시지가 아닙니다" in again.stderr
    waiting = "SELECT id, maybe_sent, created_at < hold_until FROM notifications WHERE state = 'pending'"
    assert rows(database_url, waiting) == [(2, False, True)]
    audited = "SELECT source LIKE 'cli:%', message FROM events WHERE kind = 'notification_resent' ORDER BY id"
    assert rows(database_url, audited) == [(True, "#2 telegram")]

    assert ask("resend", "--all").exit_code == 0
    assert rows(database_url, audited)[1:] == [(True, "#3 webhook"), (True, "#4 telegram")]
    assert rows(database_url, "SELECT state, due_at <= now() FROM deliveries") == [("pending", True)]
    assert ask("resend", "--all").stdout == "포기한 메시지가 없습니다.\n"
    assert ask("resend").exit_code == ask("resend", "2", "--all").exit_code == 2


def test_a_test_message_takes_each_second_way(ask: Ask, receiver: Receiver) -> None:
    assert ask("test").exit_code == 1, "there is none"
    Path(".env").write_text(f"WEBHOOK_URL={receiver.url}/secret-path\n", encoding="utf-8")
    assert (ask("test").exit_code, ask("test").stdout) == (0, "✅ webhook\n")
    assert receiver.requests[0].json["title"] == "🔔 시험 메시지"
    receiver.usual = Answer(404, "nothing at /secret-path")
    refused = ask("test")
    assert refused.exit_code == 1
    assert "HTTP 404" in refused.stderr
    assert "secret-path" not in refused.output
