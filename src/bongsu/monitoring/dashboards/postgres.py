"""PostgreSQL, seen by its exporter and by the bot that waits for it."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.overview import DATABASE
from bongsu.monitoring.dashboards.parts import (
    BYTES,
    NONE_IS_GOOD,
    ROWS_PER_SECOND,
    SECONDS,
    SHARE,
    SOME_IS_FINE,
    Limits,
    Query,
    bars,
    figure,
    lines,
    runbook,
)
from bongsu.monitoring.dashboards.shapes import percentile
from bongsu.monitoring.dashboards.words import UP_DOWN

_OURS = '{datname="$database"}'


def _now() -> Section:
    up = figure(
        "데이터베이스 상태",
        "PostgreSQL이 답하는지" + runbook("PostgresDown"),
        Query("pg_up", "PostgreSQL"),
        words=UP_DOWN,
    )
    connections = figure(
        "연결 사용률",
        "허용된 연결 가운데 쓰고 있는 몫" + runbook("PostgresTooManyConnections"),
        Query("sum(pg_stat_activity_count) / min(pg_settings_max_connections)", "사용률"),
        unit=SHARE,
        limits=Limits.rising(0.6, 0.8),
    )
    longest = figure(
        "가장 긴 트랜잭션",
        "지금 열려 있는 트랜잭션 가운데 가장 오래된 것" + runbook("PostgresIdleInTransaction"),
        Query(f"max(pg_stat_activity_max_tx_duration{_OURS})", "길이"),
        unit=SECONDS,
        limits=Limits.rising(30, 120),
    )
    blocked = figure(
        "잠금을 기다리는 세션",
        "다른 세션이 잡은 락을 기다리는 세션 수",
        Query(f"pg_blocked_sessions{_OURS}", "대기"),
        limits=SOME_IS_FINE,
    )
    deadlocks = figure(
        "교착 상태",
        "지금까지 서로를 기다리다 취소된 트랜잭션" + runbook("PostgresDeadlocks"),
        Query(f"pg_stat_database_deadlocks{_OURS}", "교착"),
        limits=NONE_IS_GOOD,
    )
    size = figure(
        "데이터베이스 크기",
        "디스크에서 차지하는 크기",
        Query(f"pg_database_size_bytes{_OURS}", "크기"),
        unit=BYTES,
    )
    return Section(
        "지금", tuple(panel.span(4) for panel in (up, connections, longest, blocked, deadlocks, size))
    )


def _server() -> Section:
    connections = lines(
        "활성 연결 수",
        "연결, 상태별",
        Query(f"sum by (state) (pg_stat_activity_count{_OURS})", "{{state}}"),
        crowded=True,
    )
    locks = lines(
        "락 상태", "종류별로 잡혀 있는 락 수", Query(f"pg_locks_count{_OURS}", "{{mode}}"), crowded=True
    )
    changes = lines(
        "행 변경",
        "초당 넣고, 고치고, 지운 행 수",
        Query(f"rate(pg_stat_database_tup_inserted{_OURS}[5m])", "삽입"),
        Query(f"rate(pg_stat_database_tup_updated{_OURS}[5m])", "수정"),
        Query(f"rate(pg_stat_database_tup_deleted{_OURS}[5m])", "삭제"),
        unit=ROWS_PER_SECOND,
    )
    size = lines(
        "데이터베이스 크기 추이",
        "크기가 어떻게 느는지",
        Query(f"pg_database_size_bytes{_OURS}", "크기"),
        unit=BYTES,
    )
    return Section("서버", (connections, locks, changes, size))


def _queries() -> Section:
    mean = lines(
        "평균 쿼리 시간",
        "모든 문장의 평균 실행 시간",
        Query("rate(pg_statements_seconds_total[5m]) / rate(pg_statements_calls_total[5m])", "평균"),
        unit=SECONDS,
    )
    longest = bars(
        "시간을 가장 많이 쓴 쿼리",
        "실행 시간의 합이 큰 문장 열 개, queryid별; 문장은 비밀이 섞일 수 있어 수집하지 않습니다",
        Query("topk(10, pg_stat_statements_seconds_total)", "{{queryid}}"),
        unit=SECONDS,
    )
    transactions = percentile(
        "봇이 겪은 트랜잭션 시간 (p95)",
        "봇의 두 프로세스에서 잰 95 백분위, 하는 일별" + runbook("DBSlow"),
        "db_query_duration_seconds",
        "operation",
    )
    pool = lines(
        "커넥션 풀",
        "프로세스별로 쓰고 있는 연결과 한도" + runbook("DBPoolExhausted"),
        Query('db_pool_connections{state="in_use"}', "{{job}} 사용 중"),
        Query("db_pool_connections_max", "{{job}} 한도"),
        crowded=True,
    )
    return Section("쿼리", (mean, longest.span(12).height(8), transactions, pool))


def postgres() -> Board:
    return Board(
        "postgres",
        "bongsu-postgres",
        "PostgreSQL",
        "데이터베이스가 버티는지, 무엇이 느린지 봅니다.",
        (_now(), _server(), _queries()),
        (DATABASE,),
    )
