"""What was earned, what was traded, and what the limits prevented."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    GREEN,
    NONE_IS_GOOD,
    ORANGE,
    RED,
    SECONDS,
    SHARE,
    SOME_IS_FINE,
    WON,
    Limits,
    Query,
    Words,
    bars,
    figure,
    lines,
    pie,
    rows,
)

IDLE: Words = {
    "deciding": ("판단하는 중", GREEN),
    "waiting_for_candle": ("다음 캔들을 기다리는 중", GREEN),
    "scheduler_never_started": ("스케줄러가 아직 시작하지 않음", RED),
    "scheduler_silent": ("스케줄러가 응답하지 않음", RED),
    "no_leader": ("맡은 스케줄러가 없음", RED),
    "killed": ("비상 정지", RED),
    "order_unknown": ("결과를 모르는 주문이 있음", RED),
    "ledger_mismatch": ("장부와 거래소가 다름", RED),
    "paused": ("일시 정지", ORANGE),
    "breaker_daily": ("일일 손실 한도", ORANGE),
    "breaker_weekly": ("주간 손실 한도", ORANGE),
    "not_reconciled": ("거래소와 맞춰 보기 전", ORANGE),
}
LOSS_IS_RED = Limits(RED, ((0, GREEN),))


def _now() -> Section:
    return Section(
        "지금",
        (
            figure(
                "오늘 손익 (원)",
                "거래일(09:00 KST) 시작부터의 손익, 입출금 제외",
                Query('portfolio_pnl_krw{window="daily"}', "오늘"),
                unit=WON,
                decimals=0,
                limits=LOSS_IS_RED,
            ),
            figure(
                "이번 주 손익 (원)",
                "월요일 09:00 KST부터의 손익, 입출금 제외",
                Query('portfolio_pnl_krw{window="weekly"}', "이번 주"),
                unit=WON,
                decimals=0,
                limits=LOSS_IS_RED,
            ),
            figure(
                "고점 대비 하락",
                "가장 높았던 자산에서 얼마나 내려왔는지",
                Query("portfolio_drawdown_ratio", "하락"),
                unit=SHARE,
                decimals=2,
                limits=Limits(GREEN, ((0.1, ORANGE), (0.15, RED))),
            ),
            figure(
                "거래 상태",
                "주인이 멈추거나 비상 정지하지 않았으면 거래 중",
                Query("bot_trading_enabled", "거래"),
                words={"1": ("거래 중", GREEN), "0": ("멈춤", ORANGE)},
            ),
            figure("현금 (원)", "지금 가진 원화", Query("portfolio_cash_krw", "현금"), unit=WON, decimals=0),
            figure(
                "투자 비중",
                "자산 가운데 코인으로 가진 몫",
                Query("portfolio_exposure_ratio", "투자 비중"),
                unit=SHARE,
                decimals=1,
            ),
            figure("보유 마켓 수", "지금 코인을 가진 마켓", Query("bot_open_positions", "보유"), decimals=0),
            figure(
                "결과를 모르는 주문",
                "보냈지만 체결 여부를 아직 확인하지 못한 주문; 그 마켓은 확인될 때까지 거래하지 않습니다",
                Query("orders_unknown", "주문"),
                decimals=0,
                limits=NONE_IS_GOOD,
            ),
        ),
    )


def _profit() -> Section:
    return Section(
        "손익과 자산",
        (
            lines(
                "손익 추이 (원)",
                "오늘과 이번 주 손익이 어떻게 움직였는지",
                Query("portfolio_pnl_krw", "{{window}}"),
                unit=WON,
                decimals=0,
                axis="원",
            ),
            lines(
                "수익률 추이",
                "시작 자산 대비 손익; 한도에 닿으면 매수를 멈춥니다",
                Query("portfolio_pnl_ratio", "{{window}}"),
                unit=SHARE,
                decimals=2,
            ),
            lines(
                "보유 종목 평가액 (원)",
                "종목별 지금 가격의 값어치; 가진 종목만 보입니다",
                Query("position_value_krw", "{{symbol}}"),
                Query("portfolio_cash_krw", "현금"),
                unit=WON,
                decimals=0,
                axis="원",
                stacked=True,
            ),
            lines(
                "미실현 수익률",
                "산 값 대비 지금 수익률; 가진 종목만 보입니다",
                Query("position_unrealized_pnl_ratio", "{{symbol}}"),
                unit=SHARE,
                decimals=2,
            ),
        ),
    )


def _trades() -> Section:
    return Section(
        "거래",
        (
            lines(
                "시간당 거래 횟수",
                "한 시간 동안 체결된 주문 수",
                Query("sum by (side) (increase(trades_total[1h]))", "{{side}}"),
                decimals=1,
            ),
            pie(
                "주문 결과",
                "끝난 주문이 어떻게 끝났는지",
                Query("sum by (outcome) (orders_total)", "{{outcome}}"),
                names={
                    "filled": ("fixed", GREEN),
                    "partial": ("fixed", "yellow"),
                    "rejected": ("fixed", RED),
                    "canceled": ("fixed", ORANGE),
                },
            ),
            bars(
                "마켓별 거래대금 (원)",
                "지금까지 사고판 금액의 합",
                Query("sum by (symbol) (trade_volume_krw_total)", "{{symbol}}"),
                unit=WON,
                decimals=0,
            ),
            bars(
                "마켓별 수수료 (원)",
                "지금까지 낸 수수료의 합",
                Query("sum by (symbol) (trade_fee_krw_total)", "{{symbol}}"),
                unit=WON,
                decimals=0,
            ),
            figure(
                "평균 체결률",
                "주문한 양 가운데 실제로 체결된 몫",
                Query("sum(order_filled_ratio_sum) / sum(order_filled_ratio_count)", "체결률"),
                unit=SHARE,
                decimals=1,
            )
            .span(4)
            .height(8),
            figure(
                "평균 슬리피지",
                "주문을 정한 가격보다 얼마나 불리하게 체결됐는지; 0보다 작으면 유리한 체결",
                Query(
                    "sum by (side) (order_slippage_ratio_sum) / sum by (side) (order_slippage_ratio_count)",
                    "{{side}}",
                ),
                unit=SHARE,
                decimals=3,
                limits=Limits(GREEN, ((0.005, ORANGE), (0.02, RED))),
            )
            .span(4)
            .height(8),
            lines(
                "주문 처리 시간 (p95)",
                "주문을 보내고 답을 받기까지(접수), 체결을 장부에 적기까지(정산)",
                Query(
                    "histogram_quantile(0.95, sum by (phase, le) (rate(order_latency_seconds_bucket[1h])))",
                    "{{phase}}",
                ),
                unit=SECONDS,
            ).span(24),
        ),
    )


def _limits() -> Section:
    return Section(
        "위험 한도",
        (
            figure(
                "손실 한도",
                "한도에 닿으면 다음 거래일이나 다음 주까지 매수를 멈춥니다",
                Query("circuit_breaker_active", "{{scope}}"),
                words={"1": ("매수 중단", RED), "0": ("여유", GREEN)},
            ).span(8),
            figure(
                "마지막 손절 점검 후",
                "손절·익절 가격을 마지막으로 확인한 뒤 지난 시간",
                Query("time() - risk_check_last_success_timestamp_seconds", "경과"),
                unit=SECONDS,
                limits=Limits(GREEN, ((120, ORANGE), (180, RED))),
            ).span(8),
            figure(
                "장부와 거래소의 차이",
                "마지막 대사에서 서로 다른 것으로 드러난 항목 수; 0이 아니면 거래하지 않습니다",
                Query("reconciliation_mismatches", "차이"),
                decimals=0,
                limits=NONE_IS_GOOD,
            ).span(8),
            bars(
                "손절과 익절",
                "규칙이 판 횟수",
                Query("sum by (type) (risk_exits_total)", "{{type}}"),
                decimals=0,
            ).span(6),
            bars(
                "손실 한도에 닿은 횟수",
                "지금까지 매수를 멈춘 횟수",
                Query("circuit_breaker_trips_total", "{{scope}}"),
                decimals=0,
                limits=SOME_IS_FINE,
            ).span(6),
            bars(
                "너무 잦아 미룬 매수",
                "최소 간격이나 하루 최대 횟수에 걸린 매수",
                Query("trade_frequency_blocks_total", "{{reason}}"),
                decimals=0,
            ).span(6),
            bars(
                "막아 낸 중복 주문",
                "같은 주문이 두 번 나갈 뻔한 것을 막은 횟수, 막은 단계별",
                Query("duplicate_orders_prevented_total", "{{layer}}"),
                decimals=0,
            ).span(6),
            rows(
                "지금 무엇을 기다리나",
                "봇이 지금 하고 있는 일, 또는 쉬는 까닭",
                Query("bot_idle_reason == 1", "{{reason}}"),
                {"reason": "까닭"},
                IDLE,
            ),
            lines(
                "대사 결과",
                "한 시간 동안 장부와 거래소를 맞춰 본 횟수",
                Query("sum by (result) (increase(reconciliation_runs_total[1h]))", "{{result}}"),
                decimals=1,
                colors={"mismatch": RED},
            ),
        ),
    )


def risk() -> Board:
    return Board(
        "risk",
        "bongsu-risk",
        "위험과 거래",
        "얼마를 벌고 잃었는지, 무엇을 거래했고 한도가 무엇을 막았는지 봅니다.",
        (_now(), _profit(), _trades(), _limits()),
    )
