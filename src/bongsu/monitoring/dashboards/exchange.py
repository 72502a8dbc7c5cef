"""How the exchange answers, and how fresh its prices are."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    GREEN,
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

_DAY = 86_400


def _now() -> Section:
    return Section(
        "지금",
        (
            figure(
                "거래소 점검",
                "거래소가 모든 요청에 점검 중이라고 답하면 점검",
                Query("exchange_maintenance", "점검"),
                words={"0": ("정상", GREEN), "1": ("점검 중", ORANGE)},
            ),
            figure(
                "요청 오류율 (5분)",
                "거래소 요청 가운데 제대로 된 답을 받지 못한 몫",
                Query(
                    'sum(rate(exchange_requests_total{outcome!="ok"}[5m]))'
                    " / sum(rate(exchange_requests_total[5m]))",
                    "오류율",
                ),
                unit=SHARE,
                decimals=1,
                limits=Limits(GREEN, ((0.05, ORANGE), (0.2, RED))),
            ),
            figure(
                "시계 차이",
                "거래소 시계와 이 컴퓨터 시계의 차이; 2초를 넘으면 주문 서명이 거절될 수 있습니다",
                Query("abs(exchange_clock_offset_seconds)", "차이"),
                unit=SECONDS,
                limits=Limits(GREEN, ((1, ORANGE), (2, RED))),
            ),
            figure(
                "API 키 만료까지",
                "키는 1년 뒤 만료되고 연장되지 않습니다; 모의거래에는 만료가 없습니다",
                Query("exchange_api_key_expiry_timestamp_seconds - time()", "남은 시간"),
                unit=SECONDS,
                limits=Limits(RED, ((_DAY, ORANGE), (14 * _DAY, GREEN))),
            ),
        ),
    )


def _requests() -> Section:
    return Section(
        "요청",
        (
            lines(
                "초당 요청, 결과별",
                "거래소가 어떻게 답했는지",
                Query(
                    "sum by (outcome) (rate(exchange_requests_total[$__rate_interval])) > 0", "{{outcome}}"
                ),
                unit=PER_SECOND,
                stacked=True,
                colors={"ok": GREEN, "rate_limited": ORANGE, "banned": RED, "auth": RED},
            ),
            lines(
                "초당 요청, 종류별",
                "무엇을 얼마나 자주 묻는지",
                Query(
                    "sum by (endpoint) (rate(exchange_requests_total[$__rate_interval])) > 0", "{{endpoint}}"
                ),
                unit=PER_SECOND,
                stacked=True,
                crowded=True,
            ),
            lines(
                "응답 시간 (p95)",
                "종류별 95 백분위 응답 시간",
                Query(
                    "histogram_quantile(0.95,"
                    " sum by (endpoint, le) (rate(exchange_request_duration_seconds_bucket[5m])))",
                    "{{endpoint}}",
                ),
                unit=SECONDS,
                crowded=True,
            ),
            lines(
                "남은 요청 한도",
                "이 초에 더 보낼 수 있는 요청 수, 묶음별",
                Query("exchange_rate_limit_remaining", "{{group}}"),
                decimals=0,
                crowded=True,
            ),
        ),
    )


def _prices() -> Section:
    return Section(
        "시세",
        (
            lines(
                "시세의 나이",
                "가장 최근 시세가 찍힌 뒤 지난 시간",
                Query("market_data_age_seconds", "{{symbol}} {{interval}}"),
                Query("market_data_interval_seconds", "캔들 한 개 ({{interval}})"),
                unit=SECONDS,
            ),
            bars(
                "걸러 낸 이상 가격",
                "다른 값과 동떨어져 쓰지 않은 가격, 출처별",
                Query("price_outliers_rejected_total", "{{source}}"),
                decimals=0,
                limits=SOME_IS_FINE,
            )
            .span(12)
            .height(8),
        ),
    )


def exchange() -> Board:
    return Board(
        "exchange",
        "bongsu-exchange",
        "거래소 상태",
        "거래소가 제때 바르게 답하는지, 시세가 새것인지 봅니다.",
        (_now(), _requests(), _prices()),
    )
