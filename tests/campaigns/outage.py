"""Telegram is away for an hour while everything happens and senders die: what arrives, in which order, and when.

Real senders in processes that are killed, a real database, the Bot API stand-in; drawn from one seed.
"""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from rich.console import Console
from rich.table import Table

from bongsu.core.tradingday import NINE
from bongsu.ledger.store import Ledger
from campaigns.events import Teller, draw, tell_all
from campaigns.senders import Pace, Role
from campaigns.witness import Verdict, testify
from stand_in import StandInProcess
from web.story import OFTEN, open_books

LIMIT = 600.0  # seconds after the return, in which all has to have arrived
LOSES_THE_ANSWER = {"lost_reply", "error_after"}  # accepted, and not acknowledged
_TIMED_OUT = re.compile(r"Telegram: \w*Timeout\w*")  # a slow machine's answer is lost as well
IN_DOUBT = LOSES_THE_ANSWER | {"down", "error_before"}  # the sender cannot know


@dataclass(frozen=True)
class Shape:
    """How much of it, and how fast. Seconds are wall seconds."""

    events: int = 400
    kills: int = 100
    before: float = 20.0
    hour: float = 180.0
    is_an_hour: float = 3600.0  # what `hour` stands for
    after: float = 480.0  # in which senders still die
    aimed: float = 0.1  # of the kills: those that wait for an attempt to be under way
    pace: Pace = field(default_factory=Pace)
    retry_after: int = 2
    hang: float = 15.0  # longer than the senders' time-out
    faults: float = 1.0  # times the usual number of them after the return


SHORT = Shape(
    events=30,
    kills=5,
    before=0.3,
    hour=1.5,
    is_an_hour=1.5,
    after=1.5,
    aimed=0.6,
    pace=Pace(lease_seconds=3.0, pace=0.03, longest_backoff=0.2, patience=4.0, timeout=3.0),
    retry_after=1,
    hang=0.2,
    faults=2.0,
)


@dataclass
class Outcome:
    seed: int
    shape: Shape
    kinds: Counter[str]
    verdict: Verdict
    kills: Counter[str]
    hits: Counter[str]
    attempts: int
    takeovers: int
    down: float
    wrong: list[str]


def outage(directory: Path, database_url: str, seed: int, shape: Shape, broken: str = "") -> Outcome:
    return asyncio.run(_Play(directory, database_url, seed, shape, broken).run())


