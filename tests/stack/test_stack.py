"""The whole native stack as its owner runs it: what it shows, what it tells, what it survives.

Alarms are waited for with shortened `for:` and intervals.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest

from monitoring.shown import marks, queries
from native import Stack, open_stack
from stack import exports

pytestmark = pytest.mark.stack

# product contract, letter for letter; the histogram by its buckets
PROMQL = """
scheduler_job_success_total{job_name="trading_job"}
scheduler_job_failure_total{job_name="trading_job"}
scheduler_job_duration_seconds{job_name="trading_job"}
ai_decision_total{symbol="KRW-ETH", decision="buy"}
trades_total{symbol="KRW-ETH"}
portfolio_value_krw
http_request_duration_seconds_bucket
sum by (decision) (ai_decision_total)
rate(ai_decision_total[5m])
up{job="backend"}
sum(bot_errors_total)
histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))
sum(trades_total)
increase(scheduler_job_success_total[1h])
increase(scheduler_job_failure_total[1h])
pg_stat_database_numbackends{datname="trading_db"}
pg_database_size_bytes{datname="trading_db"}
rate(pg_stat_database_tup_inserted[5m])
""".strip().splitlines()


EMPTY = {
    ("advice", "예산 사용률"): "no model, no budget",
    ("exchange", "API 키 만료까지"): "keys of the sandbox do not end",
}
BUDGETS = {("processes", "오류 예산 소진 속도"), ("exchange", "오류 예산 소진 속도")}
SOMETIMES_EMPTY = {
    ("risk", "미실현 수익률"): "nothing is held",
    ("notifications", "고장 난 패널"): "Prometheus runs for less than two minutes; waited for below",
    **dict.fromkeys(BUDGETS, "the first five minutes are not over; waited for below"),
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_stack("--speed", "3600") as stack:
        stack.up()
        yield stack


def test_it_decides_and_trades_soon_after_the_start(stack: Stack) -> None:
    stack.until(lambda: stack.value("SELECT count(*) FROM decisions"), "a decision")
    stack.until(lambda: stack.value("SELECT count(*) FROM orders"), "a trade", 180)
    stack.until(lambda: any(t.startswith("🤖 거래 실행\n") for t in stack.inbox()), "the trade is told")
    assert stack.inbox()[0].startswith("✅ 봇 시작됨\n")
    log = (stack.root / "logs" / "scheduler" / "scheduler.log").read_text()
    assert "✅ Telegram 시작 알림 전송 완료" in log


def test_the_start_is_examined_and_told_once(stack: Stack) -> None:
    def told() -> list[str]:
        return [text for text in stack.inbox() if text.startswith("🩺 시작 점검: ")]

    stack.until(told, "the start's examination is told", 180)
    (text,) = told()
    for line in ("✅ 거래소: 응답함", "✅ 손절·익절 점검: 마침", "✅ 로컬 수신함: 전달됨", "✅ 알람 규칙: "):
        assert line in text


@pytest.mark.parametrize("promql", PROMQL)
def test_every_line_of_the_contract_returns_figures(stack: Stack, promql: str) -> None:
    stack.until(lambda: _shows_a_figure(stack, promql), f"{promql} returns a figure")


def test_no_panel_is_empty_once_it_has_traded(stack: Stack) -> None:
    """A panel for which nothing is known says so. Here is known what each of them shows, but for those that say why."""
    panels = {(shown.board, shown.panel) for shown in queries()}
    told: set[tuple[str, str]] = set()

    def all_told() -> bool:
        for shown in queries():
            if (shown.board, shown.panel) not in told and _shows_a_figure(stack, shown.expression):
                told.add((shown.board, shown.panel))
        return told >= panels - EMPTY.keys() - SOMETIMES_EMPTY.keys()

    try:
        stack.until(all_told, "every panel shows a figure")
    finally:
        assert panels - told - SOMETIMES_EMPTY.keys() == EMPTY.keys()


def _shows_a_figure(stack: Stack, promql: str) -> bool:
    return any(found["value"][1] != "NaN" for found in stack.query(promql))


def test_every_rule_reads_what_is_there(stack: Stack) -> None:
    """Series, labels and values, as this Prometheus has them."""
    with contextlib.suppress(AssertionError):  # the list below says more
        stack.until(lambda: not exports.unmet(stack.labels), "all is scraped", 60)
    assert exports.unmet(stack.labels) == []


def test_what_is_said_of_series_that_are_not_ours_is_true(stack: Stack) -> None:
    assert exports.hearsay(stack.labels, stack.kind) == []


def test_nobody_counts_what_the_registry_does_not_know(stack: Stack) -> None:
    """Rules and queries read names; each name that is exported is one of the registry's."""
    from bongsu.metrics import METRICS

    known = {m.name for m in METRICS}
    for job in ("backend", "scheduler"):
        names = {r["metric"]["__name__"] for r in stack.query(f'{{job="{job}"}}')}
        ours = {n for n in names if not n.startswith(("process_", "python_", "scrape_", "up"))}
        plain = {re.sub("_(bucket|sum|count)$", "", n) if n not in known else n for n in ours}
        assert plain <= known


