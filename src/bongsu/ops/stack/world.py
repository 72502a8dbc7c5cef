"""A world: what the sandbox plays, and the directory that holds its market, its ledger and its measurements."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bongsu.errors import CannotStart
from bongsu.ops.language import say
from bongsu.ops.stack.places import Places
from bongsu.ops.stack.services import service

if TYPE_CHECKING:  # the exchange's code is big, and `ps` does not need it
    from bongsu.sandbox.world import ExchangeOptions


@dataclass(frozen=True, slots=True)
class MarketOptions:
    """None: as the exchange has it by default. Candles are paths, or `KRW-ETH=path`; a scenario is a path or a name."""

    candles: tuple[str, ...] = ()
    speed: float | Literal["max"] = 60.0
    seed: int | None = None
    start: datetime | None = None
    capital: Decimal | None = None
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class World:
    id: str
    directory: Path
    options: MarketOptions
    port: int

    @classmethod
    def of(cls, options: MarketOptions, places: Places, *, replay: bool) -> "World":
        """A replay has a directory of its own, so that it never erases what a longer run has earned.

        Raises CannotStart for options, candle files or scenarios that make no world.
        """
        from bongsu.sandbox.world import world_id

        if options.scenario is not None:
            options = replace(options, scenario=_checked(options.scenario))

        identity = world_id(_exchange_options(options, places.state))
        directory = places.world(f"{identity}-replay" if replay else identity)
        return cls(identity, directory, options, places.port(service("exchange").port))

    def exchange_arguments(self) -> tuple[str, ...]:
        options = self.options
        optional = {
            "--seed": options.seed,
            "--start": options.start,
            "--krw": options.capital,
            "--scenario": options.scenario,
        }
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
        """Resumes the directory, or makes it; `fresh` erases it first.

        The candle files of a new world are read before anything is erased or started. Raises CandleFileInvalid.
        """
        from bongsu.sandbox.world import require_playable

        if (scenario := self.options.scenario) is not None:
            tell(say(f"일부러 내는 고장: {scenario}", f"faults are injected: {scenario}"))
        if self._note.exists() and not fresh:
            return tell(say(f"세계 {self.id} 을(를) 이어 갑니다", f"resuming world {self.id}"))
        require_playable(_exchange_options(self.options, self.directory))
        if self.directory.exists():
            tell(say(f"이 세계를 지웁니다: {self.directory}", f"erasing this world: {self.directory}"))
            shutil.rmtree(self.directory)
        self.directory.mkdir(parents=True)
        names = [Path(name).name for name in self.options.candles]
        self._note.write_text(json.dumps({"id": self.id, "candles": names}, ensure_ascii=False) + "\n")
        return tell(say(f"새 세계 {self.id}", f"a new world, {self.id}"))

    @property
    def _note(self) -> Path:
        return self.directory / "world.json"


LIVE = "live"


@dataclass(frozen=True, slots=True)
class LiveWorld:
    """Upbit itself: a directory for our ledger and our measurements, and no exchange of ours."""

    id: str
    directory: Path

    @classmethod
    def of(cls, places: Places) -> "LiveWorld":
        return cls(LIVE, places.world(LIVE))

    def exchange_arguments(self) -> None:
        return None

    def open(self, *, fresh: bool, tell: Callable[[str], None]) -> None:
        """Never erases: the ledger of real money is its owner's to keep. Raises CannotStart when asked to."""
        if fresh:
            raise CannotStart(
                say(
                    f"--fresh: 실거래 원장은 지우지 않습니다 ({self.directory})",
                    f"--fresh: the ledger of real money is never erased ({self.directory})",
                )
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        tell(say("⚠️  실거래: 업비트에서 실제 돈으로 거래합니다", "⚠️  live: real money is traded at Upbit"))


def _exchange_options(options: MarketOptions, directory: Path) -> "ExchangeOptions":
    from bongsu.sandbox.world import ExchangeOptions

    names = ("candles", "speed", "seed", "start", "capital", "scenario")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    return ExchangeOptions(world_dir=directory, **given)


def _checked(scenario: str) -> str:
    """Where it lies. Raises ScenarioInvalid."""
    from bongsu.sandbox.scenario import find_scenario, read_scenario

    read_scenario(scenario)
    return str(find_scenario(scenario))


def _absolute(candles: str) -> str:
    market, separator, path = candles.rpartition("=")
    return f"{market}{separator}{Path(path).absolute()}"
