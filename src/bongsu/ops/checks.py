"""What `bongsu doctor` looks at, one function a check. Each answers what it found and how to repair it."""

import asyncio
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal

import httpx2
import yaml

from bongsu.adapters.second.mail import MailMessenger
from bongsu.core.channels import MailAccount
from bongsu.core.figures import kst_text
from bongsu.errors import NotDelivered, PortTaken, SettingsInvalid
from bongsu.ops.backup_check import backup
from bongsu.ops.language import say
from bongsu.ops.live.account import examine_account
from bongsu.ops.patient import Finding, Patient, verdict
from bongsu.ops.running import NoAnswer, ask, fetch
from bongsu.ops.stack import grafana
from bongsu.ops.stack.places import CHECKOUT
from bongsu.ops.stack.ports import require_free
from bongsu.ops.stack.services import SERVICES

_GIB = 1024**3
_LEAST_FREE = 2 * _GIB  # what metrics and logs of fifteen days take, with room
_OLDEST_MESSAGE = 300.0  # seconds

Check = Callable[[Patient], Iterator[Finding]]


def settings(patient: Patient) -> Iterator[Finding]:
    if not isinstance(patient.settings, SettingsInvalid):
        yield Finding("settings", "ok", say(".env의 설정이 모두 유효합니다", "every setting is valid"))
        return
    for fault in patient.settings.faults:
        repair = say(
            ".env를 고친 뒤: bongsu restart scheduler · bongsu restart backend",
            "Repair .env, then: bongsu restart scheduler · bongsu restart backend",
        )
        yield Finding("settings", "fail", fault, repair)


def python(_: Patient) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "ok", f"Python {version}")  # an older one cannot import us


def disk(patient: Patient) -> Iterator[Finding]:
    existing = next(p for p in (patient.places.storage, *patient.places.storage.parents) if p.exists())
    usage = shutil.disk_usage(existing)
    free, share = usage.free / _GIB, usage.free / usage.total
    detail = say(
        f"{existing}: {free:.1f} GB 남음 ({share:.0%})", f"{existing}: {free:.1f} GB free ({share:.0%})"
    )
    repair = say(
        '디스크를 비우세요. 오래된 로그: find logs/ -name "*.log" -mtime +30 -delete',
        'Free some space. Old logs: find logs/ -name "*.log" -mtime +30 -delete',
    )
    if usage.free < _LEAST_FREE / 4:
        yield Finding("disk", "fail", detail, repair)
    elif usage.free < _LEAST_FREE:
        yield Finding("disk", "warn", detail, repair)
    else:
        yield Finding("disk", "ok", detail)


def services(patient: Patient) -> Iterator[Finding]:
    if patient.in_containers:
        yield from _containers(patient)
        return
    if patient.services is None:
        yield from _not_running(patient)
        return
    for row in patient.services:
        detail = f"{row['service']}: {row['state']} {row['why']}".rstrip()
        name = row["service"]
        if row["state"] == "ready":
            yield Finding("services", "ok", detail)
        else:
            yield Finding("services", "fail", detail, f"bongsu logs {name} · bongsu restart {name}")


def _containers(patient: Patient) -> Iterator[Finding]:
    for name, url in asdict(patient.addresses).items():
        try:
            ask(url)
        except NoAnswer as silence:
            yield Finding("services", "fail", str(silence), f"bongsu ps · bongsu logs {name}")
        else:
            yield Finding("services", "ok", name)


def _not_running(patient: Patient) -> Iterator[Finding]:
    start = say("시작: make up", "start: make up")
    yield Finding("services", "fail", say("스택이 실행 중이 아닙니다", "the stack is not running"), start)
    try:
        wanted = (s for s in SERVICES if s.name != "grafana" or grafana.find())
        require_free({s.name: patient.places.port(s.port) for s in wanted})
    except PortTaken as taken:
        *lines, repair = str(taken).split("\n")
        for line in lines:
            yield Finding("ports", "warn", line, repair)
    else:
        yield Finding("ports", "ok", say("필요한 포트가 모두 비어 있습니다", "every port is free"))


