"""The stack as `bongsu doctor` finds it, and what it says of it."""

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from bongsu.errors import SettingsInvalid
from bongsu.ops.language import say
from bongsu.ops.running import Addresses, ask, fetch, find_addresses, find_services
from bongsu.ops.stack.places import Places
from bongsu.settings import TELEGRAM_API, Settings, Wiring, load_settings

State = Literal["ok", "warn", "fail", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`unknown`: it could not be looked at, which another finding explains. Warnings and failures have a `repair`."""

    check: str
    state: State
    detail: str
    repair: str = ""


class Patient:
    """What the checks look at, each thing fetched once."""

    def __init__(self, places: Places, telegram_url: str = TELEGRAM_API) -> None:
        self.places = places
        self.telegram_url = telegram_url

    @cached_property
    def addresses(self) -> Addresses:
        return find_addresses(self.places)

    @cached_property
    def in_containers(self) -> bool:
        """Docker runs the stack, and from within one container the others are seen by their addresses only."""
        return Wiring().postgres_host is not None

    @cached_property
    def services(self) -> list[dict[str, Any]] | None:
        return find_services(self.places)

    @cached_property
    def settings(self) -> Settings | SettingsInvalid:
        try:
            return load_settings()
        except SettingsInvalid as invalid:
            return invalid

    @property
    def trades_live(self) -> bool:
        """At Upbit itself: no exchange of ours runs."""
        return not isinstance(self.settings, SettingsInvalid) and self.settings.is_live

    @cached_property
    def clock(self) -> dict[str, Any]:
        return dict(fetch(f"{self.addresses.exchange}/sandbox/clock"))

    @cached_property
    def status(self) -> dict[str, Any]:
        return dict(fetch(f"{self.addresses.backend}/api/v1/status", lang=say("ko", "en")))

    @cached_property
    def ready(self) -> dict[str, Any]:
        """The backend's own checks; it answers 503 where one fails."""
        return dict(ask(f"{self.addresses.backend}/ready").json())

    @cached_property
    def metrics(self) -> str:
        return ask(f"{self.addresses.backend}/metrics").text

    def metric(self, name: str) -> Decimal | None:
        """The sum of the series of that name; None when there is none."""
        found = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", self.metrics, re.MULTILINE)
        return sum(map(Decimal, found), Decimal(0)) if found else None


def verdict(check: str, detail: str, repair: str, *, ok: bool, otherwise: State = "fail") -> Finding:
    return Finding(check, "ok", detail) if ok else Finding(check, otherwise, detail, repair)
