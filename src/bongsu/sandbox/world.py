"""What the sandbox plays: a source of candles, a seed, an account, a clock; kept in one directory."""

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from bongsu.core.market import HOUR
from bongsu.errors import CandleFileInvalid, CannotStart
from bongsu.sandbox import generator
from bongsu.sandbox.candles import CandleSource, digest, parse_sources, read_candles
from bongsu.sandbox.clock import MarketClock, Speed
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.store import Store, erase
from bongsu.sandbox.tape import Feed, RecordedTape

if TYPE_CHECKING:  # reading YAML is for those who have a scenario
    from bongsu.sandbox.scenario import Scenario

WARM_UP = 400  # candles before the clock's start, so that every indicator has its history
FILL_SHARE = Decimal("0.1")  # of an hour's volume, at most, goes to resting orders
_FORMAT = 1  # raised whenever equal options play another market
_GENERATED_START = datetime(2025, 1, 1, tzinfo=UTC)
_WALL_SECONDS_AHEAD = 0.1  # so much of the market is lost by a crash, and so often the clock is written


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOptions:
    """Without `candles` the market is generated. Each of them is a path, or `KRW-ETH=path`.

    A `scenario` is a file's name, or that of one that comes with the program. It is no part of the world.
    """

    world_dir: Path
    candles: tuple[str, ...] = ()
    speed: Speed = 60.0
    seed: int = (
        58  # a market whose first hour gives the rules something to buy: a first run shows a trade at once
    )
    capital: Decimal = Decimal(1_000_000)
    fee: Decimal = Decimal("0.0005")
    start: datetime | None = None
    fresh: bool = False
    scenario: str | None = None
    real_time: bool = False  # its clock is this machine's: a stand-in of the real exchange
    host: str = "127.0.0.1"
    port: int = 8700
    idle_seconds: float = 120.0  # after which a WebSocket on which nothing is said is closed
    # A test holds these equal to the settings' own, whose import would double the time to start.
    access_key: str = "sandbox-access-key"
    secret_key: str = "sandbox-secret-key"  # noqa: S105 - opens this exchange only
    telegram_token: str = "sandbox:local"  # noqa: S105 - likewise
    telegram_chat_id: str = "1000"
    ai_key: str = "sandbox-ai-key"

    def __post_init__(self) -> None:
        if self.speed != "max" and not 0 < self.speed <= 1_000_000:
            raise CannotStart(f"speed {self.speed:g}: give a number above 0, or max")
        if self.capital < 0 or not self.capital.is_finite():
            raise CannotStart(f"capital {self.capital}: give an amount of won")
        if not 0 <= self.fee < 1:
            raise CannotStart(f"fee {self.fee}: give a fraction such as 0.0005")
        if self.real_time and (self.candles or self.speed != 1):
            raise CannotStart("real-time: speed 1, and no candles of old")
        if self.start is not None and self.start.tzinfo is None:
            raise CannotStart(f"start {self.start}: give the offset too, such as +09:00")


def world_id(options: ExchangeOptions) -> str:
    """Equal for equal markets, accounts and starts, whatever the speed. Raises CandleFileInvalid."""
    sources = sorted(parse_sources(options.candles), key=lambda source: source.market)
    what = {
        "format": _FORMAT,
        "source": [[s.market, digest(s)] for s in sources] or f"generated-{generator.VERSION}",
        "seed": options.seed,
        "start": None if options.start is None else options.start.astimezone(UTC).isoformat(),
        "capital": f"{options.capital.normalize():f}",
        "fee": f"{options.fee.normalize():f}",
    }
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


class World:
    def __init__(self, options: ExchangeOptions) -> None:
        """Resumes the world of `options.world_dir`, or makes it. Raises CannotStart."""
        self.options = options
        self.scenario = None if options.scenario is None else _read(options.scenario)
        self.id = world_id(options)
        self.feed = _feed(options)
        if options.fresh:
            erase(options.world_dir)
        self.store = Store(options.world_dir)
        self.store.claim(self.id)
        self.exchange = Exchange(
            self.feed,
            self.store,
            world=self.id,
            capital=options.capital,
            fee=options.fee,
            fill_share=FILL_SHARE,
        )
        earliest = datetime.now(UTC) if options.real_time else self.exchange.now
        self._promised = max(self.store.clock() or earliest, earliest)
        self.clock = MarketClock(self._promised, self.feed.end, options.speed)
        self.tick()

    def tick(self) -> None:
        """Plays the market up to now. After a crash the clock goes on from no earlier than anybody saw it."""
        now = self.clock.now()
        self.exchange.advance(now)
        if now > self._promised:
            self._promised = self.clock.ahead(_WALL_SECONDS_AHEAD)
            self.store.save_clock(self._promised)

    def close(self) -> None:
        self.exchange.advance(self.clock.now())
        self.store.save_clock(self.exchange.now)
        self.store.close()


def _read(scenario: str) -> "Scenario":
    from bongsu.sandbox.scenario import read_scenario

    return read_scenario(scenario)


def require_playable(options: ExchangeOptions) -> None:
    """Reads the candle files without making a world of them. Raises CandleFileInvalid."""
    if sources := parse_sources(options.candles):
        _recorded_feed(sources, options.start)


def _feed(options: ExchangeOptions) -> Feed:
    sources = parse_sources(options.candles)
    if not sources:
        return generator.generated_feed(options.seed, options.start or _GENERATED_START)
    return _recorded_feed(sources, options.start)


def _recorded_feed(sources: list[CandleSource], start: datetime | None) -> Feed:
    tapes = {source.market: RecordedTape(source.market, read_candles(source)) for source in sources}
    starts = [tape[WARM_UP].opened_at for tape in tapes.values() if len(tape) > WARM_UP]
    if not starts:
        names = ", ".join(str(source.path) for source in sources)
        longest = max(len(tape) for tape in tapes.values())
        raise CandleFileInvalid(
            f"{names}: {longest} hours; more than {WARM_UP} are needed, "
            "because the market starts after that many"
        )
    earliest, end = min(starts), max(tape.end for tape in tapes.values())
    chosen = earliest if start is None else start.astimezone(UTC)
    if not earliest <= chosen < end:
        raise CannotStart(
            f"start {chosen.isoformat()}: these candles can start from {earliest} to {end - HOUR}"
        )
    return Feed(tapes, chosen, end, lambda _: None)