def database(patient: Patient) -> Iterator[Finding]:
    for check in patient.ready["checks"]:
        if check["name"] in ("database", "schema"):
            repair = (
                "bongsu logs postgres · bongsu restart postgres"
                if check["name"] == "database"
                else "bongsu db upgrade"
            )
            yield verdict(check["name"], check["detail"], repair, ok=check["ok"])


def metrics(patient: Patient) -> Iterator[Finding]:
    where = f"{patient.addresses.backend}/metrics"
    repair = say(
        f"curl {where} 의 응답과 bongsu logs backend 를 확인하세요",
        f"look at curl {where} and bongsu logs backend",
    )
    up = patient.metric("ledger_up")
    detail = say(f"{where}: 원장 지표 ", f"{where}: ledger metrics ") + (
        say("정상", "served") if up == 1 else say("없음", "missing")
    )
    yield verdict("metrics", detail, repair, ok=up == 1)


def live(patient: Patient) -> Iterator[Finding]:
    """What `bongsu up --live` asks before it trades with real money, but for a message that really arrives."""
    chosen = patient.settings
    if isinstance(chosen, SettingsInvalid):
        yield Finding("live", "unknown", say("설정부터 고쳐야 합니다", "the settings come first"))
    elif not chosen.is_live:
        yield Finding("live", "ok", say("모의거래: 실제 돈을 쓰지 않습니다", "simulated: no real money"))
    else:
        yield from asyncio.run(examine_account(chosen, patient.places.state))


def exchange(patient: Patient) -> Iterator[Finding]:
    if patient.trades_live:
        return
    clock = patient.clock
    now = kst_text(datetime.fromisoformat(clock["now"]))
    detail = say(
        f"시장 시각 {now}, 속도 {clock['speed']}",
        f"market time {now} KST, speed {clock['speed']}",
    )
    if clock["ended"]:
        ended = say(f"재생이 끝났습니다 ({now})", f"the recording has ended ({now} KST)")
        yield Finding(
            "exchange",
            "warn",
            ended,
            say('새로 시작: make up ARGS="--fresh"', 'anew: make up ARGS="--fresh"'),
        )
    else:
        yield Finding("exchange", "ok", detail)


def world(patient: Patient) -> Iterator[Finding]:
    if patient.trades_live:
        return
    played = fetch(f"{patient.addresses.exchange}/sandbox/world")["id"]
    recorded = patient.status["world"]
    detail = say(f"거래소 {played}, 원장 {recorded}", f"exchange {played}, ledger {recorded}")
    repair = say(
        "원장과 거래소의 세계가 다릅니다. bongsu down 후 그 세계의 옵션으로 다시 시작하세요",
        "Ledger and exchange are of two worlds: bongsu down, then start with that world's options",
    )
    yield verdict("world", detail, repair, ok=played == recorded)


def scheduler(patient: Patient) -> Iterator[Finding]:
    repair = "bongsu logs scheduler · bongsu restart scheduler"
    beat = next((p for p in patient.status["processes"] if p["process"] == "scheduler"), None)
    if beat is None:
        yield Finding("scheduler", "fail", say("시작된 적이 없습니다", "it never started"), repair)
        return
    age = f"{Decimal(beat['age_seconds']):.0f}"
    detail = say(f"마지막 심장 박동 {age}초 전", f"last heartbeat {age} s ago")
    yield verdict("scheduler", detail, repair, ok=beat["alive"])


def jobs(patient: Patient) -> Iterator[Finding]:
    for job in patient.status["jobs"]:
        if job["outcome"] == "failure":
            detail = say(
                f"{job['name']}: 마지막 실행 실패 ({job['reason']})",
                f"{job['name']}: the last run failed ({job['reason']})",
            )
            yield Finding("jobs", "warn", detail, "bongsu logs scheduler")
        elif job["run_id"] is None:
            waits = say(f"{job['name']}: 아직 실행되지 않음", f"{job['name']}: not run yet")
            yield Finding("jobs", "ok", waits)
        else:
            fine = job["outcome"] or say("실행 중", "running")
            yield Finding("jobs", "ok", f"{job['name']}: {fine}")


def trading(patient: Patient) -> Iterator[Finding]:
    state = patient.status["state"]
    reasons = "; ".join(reason["text"] for reason in patient.status["idle"]) or state
    if state == "blocked":
        yield Finding("trading", "warn", reasons, "bongsu status")
    else:
        yield Finding("trading", "ok", reasons)


