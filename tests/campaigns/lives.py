"""One history: a bot that dies again and again while it trades, and what is left to be seen when it has settled."""

import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import httpx2
import stamina

from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.core.clock import ClockState
from bongsu.core.decision import Action, Advice, Decision, Reason, decision_id
from bongsu.core.facts import AdviceAccepted, DuplicatePrevented, RecoveryFound
from bongsu.core.market import HOUR, Market
from bongsu.core.order import Intent, OrderRequest
from bongsu.core.risk import RiskLimits, Veto
from bongsu.core.tradingday import NINE
from bongsu.errors import ExchangeError
from bongsu.ledger.leases import Lease
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.store import Ledger
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import Voice
from bongsu.sandbox.serve import application
from bongsu.sandbox.world import ExchangeOptions, World
from bongsu.settings import SANDBOX_ACCESS_KEY, SANDBOX_CHAT, SANDBOX_SECRET_KEY, SANDBOX_TOKEN
from bongsu.trading.desk import Desk
from bongsu.trading.reconcile import Reconciliation
from bongsu.trading.sender import Sender
from bongsu.trading.valuation import Valuation
from campaigns.ablations import WHOLE, Protocol
from campaigns.mortal import Connection, Fate, Killed, MortalDatabase, Wall, Weather, Wire, in_process
from campaigns.witness import put_together
from core.samples import snapshot
from observer import Observer
from stage import Shape, write_candles
from stand_in import Arrived

MARKETS = (Market("KRW-ETH"), Market("KRW-BTC"))
EXCHANGE = "http://exchange.test"
PATIENCE = 60.0  # the shipped one
LEASE = 10.0
VOICE = Voice("ko", "sandbox")
LIMITS = RiskLimits(
    min_trade_interval=timedelta(0), max_trades_per_day=10**6, daily_loss=Decimal(1), weekly_loss=Decimal(1)
)
_AIMS = ("order",) * 6 + ("settling",) * 2 + ("telling", None)
_STEPS = {"order": 50, "settling": 15, "telling": 10, None: 120}


@dataclass
class Outcome:
    seed: int
    kills: int
    orders: int = 0
    trades: int = 0
    fills: int = 0
    refused: int = 0
    told: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def play(
    database_url: str,
    seed: int,
    kills: int,
    protocol: Protocol = WHOLE,
    weather: type[Weather] = Weather,
    look_every: int = 10**9,
) -> Outcome:
    """`look_every` so many kills all is settled and looked at, and the history ends if something is wrong."""
    stamina.instrumentation.set_on_retry_hooks([])
    with (
        tempfile.TemporaryDirectory(prefix="bongsu-kills-") as directory,
        stamina.set_testing(True, attempts=3),
    ):
        history = _History(database_url, Path(directory), seed, kills, protocol, weather, look_every)
        return asyncio.run(history.run())


class _Ledger(Ledger):
    """Knows the age of its intents by the history's clock."""

    wall: Wall
    opened: dict[UUID, float]

    async def open_intent(
        self, request: OrderRequest, account: str, blind: tuple[str, ...]
    ) -> Intent | Veto | DuplicatePrevented:
        identifier, at = request.identifier(account), self.wall.now
        try:
            result = await super().open_intent(request, account, blind)
        except Killed:
            self.opened.setdefault(identifier, at)  # perhaps written
            raise
        if isinstance(result, Intent):
            self.opened[identifier] = at
        return result

    async def open_intents(self) -> list[Intent]:
        return [
            replace(intent, age=self.wall.now - self.opened[intent.identifier])
            for intent in await super().open_intents()
        ]


