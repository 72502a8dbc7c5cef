"""The words that facts are told apart by."""

from enum import StrEnum


class JobName(StrEnum):
    TRADING = "trading_job"
    POSITION = "position_job"
    PORTFOLIO = "portfolio_job"
    RECONCILE = "reconcile_job"
    DAILY_REPORT = "daily_report_job"


class ErrorType(StrEnum):
    EXCHANGE = "exchange"
    LLM = "llm"
    DB = "db"
    TELEGRAM = "telegram"
    DATA = "data"
    VALIDATION = "validation"
    RISK = "risk"
    CONFIG = "config"
    SCHEDULER = "scheduler"
    INTERNAL = "internal"


class SkipReason(StrEnum):
    """Why a job did not run."""

    DUPLICATE = "duplicate"
    BLOCKED = "blocked"
    PAUSED = "paused"
    MAINTENANCE = "maintenance"


class DecisionSkip(StrEnum):
    """Why no advice was asked for, or none came."""

    STALE = "stale"
    PAUSED = "paused"
    BUDGET = "budget"
    ADVISOR_FAILED = "advisor_failed"


class Layer(StrEnum):
    """Which element of the order protocol stopped a second order."""

    INTENT = "intent"
    IDENTIFIER = "identifier"
    LEASE = "lease"
    CANDLE = "candle"


class ControlKind(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    KILL = "kill"
    UNKILL = "unkill"
    CLOSE = "close"
    FLATTEN = "flatten"
    RUN_NOW = "run_now"
    ACK = "ack"