def telegram(patient: Patient) -> Iterator[Finding]:
    chosen = patient.settings
    if isinstance(chosen, SettingsInvalid):
        yield Finding("telegram", "unknown", say("설정부터 고쳐야 합니다", "the settings come first"))
    elif not chosen.telegram_enabled:
        fetch(f"{patient.addresses.exchange}/sandbox/inbox", limit=1)
        yield Finding(
            "telegram",
            "ok",
            say("로컬 수신함으로 보냅니다 (bongsu inbox)", "to the local inbox (bongsu inbox)"),
        )
    else:
        assert chosen.telegram_bot_token is not None  # the settings refuse it otherwise
        token = chosen.telegram_bot_token.get_secret_value()
        yield from _telegram_account(f"{patient.telegram_url}/bot{token}", str(chosen.telegram_chat_id))


def _telegram_account(api: str, chat: str) -> Iterator[Finding]:
    me = ask(f"{api}/getMe")
    if me.is_error:
        detail = say(
            f"토큰이 거부되었습니다 (HTTP {me.status_code})", f"the token is refused (HTTP {me.status_code})"
        )
        repair = say(
            "bongsu telegram setup 에 @BotFather의 토큰을 다시 입력하고 bongsu restart scheduler",
            "Type @BotFather's token into bongsu telegram setup again, then bongsu restart scheduler",
        )
        yield Finding("telegram", "fail", detail, repair)
        return
    found = ask(f"{api}/getChat", chat_id=chat)
    if found.is_error:
        repair = say(
            "봇에게 /start를 보낸 뒤 bongsu telegram setup (TELEGRAM_CHAT_ID를 찾아 적습니다)",
            "Send /start to the bot, then bongsu telegram setup (it finds and writes TELEGRAM_CHAT_ID)",
        )
        detail = say(f"채팅을 찾을 수 없습니다 ({chat})", f"no such chat ({chat})")
        yield Finding("telegram", "fail", detail, repair)
        return
    yield _reach_of(chat, found)


def _reach_of(chat: str, found: httpx2.Response) -> Finding:
    """Alertmanager sends two alarms past the bot, and knows chats by number only."""
    if not chat.startswith("@"):
        return Finding("telegram", "ok", say("토큰과 채팅 ID가 맞습니다", "token and chat id are right"))
    detail = say(
        f"{chat} 로 보냅니다. 다만 알람 서버가 직접 보내는 알람(MetricsNotCollected, PostgresDown)은 가지 않습니다",
        f"sends to {chat}; what the alarm server sends itself (MetricsNotCollected, PostgresDown) does not arrive there",
    )
    number = found.json()["result"]["id"]
    repair = say(
        f".env의 TELEGRAM_CHAT_ID를 {number} 로 바꾸고 bongsu restart alertmanager",
        f"Set TELEGRAM_CHAT_ID={number} in .env; bongsu restart alertmanager",
    )
    return Finding("telegram", "warn", detail, repair)


def commands(patient: Patient) -> Iterator[Finding]:
    """Whether the bot would listen to its owner's chat."""
    chosen = patient.settings
    if isinstance(chosen, SettingsInvalid):
        yield Finding("commands", "unknown", say("설정부터 고쳐야 합니다", "the settings come first"))
    elif not chosen.command_users:
        off = say(
            "텔레그램 명령을 받지 않습니다 (TELEGRAM_ALLOWED_USERS가 비어 있음)",
            "no commands are heard (TELEGRAM_ALLOWED_USERS is empty)",
        )
        yield Finding("commands", "ok", off)
    elif chosen.telegram_enabled:
        number = len(chosen.command_users)
        yield Finding(
            "commands",
            "ok",
            say(
                f"사용자 {number}명의 명령을 1:1 대화에서 받습니다", f"{number} users may command, in private"
            ),
        )
    else:
        local = say("로컬 대화에서 명령을 받습니다 (bongsu say /help)", "locally (bongsu say /help)")
        yield Finding("commands", "ok", local)


