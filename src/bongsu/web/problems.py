"""Every refusal as problem JSON (RFC 9457) that says what to do."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from bongsu.core.facts import ErrorOccurred, ErrorType
from bongsu.core.redaction import redact
from bongsu.errors import LedgerUnavailable

_log = logging.getLogger(__name__)

_REMEDIES = {
    404: "주소와 id를 확인해 주세요. 전체 목록은 /docs 에 있습니다 (see /docs)",
    405: "/docs 에서 이 주소가 받는 메서드를 확인해 주세요 (see /docs)",
}


class ProblemBody(BaseModel):
    """What every refusal looks like."""

    title: str
    status: int
    detail: str
    remedy: str = Field(description="What to do about it.")
    confirm: str | None = Field(None, description="The one-time code to repeat the request with.")


class Refused(Exception):
    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        remedy: str,
        *,
        confirm: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        detail = redact(detail)
        super().__init__(detail)
        self.body = ProblemBody(title=title, status=status, detail=detail, remedy=remedy, confirm=confirm)
        self.headers = dict(headers or {})


def answer(problem: Refused) -> JSONResponse:
    return JSONResponse(
        problem.body.model_dump(exclude_none=True),
        problem.body.status,
        {**problem.headers, "Cache-Control": "no-store"},
        media_type="application/problem+json",
    )


def install(app: FastAPI, record: Callable[[ErrorOccurred], Awaitable[None]]) -> None:
    """`record` counts and tells what we did not foresee."""

    @app.exception_handler(Refused)
    async def _refused(_: Request, problem: Refused) -> JSONResponse:
        return answer(problem)

    @app.exception_handler(LedgerUnavailable)
    async def _ledger_away(_: Request, error: LedgerUnavailable) -> JSONResponse:
        _log.warning("ledger unavailable: %s", error)
        return answer(ledger_away())

    @app.exception_handler(RequestValidationError)
    async def _malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return answer(
            Refused(
                422,
                "요청이 올바르지 않습니다",
                faults,
                "표시된 값을 고쳐 다시 보내 주세요 (correct the values named)",
            )
        )

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        title = HTTPStatus(error.status_code).phrase
        remedy = _REMEDIES.get(error.status_code, "/docs 를 참고해 주세요 (see /docs)")
        return answer(Refused(error.status_code, title, str(error.detail), remedy, headers=error.headers))

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> JSONResponse:
        context = {"method": request.method, "path": request.url.path}
        await record(ErrorOccurred(ErrorType.INTERNAL, type(error).__name__, str(error), context))
        return answer(
            Refused(
                500,
                "내부 오류",
                "예상하지 못한 오류가 났고, 기록했습니다 (an unforeseen error; it is on record)",
                "logs/backend/ 의 기록을 확인해 주세요 (see the backend's log)",
            )
        )


def ledger_away() -> Refused:
    return Refused(
        503,
        "원장을 쓸 수 없습니다",
        "데이터베이스가 응답하지 않아 아무것도 기록하지 않았습니다 (the database does not answer; nothing was written)",
        "잠시 뒤 다시 시도하고, 계속되면 bongsu ps 로 postgres를 확인해 주세요 (try again; then check postgres)",
        headers={"Retry-After": "5"},
    )


def not_found(what: str) -> Refused:
    return Refused(404, "없습니다", f"{what} 이(가) 없습니다 (not found)", _REMEDIES[404])
