"""A message on its way out."""

from dataclasses import dataclass
from enum import StrEnum


class Urgency(StrEnum):
    """How soon the owner must know. Only what is critical rings at night."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The oldest message not delivered. It is not tried while `wait` seconds are left, and nothing overtakes it."""

    id: int
    kind: str
    text: str
    picture: bytes | None  # a PNG, under which the text stands
    log_line: str | None  # logged when it was delivered
    repeated: bool  # an earlier attempt may have arrived
    wait: float
    urgency: Urgency = Urgency.INFO