def channels(patient: Patient) -> Iterator[Finding]:
    """What tells the owner when Telegram does not."""
    chosen = patient.settings
    if isinstance(chosen, SettingsInvalid):
        yield Finding("channels", "unknown", say("설정부터 고쳐야 합니다", "the settings come first"))
        return
    if not chosen.routes:
        none = say(
            "둘째 경로가 없습니다. 텔레그램이 고장 나면 알릴 길이 없습니다 (SMTP_HOST, WEBHOOK_URL)",
            "no second channel: when Telegram breaks, nothing tells you (SMTP_HOST, WEBHOOK_URL)",
        )
        yield Finding("channels", "ok", none)
    if chosen.mail_account is not None:
        yield _mail(chosen.mail_account)
    if chosen.webhook_url is not None:
        preset = chosen.webhook_preset
        yield Finding("channels", "ok", say(f"웹훅({preset})이 켜져 있습니다", f"webhook ({preset}) is set"))
    if chosen.routes:
        yield from _waiting(patient)


def _waiting(patient: Patient) -> Iterator[Finding]:
    try:
        oldest = patient.metric("second_channel_oldest_age_seconds")
    except NoAnswer:
        return  # another check says so
    if oldest is not None and oldest > _OLDEST_MESSAGE:
        late = say(
            f"둘째 경로의 알림이 {oldest:.0f}초 동안 나가지 못했습니다",
            f"a message has waited there for {oldest:.0f} s",
        )
        yield Finding("channels", "warn", late, "bongsu outbox list --waiting · bongsu outbox test")


def _mail(account: MailAccount) -> Finding:
    """Connects and logs in: what is wrong shows before it is needed."""
    where = f"{account.host}:{account.port}"
    try:
        asyncio.run(MailMessenger(account).probe())
    except NotDelivered as failure:
        repair = say(".env의 SMTP_ 설정을 고치세요", "repair SMTP_… in .env")
        return Finding("channels", "fail", f"{where}: {failure}", f"{repair} · bongsu restart scheduler")
    return Finding("channels", "ok", say(f"메일 서버에 로그인했습니다 ({where})", f"logged in to {where}"))


def outbox(patient: Patient) -> Iterator[Finding]:
    depth = patient.metric("notification_outbox_depth")
    age = patient.metric("notification_outbox_oldest_age_seconds")
    if depth is None or age is None:
        yield Finding("outbox", "unknown", say("지표가 없습니다", "no metrics"))
        return
    repair = say(
        "bongsu logs scheduler | grep Telegram 에서 실패 이유를 보세요",
        "see bongsu logs scheduler | grep Telegram",
    )
    detail = say(
        f"보낼 알림 {depth:.0f}건, 가장 오래된 것 {age:.0f}초",
        f"{depth:.0f} messages wait, the oldest for {age:.0f} s",
    )
    yield verdict("outbox", detail, repair, ok=age <= _OLDEST_MESSAGE, otherwise="warn")
    if dead := patient.metric("notification_dead_letters"):
        given_up = say(f"전송을 포기한 알림 {dead:.0f}건", f"{dead:.0f} messages were given up")
        yield Finding("outbox", "warn", given_up, "bongsu outbox list --dead · bongsu outbox resend --all")


def prometheus(patient: Patient) -> Iterator[Finding]:
    for target in fetch(f"{patient.addresses.prometheus}/api/v1/targets", state="active")["data"][
        "activeTargets"
    ]:
        job = target["labels"]["job"]
        if target["health"] == "up":
            yield Finding("prometheus", "ok", f"{job}: up")
        elif target["health"] == "unknown":
            first = say(f"{job}: 아직 수집 전입니다", f"{job}: not scraped yet")
            yield Finding("prometheus", "unknown", first)
        else:
            yield Finding(
                "prometheus",
                "fail",
                f"{job}: {target['lastError']}",
                f"bongsu ps · bongsu restart {_SCRAPED_AT.get(job, job)}",
            )


_SCRAPED_AT = {"postgres": "postgres-exporter"}