def test_no_secret_comes_near_a_log_a_ledger_or_a_message(stack: Stack) -> None:
    """It has started, traded and told: the filter found nothing to take out, so SecretLeak is silent."""
    stack.until(lambda: len(stack.query("secrets_redacted_total")) == 6, "both show all three sinks")
    assert stack.query("secrets_redacted_total > 0") == []


def test_a_secret_in_an_alarm_is_hidden_everywhere_and_the_owner_told_to_change_it(stack: Stack) -> None:
    """With the shipped rules and routes: from the leak to the message within a scrape, an evaluation and a route's wait."""
    canary = "123456789:" + "AbC-_" * 7
    alarm = {
        "status": "firing",
        "labels": {"alertname": canary, "severity": "info"},
        "startsAt": "2026-11-22T12:00:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "canary",
    }
    token = (stack.root / "state" / "api_token").read_text().strip()
    leak = urllib.request.Request(
        stack.url(8000, "/api/v1/alerts/webhook"),
        data=json.dumps({"version": "4", "alerts": [alarm]}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    urllib.request.urlopen(leak, timeout=60).close()
    took = stack.until(lambda: any("SecretLeak" in t for t in stack.inbox()), "SecretLeak arrives")
    print(f"from the leak to the message: {took:.0f} s")
    leaked = 'secrets_redacted_total{job="backend"} > 0'
    stack.until(lambda: len(stack.query(leaked)) == 3, "log, ledger and message have counted it")
    assert not any(canary in t for t in stack.inbox())
    assert canary not in (stack.root / "logs" / "backend" / "backend.log").read_text()


def test_no_counter_falls_when_processes_are_killed(stack: Stack) -> None:
    counters = "SELECT coalesce(jsonb_object_agg(name || labels::text, value), '{}') FROM metric_counter"
    before = stack.value(counters)
    for service in ("scheduler", "backend"):
        os.kill(stack.pid(service), signal.SIGKILL)
    stack.until(stack.all_ready, "both are back")
    stack.until(lambda: stack.query('up{job="backend"} == 1'), "the backend is scraped again")
    after = stack.value(counters)
    assert [name for name, value in before.items() if after[name] < value] == []
    # The market goes on while we look: three readings that agree are one moment.
    stack.until(
        lambda: total(stack) == float(stack.value("SELECT count(*) FROM orders WHERE executed_volume > 0")),
        "Prometheus and the database count the same trades",
        60,
    )


def total(stack: Stack) -> float | None:
    found = stack.query("sum(trades_total)")
    return float(found[0]["value"][1]) if found else None


def test_the_first_failure_of_a_job_is_told_at_once_and_rings(stack: Stack) -> None:
    stack.shorten_alarms()
    stack.until(
        lambda: stack.query('scheduler_job_failure_total{job_name="trading_job"}'), "the counter is scraped"
    )
    arm = urllib.request.Request(
        stack.url(8700, "/sandbox/faults"),
        data=json.dumps([{"kind": "error_before", "path": "/v1/ticker", "status": 500}]).encode(),
        method="PUT",
        headers={"Content-Type": "application/json"},
    )
    urllib.request.urlopen(arm, timeout=60).close()
    failed = "SELECT count(*) FROM job_runs WHERE outcome = 'failure' AND job_name = 'trading_job'"
    earlier = stack.value(failed)
    stack.until(lambda: stack.value(failed) > earlier, "the job fails")
    stack.until(lambda: any("시스템 에러" in t for t in stack.inbox()), "the bot tells it itself")
    disarm = urllib.request.Request(stack.url(8700, "/sandbox/faults"), method="DELETE")
    urllib.request.urlopen(disarm, timeout=60).close()
    stack.until(lambda: any("SchedulerJobFailed" in t for t in stack.inbox()), "the alarm arrives")
    said = [
        json.loads(line) for line in (stack.root / "logs/scheduler/scheduler.log").read_text().splitlines()
    ]
    runs = {line["run"] for line in said if line["message"] == "trading_job failed"}
    newest = failed.replace("count(*)", "max(id)")
    assert stack.value(newest) in runs, "a line says which run it belongs to"


def test_the_error_budgets_are_shown_once_their_requests_are_counted(stack: Stack) -> None:
    """With the pace of the short alarms."""
    shown = [one for one in queries() if (one.board, one.panel) in BUDGETS]
    assert len(shown) == 8
    for one in shown:
        stack.until(lambda one=one: _shows_a_figure(stack, one.expression), f"{one}")


def test_trades_alarms_and_restarts_are_marked_on_the_dashboards(stack: Stack) -> None:
    seen = {mark.panel: f"count_over_time(({mark.expression})[30m:10s])" for mark in marks()}
    assert set(seen) == {"거래", "알람", "재시작"}
    for name, ever in seen.items():
        stack.until(lambda ever=ever: stack.query(ever), f"a mark: {name}")


def test_a_stopped_scheduler_rings_and_comes_back(stack: Stack) -> None:
    heard = sum("SchedulerDown" in t for t in stack.inbox())
    stack.bongsu("stop", "scheduler")
    stack.until(lambda: any(t.startswith("🛑 봇 중지됨\n") for t in stack.inbox()), "the stop is told")
    stack.until(
        lambda: sum("SchedulerDown" in t for t in stack.inbox()) > heard, "SchedulerDown arrives", 240
    )
    stack.bongsu("start", "scheduler")
    stack.until(
        lambda: any(t.startswith("✅") and "SchedulerDown" in t for t in stack.inbox()), "it is resolved", 240
    )


def test_a_scheduler_killed_and_left_dead_rings(stack: Stack) -> None:
    heard = sum("SchedulerDown" in t for t in stack.inbox())
    environment = stack.root / ".env"
    environment.write_text("BONGSU_LANG=kr\nTELEGRAM_TOKN=1\n")  # so that it cannot come back
    os.kill(stack.pid("scheduler"), signal.SIGKILL)
    try:
        stack.until(
            lambda: sum("SchedulerDown" in t for t in stack.inbox()) > heard, "SchedulerDown arrives", 240
        )
        row = stack.services()["scheduler"]
        assert row["state"] == "failed"
        assert "BONGSU_LANG" in row["why"]
        assert "TELEGRAM_BOT_TOKEN" in row["why"], "the misspelt name is named with the right one"
    finally:
        environment.write_text("BONGSU_LANG=ko\n")
        stack.bongsu("start", "scheduler")


def test_every_panel_can_show_what_it_is_for(stack: Stack) -> None:
    """By the backend's own count, which it has once Prometheus has run for two minutes."""
    stack.until(lambda: stack.query("dashboard_panels_broken"), "the panels are looked at", 240)
    assert stack.query("dashboard_panels_broken > 0") == []


def test_it_goes_on_where_it_stopped(stack: Stack) -> None:
    stack.until(stack.all_ready, "all is well")
    before = (stack.ask(8700, "/sandbox/clock")["now"], stack.value("SELECT count(*) FROM orders"))
    world = stack.ask(8700, "/sandbox/world")["id"]
    stack.bongsu("down")
    said = stack.up()
    assert world in said
    assert stack.ask(8700, "/sandbox/clock")["now"] >= before[0]
    assert stack.value("SELECT count(*) FROM orders") >= before[1] > 0
    stack.until(
        lambda: stack.value("SELECT max(candle_closed_at)::text FROM decisions") > before[0][:10],
        "it decides on",
    )


def test_a_second_stack_is_refused_in_words(stack: Stack) -> None:
    again = stack.bongsu("up", "-d", "--port-offset", str(stack.offset), expect=69)
    assert "bongsu" in again
    elsewhere = {**stack.environment, "BONGSU_STATE_DIR": str(stack.root / "other")}
    taken = subprocess.run(
        [sys.executable, "-m", "bongsu", "up", "-d", "--port-offset", str(stack.offset)],
        env=elsewhere,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert taken.returncode == 69
    assert str(8000 + stack.offset) in taken.stderr
    assert str(stack.pid("backend")) in taken.stderr
