"""The shapes of the API. Amounts are exact decimals as strings, times ISO 8601 in KST."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, computed_field

from bongsu.core.market import MarketState
from bongsu.core.tradingday import KST
from bongsu.ledger.voice import Voice


def plain_text(amount: Decimal) -> str:
    """Every digit, no exponent, no zeros behind the last digit that counts."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


Item = TypeVar("Item", bound=BaseModel)

Amount = Annotated[Decimal, PlainSerializer(plain_text, return_type=str)]
Time = Annotated[datetime, PlainSerializer(lambda at: at.astimezone(KST).isoformat(), return_type=str)]


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True)


class Fill(Shape):
    uuid: UUID
    price: Amount
    volume: Amount
    funds: Amount
    at: Time


class Trade(Shape):
    """An exchange order with at least one fill."""

    uuid: UUID = Field(description="The exchange's order id.")
    identifier: UUID | None = Field(description="Our own id of it; null for a trade made by hand.")
    market: str
    side: Literal["buy", "sell"]
    price: Amount = Field(description="Average: funds over volume.")
    executed_volume: Amount
    executed_funds: Amount
    paid_fee: Amount
    realized: Amount | None = Field(description="Profit a sell took, fees taken off.")
    created_at: Time = Field(description="Market time.")
    origin: Literal["bot", "external"]
    recovered: bool = Field(description="Settled by a look-up, after a lost reply or a crash.")
    trigger: str | None
    reason: str | None
    confidence: str | None
    decision_id: UUID | None
    fills: list[Fill] | None


class Order(Shape):
    """What was meant, written before it was sent, and what became of it."""

    identifier: UUID
    market: str
    side: Literal["buy", "sell"]
    trigger: str
    reason: str
    confidence: str
    at: Time = Field(description="Market time.")
    funds: Amount | None = Field(description="Won a buy was to spend.")
    volume: Amount | None = Field(description="What a sell was to sell.")
    decision_id: UUID | None
    state: Literal["open", "unknown", "filled", "unfilled", "rejected"]
    opened_at: Time
    unknown_since: Time | None
    closed_at: Time | None
    close_reason: str | None
    uuid: UUID | None = Field(description="The exchange's order id, once it is settled.")
    exchange_state: str | None
    executed_volume: Amount | None
    executed_funds: Amount | None
    paid_fee: Amount | None
    recovered: bool | None


class Reason(Shape):
    text: str
    indicator: str
    value: float


class Decision(Shape):
    id: UUID
    market: str
    candle_closed_at: Time
    at: Time = Field(description="Market time.")
    advisor: str
    outcome: Literal["accepted", "rejected", "skipped"]
    action: Literal["buy", "sell", "hold"] | None
    confidence: Amount | None
    confidence_label: str | None
    size: Amount | None
    reasons: list[Reason]
    invalidation: Amount | None
    refusal: str | None = Field(
        description="Why it was rejected or skipped, or why the risk gate refused to act on it."
    )
    refusal_detail: str | None


class DecisionDetail(Decision):
    recorded_at: Time
    snapshot: dict[str, Any] | None = Field(description="Exactly what the advisor was shown.")
    advice: dict[str, Any] | None = Field(description="Exactly what it said.")
    model: str | None
    prompt_version: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_krw: Amount | None
    latency_seconds: Amount | None


class JobRun(Shape):
    id: int
    job_name: str
    scheduled_for: Time = Field(description="Market time.")
    started_at: Time
    ended_at: Time | None
    outcome: Literal["success", "failure", "skipped"] | None = Field(description="Null while it runs.")
    reason: str | None
    requested_by: UUID | None


class Alert(Shape):
    fingerprint: str
    name: str
    severity: str
    firing: bool
    starts_at: Time
    ends_at: Time | None = Field(
        description="Null while it fires, and afterwards where its end was not observed."
    )
    summary: str
    description: str
    runbook_url: str = Field(description="A path in the repository, or what a rule of your own says.")
    labels: dict[str, str]
    received_at: Time

    @computed_field(description="Of this server; null where the rule has no runbook of ours.")  # type: ignore[prop-decorator]
    @property
    def runbook_page(self) -> str | None:
        return Voice("en", "live", "/runbooks").runbook_page(self.runbook_url)


class Delivery(Shape):
    """What became of a message on a second channel."""

    channel: Literal["mail", "webhook"]
    state: Literal["pending", "sent", "dead", "spared"] = Field(
        description="dead: given up; spared: not needed, for Telegram was in time or the channel is switched off."
    )
    only_if_late: bool = Field(
        description="It goes this way only when Telegram has not delivered it by `due_at`."
    )
    due_at: Time
    attempts: int
    ended_at: Time | None
    last_error: str | None


class Notification(Shape):
    """`state` and what follows are those of the first channel: Telegram, or the local inbox."""

    id: int
    kind: Literal["trade", "error", "status", "report", "alert"]
    urgency: Literal["info", "warning", "critical"]
    text: str
    created_at: Time
    state: Literal["pending", "held", "merged", "sent", "dead"]
    hold_until: Time | None
    told_in: int | None
    attempts: int
    next_attempt_at: Time
    ended_at: Time | None
    last_error: str | None
    deliveries: list[Delivery] = Field(
        description="On each second channel that it takes, at once or when it is late."
    )