class _Play:
    def __init__(self, directory: Path, database_url: str, seed: int, shape: Shape, broken: str) -> None:
        self._url = database_url
        self._seed = seed
        self._shape = shape
        self._dice = random.Random(f"{seed} faults")
        self._killer = random.Random(f"{seed} kills")
        self._chance = random.Random(f"{seed} events")
        self._directory = directory
        self._telegram = StandInProcess(directory / "telegram")
        told = (
            database_url,
            f"{self._telegram.at.url}/telegram",
            directory / "senders.log",
            shape.pace,
            broken,
        )
        self._roles = (Role("scheduler", True, *told), Role("backend", False, *told))
        self._kills: Counter[str] = Counter()
        self._hits: Counter[str] = Counter()
        self._events = draw(self._chance, shape.events, (shape.before, shape.before + shape.hour))
        self._owed = 0
        self._killed_in_the_hour = asyncio.Event()
        self._returned: asyncio.Future[float]
        self._began = time.monotonic()
        self._rows = psycopg.connect(database_url, autocommit=True)

    def _since(self) -> float:
        return time.monotonic() - self._began

    async def run(self) -> Outcome:
        self._returned = asyncio.get_running_loop().create_future()
        try:
            async with self._tellers() as tellers:
                for role in self._roles:
                    role.start()
                self._began = time.monotonic()
                async with asyncio.TaskGroup() as tasks:
                    for teller in tellers:
                        tasks.create_task(self._tell(teller))
                    dying = tasks.create_task(self._kill_all())
                    away = tasks.create_task(self._be_away())
            returned, down = away.result()
            await self._until_sent()
            assert dying.done()
            await self._note_hits()
            return self._outcome(returned, down)
        finally:
            for role in self._roles:
                if role.alive:
                    role.kill()
            self._telegram.kill()
            self._rows.close()

    # -- what happens

    @asynccontextmanager
    async def _tellers(self) -> AsyncIterator[tuple[Teller, Teller]]:
        """The scheduler and the backend, each in its own words."""
        async with open_books(self._url) as books:
            scheduler = Teller(books, books.ledger, random.Random(f"{self._seed} scheduler"), "S")
            ledger = Ledger(books.database, voice=books.ledger._voice, day_start=NINE, limits=OFTEN)
            self._owed = await scheduler.begin()
            yield scheduler, Teller(books, ledger, random.Random(f"{self._seed} backend"), "B")

    async def _tell(self, teller: Teller) -> None:
        mine = [event for event in self._events if event.backends is (teller.mark == "B")]
        owed = await tell_all(teller, mine, self._since)
        self._owed += owed

    async def _be_away(self) -> tuple[datetime, float]:
        """Answers when Telegram came back, and how long it was away."""
        hour, dice = self._shape.hour, self._dice
        await self._arm(*self._weather(0.2))
        await self._sleep_until(self._shape.before)
        began = self._since()
        phases = [self._resets, self._errors, self._hangs]
        dice.shuffle(phases)
        for number, phase in enumerate(phases, 1):
            await phase()
            await self._sleep_until(self._shape.before + hour * number / 4)
        await self._note_hits()
        self._telegram.kill()  # from here on nobody listens
        await self._sleep_until(self._shape.before + hour)
        await self._killed_in_the_hour.wait()  # a slow machine's hour is longer
        await asyncio.to_thread(self._telegram.start)
        returned, down = datetime.now(UTC), self._since() - began
        self._returned.set_result(self._since())
        await self._arm(*self._weather(self._shape.faults))
        return returned, down

    async def _resets(self) -> None:
        await self._arm({"kind": "down"})

    async def _errors(self) -> None:
        again = self._shape.retry_after
        limited = {"kind": "rate_limited", "probability": 0.3, "retry_after": again, "seed": self._seed}
        await self._arm(limited, {"kind": "error_before", "status": 502})

    async def _hangs(self) -> None:
        await self._arm({"kind": "down"})
        self._telegram.stop()
        await asyncio.sleep(min(self._shape.hang, self._shape.hour / 5))
        self._telegram.go_on()

    def _weather(self, much: float) -> list[dict[str, Any]]:
        rules = [
            {"kind": "latency", "probability": 0.1 * much, "seconds": 0.3 * self._shape.pace.pace},
            {"kind": "lost_reply", "probability": 0.02 * much},
            {"kind": "error_after", "probability": 0.01 * much, "status": 502},
            {"kind": "rate_limited", "probability": 0.02 * much, "retry_after": self._shape.retry_after},
            {"kind": "error_before", "probability": 0.015 * much},
            {"kind": "down", "probability": 0.015 * much},
        ]
        return [{"seed": self._seed, **rule} for rule in rules]

    async def _arm(self, *rules: dict[str, Any]) -> None:
        await self._note_hits()
        await asyncio.to_thread(self._telegram.at.break_with_all, *rules)

    async def _note_hits(self) -> None:
        def read() -> list[dict[str, Any]]:
            return list(httpx2.get(f"{self._telegram.at.url}/sandbox/faults", timeout=60).json())

        for rule in await asyncio.to_thread(read):
            self._hits[rule["kind"]] += rule["hits"]

    # -- who dies

    async def _kill_all(self) -> None:
        """As dense in the hour as after it."""
        shape = self._shape
        times = sorted(self._killer.uniform(0, shape.is_an_hour + shape.after) for _ in range(shape.kills))
        async with asyncio.TaskGroup() as restarts:
            for moment in (moment for moment in times if moment < shape.is_an_hour):
                await self._kill_at(shape.before + moment * shape.hour / shape.is_an_hour, restarts)
            self._killed_in_the_hour.set()
            returned = await self._returned
            for moment in (moment for moment in times if moment >= shape.is_an_hour):
                await self._kill_at(returned + moment - shape.is_an_hour, restarts)

    async def _kill_at(self, mark: float, restarts: asyncio.TaskGroup) -> None:
        await self._sleep_until(mark)
        victim = await self._victim()
        if self._killer.random() < self._shape.aimed:
            await self._until_an_attempt_is_under_way()
        await asyncio.to_thread(victim.kill)
        restarts.create_task(self._restart(victim))

    async def _victim(self) -> Role:
        """Mostly the one that sends: it is waited for until there is one."""
        wanted = self._killer.random() < 0.85
        deadline = time.monotonic() + 2 * self._shape.pace.lease_seconds
        while True:
            alive = [role for role in self._roles if role.alive]
            holder = self._value("SELECT holder FROM leases WHERE name = 'sender'")
            leads = [role for role in alive if role.holder == holder]
            if alive and (leads or not wanted or time.monotonic() > deadline):
                victim = leads[0] if wanted and leads else self._killer.choice(alive)
                self._kills["the one that sends" if victim in leads else "the other one"] += 1
                return victim
            await asyncio.sleep(0.01)

    async def _restart(self, role: Role) -> None:
        """Seldom later than the lease ends: then the other one takes over."""
        pace, long_away = self._shape.pace, self._killer.random() < 0.05
        away = pace.lease_seconds * 1.3 if long_away else self._killer.uniform(0, 2 * pace.pace)
        await asyncio.sleep(away)
        await asyncio.to_thread(role.start)

    async def _until_an_attempt_is_under_way(self) -> None:
        under_way = """SELECT count(*) FROM notifications
                        WHERE state = 'pending' AND maybe_sent AND next_attempt_at > clock_timestamp()"""
        deadline = time.monotonic() + 2 * self._shape.pace.pace
        while not self._value(under_way) and time.monotonic() < deadline:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.002)

    # -- what came of it

    async def _until_sent(self) -> None:
        pending = "SELECT count(*) FROM notifications WHERE state = 'pending'"
        deadline = time.monotonic() + LIMIT
        while self._value(pending) and time.monotonic() < deadline:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.2 * self._shape.pace.pace + 0.05)

    def _outcome(self, returned: datetime, down: float) -> Outcome:
        verdict = testify(self._url, self._telegram.at.received(), self._owed, returned)
        killed, hits = self._kills.total(), self._hits
        slow = len(_TIMED_OUT.findall((self._directory / "senders.log").read_text(encoding="utf-8")))
        lost = killed + slow + sum(hits[kind] for kind in LOSES_THE_ANSWER)
        uncertain = killed + slow + sum(hits[kind] for kind in IN_DOUBT)
        wrong = verdict.wrong(lost=lost, uncertain=uncertain, pace=self._shape.pace.pace)
        if verdict.waited > LIMIT:
            wrong.append(f"all had arrived {verdict.waited:.0f} s after the return")
        return Outcome(
            seed=self._seed,
            shape=self._shape,
            kinds=Counter(event.kind for event in self._events),
            verdict=verdict,
            kills=self._kills,
            hits=hits,
            attempts=self._value("SELECT sum(attempts) FROM notifications"),
            takeovers=self._value("SELECT epoch FROM leases WHERE name = 'sender'"),
            down=down,
            wrong=wrong,
        )

    async def _sleep_until(self, mark: float) -> None:
        await asyncio.sleep(max(0.0, mark - self._since()))

    def _value(self, query: str) -> Any:
        row = self._rows.execute(query.encode()).fetchone()
        return row and row[0]


