"""Answers to the commands that only look: one consistent look at the ledger each, in one letter."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from bongsu.core.figures import (
    duration_text,
    kst_text,
    percent_text,
    price_text,
    signed_won_text,
    size_text,
    volume_text,
    won_text,
)
from bongsu.core.market import Market, base_currency
from bongsu.core.money import Price
from bongsu.core.report import Span
from bongsu.ledger import report_text
from bongsu.ledger.reading import ALERTS, DECISIONS, TRADES, View
from bongsu.ledger.reports import Missing
from bongsu.ledger.voice import Voice
from bongsu.settings import Settings
from bongsu.web import overview, schemas
from bongsu.web.chat.commands import MENU, Command, Name
from bongsu.web.words import NOT_ACTIVE, Words

_LAST = 5  # rows of a list
_ACTIONS = {"buy": ("매수 (BUY)", "BUY"), "sell": ("매도 (SELL)", "SELL"), "hold": ("관망 (HOLD)", "HOLD")}
_OUTCOMES = {"rejected": ("거부된 조언", "advice refused"), "skipped": ("판단 생략", "skipped")}
_SCOPES = {"daily": ("오늘", "Today"), "weekly": ("이번 주", "This week")}
_EVERYTHING = {"market": None, "since": None, "until": None}


async def answer(command: Command, view: View, settings: Settings, voice: Voice) -> str:
    """Of a command that only looks."""
    words = Words(voice.lang)
    match command.name:
        case Name.STATUS:
            return voice.letter(
                voice.say("🔥 봇 상태", "🔥 Status"),
                *_status(await overview.read_status(view, settings, words), voice),
            )
        case Name.PORTFOLIO:
            title = voice.say("💼 포트폴리오", "💼 Portfolio")
            return voice.letter(title, *_portfolio(await overview.read_portfolio(view), voice))
        case Name.POSITIONS:
            title = voice.say("📦 보유 종목", "📦 Positions")
            return voice.letter(title, *_positions(await overview.read_portfolio(view), voice))
        case Name.TRADES:
            rows = (await view.page(TRADES, limit=_LAST, side=None, **_EVERYTHING)).rows
            shown = [schemas.Trade.model_validate(row) for row in rows]
            return voice.letter(voice.say("🤖 최근 거래", "🤖 Last trades"), *_trades(shown, voice))
        case Name.DECISIONS:
            rows = (await view.page(DECISIONS, limit=_LAST, outcome=None, action=None, **_EVERYTHING)).rows
            made = [schemas.Decision.model_validate(row) for row in rows]
            return voice.letter(voice.say("🧠 최근 판단", "🧠 Last decisions"), *_decisions(made, voice))
        case Name.ALERTS:
            return await _alerts(view, voice)
        case Name.RISK:
            title = voice.say("🛡️ 위험 관리", "🛡️ Risk")
            return voice.letter(title, *_risk(await overview.read_risk(view, settings), settings, voice))
        case Name.REPORT:
            return await _report(command.day, view, settings, voice)
        case _:
            return _help(voice)


def _help(voice: Voice) -> str:
    lines = [f"/{name} - {voice.say(*texts)}" for name, texts in MENU.items()]
    note = voice.say(
        "무언가를 바꾸는 명령은 한 번만 쓰는 확인 코드를 묻습니다.",
        "Commands that change something ask for a one-time code.",
    )
    return voice.letter(voice.say("📖 명령", "📖 Commands"), *lines, note)


def _status(status: schemas.Status, voice: Voice) -> Iterator[str]:
    doing = voice.say("판단하는 중입니다.", "Deciding now.")
    for text in [reason.text for reason in status.idle] or [doing]:
        yield f"• {text}"
    for process in status.processes:
        age = duration_text(timedelta(seconds=float(process.age_seconds)), korean=voice.korean)
        alive = voice.say("정상", "alive") if process.alive else voice.say("응답 없음", "silent")
        yield f"{process.process}: {alive} ({age})"
    yield from list(_portfolio(status.portfolio, voice))[:3]
    held = len(status.portfolio.positions)
    yield voice.say(f"보유: {held}종목", f"Held: {held}")
    if status.backup is None:
        yield voice.say("백업: 아직 없습니다", "Backup: none yet")
    else:
        size = size_text(status.backup.size_bytes)
        yield voice.say("백업: ", "Backup: ") + f"{kst_text(status.backup.made_at)} ({size})"
    if status.monitoring.blind:
        yield voice.say("알람: 받지 못하는 상태입니다", "Alarms: none can arrive")
    yield voice.say(f"울리는 경보: {len(status.firing)}건", f"Alerts firing: {len(status.firing)}")


def _portfolio(portfolio: schemas.Portfolio, voice: Voice) -> Iterator[str]:
    won = voice.say("원", " KRW")
    if portfolio.equity is None or portfolio.cash is None or portfolio.at is None:
        yield voice.say("평가액: 아직 평가 전입니다", "Value: not valued yet")
        return
    yield voice.say("평가액: ", "Value: ") + won_text(portfolio.equity) + won
    for profit in portfolio.profits:
        ratio = f" ({percent_text(profit.ratio)}%)" if profit.ratio is not None else ""
        label = voice.say(*_SCOPES[profit.scope]) + voice.say(" 손익: ", ": ")
        yield label + signed_won_text(profit.profit) + won + ratio
    yield voice.say("현금: ", "Cash: ") + won_text(portfolio.cash) + won
    yield voice.say("실현 손익: ", "Realized: ") + signed_won_text(portfolio.realized) + won
    if portfolio.drawdown is not None:
        yield voice.say("최고점 대비: ", "From the peak: ") + f"{percent_text(-portfolio.drawdown)}%"
    yield voice.say("평가 시각: ", "Valued at: ") + kst_text(portfolio.at)
    if portfolio.stale:
        yield voice.say("⚠️ 5분 넘게 새로 평가하지 못했습니다", "⚠️ Not valued for over five minutes")


def _positions(portfolio: schemas.Portfolio, voice: Voice) -> Iterator[str]:
    won = voice.say("원", " KRW")
    for held in portfolio.positions:
        coin = base_currency(Market(held.market))
        yield f"• {held.market}: {volume_text(held.volume)} {coin}"
        if flag := NOT_ACTIVE.get(held.market_state) if held.market_state else None:
            yield "↳ ⚠️ " + voice.say(*flag)
        yield voice.say("↳ 진입가 ", "↳ entry ") + price_text(Price(held.entry_price)) + won
        if held.value is not None and held.unrealized is not None and held.unrealized_ratio is not None:
            worth = won_text(held.value) + won
            gain = f"{signed_won_text(held.unrealized)}{won} ({percent_text(held.unrealized_ratio)}%)"
            yield voice.say(f"↳ 평가 {worth}, {gain}", f"↳ worth {worth}, {gain}")
    if not portfolio.positions:
        yield voice.say("보유한 종목이 없습니다.", "Nothing is held.")


def _trades(trades: list[schemas.Trade], voice: Voice) -> Iterator[str]:
    won = voice.say("원", " KRW")
    for trade in trades:
        side = voice.say(*_ACTIONS[trade.side])
        total = won_text(trade.executed_funds) + won
        gain = "" if trade.realized is None else f", {signed_won_text(trade.realized)}{won}"
        yield f"• {kst_text(trade.created_at)} {trade.market} {side} {total}{gain}"
    if not trades:
        yield voice.say("아직 거래가 없습니다.", "No trade yet.")


def _decisions(decisions: list[schemas.Decision], voice: Voice) -> Iterator[str]:
    for made in decisions:
        if made.outcome == "accepted" and made.action is not None:
            what = voice.say(*_ACTIONS[made.action]) + (f" {made.confidence_label or ''}".rstrip())
        else:
            what = voice.say(*_OUTCOMES.get(made.outcome, (made.outcome, made.outcome)))
        why = made.refusal_detail or ", ".join(reason.text for reason in made.reasons[:2])
        yield f"• {kst_text(made.at)} {made.market} {what}" + (f" - {why}" if why else "")
    if not decisions:
        yield voice.say("아직 판단이 없습니다.", "No decision yet.")


async def _alerts(view: View, voice: Voice) -> str:
    rows = (await view.page(ALERTS, limit=20, firing=True, name=None, since=None, until=None)).rows
    lines = [f"• {row['name']} - {row['summary']} ({kst_text(row['starts_at'])})" for row in rows]
    mutes = [
        voice.say(
            f"🔕 {mute['alert']}: {kst_text(mute['until'])}까지 무음",
            f"🔕 {mute['alert']}: until {kst_text(mute['until'])}",
        )
        for mute in await view.all("mutes")
    ]
    none = voice.say("울리는 경보가 없습니다.", "No alert is firing.")
    return voice.letter(voice.say("🚨 경보", "🚨 Alerts"), *(lines or [none]), *mutes)


def _risk(risk: schemas.Risk, settings: Settings, voice: Voice) -> Iterator[str]:
    on, off = voice.say("켜짐", "on"), voice.say("꺼짐", "off")
    yield voice.say("킬 스위치: ", "Kill switch: ") + (on if risk.killed else off)
    for pause in risk.pauses:
        yield voice.say("일시 정지: ", "Paused: ") + f"{pause.reason} {pause.note} ({kst_text(pause.since)})"
    for breaker in risk.breakers:
        ko, en = _SCOPES[breaker.scope]
        until = kst_text(breaker.until) if breaker.until else ""
        state = (
            voice.say(f"넘음, {until}까지 매수 안 함", f"reached, no buys until {until}")
            if breaker.active
            else voice.say("넘지 않음", "not reached")
        )
        yield voice.say(f"{ko} 손실 한도: ", f"{en}, loss limit: ") + state
    limit = settings.max_trades_per_day
    yield voice.say(f"오늘 거래: {risk.trades_today}/{limit}회", f"Trades today: {risk.trades_today}/{limit}")
    for unsettled in risk.unsettled:
        yield voice.say("확인 중인 주문: ", "Not settled: ") + f"{unsettled.market} {unsettled.side}"
    for mismatch in risk.mismatches:
        yield voice.say("원장 불일치: ", "Mismatch: ") + mismatch
    for change in risk.external:
        told = f"{change.currency} {change.amount:+f}"
        yield voice.say(f"확인할 외부 변동: {told} (/ack)", f"From outside: {told} (/ack)")
    stop, take = -settings.stop_loss_percent / Decimal(100), settings.take_profit_percent / Decimal(100)
    yield voice.say("손절/익절: ", "Stop/take: ") + f"{percent_text(stop)}% / {percent_text(take)}%"
    if settings.stop_loss_atr:
        yield voice.say("변동성 손절: ", "Stop by volatility: ") + f"{settings.stop_loss_atr:f} × ATR"
    if settings.trailing_stop:
        yield voice.say("트레일링 스톱: ", "Trailing stop: ") + f"{settings.trailing_stop_atr:f} × ATR"


async def _report(text: str | None, view: View, settings: Settings, voice: Voice) -> str:
    """Of the day named, else of the last one that ended."""
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        return _no_report(text, voice.say("날짜를 읽을 수 없습니다.", "That is no date."), voice)
    found = await view.report(Span.DAY, day, settings.trading_day_start)
    if isinstance(found, Missing):
        return _no_report(text, report_text.missing(found, voice), voice)
    return report_text.report(found, None, voice)


def _no_report(day: str | None, why: str, voice: Voice) -> str:
    return voice.letter(
        voice.say("📊 리포트가 없습니다", "📊 No report"),
        voice.say(f"날짜: {day or '어제'}", f"Day: {day or 'yesterday'}"),
        voice.say(f"{why} 예: /report 2026-11-23", f"{why} E.g. /report 2026-11-23"),
    )
