"""What several pages show: read in one look, so that their figures agree."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

import bongsu
from bongsu.core.money import Krw
from bongsu.core.sight import MONITORING_BLIND
from bongsu.core.tradingday import loss_ratio, trading_day_start
from bongsu.ledger.projection import STALE_AFTER
from bongsu.ledger.reading import ALERTS, DECISIONS, Row, View
from bongsu.settings import Settings, limits_as_text
from bongsu.web import schemas
from bongsu.web.words import Words, idle_text

_STALE_VALUATION = 300  # seconds


async def read_status(view: View, settings: Settings, words: Words) -> schemas.Status:
    world = await view.one("world")
    leader = await view.one("leader", lease_seconds=settings.lease_seconds)
    idle = [_idle(row, words) for row in await view.idle_reasons(settings.lease_seconds)]
    decisions = await view.page(
        DECISIONS, limit=5, market=None, outcome=None, action=None, since=None, until=None
    )
    firing = await view.page(ALERTS, limit=50, firing=True, name=None, since=None, until=None)
    backup = await view.one("last_backup")
    return schemas.Status(
        version=bongsu.__version__,
        mode=settings.bongsu_mode,
        world=world["id"] if world else None,
        state=_state(idle),
        idle=idle,
        processes=[
            schemas.Process(**row, alive=row["age_seconds"] <= STALE_AFTER)
            for row in await view.all("processes")
        ],
        leader=leader["holder"] if leader and leader["alive"] else None,
        jobs=[schemas.Job.model_validate(row) for row in await view.all("jobs")],
        portfolio=await read_portfolio(view),
        last_decisions=[schemas.Decision.model_validate(row) for row in decisions.rows],
        waiting=[schemas.Control.model_validate(row) for row in await view.all("waiting_controls")],
        firing=[schemas.Alert.model_validate(row) for row in firing.rows],
        monitoring=await _monitoring(view),
        backup=schemas.Backup.model_validate(backup) if backup else None,
    )


async def _monitoring(view: View) -> schemas.Monitoring:
    row = await view.one("monitoring", alarm=MONITORING_BLIND)
    assert row is not None  # the migration makes the row
    return schemas.Monitoring.model_validate(row)


async def read_portfolio(view: View) -> schemas.Portfolio:
    valued = await view.one("portfolio")
    realized = await view.one("realized")
    assert realized is not None  # a sum always answers
    newest = valued or dict.fromkeys(("at", "recorded_at", "cash", "equity", "peak_equity", "drawdown"))
    equity = newest["equity"]
    return schemas.Portfolio(
        **{name: newest[name] for name in ("at", "recorded_at", "cash", "equity", "peak_equity", "drawdown")},
        stale=valued is not None and valued["age_seconds"] > _STALE_VALUATION,
        realized=realized["realized"],
        profits=[] if equity is None else [_profit(row, equity) for row in await view.all("periods")],
        positions=[schemas.Position.model_validate(row) for row in await view.all("positions")],
    )


async def read_risk(view: View, settings: Settings) -> schemas.Risk:
    switches = await view.one("switches")
    assert switches is not None  # the migration makes the row
    valued = await view.one("portfolio")
    market_now = valued["at"] if valued else datetime.now(UTC)
    since = trading_day_start(market_now, settings.trading_day_start)
    today = await view.one("trades_since", since=since)
    assert today is not None  # a count always answers
    return schemas.Risk(
        **{
            name: switches[name]
            for name in ("killed", "killed_at", "mismatches", "reconciled_at", "risk_checked_at")
        },
        pauses=[schemas.Pause.model_validate(row) for row in await view.all("pauses")],
        breakers=[schemas.Breaker.model_validate(row) for row in await view.all("breakers")],
        unsettled=[schemas.UnsettledOrder.model_validate(row) for row in await view.all("unsettled")],
        external=[schemas.ExternalChange.model_validate(row) for row in await view.all("waiting_adoptions")],
        trades_today=today["trades"],
        last_entries=[schemas.LastEntry.model_validate(row) for row in await view.all("last_entries")],
        limits=limits_as_text(settings.risk_limits),
    )


def _state(idle: list[schemas.IdleReason]) -> Literal["deciding", "waiting", "blocked"]:
    if not idle:
        return "deciding"
    return "waiting" if idle[0].reason == "waiting_for_candle" else "blocked"


def _idle(row: Row, words: Words) -> schemas.IdleReason:
    text = idle_text(row["reason"], row["at"], row["detail"], words)
    return schemas.IdleReason(reason=row["reason"], at=row["at"], detail=row["detail"], text=text)


def _profit(row: Row, equity: Decimal) -> schemas.Profit:
    loss = loss_ratio(Krw(equity), Krw(row["equity"]), Krw(row["flows"]))
    return schemas.Profit(
        scope=row["scope"],
        started_at=row["started_at"],
        start_equity=row["equity"],
        flows=row["flows"],
        profit=equity - row["equity"] - row["flows"],
        ratio=-loss if loss is not None else None,
    )
