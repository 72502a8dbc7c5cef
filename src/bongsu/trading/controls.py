"""What the owner asks for, carried out by the only process that trades."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from bongsu.core.facts import (
    ControlApplied,
    ControlKind,
    ExternalAcknowledged,
    JobSkipped,
    JobSucceeded,
    Paused,
    Resumed,
)
from bongsu.core.figures import volume_text
from bongsu.core.market import parse_market
from bongsu.errors import ExchangeError
from bongsu.trading.jobs import JobEnd
from bongsu.trading.ports import Ledger
from bongsu.trading.protect import Protection

_RESUMABLE = ("owner", "job_failures")


@dataclass(frozen=True, slots=True)
class Controls:
    """`run_now` runs a trading cycle for a control."""

    ledger: Ledger
    protection: Protection
    run_now: Callable[[UUID], Awaitable[JobEnd]]

    async def apply_pending(self) -> None:
        for row in await self.ledger.pending_controls():
            kind = ControlKind(row["kind"])
            done, result = await self._apply(kind, row)
            await self.ledger.record(ControlApplied(row["id"], kind, row["who"], row["why"], done, result))

    async def _apply(self, kind: ControlKind, row: Mapping[str, Any]) -> tuple[bool, str]:
        match kind:
            case ControlKind.PAUSE:
                await self.ledger.record(Paused("owner", row["why"], row["who"]))
                return True, "paused"
            case ControlKind.RESUME:
                for reason in _RESUMABLE:
                    await self.ledger.record(Resumed(reason, row["who"]))
                return True, "resumed"
            case ControlKind.KILL | ControlKind.UNKILL:
                await self.ledger.set_killed(kind is ControlKind.KILL)
                return True, "killed" if kind is ControlKind.KILL else "kill switch released"
            case ControlKind.CLOSE:
                return await self._close(str(row["args"].get("market", "")), row["why"])
            case ControlKind.FLATTEN:
                return await self._flatten(row["why"])
            case ControlKind.RUN_NOW:
                end = await self.run_now(row["id"])
                return isinstance(end, JobSucceeded), how_it_went(end)
            case ControlKind.ACK:
                return await self._acknowledge(str(row["args"].get("market", "")), row["who"])

    async def _close(self, name: str, why: str) -> tuple[bool, str]:
        """Done only when nothing is left of it: an order whose outcome is not known yet is no sale."""
        try:
            market = parse_market(name)
            veto = await self.protection.close(market, f"수동 청산: {why}")
        except (ValueError, ExchangeError) as error:
            return False, f"{name}: {error}"
        if veto is not None:
            return False, veto.detail
        left = (await self.ledger.portfolio()).position(market)
        if left.held:
            return False, f"{market}: {volume_text(left.volume)} 남음 (not all is sold yet)"
        return True, f"{market} 매도 완료 (sold)"

    async def _acknowledge(self, name: str, who: str) -> tuple[bool, str]:
        try:
            market = parse_market(name) if name else None
        except ValueError as error:
            return False, str(error)
        if await self.ledger.record(ExternalAcknowledged(market, who)):
            return True, "확인됨 (acknowledged)"
        return True, "확인할 외부 변동이 없습니다 (there was nothing to acknowledge)"

    async def _flatten(self, why: str) -> tuple[bool, str]:
        """Every position is tried, whatever became of the others; a buy whose outcome is unknown may yet become one."""
        held = [position.market for position in (await self.protection.settled()).positions]
        outcomes = [await self._close(market, why) for market in held]
        unknown = {intent.request.market for intent in await self.ledger.open_intents()}
        outcomes += [
            (False, f"{market}: 주문 결과를 아직 모름 (outcome unknown)") for market in sorted(unknown)
        ]
        told = "; ".join(result for _, result in outcomes)
        return all(done for done, _ in outcomes), told or "보유 종목 없음 (nothing is held)"


def how_it_went(cycle: JobEnd) -> str:
    match cycle:
        case JobSucceeded():
            return "the cycle ran"
        case JobSkipped():
            return f"no cycle: {cycle.reason}"
        case _:
            return f"the cycle failed: {cycle.error}: {cycle.message}"
