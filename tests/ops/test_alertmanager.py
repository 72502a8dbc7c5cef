"""Who is told of what, and what silences what: asked of the real Alertmanager."""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from bongsu.core.tradingday import KST
from bongsu.ledger.voice import Voice
from bongsu.ops.stack import alarm_tools
from bongsu.ops.stack.places import CHECKOUT
from bongsu.ops.stack.render import TelegramAccount
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN
from ops.alertmanager import TOKEN, Alertmanager, Hook, find_tool, open_hook, run_alertmanager, until
from stand_in import StandIn

# Source ⇒ what it silences, by name. The four of NEVER are silenced by nothing at all.
SILENCED = {
    "MetricsNotCollected": {
        *(
            "SchedulerDown",
            "SchedulerHeartbeatStale",
            "SchedulerJobSlow",
            "JobHung",
            "JobFailed",
            "JobMissed",
        ),
        *("AIDecisionStalled", "SlowAPIResponse", "StaleMarketData", "CircuitBreakerTripped"),
        *("PortfolioDrawdown", "NotificationBacklog", "DailyReportMissed", "LLMCostRunaway", "ClockSkew"),
        *("ExchangeMaintenance", "MarketSuspended", "ApiKeyExpiring", "DashboardBroken"),
        *("APIErrorBudgetBurn", "BackupMissed"),
    },
    "PostgresDown": {
        *("SchedulerDown", "DBSlow", "DBPoolExhausted", "PostgresTooManyConnections", "PostgresDeadlocks"),
        *("PostgresIdleInTransaction", "HighErrorRate", "NotificationBacklog", "JobMissed"),
        *("DashboardBroken", "APIErrorBudgetBurn", "BackupMissed"),
    },
    "TargetDown": {"DashboardBroken"},
    "SchedulerDown": {"SchedulerHeartbeatStale", "JobMissed", "AIDecisionStalled", "StaleMarketData"},
    "ExchangeMaintenance": {
        *("ExchangeErrors", "ExchangeErrorBudgetBurn", "StaleMarketData", "AIDecisionStalled"),
    },
}
NEVER = ["PositionUnprotected", "OrderOutcomeUnknown", "LedgerMismatch", "Watchdog"]
OTHERS = ["OrderRejected", "ExchangeBanned", "DiskWillFill", "RestartLoop"]
EVERY = sorted({*SILENCED, *NEVER, *OTHERS, *(name for names in SILENCED.values() for name in names)})


@pytest.fixture
def hook() -> Iterator[Hook]:
    with open_hook() as opened:
        yield opened


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    """Tells nobody; it is asked."""
    nowhere = "http://127.0.0.1:1"
    with started(tmp_path_factory.mktemp("asked"), f"{nowhere}/hook", nowhere) as running:
        yield running


def started(directory: Path, hook: str, telegram: str) -> AbstractContextManager[Alertmanager]:
    account = TelegramAccount(telegram, SANDBOX_TOKEN, SANDBOX_CHAT, Voice("ko", "sandbox"))
    return run_alertmanager(find_tool(alarm_tools.ALERTMANAGER), directory, hook, account)


def alarm(name: str, severity: str = "warning", **labels: str) -> dict[str, str]:
    return {"alertname": name, "severity": severity, "component": "test", **labels}


@pytest.fixture
def firing(server: Alertmanager) -> Iterator[list[dict[str, str]]]:
    """What a test let fire ends with it."""
    fired: list[dict[str, str]] = []
    yield fired
    server.post(*fired, ended=True)
    until(lambda: server.silenced() == set(), "all of it ends", 60)


def silenced_by(server: Alertmanager, firing: list[dict[str, str]], *alarms: dict[str, str]) -> set[str]:
    """Alertmanager looks at one alarm after the other: when the last pair is seen to, all before it are."""
    last = [alarm("Last", severity, job_name=str(len(firing))) for severity in ("critical", "warning")]
    firing += [*alarms, *last]
    server.post(*alarms)
    server.post(*last)
    until(lambda: f"Last {last[0]['job_name']}" in server.silenced(), "the last pair is seen to", 60)
    return {name for name in server.silenced() if not name.startswith("Last ")}


@pytest.mark.parametrize("source", SILENCED)
def test_an_outage_silences_what_follows_from_it_and_nothing_else(
    server: Alertmanager, firing: list[dict[str, str]], source: str
) -> None:
    others = [alarm(name) for name in EVERY if name not in SILENCED]
    assert silenced_by(server, firing, *others) == set(), "nothing silences without a cause"
    assert silenced_by(server, firing, alarm(source, "critical")) == SILENCED[source] - set(SILENCED)
    also = [name for name in SILENCED if name != source]  # causes themselves, some of them silenced
    told = silenced_by(server, firing, *map(alarm, also))
    assert SILENCED[source] <= told
    assert not told & set(NEVER)


def test_a_failed_job_is_told_once_and_another_job_still_is(
    server: Alertmanager, firing: list[dict[str, str]]
) -> None:
    told = silenced_by(
        server,
        firing,
        alarm("SchedulerJobFailed", "critical", job_name="trading_job"),
        alarm("JobFailed", job_name="trading_job"),
        alarm("JobFailed", job_name="portfolio_job"),
    )
    assert told == {"JobFailed trading_job"}


