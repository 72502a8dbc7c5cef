"""One fact for each kind of message, such as a bot meets them; the words are the bot's own."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

from bongsu.core import facts as f
from bongsu.core.channels import Channel
from bongsu.core.clock import ExchangeSigns
from bongsu.core.exits import exit_due
from bongsu.core.market import Market
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.order import Fill, Intent, IntentState, Order, OrderRequest, OrderState, Side, Trigger
from bongsu.core.portfolio import Position
from bongsu.core.report import EquityPoint, Report, Span
from bongsu.core.risk import RiskLimits, Veto, VetoReason
from bongsu.core.start_check import AlarmServers, LedgerSeen, SecondWay, Start, StartCheck
from bongsu.core.tradingday import DAY
from bongsu.ledger import gathered
from bongsu.ledger.gathered import Held
from bongsu.ledger.messages import Kind, messages
from bongsu.ledger.voice import Voice, sent_again

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2025, 12, 28, 5, 30, 15, tzinfo=UTC)  # 14:30:15 in Seoul
MORNING = datetime(2025, 12, 28, tzinfo=UTC)
ETH = Market("KRW-ETH")
SHOWN_ALARMS = (("SchedulerDown", 0), ("SchedulerJobSlow", 1), ("PortfolioDrawdown", 2))


def together(voice: Voice) -> tuple[str, ...]:
    """What a storm and a night leave, and a message that may have arrived before."""
    failed = [_held(n, "storm", _failure(n), "error", voice) for n in range(3)]
    night = (
        *(_alarm(name, voice.korean) for name in ("SchedulerJobSlow", "PortfolioDrawdown")),
        f.ProcessStarted("scheduler", "0.1.0"),
    )
    quiet = [_held(n, "quiet", fact, "alert", voice) for n, fact in enumerate(night)]
    (again,) = messages(_failure(0), voice, NOW)
    return gathered.storm(failed, voice), gathered.digest(quiet, voice), sent_again(again.text, 417, voice)


def _failure(number: int) -> f.ErrorOccurred:
    market = ("KRW-ETH", "KRW-BTC")[number % 2]
    return f.ErrorOccurred(
        f.ErrorType.EXCHANGE, "APIConnectionError", "Upbit API 연결 실패", {"ticker": market}
    )


def _held(number: int, why: str, fact: f.Fact, kind: Kind, voice: Voice) -> Held:
    at = NOW + number * timedelta(minutes=2)
    (message,) = messages(fact, voice, at)
    return Held(
        number, kind, message.text, message.topic, None, message.urgency,
        of_the_channel=False, held_for=why, created_at=at,
    )  # fmt: skip


def letters(korean: bool) -> Mapping[str, tuple[f.Fact, ...]]:
    """By page, in the order in which they stand in the chat."""
    return {
        "trades": _trades(korean),
        "alarms": _alarms(korean),
        "bot": _bot(),
        "reports": _reports(),
    }


def _trades(korean: bool) -> tuple[f.Fact, ...]:
    reasons = (
        "RSI 과매도 구간 진입, MACD 골든크로스 임박" if korean else "RSI is oversold, MACD is about to cross"
    )
    buy = _intent(Side.BUY, Trigger.DECISION, reasons, "HIGH", funds="50000")
    position = Position(ETH, Volume(Decimal("0.0115")), Krw(Decimal(50_025)), Krw(Decimal(0)), NOW)
    low = Price(Decimal(4_127_000))
    due = exit_due(position, low, low, RiskLimits())
    assert due is not None
    why = due.reason if korean else due.reason_en
    stop = _intent(Side.SELL, due.trigger, why, "RULE", volume="0.0115")
    return (
        f.OrderSettled(buy, _order(buy, "4350000", "0.01149425"), recovered=False),
        f.OrderSettled(stop, _order(stop, "4127000", "0.0115"), recovered=True),
        f.OrderSettled(buy, _order(buy), recovered=False),
        f.OrderRefused(buy, "insufficient_funds_bid", "주문 가능한 금액(KRW)이 부족합니다.", NOW),
        f.OrderRefused(buy, "not_found", "no order found within 60 s", NOW),
        f.OrderOutcomeLost(buy, "POST /v1/orders: ReadTimeout"),
        f.TradeVetoed(ETH, _blind(), None, NOW),
    )


def _blind() -> Veto:
    return Veto(
        VetoReason.LEDGER_MISMATCH,
        "원장과 거래소 잔고가 달라 매수하지 않습니다.",
        "Ledger and exchange disagree: no buys.",
    )


def _alarms(korean: bool) -> tuple[f.Fact, ...]:
    fired = [_alarm(name, korean) for name, _ in SHOWN_ALARMS]
    over = _alarm("SchedulerDown", korean, ended=NOW + timedelta(minutes=7, seconds=12))
    return (
        *fired,
        over,
        f.AlertMuted("SchedulerJobSlow", NOW + timedelta(hours=1), "telegram:1000"),
        f.MuteEnded("SchedulerJobSlow", ()),
    )


def _alarm(name: str, korean: bool, ended: datetime | None = None) -> f.AlertChanged:
    """Its words with the figures filled in, as the rule's proof has them."""
    told = proven(name)
    labels, words = told["exp_labels"], told["exp_annotations"]
    summary, description = (words[key if korean else f"{key}_en"] for key in ("summary", "description"))
    return f.AlertChanged(
        name, ended is None, labels["severity"], summary, description, words["runbook_url"],
        labels, name, NOW, ended,
    )  # fmt: skip


