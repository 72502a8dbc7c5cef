"""The processes themselves: memory, delays, disk, the API."""

from bongsu.monitoring.dashboards import parts
from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    BYTES,
    GREEN,
    ORANGE,
    PER_SECOND,
    RED,
    SECONDS,
    SHARE,
    Limits,
    Query,
    bars,
    figure,
    lines,
)


def _now() -> Section:
    return Section(
        "지금",
        (
            figure(
                "수집 대상",
                "Prometheus가 지표를 가져올 수 있는지" + parts.runbook("MetricsNotCollected"),
                Query("up", "{{job}}"),
                words={"1": ("UP", GREEN), "0": ("DOWN", RED)},
            ).span(12),
            figure(
                "스케줄러 심장 박동 후",
                "스케줄러가 마지막으로 살아 있다고 알린 뒤 지난 시간" + parts.runbook("SchedulerDown"),
                Query("time() - scheduler_heartbeat_timestamp_seconds", "경과"),
                unit=SECONDS,
                limits=Limits(GREEN, ((15, ORANGE), (60, RED))),
            ).span(6),
            figure(
                "시작 횟수",
                "프로세스가 지금까지 시작한 횟수; 갑자기 늘면 죽고 살아나는 중입니다",
                Query("bot_process_starts_total", "{{process}}"),
                decimals=0,
            ).span(6),
        ),
    )


def _machine() -> Section:
    return Section(
        "자원",
        (
            lines(
                "메모리",
                "프로세스가 차지한 메모리",
                Query("process_resident_memory_bytes", "{{job}}"),
                unit=BYTES,
                crowded=True,
            ),
            lines(
                "CPU",
                "프로세스가 쓰는 CPU; 100%가 코어 하나",
                Query("rate(process_cpu_seconds_total[5m])", "{{job}}"),
                unit=SHARE,
                decimals=1,
                crowded=True,
            ),
            lines(
                "남은 디스크",
                "데이터와 로그가 놓인 디스크의 빈 공간",
                Query("disk_free_bytes / disk_size_bytes", "{{path}}"),
                unit=SHARE,
                decimals=1,
                limits=Limits(RED, ((0.05, ORANGE), (0.15, GREEN))),
            ),
            lines(
                "이벤트 루프 지연 (p99)",
                "스케줄러가 제때 깨어나지 못한 시간",
                Query("histogram_quantile(0.99, rate(scheduler_event_loop_lag_seconds_bucket[5m]))", "p99"),
                unit=SECONDS,
            ),
        ),
    )


def _api() -> Section:
    return Section(
        "API",
        (
            lines(
                "경로별 응답 시간 (p95)",
                "경로마다 95 백분위 응답 시간" + parts.runbook("SlowAPIResponse"),
                Query(
                    "histogram_quantile(0.95,"
                    " sum by (route, le) (rate(http_route_duration_seconds_bucket[5m])))",
                    "{{route}}",
                ),
                unit=SECONDS,
                crowded=True,
            ),
            lines(
                "초당 요청, 결과별",
                "응답 코드별 요청 수",
                Query("sum by (status) (rate(http_route_duration_seconds_count[5m]))", "{{status}}"),
                unit=PER_SECOND,
                colors={"5xx": RED, "4xx": ORANGE, "2xx": GREEN},
                stacked=True,
            ),
        ),
    )


def _jobs() -> Section:
    took = "scheduler_job_run_duration_seconds"
    return Section(
        "작업",
        (
            lines(
                "작업 실행 시간: 평균",
                "한 시간 동안 끝난 작업의 평균",
                Query(f"rate({took}_sum[1h]) / (rate({took}_count[1h]) > 0)", "{{job_name}}"),
                unit=SECONDS,
                crowded=True,
            ),
            lines(
                "작업 실행 시간: 최대",
                "한 시간 동안 본 가장 긴 실행; 돌고 있는 것도 셉니다" + parts.runbook("SchedulerJobSlow"),
                Query("max_over_time(scheduler_job_duration_seconds[1h])", "{{job_name}}"),
                unit=SECONDS,
                crowded=True,
            ),
            bars(
                "건너뛴 작업",
                "차례가 왔지만 시작하지 않은 횟수, 까닭별",
                Query("sum by (reason) (scheduler_job_skipped_total)", "{{reason}}"),
                decimals=0,
            ).span(24),
        ),
    )


def processes() -> Board:
    return Board(
        "processes",
        "bongsu-processes",
        "시스템 자원",
        "프로세스가 살아 있고 여유가 있는지 봅니다.",
        (_now(), _jobs(), _machine(), _api()),
    )