def told(outcome: Outcome) -> None:
    """The table."""
    verdict, shape = outcome.verdict, outcome.shape
    table = Table("figure", "measured", "promised", title=f"Telegram away, seed {outcome.seed}")
    for row in _figures(outcome, verdict, shape):
        table.add_row(*row)
    console = Console(width=110)
    console.print(table)
    console.print("\n".join(outcome.wrong) or "no message is lost")


def _figures(outcome: Outcome, verdict: Verdict, shape: Shape) -> Iterator[tuple[str, str, str]]:
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(outcome.kinds.items()))
    yield "events of all kinds", str(outcome.kinds.total()), ""
    yield "… which are", kinds, ""
    yield "messages owed / written / arrived", f"{verdict.owed} / {verdict.rows} / {verdict.arrivals}", ""
    yield "Telegram away, s", f"{outcome.down:.0f} (for an hour)", ""
    killed = ", ".join(f"{who} {number}" for who, number in sorted(outcome.kills.items()))
    yield "SIGKILLs", f"{outcome.kills.total()} ({killed})", ""
    yield "take-overs of the lease", str(outcome.takeovers), ""
    yield "attempts", str(outcome.attempts), ""
    yield "faults that struck", ", ".join(f"{k} {n}" for k, n in sorted(outcome.hits.items())), ""
    yield "missing", str(len(verdict.missing)), "0"
    yield "out of order", str(len(verdict.out_of_order)), "0"
    yield "all there after the return, s", f"{verdict.waited:.0f}", f"{LIMIT:.0f}"
    yield "repeats (parts)", f"{verdict.repeats} ({verdict.fragments})", "lost acknowledgements and kills"
    yield "repeats that do not say so", str(len(verdict.unlabelled)), "0"
    yield "say that they may have arrived", str(verdict.labels), ""
    yield "closest two, s", f"{verdict.closest:.2f}", f"{shape.pace.pace:g}"
