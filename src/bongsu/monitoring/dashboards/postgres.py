"""PostgreSQL, seen by its exporter and by the bot that waits for it."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.overview import DATABASE
from bongsu.monitoring.dashboards.parts import (
    BYTES,
    GREEN,
    NONE_IS_GOOD,
    ORANGE,
    PER_SECOND,
    RED,
    SECONDS,
    SHARE,
    SOME_IS_FINE,
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
                "데이터베이스 상태",
                "PostgreSQL이 답하는지",
                Query("pg_up", "PostgreSQL"),
                words={"1": ("UP", GREEN), "0": ("DOWN", RED)},
            ).span(4),
            figure(
                "연결 사용률",
                "허용된 연결 가운데 쓰고 있는 몫",
                Query("sum(pg_stat_activity_count) / min(pg_settings_max_connections)", "사용률"),
                unit=SHARE,
                decimals=1,
                limits=Limits(GREEN, ((0.6, ORANGE), (0.8, RED))),
            ).span(4),
            figure(
                "가장 긴 트랜잭션",
                "지금 열려 있는 트랜잭션 가운데 가장 오래된 것",
                Query('max(pg_stat_activity_max_tx_duration{datname="$database"})', "길이"),
                unit=SECONDS,
                limits=Limits(GREEN, ((30, ORANGE), (120, RED))),
            ).span(4),
            figure(
                "잠금을 기다리는 세션",
                "다른 세션이 잡은 락을 기다리는 세션 수",
                Query('pg_blocked_sessions{datname="$database"}', "대기"),
                decimals=0,
                limits=SOME_IS_FINE,
            ).span(4),
            figure(
                "교착 상태",
                "지금까지 서로를 기다리다 취소된 트랜잭션",
                Query('pg_stat_database_deadlocks{datname="$database"}', "교착"),
                decimals=0,
                limits=NONE_IS_GOOD,
            ).span(4),
            figure(
                "데이터베이스 크기",
                "디스크에서 차지하는 크기",
                Query('pg_database_size_bytes{datname="$database"}', "크기"),
                unit=BYTES,
            ).span(4),
        ),
    )


def _server() -> Section:
    return Section(
        "서버",
        (
            lines(
                "활성 연결 수",
                "연결, 상태별",
                Query('sum by (state) (pg_stat_activity_count{datname="$database"}) > 0', "{{state}}"),
                decimals=0,
                stacked=True,
            ),
            lines(
                "락 상태",
                "종류별로 잡혀 있는 락 수",
                Query('pg_locks_count{datname="$database"} > 0', "{{mode}}"),
                decimals=0,
                stacked=True,
            ),
            lines(
                "행 변경",
                "초당 넣고, 고치고, 지운 행 수",
                Query('rate(pg_stat_database_tup_inserted{datname="$database"}[5m])', "삽입"),
                Query('rate(pg_stat_database_tup_updated{datname="$database"}[5m])', "수정"),
                Query('rate(pg_stat_database_tup_deleted{datname="$database"}[5m])', "삭제"),
                unit=PER_SECOND,
            ),
            lines(
                "데이터베이스 크기 추이",
                "크기가 어떻게 느는지",
                Query('pg_database_size_bytes{datname="$database"}', "크기"),
                unit=BYTES,
            ),
        ),
    )


def _queries() -> Section:
    return Section(
        "쿼리",
        (
            lines(
                "평균 쿼리 시간",
                "모든 문장의 평균 실행 시간",
                Query("rate(pg_statements_seconds_total[5m]) / rate(pg_statements_calls_total[5m])", "평균"),
                unit=SECONDS,
            ),
            bars(
                "시간을 가장 많이 쓴 쿼리",
                "실행 시간의 합이 큰 문장 열 개, queryid별; 문장은 비밀이 섞일 수 있어 수집하지 않습니다",
                Query("topk(10, pg_stat_statements_seconds_total)", "{{queryid}}"),
                unit=SECONDS,
            )
            .span(12)
            .height(8),
            lines(
                "봇이 겪은 트랜잭션 시간 (p95)",
                "봇의 두 프로세스에서 잰 95 백분위, 하는 일별",
                Query(
                    "histogram_quantile(0.95,"
                    " sum by (operation, le) (rate(db_query_duration_seconds_bucket[5m])))",
                    "{{operation}}",
                ),
                unit=SECONDS,
                crowded=True,
            ),
            lines(
                "커넥션 풀",
                "프로세스별로 쓰고 있는 연결과 한도",
                Query('db_pool_connections{state="in_use"}', "{{job}} 사용 중"),
                Query("db_pool_connections_max", "{{job}} 한도"),
                decimals=0,
            ),
        ),
    )


def postgres() -> Board:
    return Board(
        "postgres",
        "bongsu-postgres",
        "PostgreSQL",
        "데이터베이스가 버티는지, 무엇이 느린지 봅니다.",
        (_now(), _server(), _queries()),
        (DATABASE,),
    )
