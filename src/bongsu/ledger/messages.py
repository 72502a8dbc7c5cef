"""What the owner is told of each fact. Written with the fact, in its transaction; sent later, in order."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from bongsu.core.facts import (
    AdviceAccepted,
    AdviceRejected,
    AlertChanged,
    AlertMuted,
    BackupFailed,
    BackupMade,
    BreakerReset,
    BreakerTripped,
    BudgetRefused,
    CapLifted,
    CommandHeard,
    ControlApplied,
    ControlKind,
    DailyReported,
    DecisionSkipped,
    DuplicatePrevented,
    ErrorOccurred,
    ErrorType,
    ExternalAcknowledged,
    ExternalAdopted,
    Fact,
    FundsMoved,
    Hearing,
    IntentOpened,
    JobFailed,
    JobSkipped,
    JobSucceeded,
    LiveStarted,
    MaintenanceAnnounced,
    MarketsScanned,
    MarketStatesSeen,
    MessageResent,
    ModelAnswered,
    MuteEnded,
    OrderOutcomeLost,
    OrderRefused,
    OrderSettled,
    Paused,
    PortfolioValued,
    PriceRejected,
    ProcessStarted,
    ProcessStopped,
    Reconciled,
    RecoveryFound,
    Resumed,
    StartChecked,
    TradeVetoed,
)
from bongsu.core.outgoing import Urgency
from bongsu.core.portfolio import FIRST_BALANCE
from bongsu.core.risk import VetoReason
from bongsu.ledger import chat_texts, external_texts, live_texts, report_text, start_text, texts
from bongsu.ledger.picture import draw_equity
from bongsu.ledger.voice import Voice

__all__ = ["Message", "Voice", "messages"]

Kind = Literal["trade", "error", "status", "report", "alert"]

# A broken channel cannot tell of itself, and would feed on its own failures; refused advice is no fault.
_UNTOLD_ERRORS = frozenset({ErrorType.TELEGRAM, ErrorType.VALIDATION})
# Something is wrong that the owner may not know of. The other vetoes are the limits at work.
_TOLD_VETOES = frozenset(
    {
        VetoReason.BLIND,
        VetoReason.LEDGER_MISMATCH,
        VetoReason.OUTCOME_UNKNOWN,
        VetoReason.EQUITY_UNKNOWN,
        VetoReason.MARKET_OFFLINE,
        VetoReason.OVERSELL,
        VetoReason.FIRST_WEEK_CAP,
    }
)
_TOLD_CONTROLS = frozenset({ControlKind.KILL, ControlKind.UNKILL, ControlKind.CLOSE, ControlKind.FLATTEN})

# What is wrong with Telegram cannot be told through it alone.
_ABOUT_TELEGRAM = frozenset({"NotificationBacklog", "NotificationChannelBroken"})
_URGENCIES = {"critical": Urgency.CRITICAL, "warning": Urgency.WARNING}

STORM = timedelta(minutes=10)
ALERT_STORM = timedelta(minutes=1)
DAY_STORM = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Message:
    """Of one `topic` one is told in `window`; what else comes in it is told together at its end.

    `log_line` is logged when the message was delivered.
    """

    kind: Kind
    text: str
    topic: str | None = None
    log_line: str | None = None
    picture: bytes | None = None  # a PNG, under which the text stands
    urgency: Urgency = Urgency.INFO
    window: timedelta = STORM
    before_it: str | None = None  # a topic: what is held of it is told before this message
    of_the_channel: bool = False  # goes to the second channel at once


def messages(fact: Fact, voice: Voice, now: datetime) -> tuple[Message, ...]:
    """`now` is wall time, for facts about processes; facts about the market carry their own."""
    match fact:
        case OrderSettled():
            return (_settled(fact, voice),)
        case OrderRefused():
            topic = f"refused:{fact.intent.request.market}:{fact.name}"
            return (_warning(texts.refused(fact, voice), topic),)
        case OrderOutcomeLost():
            topic = f"unknown:{fact.intent.request.market}"
            return (_critical(texts.outcome_lost(fact, voice, now), topic),)
        case TradeVetoed():
            return _veto(fact, voice)
        case JobFailed() | ErrorOccurred():
            return _error(fact, voice, now)
        case BackupFailed():
            return () if fact.again else (_backup_failed(fact, voice, now),)
        case ProcessStarted():
            return _started(fact, voice, now)
        case ProcessStopped():
            return _stopped(fact, voice, now)
        case DailyReported():
            return _reports(fact, voice)
        case AlertChanged():
            return (_alert(fact, voice),)
        case BreakerTripped():
            told = texts.breaker_tripped(fact, voice)
            return (_critical(told) if fact.scope == "weekly" else _warning(told),)
        case BreakerReset():
            return (Message("status", texts.breaker_reset(fact, voice)),)
        case Reconciled():
            if not fact.mismatches:
                return ()
            return (_critical(texts.mismatch(fact.mismatches, fact.at, voice), "mismatch"),)
        case FundsMoved():
            first = fact.note == FIRST_BALANCE
            return () if first else (Message("status", external_texts.funds_moved(fact, voice)),)
        case ExternalAdopted():
            return (_warning(external_texts.external_adopted(fact, voice)),)
        case ExternalAcknowledged():
            return (Message("status", external_texts.external_acknowledged(fact, voice, now)),)
        case ControlApplied():
            worth_it = fact.kind in _TOLD_CONTROLS or not fact.done
            return (_critical(texts.control(fact, voice, now)),) if worth_it else ()
        case CommandHeard():
            strange = fact.hearing is Hearing.STRANGER
            return (_warning(chat_texts.stranger(fact, voice, now), "stranger"),) if strange else ()
        case AlertMuted():
            return (Message("status", chat_texts.muted(fact, voice, now)),)
        case MuteEnded():
            alarms = (_alert(alarm, voice) for alarm in fact.firing)
            return (Message("status", chat_texts.mute_ended(fact, voice, now)), *alarms)
        case BudgetRefused():
            return (_warning(texts.budget_spent(fact, voice, now)),) if fact.first else ()
        case LiveStarted():
            return (_critical(live_texts.started(fact, voice, now)),)
        case CapLifted():
            return (_critical(live_texts.cap_lifted(fact, voice, now)),)
        case Paused():
            told = texts.paused(fact, voice, now)
            return (_critical(told) if fact.reason == "address_refused" else _warning(told),)
        case Resumed():
            return (_warning(texts.resumed(fact, voice, now)),)
        case RecoveryFound():
            left_over = fact.orphaned_runs or fact.open_intents
            return (_warning(texts.recovery(fact, voice, now)),) if left_over else ()
        case StartChecked():
            text, urgency = start_text.start_checked(fact.seen, voice, now)
            return (Message("status", text, urgency=urgency),)
        case (
            JobSucceeded()
            | JobSkipped()
            | AdviceAccepted()
            | AdviceRejected()
            | DecisionSkipped()
            | ModelAnswered()
            | PriceRejected()
            | BackupMade()
            | MessageResent()
            | MaintenanceAnnounced()
            | MarketsScanned()
            | MarketStatesSeen()  # an alarm tells what is wrong with one
            | IntentOpened()
            | DuplicatePrevented()
            | PortfolioValued()
        ):
            return ()
        case _:
            assert_never(fact)


def _critical(text: str, topic: str | None = None) -> Message:
    return Message("status", text, topic, urgency=Urgency.CRITICAL)


def _warning(text: str, topic: str | None = None) -> Message:
    return Message("status", text, topic, urgency=Urgency.WARNING)


def _alert(fact: AlertChanged, voice: Voice) -> Message:
    """Its end is as urgent as itself, and never told before it."""
    firing, ended = f"alert:{fact.name}:firing", f"alert:{fact.name}:resolved"
    topic, other = (firing, ended) if fact.firing else (ended, firing)
    return Message(
        "alert",
        texts.alert(fact, voice),
        topic,
        urgency=_URGENCIES.get(fact.severity, Urgency.INFO),
        window=ALERT_STORM,
        before_it=other,
        of_the_channel=fact.name in _ABOUT_TELEGRAM,
    )


def _reports(fact: DailyReported, voice: Voice) -> tuple[Message, ...]:
    """The picture comes after the figures, so that they arrive whatever becomes of it."""
    told = [Message("report", report_text.report(one, fact, voice)) for one in fact.reports]
    if len(fact.curve) > 1:
        told.append(Message("report", report_text.curve(fact, voice), picture=draw_equity(fact.curve)))
    return tuple(told)


def _settled(fact: OrderSettled, voice: Voice) -> Message:
    if fact.order.fills:
        return Message("trade", texts.trade(fact, voice))
    return Message("status", texts.unfilled(fact, voice))


def _veto(fact: TradeVetoed, voice: Voice) -> tuple[Message, ...]:
    if fact.veto.reason not in _TOLD_VETOES:
        return ()
    told = _warning(texts.veto(fact, voice), f"veto:{fact.market}:{fact.veto.reason}")
    capped = fact.veto.reason is VetoReason.FIRST_WEEK_CAP  # true for a week, whatever the hour
    return (replace(told, window=DAY_STORM) if capped else told,)


def _error(fact: JobFailed | ErrorOccurred, voice: Voice, now: datetime) -> tuple[Message, ...]:
    if fact.error_type in _UNTOLD_ERRORS:
        return ()
    text = texts.error(fact.error, fact.message, fact.context, voice, now)
    return (Message("error", text, f"error:{fact.error_type}:{fact.error}", urgency=Urgency.WARNING),)


def _backup_failed(fact: BackupFailed, voice: Voice, now: datetime) -> Message:
    text = texts.error("BackupFailed", fact.message, {}, voice, now)
    return Message("error", text, "error:db:BackupFailed", urgency=Urgency.WARNING)


def _started(fact: ProcessStarted, voice: Voice, now: datetime) -> tuple[Message, ...]:
    if fact.process != "scheduler":
        return ()
    line = voice.say("✅ Telegram 시작 알림 전송 완료", "✅ Telegram start message sent")
    return (Message("status", texts.started(fact, voice, now), log_line=line),)


def _stopped(fact: ProcessStopped, voice: Voice, now: datetime) -> tuple[Message, ...]:
    if fact.process != "scheduler":
        return ()
    line = voice.say("✅ Telegram 중지 알림 전송 완료", "✅ Telegram stop message sent")
    return (Message("status", texts.stopped(fact, voice, now), log_line=line),)
