"""A world: what the sandbox plays, and the directory that holds its market, its ledger and its measurements."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal

from bongsu.errors import WorldMismatch
from bongsu.ops.language import say
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.services import service


@dataclass(frozen=True, slots=True)
class MarketOptions:
    """None: as the exchange has it by default. Candles are paths, or `KRW-ETH=path`."""

    candles: tuple[str, ...] = ()
    speed: float | Literal["max"] = 60.0
    seed: int | None = None
    start: datetime | None = None
    capital: Decimal | None = None


@dataclass(frozen=True, slots=True)
class World:
    id: str
    directory: Path
    options: MarketOptions
    port: int

    @classmethod
    def of(cls, options: MarketOptions, places: Places, *, replay: bool) -> "World":
        """A replay has a directory of its own, so that it never erases what a longer run has earned.

        Raises CannotStart for options or candle files that make no world.
        """
        from bongsu.sandbox.serve import ExchangeOptions, world_id

        given = {
            name: value
            for name in ("candles", "speed", "seed", "start", "capital")
            if (value := getattr(options, name)) is not None
        }
        identity = world_id(ExchangeOptions(world_dir=places.state, **given))
        directory = places.world(f"{identity}-replay" if replay else identity)
        return cls(identity, directory, options, places.port(service("exchange").port))

    def exchange_arguments(self) -> tuple[str, ...]:
        options = self.options
        optional = {"--seed": options.seed, "--start": options.start, "--krw": options.capital}
        candles = [part for name in options.candles for part in ("--candles", _absolute(name))]
        chosen = [
            part
            for flag, value in optional.items()
            if value is not None
            for part in (flag, value.isoformat() if isinstance(value, datetime) else str(value))
        ]
        place = ("--world-dir", str(self.directory / "exchange"), "--port", str(self.port))
        return (*place, "--speed", str(options.speed), *candles, *chosen)

    def open(self, *, fresh: bool, tell: Callable[[str], None]) -> None:
        """Makes the directory, or resumes it. A new one's candle files are read first, so that a bad line is
        named before anything starts. Raises CandleFileInvalid, WorldMismatch."""
        if fresh and self.directory.exists():
            tell(say(f"이 세계를 지웁니다: {self.directory}", f"erasing this world: {self.directory}"))
            shutil.rmtree(self.directory)
        note = self.directory / "world.json"
        if note.exists():
            self._recognise(note)
            return tell(say(f"세계 {self.id} 을(를) 이어 갑니다", f"resuming world {self.id}"))
        self._check_candles()
        self.directory.mkdir(parents=True, exist_ok=True)
        names = [Path(name).name for name in self.options.candles]
        note.write_text(json.dumps({"id": self.id, "candles": names}, ensure_ascii=False) + "\n")
        return tell(say(f"새 세계 {self.id}", f"a new world, {self.id}"))

    def _recognise(self, note: Path) -> None:
        found = json.loads(note.read_text())["id"]
        if found != self.id:
            raise WorldMismatch(f"{note}: {found} ≠ {self.id}")

    def _check_candles(self) -> None:
        from bongsu.sandbox.candles import parse_sources, read_candles

        for source in parse_sources(self.options.candles):
            read_candles(source)


def _absolute(candles: str) -> str:
    market, separator, path = candles.rpartition("=")
    return f"{market}{separator}{Path(path).absolute()}"
