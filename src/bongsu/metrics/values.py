"""The closed lists of label values, and the buckets of the histograms."""

from bongsu.core.facts import JobName
from bongsu.core.llm import CallOutcome
from bongsu.core.order import Side

JOBS = tuple(JobName)
SIDES = tuple(Side)
KINDS = ("trade", "error", "status", "report", "alert")
JOB_BUCKETS = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 180.0, 300.0, 450.0, 600.0, 900.0)
HTTP_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
SLIPPAGE_BUCKETS = (-0.02, -0.01, -0.005, -0.001, 0.0, 0.001, 0.005, 0.01, 0.02, 0.05)
FILLED_BUCKETS = (0.0, 0.5, 0.9, 0.999)
ROUTE_BUCKETS = (0.01, 0.05, 0.1, 0.5, 2.0, 10.0)
DB_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)
EXCHANGE_BUCKETS = (0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
EXCHANGE_ENDPOINTS = (
    "candles",
    "ticker",
    "orderbook",
    "instruments",
    "markets",
    "accounts",
    "orders_chance",
    "order",
    "orders_closed",
    "place",
    "api_keys",
)
EXCHANGE_OUTCOMES = (
    "ok",
    "client_error",
    "server_error",
    "timeout",
    "rate_limited",
    "banned",
    "malformed",
    "auth",
)
OPERATIONS = (
    "candles",
    "controls",
    "heartbeat",
    "intent",
    "jobs",
    "lease",
    "outbox",
    "project",
    "read",
    "record",
    "show",
    "upkeep",
)
PAUSE_REASONS = ("owner", "job_failures", "replay_ended", "address_refused")
DECIDING = "deciding"
IDLE_REASONS = (
    DECIDING,
    "scheduler_never_started",
    "scheduler_silent",
    "no_leader",
    "killed",
    "order_unknown",
    "ledger_mismatch",
    "paused",
    "breaker_daily",
    "breaker_weekly",
    "exchange_maintenance",
    "clock_skew",
    "monitoring_blind",
    "not_reconciled",
    "waiting_for_candle",
)
NO_MODEL = "none"  # in the place of the configured ones where there is none
LLM_OUTCOMES = tuple(CallOutcome)
