"""The processes themselves: memory, delays, disk, the API."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    BYTES,
    NONE_IS_GOOD,
    SECONDS,
    SHARE,
    Limits,
    Query,
    bars,
    figure,
    lines,
    runbook,
)
from bongsu.monitoring.dashboards.shapes import age, burn, per_second, percentile, tally
from bongsu.monitoring.dashboards.words import GREEN, ORANGE, RED, UP_DOWN

_TOOK = "scheduler_job_run_duration_seconds"
_ALLOWED = "(1.2 * scheduler_job_interval_seconds + scheduler_job_deadline_seconds)"


def _now() -> Section:
    targets = figure(
        "수집 대상",
        "Prometheus가 지표를 가져올 수 있는지" + runbook("MetricsNotCollected", "TargetDown"),
        Query("up", "{{job}}"),
        words=UP_DOWN,
    )
    heartbeat = age(
        "스케줄러 심장 박동 후",
        "스케줄러가 마지막으로 살아 있다고 알린 뒤 지난 시간" + runbook("SchedulerHeartbeatStale"),
        "scheduler_heartbeat_timestamp_seconds",
        Limits.rising(30, 45),
    )
    starts = figure(
        "시작 횟수",
        "프로세스가 지금까지 시작한 횟수; 갑자기 늘면 죽고 살아나는 중입니다" + runbook("RestartLoop"),
        Query("bot_process_starts_total", "{{process}}"),
    )
    settings = figure(
        "설정",
        "backend와 스케줄러가 같은 설정으로 도는지" + runbook("ConfigMismatch"),
        Query("count(count by (config_hash) (bot_config_info))", "설정"),
        words={"1": ("모두 같음", GREEN), "2": ("서로 다름", RED)},
    )
    backup = figure(
        "백업 시한까지",
        "매일 하는 원장 백업이 만들어져야 하는 때까지 남은 시간; 0보다 작으면 빠진 것입니다"
        + runbook("BackupMissed"),
        Query("backup_due_timestamp_seconds - time()", "백업"),
        unit=SECONDS,
        limits=Limits(RED, ((0, GREEN),)),
    )
    rest = (panel.span(4) for panel in (heartbeat, starts, settings, backup))
    return Section("지금", (targets.span(8), *rest))


def _jobs() -> Section:
    mean = lines(
        "작업 실행 시간: 평균",
        "한 시간 동안 끝난 작업의 평균",
        Query(f"rate({_TOOK}_sum[1h]) / (rate({_TOOK}_count[1h]) > 0)", "{{job_name}}"),
        unit=SECONDS,
        crowded=True,
    )
    longest = lines(
        "작업 실행 시간: 최대",
        "한 시간 동안 본 가장 긴 실행; 돌고 있는 것도 셉니다" + runbook("SchedulerJobSlow"),
        Query("max_over_time(scheduler_job_duration_seconds[1h])", "{{job_name}}"),
        unit=SECONDS,
        crowded=True,
    )
    running = bars(
        "돌고 있는 작업",
        "제한 시간 가운데 쓴 몫, 쉬는 작업은 0" + runbook("JobHung"),
        Query(
            "(time() - scheduler_job_last_start_timestamp_seconds) * scheduler_job_in_progress"
            " / scheduler_job_deadline_seconds",
            "{{job_name}}",
        ),
        unit=SHARE,
        limits=Limits.rising(0.5, 1),
    )
    due = bars(
        "마지막 실행 후",
        "다음 실행까지 허용된 시간 가운데 지난 몫; 100%를 넘으면 빠진 것입니다" + runbook("JobMissed"),
        Query(f"(time() - scheduler_job_last_run_timestamp_seconds) / {_ALLOWED}", "{{job_name}}"),
        unit=SHARE,
        limits=Limits.rising(0.9, 1),
    )
    failed = tally(
        "실패한 작업",
        "지금까지 실패한 횟수" + runbook("SchedulerJobFailed", "JobFailed"),
        "scheduler_job_failure_total",
        "job_name",
        limits=NONE_IS_GOOD,
    )
    done = tally(
        "성공한 작업",
        "지금까지 성공한 횟수; 스케줄러가 죽으면 15초 뒤 사라집니다" + runbook("SchedulerDown"),
        "scheduler_job_success_total",
        "job_name",
    )
    skipped = tally(
        "건너뛴 작업",
        "차례가 왔지만 시작하지 않은 횟수, 까닭별",
        "scheduler_job_skipped_total",
        "reason",
    )
    second = figure(
        "막아 낸 두 번째 스케줄러",
        "이미 하나가 맡고 있어 거절한 시작, 권한을 잃은 뒤의 기록 시도"
        + runbook("DuplicateSchedulerBlocked", "TwoLeaders"),
        Query("sum(scheduler_lease_rejections_total)", "거절한 시작"),
        Query("sum(scheduler_stale_epoch_writes_total)", "옛 권한의 기록"),
        limits=NONE_IS_GOOD,
    )
    counts = (running, due, failed, done, skipped, second.span(8).height(6))
    return Section("작업", (mean, longest, *counts))


def _machine() -> Section:
    memory = lines(
        "메모리",
        "프로세스가 차지한 메모리",
        Query("process_resident_memory_bytes", "{{job}}"),
        unit=BYTES,
        crowded=True,
    )
    cpu = lines(
        "CPU",
        "프로세스가 쓰는 CPU; 100%가 코어 하나",
        Query("rate(process_cpu_seconds_total[5m])", "{{job}}"),
        unit=SHARE,
        crowded=True,
    )
    disk = lines(
        "남은 디스크",
        "데이터와 로그가 놓인 디스크의 빈 공간" + runbook("DiskWillFill"),
        Query("disk_free_bytes / disk_size_bytes", "{{path}}"),
        unit=SHARE,
        limits=Limits.falling(0.05, 0.15),
    )
    lag = lines(
        "이벤트 루프 지연 (p99)",
        "스케줄러가 제때 깨어나지 못한 시간",
        Query("histogram_quantile(0.99, rate(scheduler_event_loop_lag_seconds_bucket[5m]))", "p99"),
        unit=SECONDS,
    )
    return Section("자원", (memory, cpu, disk.axis_soft_min(0).axis_soft_max(1), lag))


def _api() -> Section:
    slow = percentile(
        "경로별 응답 시간 (p95)",
        "경로마다 95 백분위 응답 시간; 모두의 95 백분위가 2초를 넘으면 알람",
        "http_route_duration_seconds",
        "route",
    )
    whole = lines(
        "모든 요청의 응답 시간 (p95)",
        "경로를 가리지 않은 95 백분위; 2초를 넘으면 알람" + runbook("SlowAPIResponse"),
        Query(
            "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "p95"
        ),
        unit=SECONDS,
        limits=Limits(GREEN, ((2, RED),)),
    )
    answers = per_second(
        "초당 요청, 결과별",
        "응답 코드별 요청 수",
        "http_route_duration_seconds_count",
        "status",
        colors={"5xx": RED, "4xx": ORANGE, "2xx": GREEN},
    )
    spent = burn(
        "오류 예산 소진 속도",
        "실패(5xx)가 30일 오류 예산(요청의 0.5%)을 허용 속도의 몇 배로 쓰는지",
        "api",
        "APIErrorBudgetBurn",
    )
    return Section("API", (slow.span(12), whole.span(6), answers.span(6), spent.span(24)))


def processes() -> Board:
    return Board(
        "processes",
        "bongsu-processes",
        "시스템 자원",
        "프로세스가 살아 있고 여유가 있는지 봅니다.",
        (_now(), _jobs(), _machine(), _api()),
    )
