"""The backend, wired: who may ask, what is answered."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles
from starlette.middleware.gzip import GZipMiddleware

import bongsu
from bongsu.ledger.database import Database
from bongsu.ledger.reading import Reading
from bongsu.ledger.store import Ledger
from bongsu.ledger.watchdog import WatchdogLog
from bongsu.settings import Settings, Wiring, keep_secret
from bongsu.web import problems
from bongsu.web.alarms import Watchdog, alarm_intake
from bongsu.web.api import read_api
from bongsu.web.control import control_api
from bongsu.web.guard import OTHER, Guarded, Numbered, RequestClock, Timed
from bongsu.web.health import health
from bongsu.web.page import status_page
from bongsu.web.runbooks import SHIPPED, runbook_pages
from bongsu.web.token import Bearer

STATIC = Path(__file__).parent / "static"
_PLAIN_TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Telemetry(RequestClock, Protocol):
    def expect_requests(self, method: str, route: str) -> None: ...

    def note_watchdog(self, at: float) -> None: ...

    async def render(self, *, compressed: bool = False) -> bytes:
        """All series, as Prometheus reads them. Answers at once, whatever the database does."""
        ...


def create_backend(
    settings: Settings, wiring: Wiring, database: Database, ledger: Ledger, telemetry: Telemetry
) -> FastAPI:
    app = FastAPI(
        title="Bongsu",
        version=bongsu.__version__,
        summary="봉수 API: 원장을 읽고, 봇을 조종합니다 (read the ledger, control the bot)",
        description=_DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        responses={code: {"model": problems.ProblemBody} for code in (422, 503)},
    )
    source, bearer = Reading(database), Bearer(keep_secret(wiring.api_token_file))
    watchdog = Watchdog(WatchdogLog(database).note, settings.monitoring_blind_seconds / 10)
    routers = (
        health(source, datetime.now(UTC)),
        read_api(source, settings),
        control_api(ledger, source, bearer),
        alarm_intake(ledger, bearer, watchdog, settings.bongsu_lang),
        status_page(source, settings, wiring),
        runbook_pages(SHIPPED, settings),
    )
    for router in routers:
        app.include_router(router)
    _expect_requests(telemetry, *routers)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        if watchdog.received_at is not None:
            telemetry.note_watchdog(watchdog.received_at.timestamp())
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Vary": "Accept-Encoding"} | ({"Content-Encoding": "gzip"} if packed else {})
        return Response(await telemetry.render(compressed=packed), media_type=_PLAIN_TEXT, headers=headers)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(_DOCS, headers={"Content-Security-Policy": _DOCS_POLICY})

    problems.install(app, ledger.record_in_time)
    app.add_middleware(GZipMiddleware, minimum_size=1000)
    app.add_middleware(Guarded)
    app.add_middleware(Timed, clock=telemetry)
    app.add_middleware(Numbered)
    return app


def _expect_requests(telemetry: Telemetry, *routers: APIRouter) -> None:
    """`other` is what belongs to no route: files, and whatever fails before one is found."""
    telemetry.expect_requests("GET", OTHER)
    for route in (route for router in routers for route in router.routes if isinstance(route, APIRoute)):
        for method in route.methods or ():
            telemetry.expect_requests(method, route.path)


_DESCRIPTION = """\
금액은 문자열로 된 정확한 십진수, 시각은 KST(+09:00)입니다. 목록은 최신순이며 `next` 를 `cursor` 로 넘기면 다음 쪽입니다.
상태를 바꾸는 요청에는 `Authorization: Bearer <상태 폴더의 api_token>` 과 `Content-Type: application/json` 이 필요합니다.

Amounts are exact decimals as strings, times are KST. Lists are newest first; pass `next` as `cursor` for the next page.
Requests that change something need the bearer token of the state directory's `api_token` file.
"""

# Swagger UI sets style attributes by itself; scripts stay our own.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_DOCS = """\
<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Bongsu API</title>
<link rel="stylesheet" href="/static/swagger/swagger-ui.css">
<link rel="icon" href="/static/beacon.svg">
</head>
<body>
<div id="docs"></div>
<script src="/static/swagger/swagger-ui-bundle.js"></script>
<script src="/static/docs.js"></script>
</body>
</html>
"""
