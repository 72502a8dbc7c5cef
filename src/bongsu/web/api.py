"""The read API: everything the ledger knows, paged and filtered."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime, BaseModel, SecretStr

from bongsu.core.facts import JobName
from bongsu.ledger import reading
from bongsu.ledger.reading import Listing, Reading, View
from bongsu.settings import Settings, describe
from bongsu.web import overview, schemas
from bongsu.web.problems import Refused, not_found
from bongsu.web.schemas import Page
from bongsu.web.words import Words

HIDDEN = "***"

Item = TypeVar("Item", bound=BaseModel)


class Window:
    """The query parameters that every list has."""

    def __init__(
        self,
        limit: Annotated[int, Query(ge=1, le=500, description="Rows of a page.")] = 50,
        cursor: Annotated[str | None, Query(max_length=300, description="`next` of the page before.")] = None,
        since: Annotated[AwareDatetime | None, Query(description="From then on, with an offset.")] = None,
        until: Annotated[AwareDatetime | None, Query(description="Before then, with an offset.")] = None,
    ) -> None:
        self.limit = limit
        self.cursor = cursor
        self.times = {"since": since, "until": until}

    def after(self, listing: Listing) -> reading.Cursor | None:
        if self.cursor is None:
            return None
        try:
            cursor = reading.parse_cursor(self.cursor)
        except ValueError:
            raise _bad_cursor() from None
        if not listing.accepts(cursor):
            raise _bad_cursor()
        return cursor


def _bad_cursor() -> Refused:
    return Refused(
        422,
        "커서가 올바르지 않습니다",
        "이 목록의 커서가 아닙니다 (no cursor of this list)",
        "앞 페이지의 next 값을 그대로 넣거나 cursor 없이 처음부터 읽어 주세요 (pass `next` unchanged, or none)",
    )


In = Annotated[Window, Depends()]
MarketName = Annotated[str | None, Query(pattern=r"^KRW-[A-Z0-9]{1,15}$", description="Such as KRW-ETH.")]
Side = Literal["buy", "sell"]


def read_api(source: Reading, settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["read"])
    words = Words(settings.bongsu_lang)

    async def look() -> AsyncIterator[View]:
        async with source.look() as view:
            yield view

    Ledger = Annotated[View, Depends(look)]  # noqa: N806 - a type

    async def page(
        view: View, shape: type[Item], listing: Listing, window: Window, **filters: Any
    ) -> Page[Item]:
        found = await view.page(
            listing, limit=window.limit, after=window.after(listing), **window.times, **filters
        )
        items = [shape.model_validate(row) for row in found.rows]
        return Page[shape](items=items, next=str(found.next) if found.next else None)  # type: ignore[valid-type]

    @router.get("/status")
    async def status(view: Ledger) -> schemas.Status:
        """What the bot does now, or why it does nothing."""
        return await overview.read_status(view, settings, words)

    @router.get("/portfolio")
    async def portfolio(view: Ledger) -> schemas.Portfolio:
        """The newest valuation, profit of the trading day and week, and what is held."""
        return await overview.read_portfolio(view)

    @router.get("/portfolio/history")
    async def history(view: Ledger, window: In) -> Page[schemas.EquityPoint]:
        """The equity curve, a point each 15 minutes of market time, newest first."""
        return await page(view, schemas.EquityPoint, reading.EQUITY_CURVE, window)

    @router.get("/positions")
    async def positions(view: Ledger) -> list[schemas.Position]:
        """What is held, largest first."""
        return (await overview.read_portfolio(view)).positions

    @router.get("/trades")
    async def trades(
        view: Ledger, window: In, market: MarketName = None, side: Side | None = None
    ) -> Page[schemas.Trade]:
        """Orders with at least one fill, each with its fills, newest first."""
        return await page(view, schemas.Trade, reading.TRADES, window, market=market, side=side)

    @router.get("/decisions")
    async def decisions(
        view: Ledger,
        window: In,
        market: MarketName = None,
        outcome: Literal["accepted", "rejected", "skipped"] | None = None,
        action: Literal["buy", "sell", "hold"] | None = None,
    ) -> Page[schemas.Decision]:
        """What the advisor said, newest first."""
        filters = {"market": market, "outcome": outcome, "action": action}
        return await page(view, schemas.Decision, reading.DECISIONS, window, **filters)

    @router.get("/decisions/{decision_id}")
    async def decision(view: Ledger, decision_id: UUID) -> schemas.DecisionDetail:
        """One decision with everything the advisor was shown and said."""
        row = await view.one("decision", id=decision_id)
        if row is None:
            raise not_found(f"decision {decision_id}")
        return schemas.DecisionDetail.model_validate(row)

    @router.get("/orders")
    async def orders(
        view: Ledger,
        window: In,
        market: MarketName = None,
        side: Side | None = None,
        state: Literal["open", "unknown", "filled", "unfilled", "rejected"] | None = None,
    ) -> Page[schemas.Order]:
        """Intents with the orders they became, newest first."""
        filters = {"market": market, "side": side, "state": state}
        return await page(view, schemas.Order, reading.ORDERS, window, **filters)

    @router.get("/job-runs")
    async def job_runs(
        view: Ledger,
        window: In,
        job: JobName | None = None,
        outcome: Literal["success", "failure", "skipped"] | None = None,
    ) -> Page[schemas.JobRun]:
        """Every run of every job, newest first; times are wall time."""
        return await page(view, schemas.JobRun, reading.JOB_RUNS, window, job=job, outcome=outcome)

    @router.get("/risk")
    async def risk(view: Ledger) -> schemas.Risk:
        """What the risk gate looks at: switches, pauses, breakers, counts and limits."""
        return await overview.read_risk(view, settings)

    @router.get("/alerts")
    async def alerts(
        view: Ledger,
        window: In,
        firing: bool | None = None,
        name: Annotated[str | None, Query(max_length=100)] = None,
    ) -> Page[schemas.Alert]:
        """Alarms as Alertmanager told them, newest first."""
        return await page(view, schemas.Alert, reading.ALERTS, window, firing=firing, name=name)

    @router.get("/notifications")
    async def notifications(
        view: Ledger,
        window: In,
        kind: Literal["trade", "error", "status", "report", "alert"] | None = None,
        state: Literal["pending", "held", "merged", "sent", "dead"] | None = None,
    ) -> Page[schemas.Notification]:
        """Messages to the owner, newest first, with their state on every channel. What is merged is told in `told_in`."""
        return await page(view, schemas.Notification, reading.NOTIFICATIONS, window, kind=kind, state=state)

    @router.get("/events")
    async def events(
        view: Ledger,
        window: In,
        kind: Annotated[str | None, Query(max_length=100)] = None,
        severity: Literal["info", "warning", "error"] | None = None,
    ) -> Page[schemas.Event]:
        """Errors, state changes and control actions, newest first."""
        return await page(view, schemas.Event, reading.EVENTS, window, kind=kind, severity=severity)

    @router.get("/settings")
    async def show_settings() -> list[schemas.SettingLine]:
        """What the owner decided; secrets are masked."""
        return setting_lines(settings, words)

    return router


def setting_lines(settings: Settings, words: Words) -> list[schemas.SettingLine]:
    lines = []
    for name, (description, _) in describe().items():
        ko, _, en = description.partition("|")
        value = getattr(settings, name.lower())
        lines.append(schemas.SettingLine(name=name, value=_shown(value), description=words.say(ko, en or ko)))
    return lines


def _shown(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)
