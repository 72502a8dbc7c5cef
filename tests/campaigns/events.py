"""Everything that the owner is told of, as facts in a real ledger; each event knows how many messages it owes."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from bongsu.core import facts as f
from bongsu.core.market import Market
from bongsu.core.money import Krw
from bongsu.core.order import Order, OrderState, Side, Trigger
from bongsu.core.report import EquityPoint
from bongsu.core.risk import Veto, VetoReason
from bongsu.ledger.store import Ledger
from core.samples import ETH, NOON, start_check
from ledger.test_report_text import FIGURES
from web.story import Books, execute, fund, intend, request, value

MINUTE = timedelta(minutes=1)
_SEVERITIES = ("critical", "warning", "info")
_TOLD_VETOES = (VetoReason.BLIND, VetoReason.EQUITY_UNKNOWN, VetoReason.MARKET_OFFLINE, VetoReason.OVERSELL)
_CONTROLS = (f.ControlKind.KILL, f.ControlKind.UNKILL, f.ControlKind.CLOSE, f.ControlKind.PAUSE)
_NASTY = "<b>&amp;</i> 😀 **굵게** \u202e_*[`\\ 봉수"


@dataclass
class Teller:
    """One process that tells. `mark` begins every name it gives: two tellers tell nothing alike."""

    books: Books
    ledger: Ledger
    chance: random.Random
    mark: str
    number: int = 0
    held: Decimal = Decimal(0)
    price: int = 4_000_000
    firing: list[f.AlertChanged] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        """Market time: each event a minute after the one before."""
        return NOON + self.number * MINUTE

    @property
    def name(self) -> str:
        return f"{self.mark}{self.number:03}"

    async def begin(self) -> int:
        """Of the first balance the owner is told, too."""
        await fund(self.books)
        await self.ledger.register_job(f.JobName.TRADING, 3600.0, 480.0)
        return 1

    async def tell(self, kind: str) -> int:
        self.number += 1
        return await KINDS[kind](self)


async def _trade(told: Teller) -> int:
    told.price += told.chance.randrange(1, 9) * 1000
    await value(told.books, told.at, {ETH: str(told.price)} if told.held else {})
    if told.held:
        trigger = told.chance.choice((Trigger.DECISION, Trigger.STOP_LOSS, Trigger.TAKE_PROFIT))
        wish = request(ETH, Side.SELL, at=told.at, amount=f"{told.held}", trigger=trigger)
        volume = told.held
    else:
        wish, volume = request(ETH, Side.BUY, at=told.at, amount="200000"), Decimal("0.04")
    await execute(told.books, wish, price=str(told.price), volume=str(volume))
    told.held = Decimal(0) if told.held else volume
    return 1


async def _refused(told: Teller) -> int:
    intent = await intend(told.books, request(_market(told), Side.BUY, at=told.at, amount="6000"))
    name = f"refused_{told.name}"
    await told.ledger.record(f.OrderRefused(intent, name, "주문을 받지 않았습니다.", told.at))
    return 1


async def _outcome_lost(told: Teller) -> int:
    """And found again: the order was never filled."""
    intent = await intend(told.books, request(_market(told), Side.BUY, at=told.at, amount="6000"))
    await told.ledger.record(f.OrderOutcomeLost(intent, f"{told.name}: 응답이 없습니다."))
    nothing, name = Decimal(0), UUID(int=told.chance.getrandbits(128))
    order = Order(
        name, intent.identifier, intent.request.market, Side.BUY, OrderState.CANCEL,
        None, nothing, Krw(nothing), told.at, (),
    )  # fmt: skip
    await told.ledger.record(f.OrderSettled(intent, order, recovered=True))
    return 2


async def _veto(told: Teller) -> int:
    reason = told.chance.choice(_TOLD_VETOES)
    await told.ledger.record(f.TradeVetoed(_market(told), Veto(reason, "까닭", "why"), None, told.at))
    return 1


async def _error(told: Teller) -> int:
    name = f"Error{told.name}"
    await told.ledger.record(f.ErrorOccurred(f.ErrorType.INTERNAL, name, _NASTY, {"글": _NASTY}))
    return 1


async def _long_error(told: Teller) -> int:
    context = {f"{told.name}-{n}": _NASTY * 20 for n in range(10)}
    await told.ledger.record(f.ErrorOccurred(f.ErrorType.DATA, f"Long{told.name}", "길다", context))
    return 1


async def _job_failed(told: Teller) -> int:
    run = await told.ledger.start_run(f.JobName.TRADING, told.at)
    assert run is not None
    fact = f.JobFailed(run, f.JobName.TRADING, f.ErrorType.EXCHANGE, f"Failed{told.name}", "끊김", {})
    await told.ledger.record(fact)
    return 1


async def _started(told: Teller) -> int:
    await told.ledger.record(f.ProcessStarted("scheduler", "0.1.0"))
    return 1


async def _start_checked(told: Teller) -> int:
    await told.ledger.record(f.StartChecked(start_check()))
    return 1


async def _stopped(told: Teller) -> int:
    await told.ledger.record(f.ProcessStopped("scheduler", told.name))
    return 1


async def _report(told: Teller) -> int:
    """The figures, and the picture below them."""
    start = FIGURES.start + told.number * timedelta(days=1)
    figures = replace(FIGURES, start=start, end=start + timedelta(days=1), closed_at=start)
    curve = tuple(EquityPoint(start + n * timedelta(hours=6), Krw(Decimal(10**6 + n))) for n in range(4))
    await told.ledger.record(f.DailyReported(start, told.at, False, (figures,), curve))
    return 2


async def _alert(told: Teller) -> int:
    """The oldest of those that fire resolves, or another one fires."""
    if len(told.firing) > 2:
        fires = told.firing.pop(0)
        fact = replace(fires, firing=False, ends_at=fires.starts_at + MINUTE)
    else:
        fact = _firing(told)
        told.firing.append(fact)
    await told.ledger.record(fact)
    return 1


def _firing(told: Teller) -> f.AlertChanged:
    severity = told.chance.choice(_SEVERITIES)
    return f.AlertChanged(
        f"Drill{told.name}", True, severity, "연습", f"{told.name}: {_NASTY}", "https://example.invalid/r",
        {}, f"f-{told.name}", told.at, None,
    )  # fmt: skip


async def _mute(told: Teller) -> int:
    until = datetime.now(UTC) + timedelta(hours=1)
    await told.ledger.record(f.AlertMuted(f"Muted{told.name}", until, "owner"))
    return 1


async def _mute_ended(told: Teller) -> int:
    await told.ledger.record(f.MuteEnded(f"Unmuted{told.name}", (_firing(told),)))
    return 2


async def _breaker(told: Teller) -> int:
    loss, limit = Decimal(1000 + told.number) / 10_000, Decimal("0.1")
    await told.ledger.record(f.BreakerTripped("daily", loss, limit, told.at, told.at))
    await told.ledger.record(f.BreakerReset("daily", told.at))
    return 2


async def _funds(told: Teller) -> int:
    await told.ledger.record(f.FundsMoved("KRW", Krw(Decimal(told.number)), "by hand", told.at))
    return 1


async def _control(told: Teller) -> int:
    kind = told.chance.choice(_CONTROLS)
    done = kind is not f.ControlKind.PAUSE
    name = UUID(int=told.chance.getrandbits(128))
    await told.ledger.record(f.ControlApplied(name, kind, f"owner {told.name}", "", done, "까닭"))
    return 1


async def _pause(told: Teller) -> int:
    """And back."""
    await told.ledger.record(f.Paused(told.name, "점검", "owner"))
    await told.ledger.record(f.Resumed(told.name, "owner"))
    return 2


async def _recovery(told: Teller) -> int:
    await told.ledger.record(f.RecoveryFound(told.number, 1))
    return 1


async def _mismatch(told: Teller) -> int:
    await told.ledger.record(f.Reconciled((f"{told.name}: 1 ≠ 2",), told.at))
    await told.ledger.record(f.Reconciled((), told.at))
    return 1


async def _stranger(told: Teller) -> int:
    await told.ledger.record(f.CommandHeard("bot", told.number, 4711, 4711, "/kill", f.Hearing.STRANGER))
    return 1


def _market(told: Teller) -> Market:
    """Of its own: what is said of a market is said of it once in ten minutes."""
    return Market(f"KRW-{told.name}")


KINDS: dict[str, Callable[[Teller], Awaitable[int]]] = {
    "trade": _trade,
    "order refused": _refused,
    "order outcome lost": _outcome_lost,
    "trade held back": _veto,
    "error": _error,
    "error, longer than one message": _long_error,
    "run failed": _job_failed,
    "start": _started,
    "start checked": _start_checked,
    "stop": _stopped,
    "report with a picture": _report,
    "alarm": _alert,
    "alarm muted": _mute,
    "mute ended": _mute_ended,
    "breaker": _breaker,
    "funds moved": _funds,
    "control": _control,
    "pause and resume": _pause,
    "recovery": _recovery,
    "mismatch": _mismatch,
    "stranger": _stranger,
}
_ONCE = {"mismatch", "stranger", "start", "start checked"}  # told once in a while, or in the same words again
_TWOFOLD = {"order outcome lost", "report with a picture", "mute ended", "breaker", "pause and resume"}
_RARE = _TWOFOLD | {"error, longer than one message"}
_BACKENDS = {"alarm", "alarm muted", "mute ended", "control"}  # what the backend is told, it tells


@dataclass(frozen=True)
class Event:
    at: float  # seconds from the beginning
    backends: bool
    kind: str


def draw(chance: random.Random, number: int, span: tuple[float, float]) -> list[Event]:
    """Each kind at least once, in no order; those that owe two messages are the rarer ones."""
    frequent = [kind for kind in KINDS if kind not in _RARE | _ONCE]
    kinds = [*KINDS, *(kind for kind in _RARE for _ in range(number // 200))]
    kinds += chance.choices(frequent, k=max(0, number - len(kinds)))
    chance.shuffle(kinds)
    times = sorted(chance.uniform(*span) for _ in kinds)
    return [Event(at, kind in _BACKENDS, kind) for at, kind in zip(times, kinds, strict=True)]


async def tell_all(teller: Teller, events: list[Event], since: Callable[[], float]) -> int:
    """In time; answers how many messages are owed."""
    owed = 0
    for event in events:
        await asyncio.sleep(max(0.0, event.at - since()))
        owed += await teller.tell(event.kind)
    return owed
