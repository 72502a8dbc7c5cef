"""The dashboard of the contract: ten panels in four rows, their titles and queries as promised, and PostgreSQL."""

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.models.common import ScaleDistribution

from bongsu.monitoring.dashboards import board, parts, shapes
from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import Limits, Query, figure, lines, pie
from bongsu.monitoring.dashboards.words import BLUE, GREEN, RED, UP_DOWN

# Where more is shown, with the alarms about it and their pages: uid and title.
PROCESSES = ("bongsu-processes", "시스템 자원")
ADVICE = ("bongsu-advice", "AI 판단과 비용")
RISK = ("bongsu-risk", "위험과 거래")
POSTGRES = ("bongsu-postgres", "PostgreSQL")

SLOW_JOB = 300  # seconds
DATABASE = board.values_of(
    "database",
    "데이터베이스",
    'pg_database_size_bytes{datname!~"template.*|postgres"}',
    "datname",
    "trading_db",
)


def _jobs() -> Section:
    outcomes = pie(
        "스케줄러 작업 성공/실패",
        "작업 성공/실패 비율 시각화",
        Query("scheduler_job_success_total", "성공 {{job_name}}"),
        Query("scheduler_job_failure_total", "실패 {{job_name}}"),
        names={"/^성공/": ("shades", GREEN), "/^실패/": ("shades", RED)},
    )
    durations = lines(
        "작업 실행 시간 추이",
        "작업 실행 시간 추적 (지연 감지)",
        Query("scheduler_job_duration_seconds", "{{job_name}}"),
        unit=parts.SECONDS,
        limits=Limits(GREEN, ((SLOW_JOB, RED),)),
        crowded=True,
    )
    # Runs take from milliseconds to minutes: on a straight axis either they or the limit could not be seen.
    scale = common.ScaleDistributionConfig().type(ScaleDistribution.SYMLOG).log(10).linear_threshold(0.1)
    durations.scale_distribution(scale).axis_soft_min(0).axis_soft_max(2 * SLOW_JOB)
    return Section("스케줄러 상태", (outcomes, durations), PROCESSES)


def _decisions() -> Section:
    share = pie(
        "AI 판단 분포",
        "Buy/Sell/Hold 결정 분포",
        Query("sum by (decision) (ai_decision_total)", "{{decision}}"),
        donut=True,
        names={"buy": ("fixed", GREEN), "sell": ("fixed", RED), "hold": ("fixed", BLUE)},
    )
    rate = lines(
        "AI 판단 추이",
        "시간별 AI 결정 빈도",
        Query("rate(ai_decision_total[5m])", "{{symbol}} {{decision}}"),
        unit=parts.PER_SECOND,
        crowded=True,
    )
    return Section("AI 판단 분석", (share, rate), ADVICE)


def _system() -> Section:
    backend = figure(
        "Backend 상태",
        "Backend 실행 여부 (1=UP, 0=DOWN)",
        Query('up{job="backend"}', "backend"),
        words=UP_DOWN,
    )
    errors = figure(
        "총 에러 건수", "누적 에러 횟수", Query("sum(bot_errors_total)", "에러"), limits=parts.SOME_IS_FINE
    )
    response = figure(
        "API 응답 시간 (p95)",
        "95 백분위 응답 시간",
        Query("histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))", "p95"),
        unit=parts.SECONDS,
        limits=Limits.rising(1, 2),
    )
    return Section("시스템 상태", (backend.span(8), errors.span(8), response.span(8)), PROCESSES)


def _money() -> Section:
    trades = figure("총 거래 횟수", "누적 거래 횟수", Query("sum(trades_total)", "거래"))
    value = shapes.won(
        "포트폴리오 가치 추이",
        "실시간 자산 가치 변화",
        Query("portfolio_value_krw", "자산"),
    )
    hourly = lines(
        "시간별 스케줄러 성공/실패",
        "1시간 단위 성공/실패 추이",
        Query("increase(scheduler_job_success_total[1h])", "성공 {{job_name}}"),
        Query("increase(scheduler_job_failure_total[1h])", "실패 {{job_name}}"),
        decimals=0,
        colors={"/^실패/": RED, "성공 trading_job": BLUE},
        crowded=True,
    )
    return Section("거래 & 포트폴리오", (trades.height(8).span(4), value.span(10), hourly.span(10)), RISK)


def _postgres() -> Section:
    connections = lines(
        "활성 연결 수",
        "데이터베이스에 열려 있는 연결 수",
        Query('pg_stat_database_numbackends{datname="$database"}', "연결"),
    )
    size = figure(
        "데이터베이스 크기",
        "디스크에서 차지하는 크기",
        Query('pg_database_size_bytes{datname="$database"}', "크기"),
        unit=parts.BYTES,
    )
    statements = lines(
        "쿼리 실행 통계",
        "초당 넣고, 고치고, 지우고, 읽은 행 수",
        Query('rate(pg_stat_database_tup_inserted{datname="$database"}[5m])', "삽입"),
        Query('rate(pg_stat_database_tup_updated{datname="$database"}[5m])', "수정"),
        Query('rate(pg_stat_database_tup_deleted{datname="$database"}[5m])', "삭제"),
        Query('rate(pg_stat_database_tup_fetched{datname="$database"}[5m])', "읽기"),
        unit=parts.ROWS_PER_SECOND,
    )
    locks = lines(
        "락 상태",
        "종류별로 잡혀 있는 락 수",
        Query('pg_locks_count{datname="$database"}', "{{mode}}"),
    )
    spans = (connections.span(7), size.height(8).span(3), statements.span(7), locks.span(7))
    return Section("PostgreSQL", spans, POSTGRES)


def overview() -> Board:
    return Board(
        "trading-bot-dashboard",
        "trading-bot",
        "AI Trading Bot - 실시간 모니터링",
        "봇이 살아 있는지, 무엇을 판단하고 거래했는지 한 화면에서 봅니다.",
        (_jobs(), _decisions(), _system(), _money(), _postgres()),
        (DATABASE,),
    )
