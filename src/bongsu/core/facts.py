"""What happened: one frozen class per kind of event. The ledger writes a fact, counts it and tells it in one transaction.

`at` is market time where the fact is about the market; facts about processes are stamped by the database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from bongsu.core.decision import Advice, Decision, Rejection
from bongsu.core.external import Movement
from bongsu.core.kinds import ControlKind as ControlKind
from bongsu.core.kinds import DecisionSkip as DecisionSkip
from bongsu.core.kinds import ErrorType as ErrorType
from bongsu.core.kinds import JobName as JobName
from bongsu.core.kinds import Layer as Layer
from bongsu.core.kinds import SkipReason as SkipReason
from bongsu.core.llm import Answered, Call
from bongsu.core.market import Market, MarketState
from bongsu.core.money import Krw, Price
from bongsu.core.order import Intent, Order, OrderRequest
from bongsu.core.report import EquityPoint, Report
from bongsu.core.risk import Veto
from bongsu.core.snapshot import MarketSnapshot, PriceSource
from bongsu.core.start_check import StartCheck


@dataclass(frozen=True, slots=True)
class ProcessStarted:
    process: str
    version: str


@dataclass(frozen=True, slots=True)
class ProcessStopped:
    process: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobSucceeded:
    run_id: int
    job: JobName


@dataclass(frozen=True, slots=True)
class JobFailed:
    """`error_type` counts; `error` and `context` are told when `tell`."""

    run_id: int
    job: JobName
    error_type: ErrorType
    error: str  # the exception's class
    message: str
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class JobSkipped:
    job: JobName
    scheduled_for: datetime
    reason: SkipReason
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class AdviceAccepted:
    decision: Decision
    advice: Advice
    snapshot: MarketSnapshot
    latency: float  # seconds


@dataclass(frozen=True, slots=True)
class AdviceRejected:
    """Not a hold: the advisor's words were refused. `advice` is None where they could not be read as any."""

    advice: Advice | None
    advisor: str
    snapshot: MarketSnapshot
    rejection: Rejection
    latency: float


@dataclass(frozen=True, slots=True)
class DecisionSkipped:
    market: Market
    candle_closed_at: datetime
    at: datetime
    advisor: str
    reason: DecisionSkip
    detail: str


@dataclass(frozen=True, slots=True)
class ModelAnswered:
    """Or did not: one call to a model has ended."""

    call: Call
    answered: Answered


@dataclass(frozen=True, slots=True)
class BudgetRefused:
    """A call that was not made. `first`: of this trading day."""

    call: Call
    budget: Krw
    first: bool


@dataclass(frozen=True, slots=True)
class TradeVetoed:
    market: Market
    veto: Veto
    decision_id: UUID | None
    at: datetime


@dataclass(frozen=True, slots=True)
class PriceRejected:
    """Out of line with the others: nothing was done on it."""

    market: Market
    source: PriceSource
    detail: str


@dataclass(frozen=True, slots=True)
class IntentOpened:
    identifier: UUID
    request: OrderRequest


@dataclass(frozen=True, slots=True)
class OrderOutcomeLost:
    """No definite answer came; the market is blocked until it is settled."""

    intent: Intent
    message: str


@dataclass(frozen=True, slots=True)
class OrderSettled:
    """The order is final: its fills, its fee, the position after it."""

    intent: Intent
    order: Order
    recovered: bool  # by a look-up, not by the reply to our request


@dataclass(frozen=True, slots=True)
class OrderRefused:
    """Never placed: the exchange said no, or it was proven absent."""

    intent: Intent
    name: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class DuplicatePrevented:
    layer: Layer
    market: Market | None
    detail: str


@dataclass(frozen=True, slots=True)
class BreakerTripped:
    scope: str  # daily, weekly
    loss: Decimal  # as a fraction of the period's first equity; positive
    limit: Decimal
    at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class BreakerReset:
    scope: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PortfolioValued:
    at: datetime
    cash: Krw
    equity: Krw
    prices: Mapping[Market, Price]


@dataclass(frozen=True, slots=True)
class DailyReported:
    """The report of the trading day that began at `day`, and of the week and month that ended with it.

    `late`: the owner gets it well after the day's end. `curve`: the days until then, oldest first.
    """

    day: datetime
    at: datetime
    late: bool
    reports: tuple[Report, ...]
    curve: tuple[EquityPoint, ...]


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`mismatches`: one line for each difference between the ledger and the exchange."""

    mismatches: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class MarketStatesSeen:
    """Of every market that is configured or held; of others nothing is known any more."""

    states: Mapping[Market, MarketState]


@dataclass(frozen=True, slots=True)
class MarketsScanned:
    """What the scanner found, the most traded first, and which of it an advisor is asked about now."""

    found: tuple[Market, ...]
    chosen: tuple[Market, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class FundsMoved:
    """Money that came or went without an order of ours; it is nobody's profit."""

    currency: str
    amount: Decimal
    note: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ExternalAdopted:
    """A difference that stood, taken into our books. `found`: orders by hand that explain it, one line each."""

    movement: Movement
    found: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class ExternalAcknowledged:
    """The owner knows of it. `market` None: of all that was adopted."""

    market: Market | None
    who: str