def rules(patient: Patient) -> Iterator[Finding]:
    groups = fetch(f"{patient.addresses.prometheus}/api/v1/rules", type="alert")["data"]["groups"]
    loaded = {rule["name"] for group in groups for rule in group["rules"]}
    wanted = _rules_in_file()
    detail = say(f"경보 규칙 {len(loaded)}개 적재", f"{len(loaded)} alert rules loaded")
    if missing := wanted - loaded:
        detail += say(", 빠진 것: ", ", missing: ") + ", ".join(sorted(missing))
    if foreign := loaded - wanted:
        detail += say(", 파일에 없는 것: ", ", not in the file: ") + ", ".join(sorted(foreign))
    repair = say(
        "monitoring/alert_rules.yml을 확인하고 bongsu restart prometheus",
        "check monitoring/alert_rules.yml, then bongsu restart prometheus",
    )
    yield verdict("rules", detail, repair, ok=loaded == wanted)


def _rules_in_file() -> set[str]:
    written = yaml.safe_load((CHECKOUT / "monitoring/alert_rules.yml").read_text(encoding="utf-8"))
    return {rule["alert"] for group in written["groups"] for rule in group["rules"] if "alert" in rule}


def alertmanager(patient: Patient) -> Iterator[Finding]:
    alive = ask(f"{patient.addresses.alertmanager}/-/ready").is_success
    yield verdict("alertmanager", patient.addresses.alertmanager, "bongsu restart alertmanager", ok=alive)
    known = fetch(f"{patient.addresses.prometheus}/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    detail = (
        say("Prometheus가 Alertmanager를 찾았습니다", "Prometheus knows it")
        if known
        else say("Prometheus가 Alertmanager를 모릅니다", "Prometheus does not know it")
    )
    yield verdict("alertmanager", detail, "bongsu restart prometheus", ok=bool(known))


def watchdog(patient: Patient) -> Iterator[Finding]:
    """Whether an alarm would arrive, from the rule to the bot."""
    seen = patient.status["monitoring"]
    age = seen["watchdog_age_seconds"]
    detail = (
        say("Watchdog 신호가 아직 없습니다", "no Watchdog yet")
        if age is None
        else say(f"마지막 Watchdog 신호 {float(age):.0f}초 전", f"last Watchdog {float(age):.0f} s ago")
    )
    repair = "bongsu restart prometheus · bongsu restart alertmanager · docs/runbooks/MonitoringBlind.md"
    if seen["blind"]:
        yield Finding("watchdog", "fail", detail, repair)
    else:
        yield Finding("watchdog", "unknown" if age is None else "ok", detail)


def deadman(patient: Patient) -> Iterator[Finding]:
    chosen = patient.settings
    if isinstance(chosen, SettingsInvalid):
        yield Finding("deadman", "unknown", say("설정부터 고쳐야 합니다", "the settings come first"))
    elif chosen.deadman_url is None:
        none = say(
            "외부 생존 확인이 없습니다. 이 컴퓨터가 통째로 멈추면 아무도 알리지 못합니다 (DEADMAN_URL)",
            "no dead-man's switch: when this machine dies, nobody tells you (DEADMAN_URL)",
        )
        yield Finding("deadman", "ok", none)
    else:
        yield Finding("deadman", "ok", say("외부 생존 확인이 켜져 있습니다", "the dead-man's switch is set"))


def alerts(patient: Patient) -> Iterator[Finding]:
    for alert in patient.status["firing"]:
        yield Finding(
            "alerts", "warn", f"{alert['name']}: {alert['summary']}", alert["runbook_url"] or "bongsu status"
        )
    if not patient.status["firing"]:
        yield Finding("alerts", "ok", say("울리는 경보가 없습니다", "no alert is firing"))


CHECKS: tuple[Check, ...] = (
    settings,
    python,
    disk,
    services,
    database,
    exchange,
    world,
    live,
    scheduler,
    trading,
    jobs,
    telegram,
    commands,
    outbox,
    channels,
    metrics,
    prometheus,
    rules,
    alertmanager,
    watchdog,
    deadman,
    backup,
    alerts,
)  # fmt: skip


def examine(patient: Patient, check: Check) -> list[Finding]:
    """What could not be asked for is not well: it is unknown, and says who did not answer."""
    name = check.__name__
    try:
        return list(check(patient))
    except NoAnswer as silent:
        detail = say(f"확인하지 못했습니다: {silent}", f"could not be checked: {silent}")
    except (KeyError, TypeError, ValueError, OSError) as odd:
        detail = say(f"확인하지 못했습니다: {odd!r}", f"could not be checked: {odd!r}")
    return [Finding(name, "unknown", detail, "bongsu ps")]
