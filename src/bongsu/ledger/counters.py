"""What each fact adds to which counter, and the only way a counter of the ledger changes."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import assert_never

from psycopg.types.json import Jsonb

from bongsu import metrics
from bongsu.core import facts as f
from bongsu.core.llm import Answered, Call, CallOutcome
from bongsu.core.order import Order, OrderRequest, Trigger
from bongsu.core.risk import VetoReason
from bongsu.ledger.database import Tx
from bongsu.ledger.queries import load
from bongsu.metric import Kind, Metric
from bongsu.metrics.values import NO_MODEL

Key = tuple[str, tuple[tuple[str, str], ...]]
Increments = dict[Key, Decimal]

ONE = Decimal(1)
_FREQUENCY = {VetoReason.MIN_INTERVAL: "min_interval", VetoReason.MAX_DAILY: "max_daily"}
_SQL = load("counters")


def key(metric: Metric, **labels: str) -> Key:
    """Raises ValueError for labels that the registry does not know: a series nobody reads is a defect."""
    for name, allowed in metric.labels:
        if allowed is not None and labels.get(name) not in allowed:
            raise ValueError(f"{metric.name}: {name}={labels.get(name)!r} is not registered")
    if labels.keys() != set(metric.label_names):
        raise ValueError(f"{metric.name} has labels {metric.label_names}, not {sorted(labels)}")
    return metric.name, tuple(sorted(labels.items()))


def observation(metric: Metric, value: float, **labels: str) -> Increments:
    """What one observation adds to a histogram kept as counters."""
    base = dict(key(metric, **labels)[1])
    bounds = [bound for bound in metric.buckets if value <= bound]
    added: Increments = {_bucket(metric, bound, base): ONE for bound in (*map(_le, bounds), "+Inf")}
    plain = tuple(sorted(base.items()))
    if metric.summed:
        added[f"{metric.name}_sum", plain] = Decimal(repr(value))
    added[f"{metric.name}_count", plain] = ONE
    return added


def counters(fact: f.Fact) -> Increments:
    """Which counters `fact` moves; durations and positions are counted where they are known."""
    match fact:
        case f.ProcessStarted(process=process):
            return {key(metrics.BOT_PROCESS_STARTS, process=process): ONE}
        case f.JobSucceeded(job=job):
            return {key(metrics.SCHEDULER_JOB_SUCCESS, job_name=job): ONE}
        case f.JobFailed(job=job, error_type=error_type):
            return {
                key(metrics.SCHEDULER_JOB_FAILURE, job_name=job): ONE,
                key(metrics.BOT_ERRORS, error_type=error_type): ONE,
            }
        case f.JobSkipped(job=job, reason=reason):
            return {key(metrics.SCHEDULER_JOB_SKIPPED, job_name=job, reason=reason): ONE}
        case f.AdviceAccepted(decision=decision):
            return {key(metrics.AI_DECISION, symbol=decision.market, decision=decision.action): ONE}
        case f.AdviceRejected(rejection=rejection):
            return {key(metrics.AI_VALIDATION_REJECTIONS, reason=rejection.reason): ONE}
        case f.DecisionSkipped(reason=skip):
            return {key(metrics.AI_DECISION_SKIPPED, reason=skip): ONE}
        case f.ModelAnswered(call=call, answered=answered):
            return _of_call(call, answered)
        case f.BudgetRefused(call=call):
            refused = {"model": call.model, "outcome": CallOutcome.REFUSED_BUDGET}
            return {key(metrics.LLM_REQUESTS, **refused): ONE}
        case f.TradeVetoed(veto=veto):
            if veto.reason is VetoReason.FIRST_WEEK_CAP:
                return {key(metrics.FIRST_WEEK_CAP_BLOCKS): ONE}
            blocked = _FREQUENCY.get(veto.reason)
            return {key(metrics.TRADE_FREQUENCY_BLOCKS, reason=blocked): ONE} if blocked else {}
        case f.PriceRejected(source=source):
            return {key(metrics.PRICE_OUTLIERS, source=source): ONE}
        case f.OrderSettled(intent=intent, order=order):
            return _of_order(intent.request, order)
        case f.OrderRefused(intent=intent):
            return {
                key(metrics.ORDERS, side=intent.request.side, outcome="rejected"): ONE,
                key(metrics.BOT_ERRORS, error_type=f.ErrorType.EXCHANGE): ONE,
            }
        case f.DuplicatePrevented(layer=layer):
            return {key(metrics.DUPLICATE_ORDERS_PREVENTED, layer=layer): ONE}
        case f.BreakerTripped(scope=scope):
            return {key(metrics.CIRCUIT_BREAKER_TRIPS, scope=scope): ONE}
        case f.Reconciled(mismatches=mismatches):
            result = "mismatch" if mismatches else "match"
            return {key(metrics.RECONCILIATION_RUNS, result=result): ONE}
        case f.BackupMade():
            return {key(metrics.BACKUP_RUNS, outcome="success"): ONE}
        case f.BackupFailed(again=again):
            failed = {key(metrics.BACKUP_RUNS, outcome="failure"): ONE}
            return failed if again else failed | {key(metrics.BOT_ERRORS, error_type=f.ErrorType.DB): ONE}
        case f.ErrorOccurred(error_type=error_type):
            return {key(metrics.BOT_ERRORS, error_type=error_type): ONE}
        case (
            f.ProcessStopped()
            | f.IntentOpened()
            | f.OrderOutcomeLost()
            | f.BreakerReset()
            | f.PortfolioValued()
            | f.DailyReported()
            | f.FundsMoved()
            | f.ExternalAdopted()
            | f.ExternalAcknowledged()
            | f.MarketStatesSeen()
            | f.MarketsScanned()
            | f.ControlApplied()
            | f.CommandHeard()
            | f.AlertMuted()
            | f.MuteEnded()
            | f.MessageResent()
            | f.MaintenanceAnnounced()
            | f.LiveStarted()
            | f.CapLifted()
            | f.Paused()
            | f.Resumed()
            | f.RecoveryFound()
            | f.StartChecked()
            | f.AlertChanged()
        ):
            return {}
        case _:
            assert_never(fact)


async def add(tx: Tx, increments: Mapping[Key, Decimal]) -> None:
    """Upserts in sorted order, so that two transactions never wait for one another in a circle."""
    if not increments:
        return
    moved = sorted(increments.items())
    columns = {
        "names": [name for (name, _), _ in moved],
        "labels": [Jsonb(dict(labels)) for (_, labels), _ in moved],
        "values": [value for _, value in moved],
    }
    await tx.execute(_SQL["add"], columns)


async def initialise(tx: Tx, markets: Iterable[str], models: Iterable[str] = ()) -> None:
    """Every bounded label combination present at 0: a counter born at 1 never shows an increase."""
    known = {"symbol": tuple(markets), "model": tuple(models) or (NO_MODEL,)}
    series = [
        one
        for metric in metrics.LEDGER_COUNTERS
        for labels in metric.label_sets(known)
        for one in _series(metric, labels)
    ]
    columns = {"names": [name for name, _ in series], "labels": [Jsonb(labels) for _, labels in series]}
    await tx.execute(_SQL["initialise"], columns)


def _series(metric: Metric, labels: dict[str, str]) -> list[tuple[str, dict[str, str]]]:
    if metric.kind is Kind.COUNTER:
        return [(metric.name, labels)]
    bounds = (*map(_le, metric.buckets), "+Inf")
    buckets = [(f"{metric.name}_bucket", {**labels, "le": bound}) for bound in bounds]
    sums = [(f"{metric.name}_sum", labels)] if metric.summed else []
    return [*buckets, *sums, (f"{metric.name}_count", labels)]


def _of_call(call: Call, answered: Answered) -> Increments:
    """What nobody can say was billed counts as what was set aside for it."""
    model, cost = call.model, call.reserved if answered.cost is None else answered.cost
    added: Increments = {key(metrics.LLM_REQUESTS, model=model, outcome=answered.outcome): ONE}
    added[key(metrics.LLM_COST, model=model)] = cost
    usage = answered.reply.usage if answered.reply else None
    if usage is not None:
        billed = {"input": usage.read - usage.cached, "cached": usage.cached, "output": usage.written}
        added |= {key(metrics.LLM_TOKENS, model=model, kind=kind): Decimal(n) for kind, n in billed.items()}
    return added


def _of_order(request: OrderRequest, order: Order) -> Increments:
    added: Increments = {key(metrics.ORDERS, side=order.side, outcome=_outcome(order)): ONE}
    added |= observation(metrics.ORDER_FILLED, float(order.filled_ratio(request)), side=order.side)
    slippage = order.slippage(request)
    if slippage is not None:
        added |= observation(metrics.ORDER_SLIPPAGE, float(slippage), side=order.side)
    if not order.fills:
        return added
    where = {"symbol": order.market, "side": order.side}
    added[key(metrics.TRADES, **where)] = ONE
    added[key(metrics.TRADE_VOLUME, **where)] = order.funds
    added[key(metrics.TRADE_FEE, **where)] = order.paid_fee
    added[key(metrics.FILLS, side=order.side)] = Decimal(len(order.fills))
    if request.trigger in (Trigger.STOP_LOSS, Trigger.TAKE_PROFIT, Trigger.TRAILING_STOP):
        added[key(metrics.RISK_EXITS, symbol=order.market, type=request.trigger)] = ONE
    return added


def _outcome(order: Order) -> str:
    if not order.fills:
        return "canceled"
    return "filled" if order.complete else "partial"


def _bucket(metric: Metric, bound: str, labels: Mapping[str, str]) -> Key:
    return f"{metric.name}_bucket", tuple(sorted({**labels, "le": bound}.items()))


def _le(bound: float) -> str:
    return repr(float(bound))
