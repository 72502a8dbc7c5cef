"""A recording played to its end: how far it is, and whether ledger and exchange tell the same story."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx2

from bongsu.ledger.audit import Audit, audit
from bongsu.ledger.database import Database
from bongsu.ops.language import say
from bongsu.ops.stack.native import Native
from bongsu.ops.stack.progress import Progress

_EVERY = 5.0  # wall seconds between two lines of progress
_QUIET = 3.0  # the scheduler has had its last word this long after the end


async def follow_replay(native: Native, progress: Progress) -> bool:
    """Returns at the recording's end; True when nothing went wrong and every figure agrees."""
    async with httpx2.AsyncClient(base_url=native.url("exchange"), timeout=10, trust_env=False) as http:
        began, first = time.monotonic(), None
        while not (clock := await _ask(http, "/sandbox/clock"))["ended"]:
            first = first or _at(clock, "now")
            progress.line(_how_far(clock, first, time.monotonic() - began))
            await asyncio.sleep(_EVERY)
        await asyncio.sleep(_QUIET)
        state = await _ask(http, "/sandbox/state")
    database = Database(native.database.url, process="replay")
    await database.open()
    try:
        found = await audit(database, state)
    finally:
        await database.close()
    _report(found, time.monotonic() - began, progress)
    return not found.differences and not found.errors


async def _ask(http: httpx2.AsyncClient, path: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (await http.get(path)).raise_for_status().json()
    return found


def _at(clock: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(clock[name])


def _how_far(clock: Mapping[str, Any], first: datetime, seconds: float) -> str:
    now, start, end = _at(clock, "now"), _at(clock, "start"), _at(clock, "end")
    hours, all_hours = int((now - start).total_seconds() // 3600), int((end - start).total_seconds() // 3600)
    played = (now - first).total_seconds()
    left = f"{seconds / played * (end - now).total_seconds():.0f} s" if played > 0 else "…"
    return say(
        f"재생 {hours}/{all_hours}시간 ({hours / all_hours:.0%}), 남은 시간 약 {left}",
        f"replay {hours}/{all_hours} hours ({hours / all_hours:.0%}), about {left} left",
    )


def _report(found: Audit, seconds: float, progress: Progress) -> None:
    progress.line(say(f"재생을 마쳤습니다 ({seconds:.0f}초)", f"replay done ({seconds:.0f} s)"))
    if found.result is not None:
        progress.line(_result(found, found.result))
    for difference in found.differences[:20]:
        progress.bad(difference)
    if found.errors:
        progress.bad(say(f"오류 이벤트 {found.errors}건", f"{found.errors} error events"))
    if not found.differences and not found.errors:
        progress.good(
            say(
                "원장과 거래소가 원 단위까지 같고, 오류가 없습니다.",
                "Ledger and exchange agree to the won; no error event.",
            )
        )


def _result(found: Audit, result: Mapping[str, Any]) -> str:
    put_in, equity, drawdown = result["put_in"], result["equity"], result["max_drawdown"]
    money = f"{put_in:,.0f} → {equity:,.0f}"
    gain = f"{equity / put_in - 1:+.2%}"
    return say(
        f"판단 {result['decisions']}회, 거래 {found.trades}회(체결 {found.fills}건), "
        f"자산 {money}원 ({gain}), 최대 낙폭 {drawdown:.2%}",
        f"{result['decisions']} decisions, {found.trades} trades ({found.fills} fills), "
        f"equity {money} KRW ({gain}), deepest drawdown {drawdown:.2%}",
    )
