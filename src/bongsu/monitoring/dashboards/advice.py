"""What the advisor said, what validation refused, and what a model cost."""

from bongsu.monitoring.dashboards import parts
from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    BLUE,
    GREEN,
    ORANGE,
    RED,
    SECONDS,
    SHARE,
    SOME_IS_FINE,
    WON,
    Limits,
    Query,
    bars,
    figure,
    lines,
)

_REFUSED = "sum(increase(ai_validation_rejections_total[1h]))"
_ACCEPTED = "sum(increase(ai_decision_total[1h]))"


def _now() -> Section:
    return Section(
        "지금",
        (
            figure(
                "마지막 판단 후",
                "마지막으로 유효한 판단이 나온 뒤 지난 시간" + parts.runbook("AIDecisionStalled"),
                Query("time() - ai_decision_last_timestamp_seconds", "경과"),
                unit=SECONDS,
                limits=Limits(GREEN, ((4500, ORANGE), (7200, RED))),
            ),
            figure(
                "오늘 AI 비용 (원)",
                "거래일 시작부터 모델에 쓴 돈",
                Query("llm_cost_today_krw", "비용"),
                unit=WON,
                decimals=0,
            ),
            figure(
                "하루 예산 (원)",
                "하루에 모델에 쓸 수 있는 돈; 모델을 쓰지 않으면 0",
                Query("llm_cost_budget_daily_krw", "예산"),
                unit=WON,
                decimals=0,
            ),
            figure(
                "예산 사용률",
                "오늘 예산 가운데 쓴 몫; 모델을 쓰지 않으면 값이 없습니다",
                Query("llm_cost_today_krw / (llm_cost_budget_daily_krw > 0)", "사용률"),
                unit=SHARE,
                decimals=1,
                limits=Limits(GREEN, ((0.8, ORANGE), (1, RED))),
            ),
        ),
    )


def _decisions() -> Section:
    return Section(
        "판단",
        (
            lines(
                "시간당 판단 횟수",
                "한 시간 동안 나온 매수, 매도, 관망 판단",
                Query("sum by (decision) (increase(ai_decision_total[1h]))", "{{decision}}"),
                decimals=1,
                colors={"buy": GREEN, "sell": RED, "hold": BLUE},
                stacked=True,
            ),
            lines(
                "판단에 걸린 시간",
                "조언자가 답하기까지 걸린 시간의 평균",
                Query(
                    "rate(ai_decision_latency_seconds_sum[1h]) / rate(ai_decision_latency_seconds_count[1h])",
                    "평균",
                ),
                unit=SECONDS,
            ),
            bars(
                "마켓별 판단 횟수",
                "지금까지 나온 판단, 마켓별",
                Query("sum by (symbol) (ai_decision_total)", "{{symbol}}"),
                decimals=0,
            ),
            bars(
                "판단하지 않은 까닭",
                "차례가 왔지만 판단이 나오지 않은 횟수",
                Query("ai_decision_skipped_total", "{{reason}}"),
                decimals=0,
                limits=SOME_IS_FINE,
            ),
            bars(
                "검증에서 거부된 판단",
                "형식, 한도, 근거 확인에서 걸러진 횟수, 까닭별",
                Query("ai_validation_rejections_total", "{{reason}}"),
                decimals=0,
                limits=SOME_IS_FINE,
            ),
            lines(
                "검증 거부율",
                "한 시간 동안 나온 판단 가운데 거부된 몫",
                Query(f"{_REFUSED} / ({_REFUSED} + {_ACCEPTED} > 0)", "거부율"),
                unit=SHARE,
                decimals=1,
            ).span(24),
        ),
    )


def _cost() -> Section:
    return Section(
        "모델과 비용",
        (
            lines(
                "시간당 모델 요청",
                "한 시간 동안 모델에 물은 횟수, 결과별; 규칙 조언자는 묻지 않습니다",
                Query("sum by (outcome) (increase(llm_requests_total[1h]))", "{{outcome}}"),
                decimals=1,
            ).span(8),
            lines(
                "시간당 토큰",
                "한 시간 동안 청구된 토큰",
                Query("sum by (kind) (increase(llm_tokens_total[1h]))", "{{kind}}"),
                decimals=0,
            ).span(8),
            lines(
                "누적 비용 (원)",
                "지금까지 모델에 쓴 돈",
                Query("sum by (model) (llm_cost_krw_total)", "{{model}}"),
                unit=WON,
                decimals=0,
                axis="원",
            ).span(8),
        ),
    )


def advice() -> Board:
    return Board(
        "advice",
        "bongsu-advice",
        "AI 판단과 비용",
        "무엇을 판단했고, 검증이 무엇을 거부했으며, 모델에 얼마를 썼는지 봅니다.",
        (_now(), _decisions(), _cost()),
    )
