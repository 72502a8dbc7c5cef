"""A seeded month in the ledger, told through its own facts, and what its teller remembers of it."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bongsu.core import facts as f
from bongsu.core.decision import Action, Rejection, RejectionReason, decision_id
from bongsu.core.market import HOUR
from bongsu.core.money import Krw
from bongsu.core.order import Side, Trigger
from bongsu.core.risk import Veto, VetoReason
from bongsu.core.tradingday import DAY
from core.samples import ETH, advice, decision, snapshot
from web.story import Books, execute, request, value

FIRST = datetime(2024, 5, 27, tzinfo=UTC)  # Monday, 09:00 in Seoul; the month turns on the sixth day
BEGAN_AT = 5  # o'clock of that day, when the bot began
AWAY = 3  # the day the bot was off, counted from 0
MINUTE = timedelta(minutes=1)


@dataclass
class Told:
    """What was told of one trading day."""

    day: datetime
    decisions: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    blocked: Counter[VetoReason] = field(default_factory=Counter)
    orders: list[tuple[Side, Decimal, Decimal]] = field(default_factory=list)  # side, funds, fee
    exits: Counter[Trigger] = field(default_factory=Counter)
    trips: int = 0
    alarms: Counter[str] = field(default_factory=Counter)
    hours: set[int] = field(default_factory=set)
    cost: Decimal = Decimal(0)
    moved: Decimal = Decimal(0)


@dataclass
class Teller:
    books: Books
    chance: random.Random
    step: int = 3  # hours between two valuations, but on days with a gap
    price: int = 4_000_000
    days: list[Told] = field(default_factory=list)
    valued: list[tuple[datetime, Decimal]] = field(default_factory=list)
    moved: list[tuple[datetime, Decimal]] = field(default_factory=list)
    held: Decimal = Decimal(0)

    async def live(self, days: int) -> None:
        await self._move(FIRST + BEGAN_AT * HOUR - MINUTE, 1_000_000, "initial")
        await self.books.ledger.record(f.Reconciled((), FIRST))
        for number in range(days):
            if number != AWAY:
                await self._day(FIRST + number * DAY, begins=BEGAN_AT if number == 0 else 0)

        await self._move(FIRST + days * DAY - MINUTE, 44_444, "not valued yet")

    async def _day(self, day: datetime, begins: int) -> None:
        told = Told(day)
        self.days.append(told)
        asleep = self.chance.choice((None, range(9, 12), range(2)))
        for hour in range(begins, 24, self.step if asleep is None else 2):
            if asleep is None or hour not in asleep:
                await self._hour(told, day + hour * HOUR)

    async def _hour(self, told: Told, at: datetime) -> None:
        await self._value(told, at)
        if self.chance.random() < 0.5:
            await self._decide(told, at + MINUTE)
        if self.chance.random() < 0.12:
            await self._trade(told, at + 2 * MINUTE)
        if self.chance.random() < 0.05:
            amount = self.chance.choice((100_000, -50_000, 33_333))
            told.moved += amount
            await self._move(at + 3 * MINUTE, amount, "by hand")
        if self.chance.random() < 0.05:
            await self._trip(told, at + 4 * MINUTE)
        if self.chance.random() < 0.1:
            await self._ring(told)
        if self.chance.random() < 0.3:
            await self._value(told, at + 20 * MINUTE)

    async def _value(self, told: Told, at: datetime) -> None:
        self.price = round(self.price * self.chance.uniform(0.99, 1.011))
        await value(self.books, at, {ETH: str(self.price)} if self.held else {})
        held = await self.books.ledger.portfolio()
        self.valued.append((at, held.cash + self.held * self.price))
        told.hours.add((at - told.day) // HOUR)

    async def _decide(self, told: Told, at: datetime) -> None:
        seen = snapshot(at=at, candle_closed_at=at - MINUTE)
        kind = self.chance.choice(("buy", "sell", "hold", "hold", "rejected", "blocked"))
        name = decision_id(ETH, at - MINUTE, "rules")
        if kind == "rejected":
            no = Rejection(RejectionReason.CITATION, "인용값", "cited")
            refused = advice(self.chance.choice(list(Action)))
            await self.books.ledger.record(f.AdviceRejected(refused, "rules", seen, no, 0.1))
            told.rejected += 1
            return
        action = Action.BUY if kind == "blocked" else Action(kind)
        made = decision(action, id=name, at=at, candle_closed_at=at - MINUTE)
        await self.books.ledger.record(f.AdviceAccepted(made, advice(action), seen, 0.1))
        told.decisions[action] += 1
        if kind == "blocked":
            reason = self.chance.choice((VetoReason.MIN_INTERVAL, VetoReason.MAX_DAILY))
            await self.books.ledger.record(f.TradeVetoed(ETH, Veto(reason, "막음", "no"), name, at))
            told.blocked[reason] += 1
        await self._pay(told, name)

    async def _pay(self, told: Told, name: object) -> None:
        """No model is paid for in this version; the column is filled as it would be."""
        cost = Decimal(self.chance.randrange(1, 500)) / 100
        async with self.books.database.transaction("test") as tx:
            await tx.execute("UPDATE decisions SET cost_krw = %s WHERE id = %s", (cost, name))
        told.cost += cost

    async def _trade(self, told: Told, at: datetime) -> None:
        if not self.held:
            wish = request(ETH, Side.BUY, at=at, amount="200000")
            volume = Decimal(199_000 // (self.price // 1000)) / 1000
        else:
            trigger = self.chance.choice((Trigger.DECISION, Trigger.STOP_LOSS, Trigger.TAKE_PROFIT))
            wish, volume = request(ETH, Side.SELL, at=at, amount=f"{self.held}", trigger=trigger), self.held
            told.exits[trigger] += 1
        order = await execute(self.books, wish, price=str(self.price), volume=str(volume))
        told.orders.append((order.side, order.funds, order.paid_fee))
        self.held = volume if order.side is Side.BUY else Decimal(0)

    async def _trip(self, told: Told, at: datetime) -> None:
        told.trips += 1
        limit = Decimal("0.1")
        await self.books.ledger.record(f.BreakerTripped("daily", Decimal("0.11"), limit, at, at))
        await self.books.ledger.record(f.BreakerReset("daily", at))

    async def _ring(self, told: Told) -> None:
        """Alarms ring by the clock on the wall."""
        name = self.chance.choice(("SchedulerJobSlow", "HighErrorRate"))
        number = sum(sum(day.alarms.values()) for day in self.days)
        await self.books.ledger.record(
            f.AlertChanged(name, True, "warning", "s", "d", "", {}, str(number), datetime.now(UTC), None)
        )
        told.alarms[name] += 1

    async def _move(self, at: datetime, amount: int, note: str) -> None:
        self.moved.append((at, Decimal(amount)))
        await self.books.ledger.record(f.FundsMoved("KRW", Krw(Decimal(amount)), note, at))
