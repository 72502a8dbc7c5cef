"""How the exchange answers, and how fresh its prices are."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    SECONDS,
    SHARE,
    SOME_IS_FINE,
    Limits,
    Query,
    figure,
    lines,
    rows,
    runbook,
)
from bongsu.monitoring.dashboards.shapes import burn, per_second, percentile, tally
from bongsu.monitoring.dashboards.words import GREEN, MARKETS, ORANGE, RED

_DAY = 86_400
_BAD = 'outcome=~"server_error|timeout|malformed"'


def _now() -> Section:
    closed = figure(
        "거래소 점검",
        "거래소가 모든 요청에 점검 중이라고 답하면 점검" + runbook("ExchangeMaintenance"),
        Query("exchange_maintenance", "점검"),
        words={"0": ("정상", GREEN), "1": ("점검 중", ORANGE)},
    )
    failing = figure(
        "요청 오류율 (5분)",
        "거래소 요청 가운데 서버 오류, 시간 초과, 읽을 수 없는 답의 몫" + runbook("ExchangeErrors"),
        Query(
            f"sum(rate(exchange_requests_total{{{_BAD}}}[5m])) / sum(rate(exchange_requests_total[5m]))",
            "오류율",
        ),
        unit=SHARE,
        limits=Limits.rising(0.05, 0.2),
    )
    skew = figure(
        "시계 차이",
        "거래소 시계와 이 컴퓨터 시계의 차이; 2초를 넘으면 주문 서명이 거절될 수 있습니다"
        + runbook("ClockSkew"),
        Query("abs(exchange_clock_offset_seconds)", "차이"),
        unit=SECONDS,
        limits=Limits.rising(1, 2),
    )
    key = figure(
        "API 키 만료까지",
        "키는 1년 뒤 만료되고 연장되지 않습니다; 모의거래에는 만료가 없습니다" + runbook("ApiKeyExpiring"),
        Query("exchange_api_key_expiry_timestamp_seconds - time()", "남은 시간"),
        unit=SECONDS,
        limits=Limits.falling(14 * _DAY, 30 * _DAY),
    )
    return Section("지금", (closed, failing, skew, key))


def _requests() -> Section:
    outcomes = per_second(
        "초당 요청, 결과별",
        "거래소가 어떻게 답했는지" + runbook("ExchangeRateLimited", "ExchangeBanned", "ExchangeAuthFailed"),
        "exchange_requests_total",
        "outcome",
        colors={"ok": GREEN, "rate_limited": ORANGE, "banned": RED, "auth": RED},
        crowded=True,
    )
    kinds = per_second(
        "초당 요청, 종류별", "무엇을 얼마나 자주 묻는지", "exchange_requests_total", "endpoint", crowded=True
    )
    slow = percentile(
        "응답 시간 (p95)", "종류별 95 백분위 응답 시간", "exchange_request_duration_seconds", "endpoint"
    )
    left = lines(
        "남은 요청 한도",
        "이 초에 더 보낼 수 있는 요청 수, 묶음별",
        Query("exchange_rate_limit_remaining", "{{group}}"),
        crowded=True,
    )
    spent = burn(
        "오류 예산 소진 속도",
        "실패한 요청이 30일 오류 예산(요청의 0.5%)을 허용 속도의 몇 배로 쓰는지; 점검 시간은 뺍니다",
        "exchange",
        "ExchangeErrorBudgetBurn",
    )
    return Section("요청", (outcomes, kinds, slow, left, spent.span(24)))


def _prices() -> Section:
    ages = lines(
        "시세의 나이",
        "가장 최근 시세가 찍힌 뒤 지난 시간; 캔들 두 개와 1분이 지나면 알람" + runbook("StaleMarketData"),
        Query("market_data_age_seconds", "{{symbol}} {{interval}}"),
        Query("market_data_interval_seconds", "캔들 한 개 ({{interval}})"),
        unit=SECONDS,
    )
    outliers = tally(
        "걸러 낸 이상 가격",
        "다른 값과 동떨어져 쓰지 않은 가격, 출처별" + runbook("PriceOutlierRejected"),
        "price_outliers_rejected_total",
        "source",
        limits=SOME_IS_FINE,
    )
    states = rows(
        "마켓 상태",
        "설정했거나 보유한 마켓을 거래소가 어떻게 두는지, 1분마다 봅니다; 거래 중이 아닌 마켓은 새로 사지 않습니다"
        + runbook("MarketSuspended"),
        Query("market_state == 1", "{{market}}"),
        {"market": "마켓", "state": "상태"},
        MARKETS,
    )
    return Section("시세", (ages.span(16), outliers.height(8), states.span(24).height(6)))


def exchange() -> Board:
    return Board(
        "exchange",
        "bongsu-exchange",
        "거래소 상태",
        "거래소가 제때 바르게 답하는지, 시세가 새것인지 봅니다.",
        (_now(), _requests(), _prices()),
    )