class Event(Shape):
    id: int
    recorded_at: Time
    kind: str
    severity: Literal["info", "warning", "error"]
    source: str
    message: str
    context: Any


class Position(Shape):
    market: str
    volume: Amount
    cost: Amount = Field(description="What it cost, fees included.")
    entry_price: Amount
    price: Amount | None = Field(description="It was last valued at this.")
    value: Amount | None
    unrealized: Amount | None
    unrealized_ratio: Amount | None
    realized: Amount
    opened_at: Time | None
    valued_at: Time | None
    market_state: MarketState | None = Field(
        description="What the exchange lets anybody do there; null until it was seen. Of a suspended or delisted "
        "market `price` is the last one there was."
    )


class Profit(Shape):
    """Of the trading day or week, which begin at 09:00 KST; money that came or went is taken out."""

    scope: Literal["daily", "weekly"]
    started_at: Time
    start_equity: Amount
    flows: Amount = Field(description="Deposits less withdrawals since.")
    profit: Amount
    ratio: Amount | None


class Portfolio(Shape):
    """`valuation` is null until the first one; then nothing is known of its worth."""

    at: Time | None = Field(description="Market time of the valuation.")
    recorded_at: Time | None
    cash: Amount | None
    equity: Amount | None
    peak_equity: Amount | None
    drawdown: Amount | None
    stale: bool = Field(description="Over five minutes old.")
    realized: Amount
    profits: list[Profit]
    positions: list[Position]


class EquityPoint(Shape):
    at: Time
    cash: Amount
    equity: Amount
    drawdown: Amount


class IdleReason(Shape):
    reason: str
    at: Time | None = Field(description="Since when; for a wait or a breaker: until when (market time).")
    detail: str | None
    text: str = Field(description="In the owner's language.")


class Process(Shape):
    process: str
    instance: str
    started_at: Time
    beat_at: Time
    age_seconds: Amount
    alive: bool


class Job(Shape):
    name: str
    interval_seconds: Amount = Field(description="Wall seconds.")
    deadline_seconds: Amount
    next_at: Time | None = Field(description="Market time.")
    run_id: int | None
    started_at: Time | None
    ended_at: Time | None
    outcome: str | None
    reason: str | None


class Monitoring(Shape):
    """Whether alarms can arrive: the age of the last proof that one did."""

    watchdog_at: Time | None
    watchdog_age_seconds: Amount | None
    blind: bool = Field(description="MonitoringBlind is firing.")


class Backup(Shape):
    """The last daily backup of this ledger."""

    file: str
    made_at: Time
    size_bytes: int


class Control(Shape):
    id: UUID
    kind: str
    args: dict[str, str]
    who: str
    why: str
    requested_at: Time
    state: Literal["pending", "done", "refused"]
    ended_at: Time | None
    result: str | None


class Status(Shape):
    """The whole on one page: what it does now, or why it does nothing."""

    version: str
    mode: str
    world: str | None
    state: Literal["deciding", "waiting", "blocked"] = Field(
        description="deciding: a cycle is going on; waiting: for the next candle; blocked: `idle` says why."
    )
    idle: list[IdleReason]
    processes: list[Process]
    leader: str | None
    jobs: list[Job]
    portfolio: Portfolio
    last_decisions: list[Decision]
    waiting: list[Control] = Field(description="Asked for by the owner, not done yet.")
    firing: list[Alert]
    monitoring: Monitoring
    backup: Backup | None = Field(description="Null before the first daily backup.")


class Pause(Shape):
    reason: str
    since: Time
    who: str
    note: str


class Breaker(Shape):
    scope: Literal["daily", "weekly"]
    active: bool
    tripped_at: Time | None
    until: Time | None
    loss: Amount | None


class LastEntry(Shape):
    market: str
    at: Time


class UnsettledOrder(Shape):
    identifier: UUID
    market: str
    side: Literal["buy", "sell"]
    state: Literal["open", "unknown"]
    at: Time
    opened_at: Time
    unknown_since: Time | None


class ExternalChange(Shape):
    """Moved without an order of the bot, and not acknowledged: `market` is not bought until then."""

    at: Time
    currency: str
    market: str | None
    amount: Amount
    taken: Amount = Field(description="How much of it went out of the bot's position.")
    found: list[str] = Field(description="Orders by hand that explain it.")


class Risk(Shape):
    """What the gate looks at before each order."""

    killed: bool
    killed_at: Time | None
    pauses: list[Pause]
    breakers: list[Breaker]
    mismatches: list[str]
    reconciled_at: Time | None
    risk_checked_at: Time
    unsettled: list[UnsettledOrder]
    external: list[ExternalChange]
    trades_today: int
    last_entries: list[LastEntry]
    limits: dict[str, str]


class Accepted(Shape):
    id: UUID
    href: str = Field(description="Where to follow it.")


class SettingLine(Shape):
    name: str
    value: str | None = Field(description="`***` for a secret that is set.")
    description: str


class Page(Shape, Generic[Item]):
    items: list[Item]
    next: str | None = Field(description="Pass it as `cursor` for the next page; null on the last one.")
