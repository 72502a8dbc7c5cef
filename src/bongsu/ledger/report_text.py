"""The words of the report. What stands above the figures of trading is the contract's, letter for letter."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from bongsu.core.facts import DailyReported
from bongsu.core.figures import kst_text, percent_text, signed_won_text, won_text
from bongsu.core.report import Report, Span
from bongsu.core.risk import VetoReason
from bongsu.core.tradingday import KST
from bongsu.ledger.reports import Missing
from bongsu.ledger.voice import Voice

_TITLES = {
    Span.DAY: ("📊 일일 거래 리포트", "📊 Daily trading report"),
    Span.WEEK: ("📊 주간 거래 리포트", "📊 Weekly trading report"),
    Span.MONTH: ("📊 월간 거래 리포트", "📊 Monthly trading report"),
}
_BLOCKS = {
    VetoReason.KILL_SWITCH: ("킬 스위치", "kill switch"),
    VetoReason.PAUSED: ("일시 정지", "paused"),
    VetoReason.BREAKER_DAILY: ("일일 손실 한도", "daily loss limit"),
    VetoReason.BREAKER_WEEKLY: ("주간 손실 한도", "weekly loss limit"),
    VetoReason.BLIND: ("감시 불가", "blind"),
    VetoReason.LEDGER_MISMATCH: ("원장 불일치", "ledger mismatch"),
    VetoReason.OUTCOME_UNKNOWN: ("주문 결과 미확인", "order outcome unknown"),
    VetoReason.EQUITY_UNKNOWN: ("자산 미평가", "equity unknown"),
    VetoReason.MIN_INTERVAL: ("최소 거래 간격", "minimum interval"),
    VetoReason.FIRST_WEEK_CAP: ("첫 주 보유 한도", "first week's cap"),
    VetoReason.MAX_DAILY: ("하루 거래 한도", "trades per day"),
    VetoReason.MAX_POSITIONS: ("보유 종목 수 한도", "open positions"),
    VetoReason.ORDER_SIZE: ("주문 금액 한도", "order size"),
    VetoReason.POSITION_SIZE: ("종목당 한도", "position size"),
    VetoReason.CASH_RESERVE: ("현금 보유 한도", "cash reserve"),
    VetoReason.BELOW_MINIMUM: ("최소 주문 금액 미만", "below the minimum order"),
    VetoReason.NO_DEPTH: ("호가 부족", "thin order book"),
    VetoReason.MARKET_OFFLINE: ("거래 중단 종목", "market offline"),
    VetoReason.MARKET_STATE: ("거래 제한 종목", "market not active"),
    VetoReason.EXTERNAL: ("확인하지 않은 외부 변동", "unacknowledged change from outside"),
    VetoReason.NOTHING_HELD: ("보유 없음", "nothing held"),
    VetoReason.OVERSELL: ("보유량 초과 매도", "oversell"),
}
_MISSING = {
    Missing.NOTHING_VALUED: (
        "원장에 아직 자산 평가가 없습니다. 봇을 시작하고 1분쯤 뒤에 다시 해 보세요.",
        "Nothing was valued yet. Start the bot and try again in a minute.",
    ),
    Missing.NOT_YET: ("아직 오지 않은 기간입니다.", "That time has not come yet."),
    Missing.BEFORE_THE_LEDGER: ("봇이 시작하기 전입니다.", "That was before the bot began."),
    Missing.BOT_WAS_OFF: (
        "이 기간에는 봇이 꺼져 있어 자산을 평가하지 못했습니다.",
        "The bot was off in that time: nothing was valued.",
    ),
}
_ON_TIME = timedelta(minutes=5)  # a valuation this close to the end need not name its time


def report(figures: Report, told: DailyReported | None, voice: Voice) -> str:
    """`told` where the bot sends it by itself."""
    return voice.letter(
        voice.say(*_TITLES[figures.span]),
        _period(figures.start, figures.end, voice),
        "",
        *_decisions(figures, voice),
        "",
        *_profit(figures, voice),
        "",
        *_trading(figures, voice),
        "",
        *_operation(figures, voice),
        *_notes(figures, told, voice),
    )


def curve(told: DailyReported, voice: Voice) -> str:
    """`told` has a curve."""
    return voice.letter(
        voice.say("📈 자산 추이 (원)", "📈 Equity (KRW)"),
        _period(told.curve[0].at, told.curve[-1].at, voice),
        voice.say("안내: 입출금도 들어 있습니다.", "Note: deposits and withdrawals are part of it."),
    )


def missing(why: Missing, voice: Voice) -> str:
    return voice.say(*_MISSING[why])


def _period(first: datetime, last: datetime, voice: Voice) -> str:
    days = f"{first.astimezone(KST):%Y-%m-%d} ~ {last.astimezone(KST):%Y-%m-%d}"
    return voice.say("📅 기간: ", "📅 Period: ") + days


def _decisions(figures: Report, voice: Voice) -> Iterator[str]:
    yield voice.say("**AI 판단 통계**", "**AI decisions**")
    yield voice.say("• 총 판단 횟수: ", "• Decisions: ") + _times(figures.decisions, voice)
    yield voice.say("• 매수 (BUY): ", "• BUY: ") + _times(figures.buys, voice)
    yield voice.say("• 매도 (SELL): ", "• SELL: ") + _times(figures.sells, voice)
    yield voice.say("• 관망 (HOLD): ", "• HOLD: ") + _times(figures.holds, voice)


def _profit(figures: Report, voice: Voice) -> Iterator[str]:
    won = voice.say("원", " KRW")
    ratio = "" if figures.ratio is None else f" ({percent_text(figures.ratio)}%)"
    yield voice.say("**수익 현황**", "**Profit**")
    yield voice.say("• 손익: ", "• P&L: ") + signed_won_text(figures.profit) + won + ratio
    yield voice.say("• 현재 포트폴리오: ", "• Portfolio now: ") + won_text(figures.closed) + won


def _trading(figures: Report, voice: Voice) -> Iterator[str]:
    won = voice.say("원", " KRW")
    yield voice.say("**거래와 비용**", "**Trades and costs**")
    yield voice.say(
        f"• 거래: {figures.trades}회 (매수 {figures.bought}회, 매도 {figures.sold}회)",
        f"• Trades: {figures.trades} (bought {figures.bought}, sold {figures.sold})",
    )
    yield voice.say("• 거래대금: ", "• Volume: ") + won_text(figures.volume) + won
    yield voice.say("• 실현 손익: ", "• Realized: ") + signed_won_text(figures.realized) + won
    yield voice.say("• 수수료: ", "• Fees: ") + won_text(figures.fees) + won
    yield voice.say("• AI 비용: ", "• AI cost: ") + won_text(figures.ai_cost) + won
    if figures.flows:
        yield voice.say("• 입출금 (손익 아님): ", "• Deposits and withdrawals (no profit): ") + (
            signed_won_text(figures.flows) + won
        )


def _operation(figures: Report, voice: Voice) -> Iterator[str]:
    exits = (
        f"{figures.stop_losses}회, 익절 {figures.take_profits}회, 손실 한도 작동 {figures.breaker_trips}회"
    )
    yield voice.say("**리스크와 운영**", "**Risk and operation**")
    yield voice.say(
        f"• 손절 {exits}",
        f"• Stop-loss {figures.stop_losses}, take-profit {figures.take_profits}, loss limit reached {figures.breaker_trips}",
    )
    if figures.trailing_stops:
        yield voice.say("• 트레일링 스톱: ", "• Trailing stops: ") + _times(figures.trailing_stops, voice)
    blocked = {voice.say(*_BLOCKS[reason]): n for reason, n in figures.blocked.items()}
    yield voice.say("• 한도가 막은 판단: ", "• Decisions held back: ") + _counted(blocked, "회", voice)
    yield voice.say("• 검증이 거부한 응답: ", "• Advice refused: ") + _times(figures.rejected, voice)
    yield voice.say(
        f"• 가동: {figures.hours}시간 중 {figures.hours_awake}시간",
        f"• Awake: {figures.hours_awake} of {figures.hours} hours",
    ) + _share(figures.hours_awake, figures.hours)
    yield voice.say("• 경보: ", "• Alarms: ") + _counted(figures.alarms, "건", voice)


def _notes(figures: Report, told: DailyReported | None, voice: Voice) -> Iterator[str]:
    if not figures.ended:
        yield voice.say(
            f"안내: {kst_text(figures.closed_at)}까지의 값입니다.",
            f"Note: figures until {kst_text(figures.closed_at)}.",
        )
    elif figures.closed_at - figures.end > _ON_TIME:
        yield voice.say("평가 시각: ", "Valued at: ") + kst_text(figures.closed_at)
    if told is not None and told.late:
        yield voice.say(
            f"지연: 제때 보내지 못해 {kst_text(told.at)}에 보냅니다.",
            f"Late: it could not be sent in time, and is sent at {kst_text(told.at)}.",
        )


def _counted(numbers: Mapping[str, int], unit: str, voice: Voice) -> str:
    """The sum, then what it is made of, the most frequent first."""
    if not numbers:
        return voice.say("없음", "none")
    unit = voice.say(unit, "")
    parts = sorted(numbers.items(), key=lambda part: (-part[1], part[0]))
    listed = ", ".join(f"{name} {number}{unit}" for name, number in parts)
    return f"{sum(numbers.values())}{unit} ({listed})"


def _share(part: int, whole: int) -> str:
    return f" ({Decimal(100 * part) / whole:.1f}%)" if whole else ""


def _times(number: int, voice: Voice) -> str:
    return voice.say(f"{number}회", str(number))