def proven(name: str) -> dict[str, Any]:
    proof = yaml.safe_load((ROOT / f"monitoring/tests/{name}.yaml").read_text(encoding="utf-8"))
    asked = (case for test in proof["tests"] for case in test["alert_rule_test"])
    return next(alarm for case in asked for alarm in case.get("exp_alerts", ()) if "exp_annotations" in alarm)


def _bot() -> tuple[f.Fact, ...]:
    no = UUID(int=1)
    return (
        f.ProcessStarted("scheduler", "0.1.0"),
        f.StartChecked(_start()),
        f.StartChecked(_start(LedgerSeen("0007", "success", "failure", 0, 0, 1, True, None, True, False))),
        f.ProcessStopped("scheduler", "SIGTERM"),
        f.RecoveryFound(1, 1),
        f.ErrorOccurred(
            f.ErrorType.EXCHANGE, "APIConnectionError", "Upbit API 연결 실패", {"ticker": "KRW-ETH"}
        ),
        f.BreakerTripped("daily", Decimal("0.0312"), Decimal("0.03"), NOW, MORNING + DAY),
        f.BreakerReset("daily", MORNING + DAY),
        f.Reconciled(
            (
                "ETH: 0.0115 ≠ 0.01",
                "KRW: 950000 ≠ 956150",
            ),
            NOW,
        ),
        f.FundsMoved("KRW", Krw(Decimal(500_000)), "", NOW),
        f.FundsMoved("BTC", Decimal("-0.00150000"), "", NOW),
        f.Paused("job_failures", "trading_job × 3", "scheduler"),
        f.Resumed("job_failures", "telegram:1000"),
        f.ControlApplied(no, f.ControlKind.KILL, "telegram:1000", "급락", True, ""),
        f.ControlApplied(no, f.ControlKind.CLOSE, "telegram:1000", "", True, "KRW-ETH 매도 완료 (sold)"),
        f.CommandHeard("123", 7, 4711, 4711, "/kill", f.Hearing.STRANGER),
    )


def _start(seen: LedgerSeen | None = None) -> StartCheck:
    return StartCheck(
        Start("sandbox", (ETH, Market("KRW-BTC")), inbox=seen is None, rules=62),
        ExchangeSigns(0.02, maintenance=False),
        seen or LedgerSeen("0007", "success", "success", 0, 0, 1, True, None, True, True),
        () if seen is None else (SecondWay(Channel.MAIL, True), SecondWay(Channel.WEBHOOK, None)),
        AlarmServers(62, 1),
        NOW + timedelta(minutes=31),
        market_time=seen is None,
    )


def _reports() -> tuple[f.Fact, ...]:
    figures = Report(
        span=Span.DAY, start=MORNING - DAY, end=MORNING, opened=_won(1_000_000), opened_at=MORNING - DAY,
        closed=_won(1_015_000), closed_at=MORNING + timedelta(seconds=2), flows=_won(0), buys=3, sells=2, holds=19,
        rejected=1, bought=2, sold=1, volume=_won(600_000), fees=_won(300), realized=_won(15_300), stop_losses=0,
        take_profits=1, breaker_trips=0, blocked={VetoReason.MIN_INTERVAL: 2, VetoReason.MAX_DAILY: 1},
        ai_cost=_won(0), hours=24, hours_awake=23, alarms={"SchedulerJobSlow": 1},
    )  # fmt: skip
    worth = (1000, 1003, 1001, 998, 1004, 1009, 1007, 1012, 1015)
    curve = tuple(
        EquityPoint(MORNING - DAY + n * timedelta(hours=3), _won(amount * 1000))
        for n, amount in enumerate(worth)
    )
    return (f.DailyReported(MORNING - DAY, MORNING + timedelta(minutes=40), True, (figures,), curve),)


def _won(amount: int) -> Krw:
    return Krw(Decimal(amount))


def _intent(
    side: Side, trigger: Trigger, reason: str, confidence: str, *, funds: str = "", volume: str = ""
) -> Intent:
    request = OrderRequest(
        ETH, side, trigger, "key", reason, confidence, NOW,
        funds=Krw(Decimal(funds)) if funds else None, volume=Volume(Decimal(volume)) if volume else None,
    )  # fmt: skip
    return Intent(UUID(int=8), request, IntentState.OPEN, 0.1, False)


def _order(intent: Intent, price: str = "", volume: str = "0") -> Order:
    done, paid = Volume(Decimal(volume)), Decimal(price or 0)
    fills = (Fill(UUID(int=9), Price(paid), done, Krw(paid * done), NOW),) if price else ()
    return Order(
        UUID(int=7), intent.identifier, ETH, intent.request.side, OrderState.CANCEL, None, done,
        Krw(Decimal(25)), NOW, fills,
    )  # fmt: skip
