"""The report as the owner reads it, letter for letter."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bongsu.core.facts import DailyReported
from bongsu.core.money import Krw
from bongsu.core.report import Report, Span, span_bounds
from bongsu.core.risk import VetoReason
from bongsu.ledger.messages import messages
from bongsu.ledger.report_text import report
from bongsu.ledger.voice import Voice

NINE = datetime(2025, 12, 28, tzinfo=UTC)  # 09:00 KST
DAY = timedelta(days=1)
LIVE = Voice("ko", "live")


def won(amount: str | int) -> Krw:
    return Krw(Decimal(amount))


FIGURES = Report(
    span=Span.DAY, start=NINE - DAY, end=NINE,
    opened=won(1_000_000), opened_at=NINE - DAY, closed=won(1_015_000), closed_at=NINE + timedelta(seconds=2), flows=won(0),
    buys=3, sells=2, holds=19, rejected=1, bought=2, sold=1, volume=won("599999.6"), fees=won("299.99"),
    realized=won("15300.4"),
    stop_losses=0, take_profits=1, trailing_stops=0, breaker_trips=0,
    blocked={VetoReason.MIN_INTERVAL: 2, VetoReason.MAX_DAILY: 1},
    ai_cost=won(0), hours=24, hours_awake=23, alarms={},
)  # fmt: skip

CONTRACT = """\
📊 일일 거래 리포트
━━━━━━━━━━━━━━━━━━━━
📅 기간: 2025-12-27 ~ 2025-12-28

**AI 판단 통계**
• 총 판단 횟수: 24회
• 매수 (BUY): 3회
• 매도 (SELL): 2회
• 관망 (HOLD): 19회

**수익 현황**
• 손익: +15,000원 (+1.50%)
• 현재 포트폴리오: 1,015,000원
"""
BELOW = """
**거래와 비용**
• 거래: 3회 (매수 2회, 매도 1회)
• 거래대금: 600,000원
• 실현 손익: +15,300원
• 수수료: 300원
• AI 비용: 0원

**리스크와 운영**
• 손절 0회, 익절 1회, 손실 한도 작동 0회
• 한도가 막은 판단: 3회 (최소 거래 간격 2회, 하루 거래 한도 1회)
• 검증이 거부한 응답: 1회
• 가동: 24시간 중 23시간 (95.8%)
• 경보: 없음"""


def told(figures: Report, *, at: datetime = NINE, late: bool = False, voice: Voice = LIVE) -> list[str]:
    fact = DailyReported(figures.start, at, late, (figures,), ())
    return [message.text for message in messages(fact, voice, at)]


def test_the_contract_s_text_and_more_below() -> None:
    assert told(FIGURES) == [CONTRACT + BELOW]


def test_outside_live_the_last_line_says_so() -> None:
    assert told(FIGURES, voice=Voice("ko", "paper")) == [CONTRACT + BELOW + "\n모드: 모의거래"]


def test_a_late_one_says_when_it_was_valued_and_that_it_is_late() -> None:
    opens = NINE + timedelta(minutes=40)
    (text,) = told(replace(FIGURES, closed_at=opens), at=opens, late=True)
    assert text == CONTRACT + BELOW + (
        "\n평가 시각: 2025-12-28 09:40:00\n지연: 제때 보내지 못해 2025-12-28 09:40:00에 보냅니다."
    )


def test_money_that_came_and_went_is_named_and_is_no_profit() -> None:
    richer = replace(FIGURES, closed=won(1_515_000), flows=won(500_000))
    assert "• 손익: +15,000원 (+1.50%)" in told(richer)[0].splitlines()
    assert "• 입출금 (손익 아님): +500,000원" in told(richer)[0].splitlines()
    poorer = replace(FIGURES, closed=won(515_000), flows=won(-500_000))
    assert "• 손익: +15,000원 (+3.00%)" in told(poorer)[0].splitlines()


def test_a_day_that_goes_on_says_until_when() -> None:
    text = report(replace(FIGURES, closed_at=NINE - timedelta(hours=3)), None, LIVE)
    assert text.splitlines()[-1] == "안내: 2025-12-28 06:00:00까지의 값입니다."


def test_its_english_twin() -> None:
    rang = replace(FIGURES, alarms={"HighErrorRate": 1, "SchedulerDown": 2})
    assert report(rang, None, Voice("en", "live")).splitlines() == [
        "📊 Daily trading report",
        "━" * 20,
        "📅 Period: 2025-12-27 ~ 2025-12-28",
        "",
        "**AI decisions**",
        "• Decisions: 24",
        "• BUY: 3",
        "• SELL: 2",
        "• HOLD: 19",
        "",
        "**Profit**",
        "• P&L: +15,000 KRW (+1.50%)",
        "• Portfolio now: 1,015,000 KRW",
        "",
        "**Trades and costs**",
        "• Trades: 3 (bought 2, sold 1)",
        "• Volume: 600,000 KRW",
        "• Realized: +15,300 KRW",
        "• Fees: 300 KRW",
        "• AI cost: 0 KRW",
        "",
        "**Risk and operation**",
        "• Stop-loss 0, take-profit 1, loss limit reached 0",
        "• Decisions held back: 3 (minimum interval 2, trades per day 1)",
        "• Advice refused: 1",
        "• Awake: 23 of 24 hours (95.8%)",
        "• Alarms: 3 (SchedulerDown 2, HighErrorRate 1)",
    ]


def test_every_reason_of_the_gate_has_its_words() -> None:
    for reason in VetoReason:
        assert reason not in report(replace(FIGURES, blocked={reason: 1}), None, LIVE)


def test_weeks_and_months_are_titled_and_begin_with_the_trading_day() -> None:
    monday = datetime(2025, 12, 1, 12, tzinfo=UTC)
    week, month = span_bounds(Span.WEEK, monday), span_bounds(Span.MONTH, monday)
    assert [at.isoformat() for at in (*week, *month)] == [
        "2025-12-01T00:00:00+00:00",
        "2025-12-08T00:00:00+00:00",
        "2025-12-01T00:00:00+00:00",
        "2026-01-01T00:00:00+00:00",
    ]
    before_nine = monday.replace(hour=0) - timedelta(minutes=1)
    assert span_bounds(Span.MONTH, before_nine)[1] == month[0]
    assert span_bounds(Span.MONTH, datetime(2026, 1, 31, 12, tzinfo=UTC))[1].day == 1
    weekly = replace(FIGURES, span=Span.WEEK, start=week[0], end=week[1], closed_at=week[1])
    assert told(weekly)[0].splitlines()[::2][:2] == [
        "📊 주간 거래 리포트",
        "📅 기간: 2025-12-01 ~ 2025-12-08",
    ]
