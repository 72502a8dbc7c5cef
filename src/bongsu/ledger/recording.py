"""The rows a fact leaves. Counting and telling it is the store's, in the same transaction."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, assert_never
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from bongsu import metrics
from bongsu.core import facts as f
from bongsu.core.channels import TELEGRAM
from bongsu.core.decision import decision_id
from bongsu.core.market import Market, MarketState
from bongsu.core.redaction import redact
from bongsu.core.tradingday import trading_day_start, trading_week_start
from bongsu.ledger import calls, counters, external, orders
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load

_SQL = {**load("facts"), **load("jobs"), **load("reports"), **load("chat"), **load("start")}
_ODD = (f.Hearing.STRANGER, f.Hearing.WRONG_CODE, f.Hearing.STALE)
_CURVE_STEP = timedelta(minutes=15)


async def write(tx: Tx, fact: f.Fact, day_start: time) -> bool:
    """False when the fact is on record already: then it is neither counted nor told again."""
    match fact:
        case f.ProcessStarted() | f.ProcessStopped():
            verb = "started" if isinstance(fact, f.ProcessStarted) else "stopped"
            await _event(tx, f"process_{verb}", "info", fact.process, f"{fact.process} {verb}", fact)
        case f.JobSucceeded():
            return await _finish_run(tx, fact.run_id, fact.job, "success", None)
        case f.JobFailed():
            if not await _finish_run(tx, fact.run_id, fact.job, "failure", f"{fact.error}: {fact.message}"):
                return False
            await _event(tx, "job_failed", "error", fact.job, f"{fact.error}: {fact.message}", fact)
        case f.JobSkipped():
            if fact.run_id is not None:
                return await _finish_run(tx, fact.run_id, fact.job, "skipped", fact.reason)
        case f.AdviceAccepted() | f.AdviceRejected() | f.DecisionSkipped():
            return await _decision(tx, fact)
        case f.ModelAnswered():
            return await calls.close(tx, fact)
        case f.BudgetRefused():
            await calls.refuse(tx, fact)
            if fact.first:
                await _event(tx, "budget_spent", "warning", fact.call.model, f"{fact.budget} KRW", {})
        case f.TradeVetoed():
            if fact.decision_id is not None:
                values = {"id": fact.decision_id, "reason": fact.veto.reason, "detail": fact.veto.detail}
                await tx.execute(_SQL["veto_decision"], values)
            await _event(
                tx, "trade_vetoed", "info", fact.market, fact.veto.detail, {"reason": fact.veto.reason}
            )
        case f.PriceRejected():
            await _event(tx, "price_rejected", "warning", fact.market, f"{fact.source}: {fact.detail}", {})
        case f.MessageResent():
            statement = "resend" if fact.channel == TELEGRAM else "resend_delivery"
            if await (await tx.execute(_SQL[statement], _plain(fact))).fetchone() is None:
                return False
            await _event(tx, "notification_resent", "info", fact.who, f"#{fact.number} {fact.channel}", fact)
        case f.MaintenanceAnnounced():
            await tx.execute(_SQL["announce_maintenance"], {"minutes": fact.minutes, "who": fact.who})
            await _event(tx, "maintenance", "info", fact.who, f"{fact.minutes} minutes", fact)
        case f.LiveStarted():
            if await (await tx.execute(_SQL["start_live"], _plain(fact))).fetchone() is None:
                return False
            await _event(tx, "live_started", "warning", fact.by, f"cap {fact.cap:f} KRW", fact)
        case f.CapLifted():
            if await (await tx.execute(_SQL["lift_cap"], {"by": fact.by})).fetchone() is None:
                return False
            await _event(tx, "live_cap_lifted", "warning", fact.by, "the first week's cap is lifted", fact)
        case f.IntentOpened():
            pass  # its row was written behind the gate
        case f.OrderOutcomeLost():
            await orders.mark_unknown(tx, fact.intent.identifier)
            await _event(tx, "order_unknown", "error", fact.intent.request.market, fact.message, {})
        case f.OrderSettled():
            if not await orders.still_open(tx, fact.intent.identifier):
                return False
            await orders.settle(tx, fact)
        case f.OrderRefused():
            if not await orders.still_open(tx, fact.intent.identifier):
                return False
            await orders.refuse(tx, fact)
            message = f"{fact.name}: {fact.message}"
            await _event(tx, "order_refused", "error", fact.intent.request.market, message, {})
        case f.DuplicatePrevented():
            await _event(tx, "duplicate_prevented", "warning", fact.layer, fact.detail, {})
        case f.BreakerTripped():
            values = {"scope": fact.scope, "at": fact.at, "until": fact.until, "loss": fact.loss}
            await tx.execute(_SQL["trip_breaker"], values)
            await _event(
                tx, "breaker_tripped", "warning", fact.scope, f"{fact.scope} loss {fact.loss:.4f}", fact
            )
        case f.BreakerReset():
            await tx.execute(_SQL["reset_breaker"], {"scope": fact.scope})
            await _event(tx, "breaker_reset", "info", fact.scope, f"{fact.scope} breaker reset", fact)
        case f.PortfolioValued():
            await _portfolio(tx, fact, day_start)
        case f.DailyReported():
            return await _report(tx, fact)
        case f.Reconciled():
            return await _reconciliation(tx, fact)
        case f.MarketStatesSeen():
            await _market_states(tx, fact.states)
        case f.MarketsScanned():
            await counters.initialise(tx, fact.chosen)
            await tx.execute(_SQL["forget_other_freshness"], {"markets": list(fact.chosen)})
            chosen = ", ".join(fact.chosen) or "-"
            await _event(tx, "markets_scanned", "info", "scanner", f"{chosen} of {len(fact.found)}", fact)
        case f.FundsMoved():
            flow = fact.amount if fact.currency == "KRW" else Decimal(0)
            await orders.add_funds(tx, fact.currency, fact.amount, fact.note, fact.at, flow=flow)
            await _event(tx, "funds_moved", "info", fact.currency, f"{fact.amount:f} {fact.note}", fact)
        case f.ExternalAdopted():
            await external.adopt(tx, fact)
            moved = f"{fact.movement.amount.normalize():+f}"
            await _event(tx, "external_adopted", "warning", fact.movement.currency, moved, fact)
        case f.ExternalAcknowledged():
            if not await external.acknowledge(tx, fact):
                return False
            await _event(tx, "external_acknowledged", "info", fact.who, fact.market or "all", fact)
        case f.ControlApplied():
            state = "done" if fact.done else "refused"
            await tx.execute(_SQL["end_control"], {"id": fact.id, "state": state, "result": fact.result})
            await _event(tx, f"control_{fact.kind}", "info", fact.who, fact.result, fact)
        case f.CommandHeard():
            if await (await tx.execute(_SQL["hear"], _plain(fact))).fetchone() is None:
                return False
            severity = "warning" if fact.hearing in _ODD else "info"
            await _event(tx, "command", severity, f"telegram:{fact.user}", redact(fact.text)[:200], fact)
        case f.AlertMuted():
            values = {"alert": fact.alert, "until": fact.until, "who": fact.who}
            await tx.execute(_SQL["mute" if fact.until else "unmute"], values)
            await _event(tx, "alert_muted", "warning", fact.who, f"{fact.alert} until {fact.until}", fact)
        case f.MuteEnded():
            await _event(tx, "mute_ended", "info", fact.alert, f"{len(fact.firing)} firing", {})
        case f.Paused():
            values = {"reason": fact.reason, "who": fact.who, "note": fact.note}
            if await (await tx.execute(_SQL["pause"], values)).fetchone() is None:
                return False
            await _event(tx, "paused", "warning", fact.who, fact.note, fact)
        case f.Resumed():
            if await (await tx.execute(_SQL["resume"], {"reason": fact.reason})).fetchone() is None:
                return False
            await tx.execute(_SQL["enabled_now"])
            await _event(tx, "resumed", "info", fact.who, fact.reason, fact)
        case f.ErrorOccurred():
            await _event(tx, "error", "error", fact.error_type, f"{fact.error}: {fact.message}", fact.context)
        case f.RecoveryFound():
            message = f"{fact.orphaned_runs} orphaned runs, {fact.open_intents} open intents"
            await _event(tx, "recovery", "warning", "scheduler", message, fact)
        case f.StartChecked():
            told = await (await tx.execute(_SQL["told"])).fetchone()
            if told is None or told["told"]:
                return False
            await _event(tx, "start_checked", "info", "scheduler", "what the start has shown", fact.seen)
        case f.BackupMade():
            return await (await tx.execute(_SQL["save_backup"], _plain(fact))).fetchone() is not None
        case f.BackupFailed():
            if not fact.again:
                await _event(tx, "error", "error", f.ErrorType.DB, f"BackupFailed: {fact.message}", fact)
        case f.AlertChanged():
            row = {**_plain(fact), "labels": Jsonb(dict(fact.labels))}
            await tx.execute(_SQL["end_earlier_alert"], row)
            return await (await tx.execute(_SQL["save_alert"], row)).fetchone() is not None
        case _:
            assert_never(fact)
    return True


async def _finish_run(tx: Tx, run_id: int, job: f.JobName, outcome: str, reason: str | None) -> bool:
    values = {"run_id": run_id, "outcome": outcome, "reason": reason}
    row = await (await tx.execute(_SQL["finish"], values)).fetchone()
    if row is None:
        return False
    if outcome != "skipped":
        took = counters.observation(metrics.SCHEDULER_JOB_RUN_DURATION, row["seconds"], job_name=job)
        await counters.add(tx, took)
    return True


async def _decision(tx: Tx, fact: f.AdviceAccepted | f.AdviceRejected | f.DecisionSkipped) -> bool:
    row = _decision_row(fact)
    if (await tx.execute(_SQL["decision"], row)).rowcount != 1:
        return False
    await calls.bill(tx, row)
    return True


def _decision_row(fact: f.AdviceAccepted | f.AdviceRejected | f.DecisionSkipped) -> dict[str, Any]:
    empty = dict.fromkeys(
        (
            "action",
            "confidence",
            "confidence_label",
            "size",
            "invalidation",
            "refusal",
            "refusal_detail",
            "latency",
        )
    )
    row: dict[str, Any] = {**empty, "reasons": Jsonb([]), "snapshot": None, "advice": None}
    match fact:
        case f.AdviceAccepted(decision=d):
            said = {
                "action": d.action,
                "confidence": d.confidence,
                "size": d.size,
                "invalidation": d.invalidation,
            }
            row |= said | {
                "id": d.id,
                "outcome": "accepted",
                "advisor": d.advisor,
                "confidence_label": d.label,
            }
        case f.AdviceRejected(advice=a, rejection=no):
            said = (
                {}
                if a is None
                else {
                    "action": a.action,
                    "confidence": a.confidence,
                    "size": a.size,
                    "invalidation": a.invalidation,
                }
            )
            seen = fact.snapshot
            row |= said | {
                "id": decision_id(seen.market, seen.candle_closed_at, f"{fact.advisor}|rejected"),
                "outcome": "rejected",
                "advisor": fact.advisor,
                "refusal": no.reason,
                "refusal_detail": no.detail,
            }
        case f.DecisionSkipped():
            row |= {
                "id": uuid5(
                    decision_id(fact.market, fact.candle_closed_at, fact.advisor), f"skipped|{fact.reason}"
                ),
                "outcome": "skipped",
                "advisor": fact.advisor,
                "refusal": fact.reason,
                "refusal_detail": fact.detail,
                "market": fact.market,
                "candle_closed_at": fact.candle_closed_at,
                "at": fact.at,
            }
            return row
        case _:
            assert_never(fact)
    return row | {
        "market": fact.snapshot.market,
        "candle_closed_at": fact.snapshot.candle_closed_at,
        "at": fact.snapshot.at,
        "reasons": Jsonb([_plain(reason) for reason in fact.advice.reasons] if fact.advice else []),
        "snapshot": Jsonb(_plain(fact.snapshot)),
        "advice": Jsonb(_plain(fact.advice)) if fact.advice else None,
        "latency": fact.latency,
    }


async def _portfolio(tx: Tx, fact: f.PortfolioValued, day_start: time) -> None:
    values = {"at": fact.at, "cash": fact.cash, "equity": fact.equity}
    row = await (await tx.execute(_SQL["save_portfolio"], values)).fetchone()
    assert row is not None  # an upsert always returns its row
    for market, price in fact.prices.items():
        await tx.execute(_SQL["value_position"], {"market": market, "price": price, "at": fact.at})
    drawdown = Decimal(0) if row["peak_equity"] <= 0 else 1 - fact.equity / row["peak_equity"]
    await tx.execute(_SQL["save_snapshot"], {**values, "at": _curve_point(fact.at), "drawdown": drawdown})
    for scope, start in (("daily", trading_day_start), ("weekly", trading_week_start)):
        period = {
            "scope": scope,
            "started_at": start(fact.at, day_start),
            "equity": fact.equity,
            "at": fact.at,
        }
        await tx.execute(_SQL["start_period"], period)


async def _report(tx: Tx, fact: f.DailyReported) -> bool:
    row = {"day": fact.day, "late": fact.late, "report": Jsonb(_plain(fact.reports))}
    return await (await tx.execute(_SQL["save_report"], row)).fetchone() is not None


async def _reconciliation(tx: Tx, fact: f.Reconciled) -> bool:
    before = await (await tx.execute(_SQL["last_mismatches"])).fetchone()
    news = before is None or list(fact.mismatches) != before["mismatches"]
    await tx.execute(_SQL["save_reconciliation"], {"mismatches": Jsonb(list(fact.mismatches))})
    if news and fact.mismatches:
        await _event(tx, "ledger_mismatch", "error", "reconcile", "; ".join(fact.mismatches), {})
    return True


async def _market_states(tx: Tx, states: Mapping[Market, MarketState]) -> None:
    """All at once, and an event where one is another than before; a first sight of an active one is none."""
    before = await orders.read_market_states(tx)
    columns = {"markets": list(states), "states": [state.value for state in states.values()]}
    await tx.execute(_SQL["save_market_states"], columns)
    await tx.execute(_SQL["forget_other_markets"], columns)
    for market, state in states.items():
        was = before.get(market, MarketState.ACTIVE)
        if state is not was:
            severity = "info" if state is MarketState.ACTIVE else "warning"
            await _event(tx, "market_state", severity, market, f"{was} → {state}", {})


async def _event(tx: Tx, kind: str, severity: str, source: str, message: str, context: object) -> None:
    row = {
        "kind": kind,
        "severity": severity,
        "source": source,
        "message": message,
        "context": Jsonb(_plain(context)),
    }
    await tx.execute(_SQL["event"], row)


def _curve_point(at: datetime) -> datetime:
    return at - timedelta(seconds=at.timestamp() % _CURVE_STEP.total_seconds())


def _plain(value: Any) -> Any:
    """As JSON holds it: decimals and times as text, so that nothing is rounded."""
    if hasattr(value, "__dataclass_fields__"):
        value = {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, UUID) else value
