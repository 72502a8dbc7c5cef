"""Every metric once: name, type, owner, labels, meaning. Nothing exports a name that is not here."""

from bongsu.core.channels import Channel
from bongsu.core.decision import Action, RejectionReason
from bongsu.core.facts import DecisionSkip, ErrorType, Layer, SkipReason
from bongsu.core.market import MarketState
from bongsu.core.redaction import Sink
from bongsu.core.snapshot import PriceSource
from bongsu.metric import Kind, Metric, Owner
from bongsu.metrics.values import (
    DB_BUCKETS,
    EXCHANGE_BUCKETS,
    EXCHANGE_ENDPOINTS,
    EXCHANGE_OUTCOMES,
    FILLED_BUCKETS,
    HTTP_BUCKETS,
    IDLE_REASONS,
    JOB_BUCKETS,
    JOBS,
    KINDS,
    LLM_OUTCOMES,
    OPERATIONS,
    PAUSE_REASONS,
    ROUTE_BUCKETS,
    SIDES,
    SLIPPAGE_BUCKETS,
)

_JOB = ("job_name", JOBS)
_SYMBOL = ("symbol", None)
_MODEL = ("model", None)
_SIDE = ("side", SIDES)
_L = (Owner.LEDGER,)
_B = (Owner.BACKEND,)
_S = (Owner.SCHEDULER,)


def _counter(
    name: str,
    help_: str,
    *labels: tuple[str, tuple[str, ...] | None],
    owners: tuple[Owner, ...] = _L,
    live: bool = False,
) -> Metric:
    return Metric(name, Kind.COUNTER, owners, help_, labels, live_scheduler=live)


def _gauge(
    name: str,
    help_: str,
    *labels: tuple[str, tuple[str, ...] | None],
    owners: tuple[Owner, ...] = _L,
    live: bool = False,
) -> Metric:
    return Metric(name, Kind.GAUGE, owners, help_, labels, live_scheduler=live)


def _histogram(
    name: str,
    help_: str,
    buckets: tuple[float, ...],
    *labels: tuple[str, tuple[str, ...] | None],
    owners: tuple[Owner, ...] = _L,
) -> Metric:
    return Metric(name, Kind.HISTOGRAM, owners, help_, labels, buckets)