@dataclass(frozen=True, slots=True)
class ControlApplied:
    id: UUID
    kind: ControlKind
    who: str
    why: str
    done: bool
    result: str


class Hearing(StrEnum):
    """What became of words in the owner's chat."""

    ANSWERED = "answered"
    CODE_ASKED = "code_asked"
    CARRIED_OUT = "carried_out"
    CALLED_OFF = "called_off"
    WRONG_CODE = "wrong_code"
    UNKNOWN = "unknown"
    STALE = "stale"
    STRANGER = "stranger"


@dataclass(frozen=True, slots=True)
class CommandHeard:
    """`update` is good for one hearing: the same again is no news, and nothing follows from it."""

    bot: str  # the public part of its token: updates are numbered for each bot
    update: int
    user: int
    chat: int
    text: str
    hearing: Hearing


@dataclass(frozen=True, slots=True)
class AlertMuted:
    """It stays on record and in every list; it is not told until then. None: told again from now on."""

    alert: str
    until: datetime | None
    who: str


@dataclass(frozen=True, slots=True)
class MuteEnded:
    """`firing`: what would have been told meanwhile, and still is true."""

    alert: str
    firing: "tuple[AlertChanged, ...]"


@dataclass(frozen=True, slots=True)
class MessageResent:
    """A message that a channel gave up on waits there again; no news where it was not given up."""

    number: int
    channel: str
    who: str


@dataclass(frozen=True, slots=True)
class MaintenanceAnnounced:
    """A restart is on its way, so that its gaps ring no alarm; it ends by itself. 0 minutes end it now."""

    minutes: int
    who: str


@dataclass(frozen=True, slots=True)
class LiveStarted:
    """Real money is traded from here on; news only the first time. `cap`: what may be held in the first week."""

    cap: Decimal
    by: str
    consented_at: str


@dataclass(frozen=True, slots=True)
class CapLifted:
    """By the owner's hand; no news where no cap is in force."""

    by: str


@dataclass(frozen=True, slots=True)
class Paused:
    reason: str
    note: str
    who: str


@dataclass(frozen=True, slots=True)
class Resumed:
    reason: str
    who: str


@dataclass(frozen=True, slots=True)
class ErrorOccurred:
    error_type: ErrorType
    error: str
    message: str
    context: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RecoveryFound:
    """What a start found left over: jobs that never ended, intents that were never closed."""

    orphaned_runs: int
    open_intents: int


@dataclass(frozen=True, slots=True)
class StartChecked:
    """No news where this start of the stack was told already: a process that comes back after a crash is none."""

    seen: StartCheck


@dataclass(frozen=True, slots=True)
class BackupMade:
    """By the daily backup, and read back."""

    file: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BackupFailed:
    """`again`: as the one before; then it is counted only."""

    message: str
    again: bool


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """As Alertmanager tells it; `firing` False means resolved, and without `ends_at` that nobody saw it end."""

    name: str
    firing: bool
    severity: str
    summary: str
    description: str
    runbook_url: str
    labels: Mapping[str, str]
    fingerprint: str
    starts_at: datetime
    ends_at: datetime | None


Fact = (
    ProcessStarted
    | ProcessStopped
    | JobSucceeded
    | JobFailed
    | JobSkipped
    | AdviceAccepted
    | AdviceRejected
    | DecisionSkipped
    | ModelAnswered
    | BudgetRefused
    | TradeVetoed
    | PriceRejected
    | IntentOpened
    | OrderOutcomeLost
    | OrderSettled
    | OrderRefused
    | DuplicatePrevented
    | BreakerTripped
    | BreakerReset
    | PortfolioValued
    | DailyReported
    | Reconciled
    | MarketStatesSeen
    | MarketsScanned
    | FundsMoved
    | ExternalAdopted
    | ExternalAcknowledged
    | ControlApplied
    | CommandHeard
    | AlertMuted
    | MuteEnded
    | MessageResent
    | MaintenanceAnnounced
    | LiveStarted
    | CapLifted
    | Paused
    | Resumed
    | ErrorOccurred
    | RecoveryFound
    | StartChecked
    | BackupMade
    | BackupFailed
    | AlertChanged
)
