"""What the advisor said, what validation refused, and what a model cost."""

from bongsu.monitoring.dashboards.board import Board, Section
from bongsu.monitoring.dashboards.parts import (
    SECONDS,
    SHARE,
    SOME_IS_FINE,
    Limits,
    Query,
    figure,
    lines,
    runbook,
)
from bongsu.monitoring.dashboards.shapes import age, hourly, tally, won
from bongsu.monitoring.dashboards.words import BLUE, GREEN, RED

_REFUSED = "sum(increase(ai_validation_rejections_total[1h]))"
_ACCEPTED = "sum(increase(ai_decision_total[1h]))"
_LATENCY = "ai_decision_latency_seconds"


def _now() -> Section:
    last = age(
        "마지막 판단 후",
        "마지막으로 유효한 판단이 나온 뒤 지난 시간" + runbook("AIDecisionStalled"),
        "ai_decision_last_timestamp_seconds",
        Limits.rising(4500, 7200),
    )
    cost = figure("오늘 AI 비용 (원)", "거래일 시작부터 모델에 쓴 돈", Query("llm_cost_today_krw", "비용"))
    budget = figure(
        "하루 예산 (원)",
        "하루에 모델에 쓸 수 있는 돈; 모델을 쓰지 않으면 0",
        Query("llm_cost_budget_daily_krw", "예산"),
    )
    used = figure(
        "예산 사용률",
        "오늘 예산 가운데 쓴 몫; 모델을 쓰지 않으면 값이 없습니다" + runbook("LLMCostRunaway"),
        Query("llm_cost_today_krw / (llm_cost_budget_daily_krw > 0)", "사용률"),
        unit=SHARE,
        limits=Limits.rising(0.8, 1),
    )
    return Section("지금", (last, cost, budget, used))


def _decisions() -> Section:
    decided = hourly(
        "시간당 판단 횟수",
        "한 시간 동안 나온 매수, 매도, 관망 판단",
        "ai_decision_total",
        "decision",
        colors={"buy": GREEN, "sell": RED, "hold": BLUE},
    )
    latency = lines(
        "판단에 걸린 시간",
        "조언자가 답하기까지 걸린 시간의 평균",
        Query(f"rate({_LATENCY}_sum[1h]) / rate({_LATENCY}_count[1h])", "평균"),
        unit=SECONDS,
    )
    markets = tally("마켓별 판단 횟수", "지금까지 나온 판단, 마켓별", "ai_decision_total", "symbol")
    skipped = tally(
        "판단하지 않은 까닭",
        "차례가 왔지만 판단이 나오지 않은 횟수",
        "ai_decision_skipped_total",
        "reason",
        limits=SOME_IS_FINE,
    )
    refused = tally(
        "검증에서 거부된 판단",
        "형식, 한도, 근거 확인에서 걸러진 횟수, 까닭별" + runbook("AIValidationRejections"),
        "ai_validation_rejections_total",
        "reason",
        limits=SOME_IS_FINE,
    )
    share = lines(
        "검증 거부율",
        "한 시간 동안 나온 판단 가운데 거부된 몫",
        Query(f"{_REFUSED} / ({_REFUSED} + {_ACCEPTED} > 0)", "거부율"),
        unit=SHARE,
    )
    counts = (panel.height(8) for panel in (markets.span(5), skipped.span(5), refused.span(6)))
    return Section("판단", (decided, latency, *counts, share.span(8)))


def _cost() -> Section:
    asked = hourly(
        "시간당 모델 요청",
        "한 시간 동안 모델에 물은 횟수, 결과별; 규칙 조언자는 묻지 않습니다" + runbook("LLMFailures"),
        "llm_requests_total",
        "outcome",
    )
    tokens = hourly("시간당 토큰", "한 시간 동안 청구된 토큰", "llm_tokens_total", "kind")
    cost = won(
        "누적 비용 (원)",
        "지금까지 모델에 쓴 돈",
        Query("sum by (model) (llm_cost_krw_total)", "{{model}}"),
        stacked=True,
    )
    return Section("모델과 비용", (asked.span(8), tokens.span(8), cost.axis_soft_max(100).span(8)))


def advice() -> Board:
    return Board(
        "advice",
        "bongsu-advice",
        "AI 판단과 비용",
        "무엇을 판단했고, 검증이 무엇을 거부했으며, 모델에 얼마를 썼는지 봅니다.",
        (_now(), _decisions(), _cost()),
    )