SCHEDULER_JOB_SUCCESS = _counter("scheduler_job_success_total", "Job runs that succeeded", _JOB, live=True)
SCHEDULER_JOB_FAILURE = _counter("scheduler_job_failure_total", "Job runs that failed", _JOB, live=True)
SCHEDULER_JOB_SKIPPED = _counter(
    "scheduler_job_skipped_total",
    "Job runs that were not started, by reason",
    _JOB,
    ("reason", tuple(SkipReason)),
    live=True,
)
SCHEDULER_JOB_RUN_DURATION = _histogram(
    "scheduler_job_run_duration_seconds", "How long runs took", JOB_BUCKETS, _JOB
)
SCHEDULER_LEASE_REJECTIONS = _counter(
    "scheduler_lease_rejections_total", "Attempts to lead that were refused because another process leads"
)
SCHEDULER_STALE_EPOCH_WRITES = _counter(
    "scheduler_stale_epoch_writes_total", "Writes refused because their lease epoch was old"
)
AI_DECISION = _counter(
    "ai_decision_total",
    "Validated advice by market and action, whichever advisor gave it",
    _SYMBOL,
    ("decision", tuple(Action)),
)
AI_DECISION_SKIPPED = _counter(
    "ai_decision_skipped_total", "Cycles without advice, by reason", ("reason", tuple(DecisionSkip))
)
AI_VALIDATION_REJECTIONS = _counter(
    "ai_validation_rejections_total", "Advice refused by validation", ("reason", tuple(RejectionReason))
)
LLM_REQUESTS = _counter(
    "llm_requests_total",
    "Requests to the model; `none` while no model is configured",
    _MODEL,
    ("outcome", LLM_OUTCOMES),
)
LLM_TOKENS = _counter(
    "llm_tokens_total",
    "Tokens that were billed",
    _MODEL,
    ("kind", ("input", "output", "cached")),
)
LLM_COST = _counter("llm_cost_krw_total", "What the model cost, in won", _MODEL)
TRADES = _counter("trades_total", "Exchange orders with at least one fill", _SYMBOL, _SIDE)
TRADE_VOLUME = _counter("trade_volume_krw_total", "Traded value in won", _SYMBOL, _SIDE)
TRADE_FEE = _counter("trade_fee_krw_total", "Fees paid in won", _SYMBOL, _SIDE)
FILLS = _counter("fills_total", "Executions", _SIDE)
ORDERS = _counter(
    "orders_total",
    "Orders that came to an end",
    _SIDE,
    ("outcome", ("filled", "partial", "rejected", "canceled")),
)
ORDER_SLIPPAGE = _histogram(
    "order_slippage_ratio",
    "Average fill price against the price the order was sized at; positive is worse",
    SLIPPAGE_BUCKETS,
    _SIDE,
)
ORDER_FILLED = _histogram(
    "order_filled_ratio", "Executed over requested, of orders that came to an end", FILLED_BUCKETS, _SIDE
)
PRICE_OUTLIERS = _counter(
    "price_outliers_rejected_total",
    "Prices out of line with the others, by the one that was; quotes: ticker and book differ at a stop check",
    ("source", tuple(PriceSource)),
)
DUPLICATE_ORDERS_PREVENTED = _counter(
    "duplicate_orders_prevented_total",
    "Second orders that the protocol stopped, by the element that did",
    ("layer", tuple(Layer)),
)
RECONCILIATION_RUNS = _counter(
    "reconciliation_runs_total",
    "Comparisons of the ledger with the exchange",
    ("result", ("match", "mismatch")),
)
CIRCUIT_BREAKER_TRIPS = _counter(
    "circuit_breaker_trips_total", "Loss limits reached", ("scope", ("daily", "weekly"))
)
RISK_EXITS = _counter(
    "risk_exits_total", "Exits by the rules", _SYMBOL, ("type", ("stop_loss", "take_profit", "trailing_stop"))
)
TRADE_FREQUENCY_BLOCKS = _counter(
    "trade_frequency_blocks_total", "Buys that came too soon", ("reason", ("min_interval", "max_daily"))
)
FIRST_WEEK_CAP_BLOCKS = _counter(
    "first_week_cap_blocks_total", "Buys held back by the cap of the first week with real money"
)
BOT_ERRORS = _counter("bot_errors_total", "Errors by kind", ("error_type", tuple(ErrorType)))
NOTIFICATION_SENT = _counter("notification_sent_total", "Messages delivered", ("kind", KINDS))
NOTIFICATION_FAILED = _counter(
    "notification_failed_total",
    "Attempts to deliver that failed",
    ("kind", KINDS),
    ("reason", ("temporary", "permanent")),
)
NOTIFICATION_DEAD_LETTER = _counter("notification_dead_letter_total", "Messages given up", ("kind", KINDS))
_CHANNEL = ("channel", tuple(Channel))
SECOND_CHANNEL_SENT = _counter("second_channel_sent_total", "Messages delivered by mail or webhook", _CHANNEL)
SECOND_CHANNEL_FAILED = _counter(
    "second_channel_failed_total",
    "Attempts to deliver by mail or webhook that failed",
    _CHANNEL,
    ("reason", ("temporary", "permanent")),
)
SECOND_CHANNEL_DEAD_LETTER = _counter(
    "second_channel_dead_letter_total", "Messages given up by mail or webhook", _CHANNEL
)
BOT_PROCESS_STARTS = _counter(
    "bot_process_starts_total", "Process starts", ("process", ("backend", "scheduler"))
)

