"""The words of each message, Korean and English side by side."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from bongsu.core.channels import CHANNEL_NAMES, Channel
from bongsu.core.facts import (
    AlertChanged,
    BreakerReset,
    BreakerTripped,
    BudgetRefused,
    ControlApplied,
    ControlKind,
    OrderOutcomeLost,
    OrderRefused,
    OrderSettled,
    Paused,
    ProcessStarted,
    ProcessStopped,
    RecoveryFound,
    Resumed,
    TradeVetoed,
)
from bongsu.core.figures import (
    duration_text,
    korean_durations,
    kst_text,
    percent_text,
    price_text,
    volume_text,
    won_text,
)
from bongsu.core.market import base_currency
from bongsu.core.money import ZERO, Price
from bongsu.core.order import Intent, Side
from bongsu.ledger.voice import RULE, Voice

_SEVERITIES = {
    "critical": ("🔴", "긴급 (CRITICAL)", "CRITICAL"),
    "warning": ("🟠", "주의 (WARNING)", "WARNING"),
    "info": ("🔵", "정보 (INFO)", "INFO"),
}
_PROCESSES = {"scheduler": ("스케줄러", "scheduler"), "backend": ("백엔드", "backend")}
_SCOPES = {"daily": ("일일", "daily"), "weekly": ("주간", "weekly")}
_REASONS = {
    "owner": ("사용자 요청", "asked for by the owner"),
    "user": ("사용자 요청", "asked for by the owner"),
    "replay_ended": ("재생 종료", "the recording has ended"),
    "job_failures": ("거래 작업이 연속으로 실패", "trading failed several times in a row"),
    "address_refused": ("업비트가 이 컴퓨터의 공인 IP를 거부함", "Upbit refuses this machine's address"),
    "stopped": ("정상 종료", "stopped in an orderly way"),
    "signal": ("종료 신호", "told to stop"),
    "SIGTERM": ("종료 신호", "told to stop"),
    "SIGINT": ("종료 신호 (Ctrl-C)", "told to stop (Ctrl-C)"),
}
_NO_BUYS = (
    "안내: 새로 매수하지 않습니다. 손절과 익절은 계속합니다.",
    "Note: no new buys. Stop-loss and take-profit go on.",
)
_PAUSED = {
    "address_refused": (
        "안내: 손절과 익절도 나가지 않습니다. 업비트 Open API 관리에서 허용 IP를 고치면 저절로 이어 갑니다.",
        "Note: no exit goes out either. Repair the key's address list at Upbit: the bot goes on by itself.",
    ),
}
_CONTROLS = {
    ControlKind.KILL: ("🛑 킬 스위치 켜짐", "🛑 Kill switch on"),
    ControlKind.UNKILL: ("✅ 킬 스위치 꺼짐", "✅ Kill switch off"),
    ControlKind.CLOSE: ("🔔 포지션 정리 요청", "🔔 Close requested"),
    ControlKind.FLATTEN: ("🔔 모든 포지션 정리 요청", "🔔 Close of everything requested"),
    ControlKind.PAUSE: ("⏸️ 일시 정지 요청", "⏸️ Pause requested"),
    ControlKind.RESUME: ("▶️ 거래 재개 요청", "▶️ Resume requested"),
    ControlKind.RUN_NOW: ("🔔 즉시 실행 요청", "🔔 Run requested"),
    ControlKind.ACK: ("🔔 외부 변동 확인 요청", "🔔 Acknowledgement requested"),
}
_REFUSALS = {  # our own; the exchange words its refusals itself
    "not_found": (
        "거래소에 이 주문이 없습니다. 접수되지 않은 것을 확인하고 끝냈습니다.",
        "The exchange does not have the order: it was never accepted, and is closed.",
    ),
}
_EFFECTS = {
    ControlKind.KILL: (
        "새로 매수하지 않습니다. 손절과 익절은 계속합니다.",
        "No new buys. Stop-loss and take-profit go on.",
    ),
    ControlKind.UNKILL: ("다시 매수할 수 있습니다.", "Buys are possible again."),
}


def trade(fact: OrderSettled, voice: Voice) -> str:
    order, request = fact.order, fact.intent.request
    volume = sum((fill.volume for fill in order.fills), ZERO)
    price = price_text(Price(order.funds / volume))
    won = voice.say("원", " KRW")
    recovered = voice.say(
        "복구: 주문 응답이 유실되어 거래소 조회로 체결을 확인했습니다.",
        "Recovered: the order's reply was lost; the fill was confirmed by asking the exchange.",
    )
    return voice.letter(
        voice.say("🤖 거래 실행", "🤖 Trade executed"),
        *_wish(fact.intent, voice),
        voice.say("가격: ", "Price: ") + price + won,
        voice.say("수량: ", "Volume: ") + f"{volume_text(volume)} {base_currency(order.market)}",
        voice.say("총액: ", "Total: ") + won_text(order.funds) + won,
        voice.say("판단 근거: ", "Reason: ") + request.reason,
        RULE,
        voice.say("신뢰도: ", "Confidence: ") + request.confidence,
        _time(max(fill.at for fill in order.fills), voice),
        *((recovered,) if fact.recovered else ()),
    )


def unfilled(fact: OrderSettled, voice: Voice) -> str:
    return voice.letter(
        voice.say("⚠️ 주문 미체결", "⚠️ Order not filled"),
        *_wish(fact.intent, voice),
        voice.say(
            "내용: 주문이 접수되었지만 체결 없이 끝났습니다.",
            "What: the order was accepted, but ended without a fill.",
        ),
        _time(fact.order.created_at, voice),
    )


def refused(fact: OrderRefused, voice: Voice) -> str:
    return voice.letter(
        voice.say("⚠️ 주문 거절", "⚠️ Order refused"),
        *_wish(fact.intent, voice),
        voice.say("사유: ", "Why: ") + _refusal(fact, voice),
        _time(fact.at, voice),
    )


def _refusal(fact: OrderRefused, voice: Voice) -> str:
    if fact.name in _REFUSALS:
        return voice.say(*_REFUSALS[fact.name])
    return f"{fact.message} ({fact.name})"


def outcome_lost(fact: OrderOutcomeLost, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("⚠️ 주문 결과 확인 중", "⚠️ Order outcome unknown"),
        *_wish(fact.intent, voice),
        voice.say("원인: ", "Cause: ") + fact.message,
        voice.say(
            "내용: 거래소에 결과를 확인하고 있습니다. 그동안 이 종목은 거래하지 않습니다. 앱에서 다시 주문하지 마세요.",
            "What: the exchange is being asked; this market waits meanwhile. Do not repeat the order by hand.",
        ),
        _time(now, voice),
    )


def veto(fact: TradeVetoed, voice: Voice) -> str:
    return voice.letter(
        voice.say("✋ 거래 보류", "✋ Trade held back"),
        voice.say("종목: ", "Market: ") + fact.market,
        voice.say("사유: ", "Why: ") + voice.say(fact.veto.detail, fact.veto.detail_en),
        _time(fact.at, voice),
    )


def error(name: str, message: str, context: Mapping[str, str], voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("⚠️ 시스템 에러 발생", "⚠️ System error"),
        voice.say("에러 타입: ", "Error type: ") + name,
        voice.say("메시지: ", "Message: ") + message,
        voice.say("컨텍스트: ", "Context: ") + json.dumps(dict(context), ensure_ascii=False),
        _time(now, voice),
    )


def started(fact: ProcessStarted, voice: Voice, now: datetime) -> str:
    ko, en = _PROCESSES.get(fact.process, (fact.process, fact.process))
    told = voice.say(
        f"메시지: {ko}가 시작되었습니다. (주기: 1시간)", f"Message: the {en} has started. (interval: 1 hour)"
    )
    return voice.letter(
        voice.say("✅ 봇 시작됨", "✅ Bot started"),
        voice.say(f"상태: {ko} 시작", f"State: {en} started"),
        told,
        _time(now, voice),
    )


def stopped(fact: ProcessStopped, voice: Voice, now: datetime) -> str:
    ko, en = _PROCESSES.get(fact.process, (fact.process, fact.process))
    why = _why(fact.reason, voice)
    return voice.letter(
        voice.say("🛑 봇 중지됨", "🛑 Bot stopped"),
        voice.say(f"상태: {ko} 중지", f"State: {en} stopped"),
        voice.say(f"메시지: {ko}가 중지되었습니다. (사유: {why})", f"Message: the {en} has stopped. ({why})"),
        _time(now, voice),
    )


def alert(fact: AlertChanged, voice: Voice) -> str:
    mark, ko, en = _SEVERITIES.get(fact.severity, ("🔵", fact.severity, fact.severity))
    firing, resolved = (
        voice.say(f"{mark} 경보 발생", f"{mark} Alert"),
        voice.say("✅ 경보 해제", "✅ Alert resolved"),
    )
    return voice.letter(
        firing if fact.firing else resolved,
        voice.say("경보: ", "Alert: ") + f"{fact.summary} ({fact.name})",
        voice.say(f"심각도: {ko}", f"Severity: {en}"),
        voice.say("내용: ", "What: ") + voice.say(korean_durations(fact.description), fact.description),
        *_since(fact, voice),
        *(_runbook(fact, voice) if fact.firing else ()),
    )


def _runbook(fact: AlertChanged, voice: Voice) -> Iterator[str]:
    """The path is right when the backend, which serves the page, is what is down."""
    if fact.runbook_url:
        yield voice.say("대응 방법: ", "Runbook: ") + fact.runbook_url
    if page := voice.runbook_page(fact.runbook_url):
        yield voice.say("열기: ", "Open: ") + page


def second_channel_broken(channel: Channel, error: str, voice: Voice, now: datetime) -> str:
    ko, en = CHANNEL_NAMES[channel]
    return voice.letter(
        voice.say(f"⚠️ 둘째 알림 경로 고장 ({ko})", f"⚠️ Second channel broken ({en})"),
        voice.say("까닭: ", "Why: ") + error,
        voice.say(
            "내용: 그 경로로 갈 알림은 보관하고 5분마다 다시 보냅니다. 텔레그램은 그대로 갑니다.",
            "What: its messages are kept and tried again every five minutes. Telegram is not affected.",
        ),
        voice.say("확인: bongsu doctor", "See: bongsu doctor"),
        _time(now, voice),
    )


def breaker_tripped(fact: BreakerTripped, voice: Voice) -> str:
    ko, en = _SCOPES.get(fact.scope, (fact.scope, fact.scope))
    return voice.letter(
        voice.say(f"🛡️ 서킷 브레이커 작동 ({ko} 손실 한도)", f"🛡️ Circuit breaker tripped ({en} loss limit)"),
        voice.say("손실: ", "Loss: ")
        + f"{percent_text(-fact.loss)}% "
        + voice.say(f"(한도 {percent_text(-fact.limit)}%)", f"(limit {percent_text(-fact.limit)}%)"),
        voice.say(
            "내용: 새로 매수하지 않습니다. 손절과 익절은 계속합니다.",
            "What: no new buys. Stop-loss and take-profit go on.",
        ),
        voice.say("자동 해제: ", "Resets by itself: ") + kst_text(fact.until),
        _time(fact.at, voice),
    )


def breaker_reset(fact: BreakerReset, voice: Voice) -> str:
    ko, en = _SCOPES.get(fact.scope, (fact.scope, fact.scope))
    return voice.letter(
        voice.say(f"✅ 서킷 브레이커 해제 ({ko} 손실 한도)", f"✅ Circuit breaker reset ({en} loss limit)"),
        voice.say("내용: 다시 매수할 수 있습니다.", "What: buys are possible again."),
        _time(fact.at, voice),
    )


def mismatch(lines: tuple[str, ...], at: datetime, voice: Voice) -> str:
    return voice.letter(
        voice.say("⚠️ 원장과 거래소 불일치", "⚠️ Ledger and exchange disagree"),
        voice.say("차이 (원장 ≠ 거래소)", "Differences (ledger ≠ exchange)"),
        *(f"• {line}" for line in lines),
        voice.say(
            "내용: 차이가 없어질 때까지 새로 매수하지 않습니다. 그대로면 외부 변동으로 받아들이고 알립니다.",
            "What: no new buys until they agree again. What stays is taken for a change from outside, and told.",
        ),
        _time(at, voice),
    )


def control(fact: ControlApplied, voice: Voice, now: datetime) -> str:
    outcome = fact.result
    if fact.done and fact.kind in _EFFECTS:
        outcome = voice.say(*_EFFECTS[fact.kind])
    return voice.letter(
        voice.say(*_CONTROLS[fact.kind]),
        voice.say("요청: ", "By: ") + fact.who + (f" - {fact.why}" if fact.why else ""),
        *(() if fact.done else (voice.say("결과: 실행하지 못했습니다", "Result: not done"),)),
        *((voice.say("내용: ", "What: ") + outcome,) if outcome else ()),
        _time(now, voice),
    )


def budget_spent(fact: BudgetRefused, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("💸 오늘의 AI 예산을 다 썼습니다", "💸 Today's AI budget is spent"),
        voice.say("예산: ", "Budget: ") + won_text(fact.budget) + voice.say("원", " KRW"),
        voice.say("모델: ", "Model: ") + fact.call.model,
        voice.say(
            "안내: 다음 거래일까지 내장 규칙이 매도만 판단합니다. 손절과 익절은 계속합니다.",
            "Note: until the next trading day the built-in rules decide, on sells only. Stop-loss and take-profit go on.",
        ),
        _time(now, voice),
    )


def paused(fact: Paused, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("⏸️ 거래 일시 정지", "⏸️ Trading paused"),
        voice.say("사유: ", "Why: ") + _why(fact.reason, voice),
        *((voice.say("내용: ", "What: ") + fact.note,) if fact.note else ()),
        voice.say(*_PAUSED.get(fact.reason, _NO_BUYS)),
        _time(now, voice),
    )


def resumed(fact: Resumed, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("▶️ 거래 재개", "▶️ Trading resumed"),
        voice.say("해제된 사유: ", "No longer: ") + _why(fact.reason, voice),
        voice.say("요청: ", "By: ") + fact.who,
        _time(now, voice),
    )


def recovery(fact: RecoveryFound, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("🔧 비정상 종료 후 복구", "🔧 Recovery after a crash"),
        voice.say(
            f"끝나지 않은 작업: {fact.orphaned_runs}건 (실패로 기록했습니다)",
            f"Unfinished jobs: {fact.orphaned_runs} (recorded as failures)",
        ),
        voice.say(
            f"결과를 확인할 주문: {fact.open_intents}건 (거래소에 확인합니다)",
            f"Orders to settle: {fact.open_intents} (the exchange is being asked)",
        ),
        _time(now, voice),
    )


def _wish(intent: Intent, voice: Voice) -> tuple[str, str]:
    side = (
        voice.say("매수 (BUY)", "BUY")
        if intent.request.side is Side.BUY
        else voice.say("매도 (SELL)", "SELL")
    )
    return voice.say("종목: ", "Market: ") + intent.request.market, voice.say("거래: ", "Side: ") + side


def _since(fact: AlertChanged, voice: Voice) -> tuple[str, ...]:
    since = voice.say("발생: ", "Since: ") + kst_text(fact.starts_at)
    if fact.firing:
        return (since,)
    if fact.ends_at is None:
        unseen = voice.say(
            "해제: 끝난 시각은 모릅니다. 그동안 스택이 꺼져 있었거나 다른 경보에 가려졌습니다. 지금은 울리지 않습니다.",
            "Resolved: its end was not observed; the stack was off meanwhile, or another alert hid it. It rings no more.",
        )
        return since, unseen
    lasted = duration_text(fact.ends_at - fact.starts_at, korean=voice.korean)
    return since, voice.say("해제: ", "Resolved: ") + f"{kst_text(fact.ends_at)} ({lasted})"


def _why(reason: str, voice: Voice) -> str:
    return voice.say(*_REASONS[reason]) if reason in _REASONS else reason


def _time(at: datetime, voice: Voice) -> str:
    return voice.say("시각: ", "Time: ") + kst_text(at)
