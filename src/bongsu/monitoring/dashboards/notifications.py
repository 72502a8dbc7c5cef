"""Whether the owner is told: messages, alarms, and the way alarms take."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    NONE_IS_GOOD,
    PER_SECOND,
    SECONDS,
    SOME_IS_FINE,
    Limits,
    Query,
    figure,
    lines,
    rows,
    runbook,
)
from bongsu.monitoring.dashboards.shapes import age, hourly, still, tally
from bongsu.monitoring.dashboards.words import GREEN, RED, SEVERITIES


def _messages() -> Section:
    waiting = figure(
        "보낼 메시지",
        "아직 텔레그램에 보내지 못한 메시지",
        Query("notification_outbox_depth", "대기"),
        limits=Limits.rising(10, 50),
    )
    oldest = figure(
        "가장 오래 기다린 메시지",
        "보내지 못한 메시지 가운데 가장 오래된 것의 나이" + runbook("NotificationBacklog"),
        Query("notification_outbox_oldest_age_seconds", "나이"),
        unit=SECONDS,
        limits=Limits.rising(60, 300),
    )
    dead = figure(
        "포기한 메시지",
        "한 경로라도 전하지 못하고 포기한 메시지; bongsu outbox resend 로 다시 보냅니다"
        + runbook("NotificationChannelBroken"),
        Query("notification_dead_letters", "포기"),
        limits=NONE_IS_GOOD,
    )
    report = age(
        "마지막 일일 리포트 후",
        "24시간 30분을 넘기면 리포트가 빠진 것입니다" + runbook("DailyReportMissed"),
        "daily_report_last_sent_timestamp_seconds",
        Limits.rising(86_400, 88_200),
    )
    sent = hourly(
        "시간당 보낸 메시지",
        "한 시간 동안 전한 메시지, 종류별",
        "notification_sent_total",
        "kind",
        crowded=True,
    )
    failed = lines(
        "전송 실패",
        "한 시간 동안 실패한 전송; 일시적인 것은 다시 보냅니다" + runbook("NotificationChannelBroken"),
        Query('sum(increase(notification_failed_total{reason="temporary"}[1h]))', "일시적 (다시 보냄)"),
        Query('sum(increase(notification_failed_total{reason="permanent"}[1h]))', "영구적"),
        decimals=1,
        colors={"영구적": RED},
    )
    return Section("메시지", (waiting, oldest, dead, report, sent, failed))


def _second() -> Section:
    sent = hourly(
        "둘째 경로로 보낸 메시지",
        "한 시간 동안 메일이나 웹훅으로 전한 메시지; 켜지 않은 경로는 0입니다",
        "second_channel_sent_total",
        "channel",
    )
    failed = hourly(
        "둘째 경로의 전송 실패",
        "한 시간 동안 메일이나 웹훅이 받아 주지 않은 횟수; 메시지는 보관하고 다시 보냅니다",
        "second_channel_failed_total",
        "channel",
    )
    oldest = lines(
        "둘째 경로에서 기다린 시간",
        "메일이나 웹훅으로 나가야 했던 때부터 가장 오래 기다린 메시지",
        Query("second_channel_oldest_age_seconds", "{{channel}}"),
        unit=SECONDS,
    )
    return Section("둘째 경로", (sent, failed, oldest))


def _path() -> Section:
    watchdog = age(
        "알람 경로 확인 후",
        "늘 울리는 Watchdog이 마지막으로 도착한 뒤 지난 시간; 길어지면 알람이 오지 못합니다"
        + runbook("Watchdog", "MonitoringBlind"),
        "watchdog_last_received_timestamp_seconds",
        Limits.rising(150, 300),
    )
    rules = figure(
        "알람 규칙",
        "Prometheus가 읽은 규칙과 이 버전의 규칙 수의 차이" + runbook("RulesNotLoaded"),
        Query("abs(monitoring_rules_loaded - monitoring_rules_expected)", "차이"),
        limits=NONE_IS_GOOD,
        words={"0": ("모두 읽음", GREEN)},
    )
    panels = figure(
        "고장 난 패널",
        "대시보드에서 값을 보여 주지 못하는 패널 수; 이름은 backend 로그에 있습니다"
        + runbook("DashboardBroken"),
        Query("dashboard_panels_broken", "패널"),
        limits=NONE_IS_GOOD,
        words={"0": ("모두 보임", GREEN)},
    )
    known = figure(
        "연결된 Alertmanager",
        "Prometheus가 알람을 넘길 수 있는 Alertmanager 수" + runbook("MonitoringUnwell"),
        Query("prometheus_notifications_alertmanagers_discovered", "연결"),
        limits=Limits(RED, ((1, GREEN),)),
    )
    lost = figure(
        "알람 전달 실패 (1시간)",
        "Alertmanager가 넘기지 못한 시도; 될 때까지 다시 시도합니다" + runbook("MonitoringUnwell"),
        Query("sum(increase(alertmanager_notifications_failed_total[1h]))", "실패"),
        limits=SOME_IS_FINE,
    )
    beside = (watchdog.span(6), rules.span(4), panels.span(4), known.span(5), lost.span(5))
    return Section("알람이 오는 길", beside)


def _alarms() -> Section:
    firing = rows(
        "지금 울리는 알람",
        "대응 방법은 저장소의 docs/runbooks/ 에 알람 이름으로 있습니다",
        Query('ALERTS{alertstate="firing"}'),
        {"alertname": "알람", "severity": "심각도", "component": "부분"},
        SEVERITIES,
    )
    history = lines(
        "알람 이력",
        "울리고 있던 알람, 이름별; Watchdog은 늘 울립니다",
        still("count by (alertname) ({})", 'ALERTS{alertstate="firing"}', "{{alertname}}"),
        crowded=True,
        stacked=True,
    )
    rate = lines(
        "에러 발생률",
        "5분 동안 초당 기록된 에러; 0.1건을 넘으면 알람" + runbook("HighErrorRate"),
        Query("sum(rate(bot_errors_total[5m]))", "에러"),
        unit=PER_SECOND,
        limits=Limits(GREEN, ((0.1, RED),)),
    )
    kinds = tally(
        "에러 종류",
        "지금까지 기록된 에러, 종류별" + runbook("BotErrorBurst"),
        "bot_errors_total",
        "error_type",
        limits=SOME_IS_FINE,
    )
    leaked = tally(
        "가려진 비밀 값",
        "프로세스가 시작한 뒤로 비밀 값을 가린 글; 하나라도 있으면 그 키를 바꾸세요" + runbook("SecretLeak"),
        "secrets_redacted_total",
        "sink",
        limits=NONE_IS_GOOD,
    )
    counts = (rate.span(8), kinds.span(8).height(8), leaked.span(8).height(8))
    return Section("알람과 에러", (firing, history, *counts))


def notifications() -> Board:
    return Board(
        "notifications",
        "bongsu-notifications",
        "알림과 알람",
        "메시지와 알람이 주인에게 닿는지 봅니다.",
        (_messages(), _path(), _alarms(), _second()),
    )
