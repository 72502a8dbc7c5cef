"""Is the process alive, and can it do its work?"""

from datetime import datetime
from decimal import Decimal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

import bongsu
from bongsu.errors import LedgerUnavailable
from bongsu.ledger.projection import STALE_AFTER
from bongsu.ledger.reading import Reading, View
from bongsu.web.schemas import Amount, Time


class Health(BaseModel):
    status: str = "alive"
    version: str = bongsu.__version__
    started_at: Time


class Check(BaseModel):
    name: str
    ok: bool
    detail: str


class Ready(BaseModel):
    ready: bool
    checks: list[Check]
    scheduler_heartbeat_age_seconds: Amount | None = Field(
        description="Null before its first sign of life. A dead scheduler does not make the backend unready."
    )


def health(source: Reading, started_at: datetime) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/health")
    async def alive() -> Health:
        """The process answers; it asks nothing of others."""
        return Health(started_at=started_at)

    @router.get("/ready", responses={503: {"model": Ready}})
    async def ready(response: Response) -> Ready:
        """503 unless the database answers and its schema is there."""
        state = await _assess(source)
        response.status_code = 200 if state.ready else 503
        return state

    return router


async def _assess(source: Reading) -> Ready:
    try:
        async with source.look() as view:
            return await _with_database(view)
    except LedgerUnavailable as error:
        away = Check(name="database", ok=False, detail=str(error))
        unknown = Check(name="schema", ok=False, detail="not asked: the database does not answer")
        return Ready(ready=False, checks=[away, unknown], scheduler_heartbeat_age_seconds=None)


async def _with_database(view: View) -> Ready:
    database = Check(name="database", ok=True, detail="answers")
    found = await view.one("schema")
    if found is None or not found["present"]:
        missing = Check(name="schema", ok=False, detail="the tables are missing; run: bongsu db upgrade")
        return Ready(ready=False, checks=[database, missing], scheduler_heartbeat_age_seconds=None)
    version = await view.one("schema_version")
    schema = Check(name="schema", ok=True, detail=f"version {version['version'] if version else 'none'}")
    age = await _scheduler_age(view)
    return Ready(ready=True, checks=[database, schema, _scheduler(age)], scheduler_heartbeat_age_seconds=age)


async def _scheduler_age(view: View) -> Decimal | None:
    ages = {row["process"]: row["age_seconds"] for row in await view.all("processes")}
    return ages.get("scheduler")


def _scheduler(age: Decimal | None) -> Check:
    if age is None:
        return Check(name="scheduler", ok=False, detail="has never started")
    return Check(name="scheduler", ok=age <= STALE_AFTER, detail=f"last sign of life {age:.1f} s ago")
