"""What was earned, what was traded, and what the limits prevented."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    NONE_IS_GOOD,
    SHARE,
    SOME_IS_FINE,
    Limits,
    Query,
    figure,
    lines,
    pie,
    rows,
    runbook,
)
from bongsu.monitoring.dashboards.shapes import age, hourly, percentile, still, tally, won
from bongsu.monitoring.dashboards.words import GREEN, IDLE, ORANGE, RED, YELLOW

_LOSS_IS_RED = Limits(RED, ((0, GREEN),))
_SLIPPED, _FILLED = "order_slippage_ratio_bucket", "order_filled_ratio"


def _now() -> Section:
    today = figure(
        "오늘 손익 (원)",
        "거래일(09:00 KST) 시작부터의 손익, 입출금 제외",
        Query('portfolio_pnl_krw{window="daily"}', "오늘"),
        limits=_LOSS_IS_RED,
    )
    week = figure(
        "이번 주 손익 (원)",
        "월요일 09:00 KST부터의 손익, 입출금 제외",
        Query('portfolio_pnl_krw{window="weekly"}', "이번 주"),
        limits=_LOSS_IS_RED,
    )
    drawdown = figure(
        "고점 대비 하락",
        "가장 높았던 자산에서 얼마나 내려왔는지" + runbook("PortfolioDrawdown"),
        Query("portfolio_drawdown_ratio", "하락"),
        unit=SHARE,
        decimals=2,
        limits=Limits.rising(0.1, 0.15),
    )
    state = figure(
        "거래 상태",
        "주인이 멈추거나 비상 정지하지 않았으면 거래 중",
        Query("bot_trading_enabled", "거래"),
        words={"1": ("거래 중", GREEN), "0": ("멈춤", ORANGE)},
    )
    cash = figure("현금 (원)", "지금 가진 원화", Query("portfolio_cash_krw", "현금"))
    invested = figure(
        "투자 비중",
        "자산 가운데 코인으로 가진 몫",
        Query("portfolio_exposure_ratio", "투자 비중"),
        unit=SHARE,
    )
    held = figure("보유 마켓 수", "지금 코인을 가진 마켓", Query("bot_open_positions", "보유"))
    unknown = figure(
        "결과를 모르는 주문",
        "보냈지만 체결 여부를 아직 확인하지 못한 주문; 그 마켓은 확인될 때까지 거래하지 않습니다"
        + runbook("OrderOutcomeUnknown"),
        Query("orders_unknown", "주문"),
        limits=NONE_IS_GOOD,
    )
    return Section("지금", (today, week, drawdown, state, cash, invested, held, unknown))


def _profit() -> Section:
    earned = won(
        "손익 추이 (원)",
        "오늘과 이번 주 손익이 어떻게 움직였는지",
        Query("portfolio_pnl_krw", "{{window}}"),
    )
    ratio = lines(
        "수익률 추이",
        "시작 자산 대비 손익; 한도에 닿으면 매수를 멈춥니다",
        Query("portfolio_pnl_ratio", "{{window}}"),
        unit=SHARE,
        decimals=2,
    )
    holdings = won(
        "보유 종목 평가액 (원)",
        "종목별 지금 가격의 값어치",
        still("sum by (symbol) ({})", "position_value_krw", "{{symbol}}"),
        Query("portfolio_cash_krw", "현금"),
        stacked=True,
    )
    unrealized = lines(
        "미실현 수익률",
        "산 값 대비 수익률; 판 종목의 범례에는 마지막 값이 남습니다",
        Query("position_unrealized_pnl_ratio", "{{symbol}}"),
        unit=SHARE,
        decimals=2,
    )
    return Section("손익과 자산", (earned, ratio, holdings, unrealized))


def _trades() -> Section:
    traded = hourly("시간당 거래 횟수", "한 시간 동안 체결된 주문 수", "trades_total", "side")
    outcomes = pie(
        "주문 결과",
        "끝난 주문이 어떻게 끝났는지" + runbook("OrderRejected"),
        Query("sum by (outcome) (orders_total)", "{{outcome}}"),
        names={
            "filled": ("fixed", GREEN),
            "partial": ("fixed", YELLOW),
            "rejected": ("fixed", RED),
            "canceled": ("fixed", ORANGE),
        },
    )
    volume = tally("마켓별 거래대금 (원)", "지금까지 사고판 금액의 합", "trade_volume_krw_total", "symbol")
    fees = tally("마켓별 수수료 (원)", "지금까지 낸 수수료의 합", "trade_fee_krw_total", "symbol")
    filled = figure(
        "평균 체결률",
        "주문한 양 가운데 실제로 체결된 몫",
        Query(f"sum({_FILLED}_sum) / sum({_FILLED}_count)", "체결률"),
        unit=SHARE,
    )
    slipped = figure(
        "불리하게 체결된 몫",
        "주문을 정한 가격보다 0.1% 넘게 불리한 값에 체결된 주문의 몫",
        Query(
            f'1 - sum by (side) ({_SLIPPED}{{le="0.001"}}) / sum by (side) ({_SLIPPED}{{le="+Inf"}})',
            "{{side}}",
        ),
        unit=SHARE,
        limits=Limits.rising(0.2, 0.5),
    )
    took = percentile(
        "주문 처리 시간 (p95)",
        "주문을 보내고 답을 받기까지(접수), 체결을 원장에 적기까지(정산)",
        "order_latency_seconds",
        "phase",
        window="1h",
    )
    bars = (volume.span(6), fees.span(6))
    return Section(
        "거래", (traded, outcomes, *bars, filled.span(6).height(6), slipped.span(6).height(6), took.span(24))
    )


def _limits() -> Section:
    breaker = figure(
        "손실 한도",
        "한도에 닿으면 다음 거래일이나 다음 주까지 매수를 멈춥니다" + runbook("CircuitBreakerTripped"),
        Query("circuit_breaker_active", "{{scope}}"),
        words={"1": ("매수 중단", RED), "0": ("여유", GREEN)},
    )
    protection = age(
        "마지막 손절 점검 후",
        "손절·익절 가격을 마지막으로 확인한 뒤 지난 시간" + runbook("PositionUnprotected"),
        "risk_check_last_success_timestamp_seconds",
        Limits.rising(120, 180),
    )
    mismatch = figure(
        "원장과 거래소의 차이",
        "마지막 대조에서 서로 다른 항목 수(0이 아니면 매수하지 않습니다)와, 확인(bongsu ack)을 기다리는 외부 변동의 수"
        + runbook("LedgerMismatch"),
        Query("reconciliation_mismatches", "차이"),
        Query("external_changes_unacknowledged", "확인 대기"),
        limits=NONE_IS_GOOD,
    )
    exits = tally("손절과 익절", "규칙이 판 횟수", "risk_exits_total", "type")
    trips = tally(
        "손실 한도에 닿은 횟수",
        "지금까지 매수를 멈춘 횟수",
        "circuit_breaker_trips_total",
        "scope",
        limits=SOME_IS_FINE,
    )
    frequent = tally(
        "너무 잦아 미룬 매수",
        "최소 간격이나 하루 최대 횟수에 걸린 매수",
        "trade_frequency_blocks_total",
        "reason",
    )
    doubled = tally(
        "막아 낸 중복 주문",
        "같은 주문이 두 번 나갈 뻔한 것을 막은 횟수, 막은 단계별" + runbook("DuplicateOrderPrevented"),
        "duplicate_orders_prevented_total",
        "layer",
    )
    waits = rows(
        "지금 무엇을 기다리나",
        "봇이 지금 하고 있는 일, 또는 쉬는 까닭",
        Query("bot_idle_reason == 1", "{{reason}}"),
        {"reason": "까닭"},
        IDLE,
    )
    compared = hourly(
        "대조 결과",
        "한 시간 동안 원장과 거래소를 맞춰 본 횟수",
        "reconciliation_runs_total",
        "result",
        colors={"mismatch": RED},
    )
    figures = (panel.span(8) for panel in (breaker, protection, mismatch))
    counts = (panel.span(6) for panel in (exits, trips, frequent, doubled))
    return Section("위험 한도", (*figures, *counts, waits, compared))


def risk() -> Board:
    return Board(
        "risk",
        "bongsu-risk",
        "위험과 거래",
        "얼마를 벌고 잃었는지, 무엇을 거래했고 한도가 무엇을 막았는지 봅니다.",
        (_now(), _profit(), _trades(), _limits()),
    )
