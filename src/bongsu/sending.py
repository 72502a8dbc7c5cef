"""The senders of a process: Telegram's, and one for each second channel that the owner switched on."""

import contextlib
import logging
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from bongsu.adapters.second.mail import MailMessenger
from bongsu.adapters.second.webhook import WebhookMessenger
from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.core.channels import CHANNEL_NAMES, Channel
from bongsu.core.outgoing import Urgency
from bongsu.core.start_check import SecondWay
from bongsu.errors import LedgerUnavailable, NotDelivered
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.outbox import Outbox
from bongsu.ledger.second_outbox import SecondOutbox, close_channels
from bongsu.ledger.telling import Telling
from bongsu.ledger.voice import Voice
from bongsu.settings import SANDBOX_CHAT, SANDBOX_TOKEN, Settings, Wiring
from bongsu.trading.ports import Messenger
from bongsu.trading.sender import Sender

SECOND_PACE = 2.0  # seconds: Discord takes thirty messages a minute
SECOND_PATIENCE = 45.0  # longer than a mail's own time-out

_log = logging.getLogger(__name__)


class SecondMessenger(Messenger, Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Senders:
    telegram: Sender
    second: tuple[Sender, ...]

    @property
    def all(self) -> tuple[Sender, ...]:
        return (self.telegram, *self.second)


@contextlib.asynccontextmanager
async def open_senders(
    settings: Settings, wiring: Wiring, database: Database, holder: str, *, preempts: bool
) -> AsyncIterator[Senders]:
    voice = Voice(settings.bongsu_lang, settings.bongsu_mode)
    telling = Telling(voice, settings.quiet_hours, settings.routes)
    try:
        await close_channels(database, [route.channel for route in settings.routes])
    except LedgerUnavailable as away:
        _log.debug("what waits for a channel that is off stays: %s", away)
    async with contextlib.AsyncExitStack() as stack:
        lease = Lease(database, "sender", holder, settings.lease_seconds)
        messenger = open_messenger(settings, wiring)
        stack.push_async_callback(messenger.close)
        telegram = Sender(Outbox(database, lease, telling), messenger, lease, preempts=preempts)
        second = []
        for route in settings.routes:
            channel = route.channel
            other = open_second(settings, channel, voice)
            stack.push_async_callback(other.close)
            lease = Lease(database, f"sender_{channel}", holder, settings.lease_seconds)
            outbox = SecondOutbox(database, lease, telling, channel)
            second.append(
                Sender(
                    outbox,
                    other,
                    lease,
                    name=CHANNEL_NAMES[channel][0],
                    preempts=preempts,
                    pace=SECOND_PACE,
                    patience=SECOND_PATIENCE,
                )
            )
        yield Senders(telegram, tuple(second))


def open_messenger(settings: Settings, wiring: Wiring) -> TelegramMessenger:
    return TelegramMessenger(wiring.telegram_api(settings), *telegram_account(settings))


def telegram_account(settings: Settings) -> tuple[str, str]:
    """Token and chat: the owner's, or the stand-in's."""
    if not settings.telegram_enabled:
        return SANDBOX_TOKEN, SANDBOX_CHAT
    assert settings.telegram_bot_token is not None  # the settings are validated
    assert settings.telegram_chat_id is not None
    return settings.telegram_bot_token.get_secret_value(), settings.telegram_chat_id


def open_second(settings: Settings, channel: Channel, voice: Voice) -> SecondMessenger:
    if channel is Channel.MAIL:
        assert settings.mail_account is not None  # else there is no route
        return MailMessenger(settings.mail_account)
    assert settings.webhook_url is not None  # else there is no route
    token = settings.webhook_token
    return WebhookMessenger(
        settings.webhook_url.get_secret_value(),
        settings.webhook_preset,
        token.get_secret_value() if token else None,
        picture_note=voice.say("(그림은 텔레그램에 있습니다)", "(The picture is on Telegram)"),
    )


async def look_at_second(settings: Settings) -> tuple[SecondWay, ...]:
    """Which second channels there are, and whether they work as far as that shows without a message."""
    return tuple([await _look_at(settings, route.channel) for route in settings.routes])


async def _look_at(settings: Settings, channel: Channel) -> SecondWay:
    if channel is not Channel.MAIL or settings.mail_account is None:
        return SecondWay(channel, None)  # a webhook can only be posted to
    try:
        await MailMessenger(settings.mail_account).probe()
    except NotDelivered as failure:
        return SecondWay(channel, False, str(failure))
    return SecondWay(channel, True)


async def send_test_messages(settings: Settings) -> int:
    """One through each second channel, past the outbox. 1 when a channel does not take it, or there is none."""
    voice = Voice(settings.bongsu_lang, settings.bongsu_mode)
    if not settings.routes:
        none = ("둘째 경로가 없습니다: SMTP_HOST, WEBHOOK_URL", "no second channel: SMTP_HOST, WEBHOOK_URL")
        print(voice.say(*none), file=sys.stderr)
        return 1
    taken = [await _send_test(settings, route.channel, voice) for route in settings.routes]
    return 0 if all(taken) else 1


async def _send_test(settings: Settings, channel: Channel, voice: Voice) -> bool:
    title = voice.say("🔔 시험 메시지", "🔔 Test message")
    text = voice.letter(
        title, voice.say("내용: 둘째 경로가 열려 있습니다.", "What: the second channel works.")
    )
    messenger = open_second(settings, channel, voice)
    try:
        await messenger.send(text, "test", urgency=Urgency.CRITICAL)
    except NotDelivered as failure:
        print(f"❌ {channel}: {failure}", file=sys.stderr)
        return False
    finally:
        await messenger.close()
    print(f"✅ {channel}")
    return True