class _Clock:
    """The market's, read where it is kept."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def state(self) -> ClockState:
        return ClockState(self.now(), 1.0, lockstep=True, ended=False)

    def now(self) -> datetime:
        return self._world.exchange.now

    async def wait_until(self, when: datetime, patience: float) -> ClockState:
        await self._world.clock.wait(when, patience)
        self._world.tick()
        return self.state

    @asynccontextmanager
    async def standing_still(self, owner: str) -> AsyncIterator[None]:
        yield


@dataclass(frozen=True)
class _Life:
    """The parts of one process."""

    fate: Fate
    ledger: _Ledger
    lease: Lease
    reconciliation: Reconciliation
    valuation: Valuation
    desk: Desk
    outbox: Outbox
    sending: Lease
    sender: Sender


class _History:
    def __init__(
        self,
        url: str,
        directory: Path,
        seed: int,
        kills: int,
        protocol: Protocol,
        weather: type[Weather],
        look_every: int,
    ) -> None:
        self._url = url
        self._dice = random.Random(seed)
        self._protocol = protocol
        self._look_every = look_every
        candles = tuple(
            _walk(directory / f"{market}-1h.csv.gz", self._dice, 3 * kills + 50) for market in MARKETS
        )
        options = ExchangeOptions(
            world_dir=directory / "world", candles=candles, speed="max", seed=seed % 10_000
        )
        self._world = World(options)
        self._world.store._db.execute("PRAGMA synchronous = OFF")
        self._clock = _Clock(self._world)
        self._wall = Wall()
        self._weather = weather(self._dice)
        self._app = application(self._world)
        self._wire = Wire(self._app, self._wall, self._weather, self._dice)
        self._opened: dict[UUID, float] = {}
        self._gate_closed = False
        self._outcome = Outcome(seed, kills)

    async def run(self) -> Outcome:
        self._connection = await Connection.to(self._url)
        try:
            with self._wall.keeps_time():
                for kill in range(1, self._outcome.kills + 1):
                    await self._live_and_die()
                    if kill % self._look_every == 0 or kill == self._outcome.kills:
                        await self._settle_all()
                        await self._look()
                    if self._outcome.wrong:
                        break
        except Exception as crash:  # noqa: BLE001 - a finding like the others, with its replay
            self._outcome.wrong.append(f"crashed: {crash!r}")
        finally:
            self._connection.pgconn.finish()
            self._world.close()
        return self._outcome

    async def _live_and_die(self) -> None:
        aim = self._dice.choice(_AIMS)
        fate = Fate(self._dice.randint(1, _STEPS[aim]), aim)
        self._gate_closed = self._dice.random() < 0.1
        try:
            await self._live(fate, lambda: True)
        except Killed:
            self._outcome.deaths[fate.at] += 1
        # The lease is out after 10 s; a supervisor starts again at once, an owner some time later.
        await self._wall.go_by(LEASE + self._dice.choice((0.0, self._dice.uniform(0, 60), 3600.0)))

    async def _settle_all(self) -> None:
        """Nothing goes wrong any more: two cycles, and all is told."""
        self._weather.fair, self._gate_closed = True, False
        await self._wall.go_by(3600.0)
        cycles = iter((True, True, False))
        await self._live(Fate(), lambda: next(cycles))
        self._weather.fair = False

    async def _live(self, fate: Fate, goes_on: Callable[[], bool]) -> None:
        if self._dice.random() < 0.05:
            self._connection.pgconn.finish()
            self._connection = await Connection.to(self._url)
        life = self._born(fate)
        await life.lease.take(by_force=True)
        await life.ledger.set_killed(self._gate_closed)
        if left := len(await life.ledger.open_intents()):
            await life.ledger.record(RecoveryFound(0, left))
        while goes_on():
            await self._cycle(life)

    def _born(self, fate: Fate) -> _Life:
        wire = self._wire.of(fate)
        exchange = UpbitExchange(
            EXCHANGE, SANDBOX_ACCESS_KEY, SANDBOX_SECRET_KEY, rate_factor=float("inf"), transport=wire
        )
        messenger = TelegramMessenger(
            f"{EXCHANGE}/telegram", SANDBOX_TOKEN, SANDBOX_CHAT, part_pause=0, transport=wire
        )
        database = MortalDatabase(self._url, self._connection, fate, self._protocol.piecemeal)
        return self._compose(fate, database, exchange, messenger)

    def _compose(
        self, fate: Fate, database: MortalDatabase, exchange: UpbitExchange, messenger: TelegramMessenger
    ) -> _Life:
        lease, sending = Lease(database, "scheduler", "x", LEASE), Lease(database, "sender", "x", LEASE)
        ledger = _Ledger(database, voice=VOICE, day_start=NINE, limits=LIMITS, lease=lease)
        ledger.wall, ledger.opened = self._wall, self._opened
        clock, blind = self._clock, tuple
        trading = self._protocol.execution(
            exchange, ledger, clock, account="kills", patience=PATIENCE, blind=blind, rest=self._wall.go_by
        )
        outbox = Outbox(database, sending, Telling(VOICE))
        return _Life(
            fate,
            ledger,
            lease,
            Reconciliation(exchange, ledger, clock, trading),
            Valuation(exchange, ledger, clock, trading, LIMITS, NINE),
            Desk(exchange, ledger, trading, LIMITS, blind),
            outbox,
            sending,
            Sender(outbox, messenger, sending, preempts=True, pace=0.0),
        )

    async def _cycle(self, life: _Life) -> None:
        """As the scheduler's: what is open is settled before anything is valued or decided."""
        fate = life.fate
        try:
            fate.phase = "settling"
            await life.reconciliation.run()
            if self._dice.random() < 0.3:
                fate.phase = "valuing"
                await life.valuation.run()
            if self._dice.random() < 0.8:  # else the same candle again
                await self._clock.wait_until(self._clock.now() + HOUR, 1.0)
            for market in MARKETS:
                fate.phase = "deciding"
                await self._decide(life, market)
        except ExchangeError:
            self._weather.hits["failed cycle"] += 1
        if self._weather.fair or self._dice.random() < 0.3:
            fate.phase = "telling"
            await self._tell(life)

    async def _decide(self, life: _Life, market: Market) -> None:
        """Buys what it does not hold, sells what it does; a candle once."""
        at = self._clock.now()
        if await life.ledger.is_decided(market, at):
            return
        held = (await life.ledger.portfolio()).position(market).held
        action = Action.SELL if held else Action.BUY
        advice = Advice(market, action, Decimal("0.9"), Decimal("0.3"), (Reason("박자", "price", 1.0),), None)
        decision = Decision(
            decision_id(market, at, "metronome"), market, advice.action, advice.confidence, "HIGH", advice.size,
            advice.reasons, None, at, "metronome", at,
        )  # fmt: skip
        seen = snapshot(market=market, at=at, candle_closed_at=at)
        await life.ledger.record(AdviceAccepted(decision, advice, seen, 0.0))
        life.fate.phase = "order"
        await life.desk.act(decision)

    async def _tell(self, life: _Life) -> None:
        if life.sending.epoch is None:
            await life.sending.take(by_force=True)
        while message := await life.outbox.next(pace=0.0, patience=0.0):
            await life.sender._deliver(message)

    async def _look(self) -> None:
        """Over the exchange's own admin endpoints."""
        async with httpx2.AsyncClient(transport=in_process(self._app), base_url=EXCHANGE) as http:
            state = (await http.get("/sandbox/state")).json()
            texts = await _inbox(http)
        observer, outcome = Observer(self._url, state), self._outcome
        outcome.orders = len(state["orders"])
        outcome.trades = sum(Decimal(order["executed_volume"]) > 0 for order in state["orders"])
        outcome.fills = len(state["trades"])
        refused = "SELECT count(*) AS n FROM order_intents WHERE state = 'rejected'"
        outcome.refused = observer.rows(refused)[0]["n"]
        outcome.told = len(texts)
        outcome.hits = self._weather.hits
        outcome.wrong = [*observer.all(), *observer.unsettled(), *observer.inbox(texts)]


def _walk(path: Path, dice: random.Random, hours: int) -> str:
    """A recording that goes up and down, thin enough for an order to eat through some levels of the book."""
    price, shapes = 3_000_000, list[Shape]()
    for _ in range(hours):
        last = price * dice.randint(990, 1010) // 1000
        low, high = min(price, last) - dice.randint(0, 9000), max(price, last) + dice.randint(0, 9000)
        shapes.append((price, high, low, last, str(dice.randint(2, 30))))
        price = last if 2_000_000 < last < 4_000_000 else 3_000_000
    return write_candles(path, shapes)


async def _inbox(http: httpx2.AsyncClient) -> list[tuple[str, int | None]]:
    found: list[Arrived] = []
    while rows := (await http.get(f"/sandbox/inbox?limit=1000&after={found[-1].id if found else 0}")).json():
        found += [Arrived(row["id"], datetime.fromisoformat(row["at"]), row["text"]) for row in rows]
    return [(copy.text, copy.label) for copy in put_together(found)[0]]
