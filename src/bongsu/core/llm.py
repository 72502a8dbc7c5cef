"""Asking a model: what goes to it, what comes back, what it costs."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_UP, Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from bongsu.core.market import Market
from bongsu.core.money import Krw

_MILLION = Decimal(1_000_000)


Wire = Literal["openai", "anthropic"]


@dataclass(frozen=True, slots=True)
class Address:
    """Where a model is asked. `base_url` None: the provider's own."""

    wire: Wire
    key: str = field(repr=False)
    base_url: str | None = None


class CallOutcome(StrEnum):
    OK = "ok"
    TIMEOUT = "timeout"
    RATE_LIMITED = "rate_limited"
    ERROR = "error"
    MALFORMED = "malformed"
    REFUSED_BUDGET = "refused_budget"


class Purpose(StrEnum):
    ADVICE = "advice"
    REPAIR = "repair"  # the same again, with what was wrong with the first answer


@dataclass(frozen=True, slots=True)
class Prompt:
    """`version` names the template that it was rendered from."""

    version: str
    system: str
    user: str

    @property
    def hash(self) -> str:
        """Equal prompts have equal hashes, whenever and to whomever they were sent."""
        parts = (self.version, self.system, self.user)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Usage:
    """In tokens; `cached` are among `read`."""

    read: int
    written: int
    cached: int = 0


@dataclass(frozen=True, slots=True)
class Tariff:
    """Won per million tokens."""

    read: Krw
    written: Krw
    cached: Krw

    def cost(self, usage: Usage) -> Krw:
        """Rounded up to a hundredth of a won: never less than what is billed."""
        fresh = usage.read - usage.cached
        exact = self.read * fresh + self.cached * usage.cached + self.written * usage.written
        return Krw((exact / _MILLION).quantize(Decimal("0.01"), ROUND_UP))

    def reserve(self, prompt: Prompt, max_written: int) -> Krw:
        """At least what the call will cost: no token is shorter than one byte of the prompt."""
        most = len(prompt.system.encode()) + len(prompt.user.encode())
        return self.cost(Usage(most + _OVERHEAD, max_written))


_OVERHEAD = 500  # tokens that a provider adds around a prompt: the schema, roles


@dataclass(frozen=True, slots=True)
class Reply:
    """`usage` is None where the provider did not say: that is not nothing.

    Halves of letters and NULs, which no database keeps, are replaced: a model's JSON may hold either.
    """

    text: str
    usage: Usage | None
    cut: bool  # the limit of tokens ended it

    def __post_init__(self) -> None:
        kept = self.text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
        object.__setattr__(self, "text", kept)


@dataclass(frozen=True, slots=True)
class Call:
    """One question to one model, before it is asked. `reserved`: the most it should cost."""

    id: UUID
    market: Market
    candle_closed_at: datetime
    at: datetime  # market time
    purpose: Purpose
    model: str
    prompt: Prompt
    reserved: Krw


@dataclass(frozen=True, slots=True)
class Answered:
    """`cost` is None where nobody can say what was billed: the reservation stands."""

    outcome: CallOutcome
    detail: str
    reply: Reply | None
    cost: Krw | None
    seconds: float