BACKUP_RUNS = _counter(
    "backup_runs_total", "Daily backups that were tried", ("outcome", ("success", "failure"))
)

SECRETS_REDACTED = _counter(
    "secrets_redacted_total",
    "Texts out of which a secret had to be taken, by where they were going",
    ("sink", tuple(Sink)),
    owners=(Owner.BACKEND, Owner.SCHEDULER),
)
EXCHANGE_REQUESTS = _counter(
    "exchange_requests_total",
    "Requests to the exchange",
    ("endpoint", EXCHANGE_ENDPOINTS),
    ("outcome", EXCHANGE_OUTCOMES),
    owners=_S,
)

METRICS: tuple[Metric, ...] = (
    SCHEDULER_JOB_SUCCESS,
    SCHEDULER_JOB_FAILURE,
    SCHEDULER_JOB_SKIPPED,
    SCHEDULER_JOB_RUN_DURATION,
    _gauge(
        "scheduler_job_duration_seconds",
        "Running: elapsed so far; else how long the last run took",
        _JOB,
        live=True,
    ),
    _gauge(
        "scheduler_job_last_start_timestamp_seconds", "Start of the last run; registration until then", _JOB
    ),
    _gauge(
        "scheduler_job_last_success_timestamp_seconds",
        "End of the last success; registration until then",
        _JOB,
    ),
    _gauge("scheduler_job_last_failure_timestamp_seconds", "End of the last failure; 0 until then", _JOB),
    _gauge(
        "scheduler_job_last_run_timestamp_seconds",
        "End of the last success, failure or recorded skip; registration until then",
        _JOB,
    ),
    _gauge("scheduler_job_in_progress", "1 while a run is going on", _JOB),
    _gauge("scheduler_job_deadline_seconds", "After this long a run counts as hung", _JOB),
    _gauge("scheduler_job_interval_seconds", "How often the job is due, in wall seconds", _JOB),
    _gauge("scheduler_heartbeat_timestamp_seconds", "Last sign of life of the scheduler's event loop"),
    _gauge("scheduler_is_leader", "1 for the process that leads", ("instance", None)),
    _gauge("scheduler_lease_epoch", "Rises by one at each take-over"),
    SCHEDULER_LEASE_REJECTIONS,
    SCHEDULER_STALE_EPOCH_WRITES,
    _histogram(
        "scheduler_event_loop_lag_seconds",
        "How late the event loop wakes",
        (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 60.0),
        owners=_S,
    ),
    AI_DECISION,
    AI_DECISION_SKIPPED,
    AI_VALIDATION_REJECTIONS,
    _gauge("ai_decision_last_timestamp_seconds", "Last validated advice; scheduler start until then"),
    _histogram(
        "ai_decision_latency_seconds",
        "How long the advisor took",
        (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0),
        owners=_S,
    ),
    LLM_REQUESTS,
    LLM_TOKENS,
    LLM_COST,
    _gauge("llm_cost_today_krw", "Cost of the model since the trading day began (wall time)"),
    _gauge("llm_cost_budget_daily_krw", "The most it may cost a day; 0 while no model is configured"),
    TRADES,
    TRADE_VOLUME,
    TRADE_FEE,
    FILLS,
    ORDERS,
    ORDER_SLIPPAGE,
    ORDER_FILLED,
    _histogram(
        "order_latency_seconds",
        "From sending to a definite answer, and to the settlement",
        (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 30.0, 60.0),
        ("phase", ("submit", "settle")),
        owners=_S,
    ),
    _gauge("orders_unknown", "Orders whose outcome is not known"),
    _gauge("order_unknown_oldest_age_seconds", "Age of the oldest of them; 0 when there is none"),
    DUPLICATE_ORDERS_PREVENTED,
    RECONCILIATION_RUNS,
    _gauge("reconciliation_mismatches", "Differences between ledger and exchange at the last comparison"),
    _gauge(
        "external_changes_unacknowledged",
        "Trades by hand, deposits and withdrawals in our books that the owner has not acknowledged",
    ),
    _gauge("reconciliation_last_success_timestamp_seconds", "Last comparison; absent until the first"),
    _gauge("portfolio_value_krw", "Cash and positions in won; withheld when over 5 minutes old"),
    _gauge("portfolio_valuation_timestamp_seconds", "When it was valued"),
    _gauge("portfolio_cash_krw", "Cash in won"),
    _gauge("portfolio_exposure_ratio", "Share of the portfolio in positions"),
    _gauge("portfolio_drawdown_ratio", "Loss from the highest value so far, as a fraction"),
    _gauge("portfolio_pnl_krw", "Profit of the period, deposits taken out", ("window", ("daily", "weekly"))),
    _gauge("portfolio_pnl_ratio", "The same over the equity at its start", ("window", ("daily", "weekly"))),
    _gauge("bot_open_positions", "Markets held"),
    _gauge("position_value_krw", "Value of a held market", _SYMBOL),
    _gauge("position_unrealized_pnl_ratio", "Unrealised profit over cost", _SYMBOL),
    CIRCUIT_BREAKER_TRIPS,
    _gauge("circuit_breaker_active", "1 while it blocks buys", ("scope", ("daily", "weekly"))),
    RISK_EXITS,
    TRADE_FREQUENCY_BLOCKS,
    FIRST_WEEK_CAP_BLOCKS,
    _gauge("risk_check_last_success_timestamp_seconds", "Last successful stop check; start until then"),
    BOT_ERRORS,
    _histogram(
        "http_request_duration_seconds", "All requests but /metrics and streams", HTTP_BUCKETS, owners=_B
    ),
    _histogram(
        "http_route_duration_seconds",
        "The same by route",
        ROUTE_BUCKETS,
        ("method", None),
        ("route", None),
        ("status", ("2xx", "3xx", "4xx", "5xx")),
        owners=_B,
    ),
    _gauge("http_requests_in_progress", "Requests being answered", owners=_B),
    _gauge(
        "db_pool_connections",
        "Connections of the process's pool",
        ("state", ("in_use", "idle")),
        owners=(Owner.BACKEND, Owner.SCHEDULER),
    ),
    _gauge("db_pool_connections_max", "The pool's limit", owners=(Owner.BACKEND, Owner.SCHEDULER)),
    _histogram(
        "db_query_duration_seconds",
        "How long transactions took",
        DB_BUCKETS,
        ("operation", OPERATIONS),
        owners=(Owner.BACKEND, Owner.SCHEDULER),
    ),
    _gauge(
        "db_up",
        "1 when the database answered this process's last read or heartbeat",
        owners=(Owner.BACKEND, Owner.SCHEDULER),
    ),
    _gauge("ledger_up", "1 when the ledger could be projected; its series are omitted else", owners=_B),
    EXCHANGE_REQUESTS,
    _histogram(
        "exchange_request_duration_seconds",
        "How long the exchange took",
        EXCHANGE_BUCKETS,
        ("endpoint", EXCHANGE_ENDPOINTS),
        owners=_S,
    ),
    _gauge(
        "exchange_rate_limit_remaining", "Requests left in this second, by group", ("group", None), owners=_S
    ),
    _gauge(
        "exchange_clock_offset_seconds",
        "The exchange's clock less ours, in wall seconds; absent before the first reply",
        live=True,
    ),
    _gauge("exchange_maintenance", "1 while the exchange answers everything with 503", live=True),
    _gauge(
        "exchange_api_key_expiry_timestamp_seconds",
        "When the API key ends, as the scheduler was last told; absent where keys do not end, as in the sandbox",
    ),
    _gauge(
        "market_state",
        "1 for the state that a configured or held market was last seen in; absent until it was seen",
        ("market", None),
        ("state", tuple(MarketState)),
    ),
    _gauge(
        "market_held", "1 while a position is open in that market; there with its state", ("market", None)
    ),
    PRICE_OUTLIERS,
    _gauge(
        "market_data_age_seconds",
        "Age of the newest exchange-stamped datum, in wall seconds",
        _SYMBOL,
        ("interval", None),
    ),
    _gauge("market_data_interval_seconds", "Length of a candle, in wall seconds", ("interval", None)),
    NOTIFICATION_SENT,
    NOTIFICATION_FAILED,
    NOTIFICATION_DEAD_LETTER,
    SECOND_CHANNEL_SENT,
    SECOND_CHANNEL_FAILED,
    SECOND_CHANNEL_DEAD_LETTER,
    _gauge(
        "second_channel_oldest_age_seconds",
        "How long the oldest message has been due by mail or webhook; 0 when there is none",
        _CHANNEL,
    ),
    _gauge("notification_dead_letters", "Messages a channel has given up and that were not sent again since"),
    _gauge("notification_outbox_depth", "Messages waiting"),
    _gauge("notification_outbox_oldest_age_seconds", "Age of the oldest of them; 0 when there is none"),
    _gauge(
        "daily_report_last_sent_timestamp_seconds",
        "Last daily report; absent until daily_report_job is registered, then its registration",
    ),
    _gauge("bot_trading_enabled", "1 unless the owner paused or killed it, or a replay ended"),
    _gauge("bot_trading_enabled_since_timestamp_seconds", "Last start or resume"),
    _gauge("bot_trading_paused", "1 for each reason that pauses trading", ("reason", PAUSE_REASONS)),
    _gauge(
        "bot_idle_reason",
        "1 for each reason why nothing is being done now; deciding while something is",
        ("reason", IDLE_REASONS),
    ),
    BACKUP_RUNS,
    _gauge(
        "backup_last_success_timestamp_seconds",
        "When the last daily backup was made; absent before the first",
    ),
    _gauge("backup_size_bytes", "Size of the last daily backup; absent before the first"),
    _gauge(
        "backup_due_timestamp_seconds",
        "Until when the next daily backup must have been made; absent where none are made",
        owners=_B,
    ),
    _gauge("bot_maintenance", "1 while the owner has announced a restart: `bongsu maintenance`"),
    _gauge(
        "watchdog_last_received_timestamp_seconds",
        "When the alarm that always fires last arrived; start of the backend until then",
        owners=_B,
    ),
    _gauge(
        "monitoring_rules_loaded",
        "Alert rules that Prometheus has; absent while it does not answer",
        owners=_B,
    ),
    _gauge("monitoring_rules_expected", "Alert rules in monitoring/alert_rules.yml", owners=_B),
    _gauge(
        "dashboard_panels_broken",
        "Panels of the dashboards in monitoring/grafana/ that cannot show anything, by their data source, query or series, "
        "a file that is gone counting as one; absent without the files, while Prometheus does not answer, "
        "and for its first two minutes",
        owners=_B,
    ),
    _gauge("disk_free_bytes", "Left for us where the path lies", ("path", ("data", "logs")), owners=_B),
    _gauge("disk_size_bytes", "Size of that file system", ("path", ("data", "logs")), owners=_B),
    BOT_PROCESS_STARTS,
    SECRETS_REDACTED,
    _gauge(
        "bot_build_info",
        "Always 1",
        ("version", None),
        ("commit", None),
        owners=(Owner.BACKEND, Owner.SCHEDULER),
    ),
    _gauge(
        "bot_config_info",
        "Always 1",
        ("config_hash", None),
        ("process", None),
        ("mode", None),
        owners=(Owner.BACKEND, Owner.SCHEDULER),
    ),
)

LEDGER_COUNTERS = tuple(m for m in METRICS if m.kind is not Kind.GAUGE and m.owners == _L)


def find(name: str) -> Metric:
    """Raises KeyError for a name that is not registered."""
    return _BY_NAME[name]


_BY_NAME = {m.name: m for m in METRICS}
