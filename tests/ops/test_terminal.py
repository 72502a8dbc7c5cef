"""inbox, status and doctor against servers that answer, answer badly, or are not there."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bongsu.ops import checks
from bongsu.ops.checks import examine
from bongsu.ops.doctor import render, show_diagnosis
from bongsu.ops.inbox import show_inbox
from bongsu.ops.patient import Finding, Patient
from bongsu.ops.running import Addresses
from bongsu.ops.stack.places import Places
from bongsu.ops.status import show_status
from ports import free_port
from second_channel import mail_server
from stand_in import StandIn

TOKEN = "123456789:" + "AbCdE" * 7


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stack of this machine is ours."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "BONGSU_STATE_DIR": str(tmp_path / "state"),
        "BONGSU_DATA_DIR": str(tmp_path / "data"),
        "BONGSU_ENV_FILE": str(tmp_path / ".env"),
        "BACKEND_URL": nobody(),
        "EXCHANGE_URL": nobody(),
        "BONGSU_LANG": "ko",
    }.items():
        monkeypatch.setenv(name, value)


def nobody() -> str:
    """An address where nobody listens."""
    return f"http://127.0.0.1:{free_port()}"


Answers = dict[str, Any]
Serve = Callable[[Answers], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server that answers paths with JSON, text, or a pair of status and JSON."""
    running: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> str:
        class Answering(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answers.get(urlsplit(self.path).path, (404, {"detail": "no such page"}))
                status, body = found if isinstance(found, tuple) else (200, found)
                raw = body if isinstance(body, str) else json.dumps(body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(raw.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


# --- inbox


async def test_the_inbox_shows_what_arrived(
    stand_in: StandIn, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXCHANGE_URL", stand_in.url)
    assert show_inbox() == 0
    assert "받은 메시지가 아직 없습니다" in capsys.readouterr().out
    messenger = stand_in.messenger()
    for text in ("하나 <둘> & **셋**", "넷"):
        await messenger.send(text, "x")
    await messenger.close()
    assert show_inbox() == 0
    assert re.search(r"\[1\] \d{4}-.{14}\n하나 <둘> & 셋\n", capsys.readouterr().out)
    assert show_inbox(as_json=True, last=1) == 0
    (newest,) = json.loads(capsys.readouterr().out)
    assert newest["text"] == "넷"


def test_without_a_stack_each_view_says_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_inbox() == 1
    assert show_status() == 1
    assert capsys.readouterr().err.count("make up") == 2


# --- status


STATUS = {
    "version": "0.1.0", "mode": "sandbox", "world": "w1", "state": "blocked", "leader": "s",
    "idle": [{"reason": "paused", "at": None, "detail": None, "text": "사용자가 멈췄습니다."}],
    "processes": [{"process": "scheduler", "instance": "i", "started_at": "2025-01-01T00:00:00+09:00",
                   "beat_at": "2025-01-01T00:00:00+09:00", "age_seconds": "2.5", "alive": True}],
    "jobs": [{"name": "trading_job", "run_id": 1, "outcome": "failure", "reason": "Boom: x", "next_at": None}],
    "portfolio": {"at": "2025-01-01T00:00:00+09:00", "cash": "900000", "equity": "1015000.4", "stale": False,
                  "profits": [{"scope": "daily", "profit": "15000", "ratio": "0.015"}],
                  "positions": [{"market": "KRW-ETH", "volume": "0.01149425", "entry_price": "4352175", "price": None,
                                 "unrealized_ratio": None}]},
    "last_decisions": [{"at": "2025-12-28T14:30:15+09:00", "market": "KRW-ETH", "outcome": "accepted", "action": "buy",
                        "confidence_label": "HIGH", "reasons": [{"text": "RSI 과매도"}], "refusal": "min_interval",
                        "refusal_detail": "직전 매수 후 30분"}],
    "waiting": [{"kind": "close", "args": {"market": "KRW-BTC"}, "requested_at": "2025-12-28T14:30:15+09:00"}],
    "firing": [],
    "backup": {"file": "/b/x.dump", "made_at": "2025-12-28T04:30:40+09:00", "size_bytes": 1_234_567},
}  # fmt: skip


def test_the_status_in_words_and_in_json(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BACKEND_URL", serve({"/api/v1/status": STATUS}))
    assert show_status() == 0
    shown = capsys.readouterr().out
    for figure in (
        "1,015,000원",
        "+15,000원 (+1.50%)",
        "0.0115 ETH",
        "4,352,000원",
        "매수 HIGH  RSI 과매도  → 직전",
        "Boom",
        "close KRW-BTC  2025-12-28 14:30:15에 요청, 아직 실행 전",
        "2025-12-28 04:30:40 (1.2 MB)",
    ):
        assert figure in shown
    assert show_status(as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == STATUS


def test_before_anything_is_known_the_status_says_so(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = dict.fromkeys(("at", "cash", "equity")) | {"profits": [], "positions": [], "stale": False}
    status = STATUS | {"world": None, "portfolio": empty, "last_decisions": [], "jobs": [], "processes": []}
    status["backup"] = None
    monkeypatch.setenv("BACKEND_URL", serve({"/api/v1/status": status}))
    assert show_status() == 0
    shown = capsys.readouterr().out
    assert "아직 평가되지 않음" in shown
    assert re.search(r"^백업 +아직 없음$", shown, re.MULTILINE)


def test_a_backend_without_its_database_says_why(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(
        "BACKEND_URL", serve({"/api/v1/status": (503, {"detail": "데이터베이스가 응답하지 않습니다"})})
    )
    assert show_status() == 1
    assert "데이터베이스가 응답하지 않습니다" in capsys.readouterr().err


# --- doctor


def patient(**urls: str) -> Patient:
    examined = Patient(Places.from_environment())
    examined.addresses = Addresses(  # type: ignore[misc]
        **{name: urls.get(name, nobody()) for name in ("backend", "exchange", "prometheus", "alertmanager")}
    )
    return examined


def states(found: list[Finding]) -> list[str]:
    return [finding.state for finding in found]


def test_without_a_stack_the_doctor_fails_once_and_guesses_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert show_diagnosis(as_json=True) == 1
    report = json.loads(capsys.readouterr().out)
    failed = [f["check"] for f in report["findings"] if f["state"] == "fail"]
    assert failed == ["services"]
    assert {f["check"] for f in report["findings"]} >= {check.__name__ for check in checks.CHECKS}
    assert all(f["repair"] for f in report["findings"] if f["state"] != "ok")


@pytest.fixture
def in_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_HOST", "postgres")
    for name in ("PROMETHEUS_URL", "ALERTMANAGER_URL"):
        monkeypatch.setenv(name, nobody())


@pytest.mark.usefixtures("in_a_container")
def test_in_a_container_the_doctor_looks_at_the_addresses_and_speaks_compose(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXCHANGE_URL", serve({}))
    assert show_diagnosis(as_json=True) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    looked_at = [f["state"] for f in findings if f["check"] == "services"]
    assert looked_at == ["fail", "ok", "fail", "fail"]
    repairs = " ".join(f["repair"] for f in findings)
    assert "docker-compose -f docker-compose.full-stack.yml logs backend" in repairs
    for native in ("make up", "bongsu ps", "bongsu restart", "bongsu logs"):
        assert native not in repairs
    assert not any(f["check"] == "ports" for f in findings), "they are taken by the stack itself"


@pytest.mark.usefixtures("in_a_container")
def test_in_a_container_that_finds_the_others_nothing_is_red(serve: Serve) -> None:
    names = ("backend", "exchange", "prometheus", "alertmanager")
    assert states(examine(patient(**{name: serve({}) for name in names}), checks.services)) == ["ok"] * 4


def test_every_fault_of_the_settings_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MARKETS=ETH\nNO_SUCH=1\n")
    found = examine(patient(), checks.settings)
    assert states(found) == ["fail", "fail"]
    assert any("NO_SUCH" in f.detail for f in found)


def test_a_database_without_its_tables(serve: Serve) -> None:
    ready = {
        "checks": [
            {"name": "database", "ok": True, "detail": "answers"},
            {"name": "schema", "ok": False, "detail": "x"},
        ]
    }
    found = examine(patient(backend=serve({"/ready": (503, ready)})), checks.database)
    assert states(found) == ["ok", "fail"]
    assert found[1].repair == "bongsu db upgrade"


def test_a_silent_scheduler_and_a_failed_job(serve: Serve) -> None:
    dead = [{**STATUS["processes"][0], "alive": False, "age_seconds": "99"}]
    backend = serve({"/api/v1/status": STATUS | {"processes": dead}})
    assert states(examine(patient(backend=backend), checks.scheduler)) == ["fail"]
    assert states(examine(patient(backend=backend), checks.jobs)) == ["warn"]
    assert states(examine(patient(backend=backend), checks.trading)) == ["warn"]
    never = serve({"/api/v1/status": STATUS | {"processes": []}})
    assert states(examine(patient(backend=never), checks.scheduler)) == ["fail"]


@pytest.mark.parametrize(("age", "state"), [("12.5", "ok"), ("301", "warn")])
def test_old_messages_in_the_outbox(serve: Serve, age: str, state: str) -> None:
    text = f"notification_outbox_depth 3.0\nnotification_outbox_oldest_age_seconds {age}\n"
    found = examine(patient(backend=serve({"/metrics": text})), checks.outbox)
    assert states(found) == [state]
    assert "3" in found[0].detail


@pytest.mark.parametrize(("late", "state"), [(-60, "ok"), (60, "warn")])
def test_a_backup_that_is_late_is_seen(serve: Serve, late: int, state: str) -> None:
    backend = serve(
        {
            "/api/v1/status": STATUS,
            "/metrics": f"backup_due_timestamp_seconds {time.time() - late:.0f}.0\n",
        }
    )
    (found,) = examine(patient(backend=backend), checks.backup)
    assert found.state == state
    assert "2025-12-28 04:30:40 (1.2 MB), 다음 것의 시한 20" in found.detail
    assert ("BackupMissed" in found.repair) is (state == "warn")


def test_without_a_time_limit_nobody_knows_and_without_backups_nobody_asks(
    tmp_path: Path, serve: Serve
) -> None:
    backend = serve({"/api/v1/status": STATUS, "/metrics": "ledger_up 1.0\n"})
    assert states(examine(patient(backend=backend), checks.backup)) == ["unknown"]
    (tmp_path / ".env").write_text("BACKUP_KEEP_DAYS=0", encoding="utf-8")
    assert states(examine(patient(), checks.backup)) == ["ok"]


def test_messages_given_up_are_seen(serve: Serve) -> None:
    text = (
        "notification_outbox_depth 0.0\nnotification_outbox_oldest_age_seconds 0.0\n"
        "notification_dead_letters 1.0\n"
    )
    assert states(examine(patient(backend=serve({"/metrics": text})), checks.outbox)) == ["ok", "warn"]


def test_without_a_second_channel_the_doctor_says_what_that_means() -> None:
    (found,) = examine(patient(), checks.channels)
    assert (found.state, "SMTP_HOST" in found.detail) == ("ok", True)


def test_a_mail_server_is_tried_and_a_late_message_is_seen(tmp_path: Path, serve: Serve) -> None:
    with mail_server() as mailbox:
        lines = (
            *("SMTP_HOST=127.0.0.1", f"SMTP_PORT={mailbox.port}", "SMTP_SECURITY=none"),
            *("SMTP_FROM=a@example.com", "SMTP_TO=b@example.com", "WEBHOOK_URL=https://ntfy.sh/secret-topic"),
        )
        (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
        backend = serve({"/metrics": 'second_channel_oldest_age_seconds{channel="mail"} 301.0\n'})
        found = examine(patient(backend=backend), checks.channels)
    assert states(found) == ["ok", "ok", "warn"]
    assert mailbox.mails == [], "tried, but nothing sent"
    assert "secret-topic" not in repr(found)
    (refused, *_) = examine(patient(), checks.channels)
    assert refused.state == "fail"
    assert "SMTP_" in refused.repair


def test_metrics_without_the_ledger_are_a_failure(serve: Serve) -> None:
    assert states(examine(patient(backend=serve({"/metrics": "ledger_up 0.0\n"})), checks.metrics)) == [
        "fail"
    ]
    assert states(examine(patient(backend=serve({"/metrics": ""})), checks.metrics)) == ["fail"]
    assert states(examine(patient(backend=serve({"/metrics": "ledger_up 1.0\n"})), checks.metrics)) == ["ok"]


def rules_of(*names: str) -> Answers:
    return {"/api/v1/rules": {"data": {"groups": [{"rules": [{"name": name} for name in names]}]}}}


def test_rules_that_are_not_loaded_are_named(serve: Serve) -> None:
    wanted = sorted(checks._rules_in_file())
    assert "SchedulerDown" in wanted
    assert states(examine(patient(prometheus=serve(rules_of(*wanted))), checks.rules)) == ["ok"]
    found = examine(patient(prometheus=serve(rules_of(*wanted[1:]))), checks.rules)
    assert states(found) == ["fail"]
    assert wanted[0] in found[0].detail


def test_a_target_that_is_down_is_named_with_its_error(serve: Serve) -> None:
    targets = [
        {"labels": {"job": "backend"}, "health": "down", "lastError": "connection refused"},
        {"labels": {"job": "scheduler"}, "health": "up", "lastError": ""},
        {"labels": {"job": "prometheus"}, "health": "unknown", "lastError": ""},
    ]
    prometheus = serve({"/api/v1/targets": {"data": {"activeTargets": targets}}})
    found = examine(patient(prometheus=prometheus), checks.prometheus)
    assert states(found) == ["fail", "ok", "unknown"]
    assert "connection refused" in found[0].detail


def test_two_worlds_are_told_apart(serve: Serve) -> None:
    backend, exchange = serve({"/api/v1/status": STATUS}), serve({"/sandbox/world": {"id": "w2"}})
    assert states(examine(patient(backend=backend, exchange=exchange), checks.world)) == ["fail"]
    same = serve({"/sandbox/world": {"id": "w1"}})
    assert states(examine(patient(backend=backend, exchange=same), checks.world)) == ["ok"]


@pytest.mark.parametrize(
    ("answers", "state"),
    [
        ({"getMe": {"ok": True}, "getChat": {"ok": True}}, "ok"),
        ({"getMe": (401, {"description": "Unauthorized"})}, "fail"),
        ({"getMe": {"ok": True}, "getChat": (400, {"description": "chat not found"})}, "fail"),
        (None, "unknown"),
    ],
)
def test_the_telegram_account_without_showing_its_token(
    serve: Serve, tmp_path: Path, answers: Answers | None, state: str
) -> None:
    (tmp_path / ".env").write_text(
        f"TELEGRAM_ENABLED=true\nTELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=1000\n"
    )
    url = (
        nobody() if answers is None else serve({f"/bot{TOKEN}/{method}": a for method, a in answers.items()})
    )
    found = examine(Patient(Places.from_environment(), telegram_url=url), checks.telegram)
    assert states(found) == [state]
    assert TOKEN not in render(found)


def test_a_channel_by_name_is_told_its_number(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        f"TELEGRAM_ENABLED=true\nTELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=@my_channel\n"
    )
    chat = {"ok": True, "result": {"id": -1001234567890, "type": "channel"}}
    url = serve({f"/bot{TOKEN}/getMe": {"ok": True}, f"/bot{TOKEN}/getChat": chat})
    found = examine(Patient(Places.from_environment(), telegram_url=url), checks.telegram)
    assert states(found) == ["warn"]
    assert "-1001234567890" in render(found)
    assert "PostgresDown" in render(found)


def test_an_answer_nobody_can_read_is_unknown_not_fine(serve: Serve) -> None:
    for nonsense in ("<html>", "[]", "{}", "null"):
        backend = serve({"/api/v1/status": nonsense, "/ready": nonsense})
        for check in (checks.database, checks.scheduler, checks.jobs, checks.alerts, checks.trading):
            assert states(examine(patient(backend=backend), check)) == ["unknown"]