@pytest.mark.parametrize("graver", ["critical", "warning"])
@pytest.mark.parametrize("milder", ["warning", "info"])
def test_of_one_alarm_only_the_gravest_is_told(
    server: Alertmanager, firing: list[dict[str, str]], graver: str, milder: str
) -> None:
    told = silenced_by(
        server,
        firing,
        *[alarm("DiskWillFill", severity, path="data") for severity in (graver, milder)],
        alarm("DiskWillFill", milder, path="logs"),
        *[alarm(name, severity) for name in NEVER for severity in (graver, milder)],
    )
    assert told == ({"DiskWillFill"} if graver != milder else set())


def test_a_scheduler_that_is_away_takes_nothing_from_the_dashboards(
    server: Alertmanager, firing: list[dict[str, str]]
) -> None:
    away = [alarm("TargetDown", job=job) for job in ("scheduler", "postgres")]
    broken = alarm("DashboardBroken")
    assert silenced_by(server, firing, away[0], broken) == set()
    assert silenced_by(server, firing, away[1]) == {"DashboardBroken"}


def test_two_markets_are_two_subjects(server: Alertmanager, firing: list[dict[str, str]]) -> None:
    held = alarm("MarketSuspended", "critical", market="KRW-ETH", state="suspended")
    others = [alarm("MarketSuspended", market=market, state="warning") for market in ("KRW-ETH", "KRW-BTC")]
    assert silenced_by(server, firing, held, others[1]) == set()
    assert silenced_by(server, firing, others[0]) == {"MarketSuspended"}


def test_two_limits_are_two_subjects(server: Alertmanager, firing: list[dict[str, str]]) -> None:
    weekly = alarm("CircuitBreakerTripped", "critical", scope="weekly")
    assert silenced_by(server, firing, weekly, alarm("CircuitBreakerTripped", scope="daily")) == set()


def test_the_list_here_is_the_list_that_is_shipped() -> None:
    shipped = yaml.safe_load((CHECKOUT / "monitoring/alertmanager.yml.tmpl").read_text())["inhibit_rules"]
    named = {m for rule in shipped for m in rule["target_matchers"] if m.startswith("alertname =")}
    names = {n for m in named for n in m.partition('"')[2].rstrip('"').split("|")}
    assert names == set.union(*SILENCED.values())


@pytest.fixture
def telling(hook: Hook, stand_in: StandIn, tmp_path: Path) -> Iterator[Alertmanager]:
    with started(tmp_path, hook.url, f"{stand_in.url}/telegram") as running:
        yield running


def test_everything_arrives_grouped_and_two_arrive_past_the_bot(
    telling: Alertmanager, hook: Hook, stand_in: StandIn
) -> None:
    """The hook is busy at first: what it refused comes again, and what is silenced never comes."""
    hook.refusals = 3
    loops = [alarm("RestartLoop", "critical", process=p) for p in ("backend", "scheduler")]
    outage = [alarm(name, "critical") for name in ("MetricsNotCollected", "PostgresDown")]
    first = [*outage, *loops, alarm("Watchdog", "none")]
    all_of_them = [*first, alarm("JobMissed")]
    telling.post(*first)
    until(lambda: {"RestartLoop", *map(name_of, outage)} <= set(hook.alerts()), "all are told", 60)
    # Alarms that begin long ago are told at once, before Alertmanager has seen what came with them.
    telling.post(*all_of_them)
    heard = hook.alerts().count("Watchdog")
    until(lambda: hook.alerts().count("Watchdog") >= heard + 3, "the watchdog comes again and again", 60)
    until(lambda: len(stand_in.received()) >= 2, "two come directly", 60)

    assert hook.tokens == {f"Bearer {TOKEN}"}
    assert "JobMissed" not in hook.alerts()
    groups = [
        (p["receiver"], {name_of(a["labels"]) for a in p["alerts"]}, len(p["alerts"])) for p in hook.taken
    ]
    assert ("outbox", {"RestartLoop"}, 2) in groups
    assert {receiver for receiver, names, _ in groups if "Watchdog" in names} == {"watchdog"}
    assert_told_directly(sorted(message.text for message in stand_in.received()))

    telling.post(*all_of_them, ended=True)
    until(lambda: stand_in.received()[-1].text.startswith("✅ 경보 해제"), "its end, too", 60)
    until(lambda: "RestartLoop" in hook.alerts("resolved"), "and at the hook", 60)
    assert "Watchdog" not in hook.alerts("resolved"), "its end is no sign of life"


def assert_told_directly(texts: list[str]) -> None:
    assert len(texts) == 2
    lines = texts[0].splitlines()
    since = lines.pop(4)
    assert re.fullmatch(r"발생: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", since)
    told = datetime.fromisoformat(since.removeprefix("발생: ")).replace(tzinfo=KST)
    assert timedelta(minutes=2) <= datetime.now(KST) - told < timedelta(minutes=3)
    assert lines == [
        "🔴 경보 발생",
        "━" * 20,
        "경보: MetricsNotCollected <요약> (MetricsNotCollected)",
        "내용: 값은 3 & 4",
        "대응 방법: docs/runbooks/MetricsNotCollected.md",
        "안내: 봇을 거치지 않고 알람 서버가 직접 보냈습니다.",
        "모드: 모의거래",
    ]


def name_of(labels: Mapping[str, str]) -> str:
    return labels["alertname"]
