"""Whether the owner is told: messages, alarms, and the way alarms take."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    GREEN,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    SECONDS,
    Limits,
    Query,
    bars,
    figure,
    lines,
    rows,
)


def _messages() -> Section:
    return Section(
        "메시지",
        (
            figure(
                "보낼 메시지",
                "아직 텔레그램에 보내지 못한 메시지",
                Query("notification_outbox_depth", "대기"),
                decimals=0,
                limits=Limits(GREEN, ((10, ORANGE), (50, RED))),
            ),
            figure(
                "가장 오래 기다린 메시지",
                "보내지 못한 메시지 가운데 가장 오래된 것의 나이",
                Query("notification_outbox_oldest_age_seconds", "나이"),
                unit=SECONDS,
                limits=Limits(GREEN, ((60, ORANGE), (300, RED))),
            ),
            figure(
                "포기한 메시지",
                "끝내 전하지 못한 메시지 수",
                Query("sum(notification_dead_letter_total)", "포기"),
                decimals=0,
                limits=NONE_IS_GOOD,
            ),
            figure(
                "마지막 일일 리포트 후",
                "하루를 넘기면 리포트가 빠진 것입니다",
                Query("time() - daily_report_last_sent_timestamp_seconds", "경과"),
                unit=SECONDS,
                limits=Limits(GREEN, ((86_400, ORANGE), (88_200, RED))),
            ),
            lines(
                "시간당 보낸 메시지",
                "한 시간 동안 전한 메시지, 종류별",
                Query("sum by (kind) (increase(notification_sent_total[1h]))", "{{kind}}"),
                decimals=1,
                stacked=True,
            ),
            lines(
                "전송 실패",
                "한 시간 동안 실패한 전송; 일시적인 것은 다시 보냅니다",
                Query(
                    'sum(increase(notification_failed_total{reason="temporary"}[1h]))', "일시적 (다시 보냄)"
                ),
                Query('sum(increase(notification_failed_total{reason="permanent"}[1h]))', "영구적"),
                decimals=1,
                colors={"영구적": RED},
            ),
        ),
    )


def _alarms() -> Section:
    return Section(
        "알람",
        (
            figure(
                "알람 경로 확인 후",
                "늘 울리는 Watchdog이 마지막으로 도착한 뒤 지난 시간; 길어지면 알람이 오지 못합니다",
                Query("time() - watchdog_last_received_timestamp_seconds", "경과"),
                unit=SECONDS,
                limits=Limits(GREEN, ((150, ORANGE), (300, RED))),
            ),
            figure(
                "알람 규칙",
                "Prometheus가 읽은 규칙과 있어야 할 규칙의 수",
                Query("monitoring_rules_loaded", "읽음"),
                Query("monitoring_rules_expected", "있어야 함"),
                decimals=0,
            ),
            figure(
                "연결된 Alertmanager",
                "Prometheus가 알람을 넘길 수 있는 Alertmanager 수",
                Query("prometheus_notifications_alertmanagers_discovered", "연결"),
                decimals=0,
                limits=Limits(RED, ((1, GREEN),)),
            ),
            figure(
                "전하지 못한 알람 (1시간)",
                "Alertmanager가 넘기지 못한 알람",
                Query("sum(increase(alertmanager_notifications_failed_total[1h]))", "실패"),
                decimals=0,
                limits=NONE_IS_GOOD,
            ),
            rows(
                "지금 울리는 알람",
                "대응 방법은 저장소의 docs/runbooks/ 에 알람 이름으로 있습니다",
                Query('ALERTS{alertstate="firing"}'),
                {"alertname": "알람", "severity": "심각도", "component": "부분"},
            ),
            lines(
                "알람 이력",
                "울리고 있던 알람, 이름별",
                Query('count by (alertname) (ALERTS{alertstate="firing"})', "{{alertname}}"),
                decimals=0,
                crowded=True,
                stacked=True,
            ),
            bars(
                "에러 종류",
                "지금까지 기록된 에러, 종류별",
                Query("bot_errors_total", "{{error_type}}"),
                decimals=0,
                limits=Limits(GREEN, ((1, ORANGE),)),
            )
            .span(24)
            .height(8),
        ),
    )


def notifications() -> Board:
    return Board(
        "notifications",
        "bongsu-notifications",
        "알림과 알람",
        "메시지와 알람이 주인에게 닿는지 봅니다.",
        (_messages(), _alarms()),
    )
