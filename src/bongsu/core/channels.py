"""Which message goes where, and when: the second channel's rules, and the hours in which only the critical ring."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Literal, Protocol

from bongsu.core.outgoing import Urgency
from bongsu.core.tradingday import DAY, KST

AT_ONCE = timedelta(0)

Security = Literal["starttls", "tls", "none"]


TELEGRAM = "telegram"


class Channel(StrEnum):
    """What carries a message besides Telegram."""

    MAIL = "mail"
    WEBHOOK = "webhook"


CHANNEL_NAMES = {Channel.MAIL: ("메일", "mail"), Channel.WEBHOOK: ("웹훅", "webhook")}


class When(StrEnum):
    """`late`: what is critical and Telegram did not deliver in time, and what is wrong with Telegram itself."""

    LATE = "late"
    CRITICAL = "critical"
    ALL = "all"


class Routed(Protocol):
    """What a route looks at."""

    @property
    def urgency(self) -> Urgency: ...

    @property
    def of_the_channel(self) -> bool:
        """That the first channel is broken cannot be told through it."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    channel: Channel
    when: When
    patience: timedelta  # with Telegram, under `late`

    def delay(self, message: Routed) -> timedelta | None:
        """How long the message waits for Telegram before it goes here as well; None when it never does."""
        if message.of_the_channel or self.when is When.ALL:
            return AT_ONCE
        if message.urgency is not Urgency.CRITICAL:
            return None
        return AT_ONCE if self.when is When.CRITICAL else self.patience


@dataclass(frozen=True, slots=True)
class MailAccount:
    """Where mails are handed in, and from whom to whom they go."""

    host: str
    port: int
    security: Security
    sender: str
    recipients: tuple[str, ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` to `end` o'clock KST, each day, over midnight where `end` is the earlier one."""

    start: time
    end: time

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"

    def end_after(self, at: datetime) -> datetime | None:
        """When the quiet hours that `at` lies in are over, in UTC; None outside them."""
        local = at.astimezone(KST)
        end = datetime.combine(local.date(), self.end, KST)
        if end <= local:
            end += DAY
        began = datetime.combine(end.date(), self.start, KST)
        if began >= end:
            began -= DAY
        return end.astimezone(UTC) if began <= local else None


def parse_quiet_hours(text: str) -> QuietHours:
    """23:00-07:00. Raises ValueError."""
    start, dash, end = text.replace(" ", "").partition("-")
    try:
        hours = QuietHours(time.fromisoformat(start), time.fromisoformat(end))
    except ValueError:
        dash = ""
    if not dash or hours.start == hours.end or hours.start.tzinfo or hours.end.tzinfo:
        raise ValueError("23:00-07:00 처럼 적어 주세요 (write it like 23:00-07:00)")
    return hours
