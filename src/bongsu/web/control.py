"""The control API: each wish is a row that can be followed; the scheduler carries it out."""

import secrets
import time
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from bongsu.core.facts import ControlKind
from bongsu.ledger.reading import Reading
from bongsu.ledger.store import Ledger
from bongsu.web import schemas
from bongsu.web.guard import RateLimit, same_origin_json
from bongsu.web.problems import Refused, not_found
from bongsu.web.token import Bearer

_CODE_LIVES = 120.0  # seconds


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    who: Annotated[str, Field(min_length=1, max_length=40, description="Stands in the audit trail.")] = "api"
    why: Annotated[str, Field(max_length=300, description="Stands in the audit trail.")] = ""


class Close(Wish):
    market: Annotated[str, Field(pattern=r"^KRW-[A-Z0-9]{1,15}$")]


class Ack(Wish):
    market: Annotated[str | None, Field(pattern=r"^KRW-[A-Z0-9]{1,15}$")] = None


class Unkill(Wish):
    confirm: Annotated[str | None, Field(max_length=20, description="The code of the first answer.")] = None


class Codes:
    """One-time codes that make a dangerous wish take two steps."""

    def __init__(self) -> None:
        self._issued: dict[str, float] = {}

    def issue(self) -> str:
        now = time.monotonic()
        self._issued = {code: at for code, at in self._issued.items() if now - at < _CODE_LIVES}
        code = secrets.token_hex(4)
        self._issued[code] = now
        return code

    def redeem(self, code: str) -> bool:
        return time.monotonic() - self._issued.pop(code, float("-inf")) < _CODE_LIVES


def control_api(ledger: Ledger, source: Reading, bearer: Bearer) -> APIRouter:
    router = APIRouter(prefix="/api/v1/control", tags=["control"])
    known = [Depends(same_origin_json), Depends(bearer)]
    writing = [*known, Depends(RateLimit(20, 10.0))]  # last, so that strangers cannot use it up
    codes = Codes()

    async def wish(kind: ControlKind, asked: Wish, **args: str) -> schemas.Accepted:
        control = await ledger.request_control(kind, args, who=asked.who, why=asked.why)
        return schemas.Accepted(id=control, href=f"/api/v1/control/{control}")

    @router.post("/pause", status_code=202, dependencies=writing)
    async def pause(asked: Wish) -> schemas.Accepted:
        """No new buys until resumed; stop-loss and take-profit go on."""
        return await wish(ControlKind.PAUSE, asked)

    @router.post("/resume", status_code=202, dependencies=writing)
    async def resume(asked: Wish) -> schemas.Accepted:
        """Ends the owner's pause."""
        return await wish(ControlKind.RESUME, asked)

    @router.post("/kill", status_code=202, dependencies=known)  # never too often
    async def kill(asked: Wish) -> schemas.Accepted:
        """No new buy can be written once this is answered; it does not wait for the scheduler."""
        return await wish(ControlKind.KILL, asked)

    @router.post("/unkill", status_code=202, dependencies=writing)
    async def unkill(asked: Unkill) -> schemas.Accepted:
        """Takes two steps: the first answer (428) holds a code, the second request carries it as `confirm`."""
        if asked.confirm is None or not codes.redeem(asked.confirm):
            raise Refused(
                428,
                "한 번 더 확인해 주세요",
                "킬 스위치를 풀면 다시 매수합니다 (buying goes on once the kill switch is off)",
                f"{_CODE_LIVES:g}초 안에 같은 요청에 confirm 값을 넣어 다시 보내 주세요 (repeat with this `confirm`)",
                confirm=codes.issue(),
            )
        return await wish(ControlKind.UNKILL, asked)

    @router.post("/run-now", status_code=202, dependencies=writing)
    async def run_now(asked: Wish) -> schemas.Accepted:
        """One trading cycle as soon as the running one has ended."""
        return await wish(ControlKind.RUN_NOW, asked)

    @router.post("/close", status_code=202, dependencies=writing)
    async def close(asked: Close) -> schemas.Accepted:
        """Sells all that is held of a market."""
        return await wish(ControlKind.CLOSE, asked, market=asked.market)

    @router.post("/ack", status_code=202, dependencies=writing)
    async def ack(asked: Ack) -> schemas.Accepted:
        """What moved from outside, in `market` or anywhere, was the owner."""
        args = {"market": asked.market} if asked.market else {}
        return await wish(ControlKind.ACK, asked, **args)

    @router.get("/{control_id}")
    async def follow(control_id: UUID) -> schemas.Control:
        """What became of a wish."""
        async with source.look() as view:
            row = await view.one("control", id=control_id)
        if row is None:
            raise not_found(f"control {control_id}")
        return schemas.Control.model_validate(row)

    return router
