"""The ledger as trading sees it: facts go in, state comes out."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from bongsu import metrics
from bongsu.core import facts as f
from bongsu.core.channels import QuietHours, Route
from bongsu.core.clock import ExchangeSigns
from bongsu.core.llm import Call
from bongsu.core.market import Candle, Market, MarketState
from bongsu.core.money import Krw, Price
from bongsu.core.order import Intent, OrderRequest
from bongsu.core.portfolio import Portfolio
from bongsu.core.report import EquityPoint, Report
from bongsu.core.risk import RiskLimits, RiskState, Veto, gate
from bongsu.core.tradingday import Period, trading_day_start, trading_week_start
from bongsu.errors import LeaseLost, LedgerUnavailable, WorldMismatch
from bongsu.ledger import calls, counters, external, orders, recording, reports, seen
from bongsu.ledger.database import Database, Tx
from bongsu.ledger.leases import Lease
from bongsu.ledger.messages import Voice, messages
from bongsu.ledger.queries import load
from bongsu.ledger.telling import Telling
from bongsu.metric import Metric

_SQL = {**load("facts"), **load("jobs"), **load("chat")}

# Facts that only the leader may write: each is checked against the epoch in its own transaction.
_LEADERS_ONLY = (
    f.JobSucceeded,
    f.JobSkipped,
    f.AdviceAccepted,
    f.OrderOutcomeLost,
    f.OrderSettled,
    f.OrderRefused,
    f.BreakerTripped,
    f.BreakerReset,
    f.PortfolioValued,
    f.DailyReported,
    f.Reconciled,
    f.MarketStatesSeen,
    f.MarketsScanned,
    f.FundsMoved,
    f.StartChecked,
    f.ExternalAdopted,
)


class Ledger:
    """`lease` is the scheduler's; a process that never leads has none and writes none of the leader's facts."""

    def __init__(
        self,
        database: Database,
        *,
        voice: Voice,
        day_start: time,
        limits: RiskLimits,
        lease: Lease | None = None,
        quiet: QuietHours | None = None,
        routes: Sequence[Route] = (),
        on_heartbeat: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._voice = voice
        self._telling = Telling(voice, quiet, routes)
        self._day_start = day_start
        self._limits = limits
        self._lease = lease
        self._on_heartbeat = on_heartbeat
        self._waiting: list[f.Fact] = []

    async def prepare(
        self, world_id: str, mode: str, markets: Iterable[str], models: Iterable[str] = ()
    ) -> None:
        """Binds a new ledger to its world and sets every counter's series to its start.

        Raises WorldMismatch for a ledger of another world.
        """
        async with self._database.transaction("upkeep") as tx:
            await tx.execute(_SQL["bind_world"], {"id": world_id, "mode": mode})
            row = await (await tx.execute(_SQL["world"])).fetchone()
            if row is None or row["id"] != world_id:
                held = row["id"] if row else "none"
                raise WorldMismatch(
                    f"이 데이터베이스는 다른 세계({held})의 원장입니다. 새 데이터베이스를 쓰거나 그 세계를 이어 가세요 "
                    f"(the database belongs to world {held}, not {world_id})"
                )
            await counters.initialise(tx, markets, models)

    # -- facts ----------------------------------------------------------------------------------------------

    async def record(self, fact: f.Fact) -> bool:
        """Row, counters and messages in one transaction; False when it was no news, then nothing was written.

        Raises LedgerUnavailable, then nothing was written; LeaseLost when another leads.
        """
        try:
            async with self._database.transaction("record") as tx:
                if isinstance(fact, _LEADERS_ONLY):
                    await self._check_lease(tx)
                return await self._record(tx, fact)
        except LeaseLost:
            await self._count_stale_write()
            raise

    async def record_in_time(self, fact: f.Fact) -> None:
        """For errors and failed runs: while the database is away they wait here, at most 1,000 of them."""
        self._waiting.append(fact)
        del self._waiting[:-1000]
        await self.flush()

    async def flush(self) -> None:
        """Writes what waited, in order, as far as the database lets it."""
        while self._waiting:
            fact = self._waiting[0]
            try:
                await self.record(fact)
            except LedgerUnavailable:
                return
            if self._waiting and self._waiting[0] is fact:
                self._waiting.pop(0)

    async def _record(self, tx: Tx, fact: f.Fact) -> bool:
        """False when it was on record before."""
        if not await recording.write(tx, fact, self._day_start):
            return False
        await counters.add(tx, counters.counters(fact))
        if isinstance(fact, f.AlertChanged) and await self._is_muted(tx, fact.name):
            return True
        now = datetime.now(UTC)
        for message in messages(fact, self._voice, now):
            await self._telling.enqueue(tx, message, now)
        return True

    async def _is_muted(self, tx: Tx, alert: str) -> bool:
        return await (await tx.execute(_SQL["is_muted"], {"alert": alert})).fetchone() is not None

    async def _check_lease(self, tx: Tx) -> int:
        if self._lease is None:
            raise LeaseLost("this process does not lead")
        return await self._lease.check(tx)

    async def lease_refused(self) -> None:
        """A second scheduler stands by; waiting on is no further refusal."""
        await self._count(metrics.SCHEDULER_LEASE_REJECTIONS)

    async def _count_stale_write(self) -> None:
        await self._count(metrics.SCHEDULER_STALE_EPOCH_WRITES)

    async def _count(self, metric: Metric) -> None:
        async with self._database.transaction("record") as tx:
            await counters.add(tx, {counters.key(metric): counters.ONE})

    # -- models ---------------------------------------------------------------------------------------------

    async def reserve_call(self, call: Call, budget: Krw) -> bool:
        """On record before it is sent; False when the trading day's budget does not hold it.

        Raises LedgerUnavailable (then nothing may be sent) and LeaseLost.
        """
        async with self._database.transaction("record") as tx:
            await self._check_lease(tx)
            day = trading_day_start(datetime.now(UTC), self._day_start)
            refused = await calls.reserve(tx, call, budget, day)
            if refused is not None:
                await self._record(tx, refused)
        return refused is None

    # -- orders ---------------------------------------------------------------------------------------------

    async def open_intent(
        self, request: OrderRequest, account: str, blind: tuple[str, ...]
    ) -> Intent | Veto | f.DuplicatePrevented:
        """The risk gate and the intent in one transaction: nothing is sent that is not on record.

        Raises LedgerUnavailable (then nothing may be sent) and LeaseLost.
        """
        identifier = request.identifier(account)
        try:
            async with self._database.transaction("intent") as tx:
                epoch = await self._check_lease(tx)
                state = await orders.risk_state(tx, request.at, self._day_start, blind)
                if known := await orders.why_duplicate(tx, request, identifier):
                    twin = f.DuplicatePrevented(f.Layer.INTENT, request.market, known)
                    await self._record(tx, twin)
                    return twin
                if veto := gate(request, state, self._limits):
                    await self._record(
                        tx, f.TradeVetoed(request.market, veto, request.decision_id, request.at)
                    )
                    return veto
                intent = await orders.insert_intent(tx, request, identifier, epoch)
                await self._record(tx, f.IntentOpened(identifier, request))
                return intent
        except LeaseLost:
            await self._count_stale_write()
            raise
        except psycopg.errors.UniqueViolation as faster:
            return f.DuplicatePrevented(f.Layer.INTENT, request.market, str(faster))

    async def may_resend(self, intent: Intent, blind: tuple[str, ...]) -> bool:
        """Whether the gate would still let the intent's order pass, its own intent aside."""
        async with self._database.transaction("intent") as tx:
            await self._check_lease(tx)
            state = await orders.risk_state(
                tx, intent.request.at, self._day_start, blind, but=intent.identifier
            )
            return gate(intent.request, state, self._limits) is None

    async def open_intents(self) -> list[Intent]:
        """Oldest first."""
        async with self._database.transaction("read") as tx:
            return await orders.open_intents(tx)

    async def mark_fenced(self, intent: Intent, detail: str) -> None:
        """The exchange knows the identifier: nothing sent under it can be accepted any more."""
        async with self._database.transaction("intent") as tx:
            await self._check_lease(tx)
            await orders.mark_fenced(tx, intent.identifier)
            twin = f.DuplicatePrevented(f.Layer.IDENTIFIER, intent.request.market, detail)
            await self._record(tx, twin)

    async def risk_state(self, at: datetime, blind: tuple[str, ...]) -> RiskState:
        async with self._database.transaction("read") as tx:
            return await orders.risk_state(tx, at, self._day_start, blind)

    # -- portfolio ------------------------------------------------------------------------------------------

    async def portfolio(self) -> Portfolio:
        async with self._database.transaction("read") as tx:
            held = tuple(p for p, _ in await orders.read_positions(tx) if p.held)
            return Portfolio(await orders.read_cash(tx), held)

    async def market_states(self) -> dict[Market, MarketState]:
        """As the exchange was last seen to have them; those never seen are absent."""
        async with self._database.transaction("read") as tx:
            return await orders.read_market_states(tx)

    async def last_prices(self) -> dict[Market, Price]:
        """What each position was last valued at."""
        async with self._database.transaction("read") as tx:
            return {p.market: price for p, price in await orders.read_positions(tx) if price is not None}

    async def expected_balances(self) -> dict[str, Decimal] | None:
        """What the exchange should hold by our books, per currency; None until its first balance is on record."""
        async with self._database.transaction("read") as tx:
            moved = await orders.funds_by_currency(tx)
            if not moved:
                return None
            balances = moved | {"KRW": await orders.read_cash(tx)}
            for position, _ in await orders.read_positions(tx):
                currency = position.market.removeprefix("KRW-")
                balances[currency] = balances.get(currency, Decimal(0)) + position.volume
            return balances

    async def outside_funds(self) -> dict[str, Decimal]:
        """Coins in the account that are not the bot's, by currency."""
        async with self._database.transaction("read") as tx:
            return await external.read_outside(tx)

    async def ours(self, identifiers: Sequence[UUID]) -> dict[UUID, bool]:
        """Those of them that are intents of ours, with whether their order is on record."""
        async with self._database.transaction("read") as tx:
            return await external.read_ours(tx, identifiers)

    async def periods(self, at: datetime) -> list[Period]:
        """The trading day and week around `at`, those that have had a valuation."""
        starts = {
            "day": trading_day_start(at, self._day_start),
            "week": trading_week_start(at, self._day_start),
        }
        async with self._database.transaction("read") as tx:
            rows = await (await tx.execute(_SQL["periods"], starts)).fetchall()
        return [
            Period(row["scope"], Krw(row["equity"]), Krw(row["flows"]), row["tripped_until"]) for row in rows
        ]

    async def owed_reports(self, now: datetime) -> list[datetime]:
        """The trading days that ended and of which the owner was not told, oldest first."""
        async with self._database.transaction("read") as tx:
            return await reports.owed(tx, trading_day_start(now, self._day_start))

    async def reports_of(self, day: datetime, now: datetime) -> tuple[Report, ...]:
        """Of that trading day, and of the week and the month that are over with it."""
        async with self._database.transaction("read") as tx:
            return await reports.due_with(tx, day, trading_day_start(now, self._day_start), self._day_start)

    async def equity_curve(self, since: datetime, until: datetime) -> tuple[EquityPoint, ...]:
        """Quarter-hourly, oldest first."""
        async with self._database.transaction("read") as tx:
            return await reports.curve(tx, since, until)

    # -- jobs -----------------------------------------------------------------------------------------------

    async def register_job(self, job: f.JobName, interval: float, deadline: float) -> None:
        """Both in wall seconds."""
        async with self._database.transaction("jobs") as tx:
            values = {"name": job, "interval": interval, "deadline": deadline}
            await tx.execute(_SQL["register"], values)

    async def start_run(
        self,
        job: f.JobName,
        scheduled_for: datetime,
        *,
        next_at: datetime | None = None,
        requested_by: UUID | None = None,
    ) -> int | None:
        """None when the job ran for that time before: one run per job and time, ever. Market times."""
        async with self._database.transaction("jobs") as tx:
            epoch = await self._check_lease(tx)
            values = {
                "job": job,
                "scheduled_for": scheduled_for,
                "epoch": epoch,
                "requested_by": requested_by,
            }
            row = await (await tx.execute(_SQL["start"], values)).fetchone()
            if next_at is not None:
                await tx.execute(_SQL["plan"], {"job": job, "next_at": next_at})
            return row["id"] if row else None

    async def fail_orphans(self) -> int:
        """Runs of dead leaders end as failures, counted once. Answers how many there were."""
        async with self._database.transaction("jobs") as tx:
            epoch = await self._check_lease(tx)
            rows = await (await tx.execute(_SQL["orphans"], {"epoch": epoch})).fetchall()
            for row in rows:
                orphan = f.JobFailed(
                    run_id=row["id"],
                    job=f.JobName(row["job_name"]),
                    error_type=f.ErrorType.SCHEDULER,
                    error="orphaned",
                    message="the process ended during the run",
                    context={"run": str(row["id"])},
                )
                await self._record(tx, orphan)
            return len(rows)

    async def is_decided(self, market: Market, candle_closed_at: datetime) -> bool:
        async with self._database.transaction("read") as tx:
            where = {"market": market, "candle_closed_at": candle_closed_at}
            return await (await tx.execute(_SQL["is_decided"], where)).fetchone() is not None

    async def last_asked(self) -> dict[Market, datetime]:
        """When each market was last put before an advisor, or skipped in its turn."""
        async with self._database.transaction("read") as tx:
            rows = await (await tx.execute(_SQL["last_asked"])).fetchall()
            return {Market(row["market"]): row["at"] for row in rows}

    async def last_scheduled(self, job: f.JobName) -> datetime | None:
        async with self._database.transaction("read") as tx:
            row = await (await tx.execute(_SQL["last_scheduled"], {"job": job})).fetchone()
            return row["at"] if row else None

    async def failures_in_a_row(self, job: f.JobName, runs: int) -> bool:
        async with self._database.transaction("read") as tx:
            rows = await (await tx.execute(_SQL["recent_outcomes"], {"job": job, "runs": runs})).fetchall()
            return len(rows) == runs and all(row["outcome"] == "failure" for row in rows)

    async def prune(self, days: int) -> None:
        async with self._database.transaction("upkeep") as tx:
            for name in ("prune_runs", "prune_events", "prune_notifications", "prune_heard"):
                await tx.execute(_SQL[name], {"days": days})

    # -- small marks ----------------------------------------------------------------------------------------

    async def heartbeat(self, process: str, instance: str, signs: ExchangeSigns | None = None) -> None:
        """`signs` from the process that speaks with the exchange: what it vouches for as long as it lives."""
        row = {
            "process": process,
            "instance": instance,
            "clock_offset": signs.clock_offset if signs else None,
            "maintenance": signs.maintenance if signs else None,
            "key_ends_at": signs.key_ends_at if signs else None,
        }
        async with self._database.transaction("heartbeat") as tx:
            await tx.execute(_SQL["heartbeat"], row)
        self._on_heartbeat()

    async def mark_enabled(self) -> None:
        """Trading begins with this start."""
        async with self._database.transaction("jobs") as tx:
            await tx.execute(_SQL["enabled_now"])

    async def raise_peak(self, market: Market, price: Price) -> None:
        async with self._database.transaction("jobs") as tx:
            await orders.raise_peak(tx, market, price)

    async def risk_checked(self) -> None:
        async with self._database.transaction("jobs") as tx:
            await tx.execute(_SQL["risk_checked"])

    async def save_candles(self, candles: Sequence[Candle]) -> None:
        """Those from the newest stored one on; older ones are on record."""
        if candles:
            async with self._database.transaction("candles") as tx:
                await seen.save_candles(tx, candles)

    async def save_freshness(
        self, market: Market, interval: timedelta, newest_at: datetime, age: float
    ) -> None:
        """`age` in wall seconds."""
        async with self._database.transaction("candles") as tx:
            await seen.save_freshness(tx, market, interval, newest_at, age)

    # -- controls -------------------------------------------------------------------------------------------

    async def request_control(
        self, kind: f.ControlKind, args: Mapping[str, str], *, who: str, why: str
    ) -> UUID:
        """Asks the scheduler. A kill does not wait for it: once this returns, no new buy can be written."""
        async with self._database.transaction("controls") as tx:
            return await self._request_control(tx, kind, args, who, why)

    async def _request_control(
        self, tx: Tx, kind: f.ControlKind, args: Mapping[str, str], who: str, why: str
    ) -> UUID:
        control = uuid4()
        wish = {"id": control, "kind": kind, "args": Jsonb(dict(args)), "who": who, "why": why}
        await tx.execute(_SQL["insert_control"], wish)
        if kind is f.ControlKind.KILL:
            await tx.execute(_SQL["set_killed"], {"killed": True})
            result = self._voice.say("새 매수를 막았습니다", "no new buys from here on")
            applied = f.ControlApplied(control, kind, who, why, done=True, result=result)
            await self._record(tx, applied)
        else:
            await tx.execute(_SQL["wake_scheduler"])
        return control

    async def pending_controls(self) -> list[dict[str, Any]]:
        """Rows of id, kind, args, who, why; oldest first."""
        async with self._database.transaction("controls") as tx:
            return await (await tx.execute(_SQL["pending_controls"])).fetchall()

    async def set_killed(self, killed: bool) -> None:
        async with self._database.transaction("controls") as tx:
            await tx.execute(_SQL["set_killed"], {"killed": killed})

    # -- the owner's chat -----------------------------------------------------------------------------------

    async def hear(self, command: f.CommandHeard, then: f.Fact | None = None) -> bool:
        """On record, and what follows from it in the same transaction; False when it was heard before."""
        async with self._database.transaction("record") as tx:
            news = await self._record(tx, command)
            if news and then is not None:
                await self._record(tx, then)
            return news

    async def hear_wish(
        self, command: f.CommandHeard, kind: f.ControlKind, args: Mapping[str, str], *, who: str, why: str
    ) -> bool:
        """`request_control` in the transaction of the command; False when it was heard before, then nothing is asked."""
        async with self._database.transaction("controls") as tx:
            if not await self._record(tx, command):
                return False
            await self._request_control(tx, kind, args, who, why)
            return True

    async def choose_language(self, chat: int, lang: str) -> None:
        """Of the answers in that chat."""
        async with self._database.transaction("record") as tx:
            await tx.execute(_SQL["choose_language"], {"chat": chat, "lang": lang})

    async def end_mutes(self) -> int:
        """Those whose time is over: what fires by now is told. Answers how many ended."""
        async with self._database.transaction("upkeep") as tx:
            ended = await (await tx.execute(_SQL["end_mutes"])).fetchall()
            for mute in ended:
                rows = await (await tx.execute(_SQL["firing_named"], mute)).fetchall()
                firing = tuple(f.AlertChanged(firing=True, ends_at=None, **row) for row in rows)
                await self._record(tx, f.MuteEnded(mute["alert"], firing))
            return len(ended)
