"""The settings of the second channel and of the quiet hours: part of the owner's Settings."""

import re
from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from bongsu.core.channels import Channel, MailAccount, QuietHours, Route, Security, When, parse_quiet_hours
from bongsu.settings.listed import split_commas

_LOCAL = ("127.0.0.1", "localhost", "::1")
_ADDRESS = re.compile(r"[^\s@<>,]+@[A-Za-z0-9.-]+")


class ChannelSettings(BaseSettings):
    second_channel_when: When = Field(
        When.LATE,
        description="둘째 경로(메일, 웹훅)로 언제 보낼지. late: 텔레그램이 제때 전하지 못한 긴급 알림과 텔레그램 고장 알람만, critical: 긴급 알림을 항상, all: 모두.|When the second channel (mail, webhook) is used. late: what is critical and Telegram did not deliver in time, and that Telegram is broken; critical: always what is critical; all: everything.",
    )
    second_channel_after_minutes: Annotated[int, Field(ge=1, le=120)] = Field(
        5,
        description="late일 때, 긴급 알림이 텔레그램으로 가지 못한 채 이만큼(분) 지나면 둘째 경로로 보냅니다.|Under late: minutes a critical message waits for Telegram.",
    )
    smtp_host: str | None = Field(
        None, description="메일 서버. 비우면 메일을 보내지 않습니다.|Mail server. Empty: no mail."
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = Field(
        587,
        description="메일 서버의 포트: starttls는 보통 587, tls는 465.|Its port: usually 587 for starttls, 465 for tls.",
    )
    smtp_security: Security = Field(
        "starttls",
        description="암호화: starttls 또는 tls. none은 이 컴퓨터의 서버에만 됩니다.|Encryption: starttls or tls; none for a server on this machine only.",
    )
    smtp_user: str | None = Field(
        None, description="메일 서버에 로그인할 이름.|Name to log in to the mail server."
    )
    smtp_password: SecretStr | None = Field(
        None,
        description="그 비밀번호. 지메일, 네이버는 앱 비밀번호를 씁니다.|Its password; Gmail and Naver want an app password.",
    )
    smtp_from: str | None = Field(None, description="보내는 메일 주소.|Address the mails come from.")
    smtp_to: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="받을 메일 주소, 쉼표로 구분.|Addresses the mails go to, comma separated."
    )
    webhook_url: SecretStr | None = Field(
        None,
        description="웹훅 주소. 비밀입니다: 아는 사람은 누구나 글을 올릴 수 있습니다. https만 됩니다(이 컴퓨터 안은 http도). 비우면 쓰지 않습니다.|Address of a webhook, a secret: whoever knows it can post there. https only (http on this machine). Empty: none.",
    )
    webhook_preset: Literal["json", "discord", "slack", "ntfy"] = Field(
        "json",
        description="웹훅의 모양: discord, slack, ntfy, 또는 직접 만든 프로그램에 json.|Its shape: discord, slack, ntfy, or json for a program of your own.",
    )
    webhook_token: SecretStr | None = Field(
        None,
        description="웹훅이 Bearer 토큰을 요구할 때만(잠긴 ntfy 주제 등).|Only for a webhook that wants a bearer token (a reserved ntfy topic).",
    )
    quiet_hours: Annotated[QuietHours | None, NoDecode] = Field(
        None,
        description="조용한 시간(KST), 예: 23:00-07:00. 긴급하지 않은 알림은 모았다가 끝날 때 한 번에 보냅니다. 비우면 없습니다.|Quiet hours (KST) such as 23:00-07:00: what is not critical is kept and told at their end, in one message. Empty: none.",
    )

    @field_validator("smtp_to", mode="before")
    @classmethod
    def _split_addresses(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(split_commas(value))

    @field_validator("quiet_hours", mode="before")
    @classmethod
    def _read_hours(cls, value: object) -> object:
        return parse_quiet_hours(value) if isinstance(value, str) else value

    @field_validator("webhook_url")
    @classmethod
    def _post_safely(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or is_safe_url(value.get_secret_value()):
            return value
        raise ValueError("https:// 로 시작하는 주소를 적어 주세요 (an https address is needed)")

    @property
    def routes(self) -> tuple[Route, ...]:
        """Where messages go besides Telegram."""
        patience = timedelta(minutes=self.second_channel_after_minutes)
        switched_on = ((Channel.MAIL, self.smtp_host), (Channel.WEBHOOK, self.webhook_url))
        return tuple(Route(channel, self.second_channel_when, patience) for channel, on in switched_on if on)

    @property
    def mail_account(self) -> MailAccount | None:
        if self.smtp_host is None or self.smtp_from is None:
            return None
        return MailAccount(
            self.smtp_host,
            self.smtp_port,
            self.smtp_security,
            self.smtp_from,
            self.smtp_to,
            self.smtp_user,
            self.smtp_password.get_secret_value() if self.smtp_password else None,
        )

    def mail_faults(self) -> list[str]:
        """What is missing or unsafe once a mail server is named."""
        if not self.smtp_host:
            return []
        faults = [] if self.smtp_to else ["SMTP_TO: 받을 주소를 적어 주세요 (whom to send to)"]
        named = [("SMTP_FROM", self.smtp_from or ""), *(("SMTP_TO", address) for address in self.smtp_to)]
        faults += [
            f"{name}: me@example.com 처럼 적어 주세요 (an address like this)"
            for name, address in named
            if not _ADDRESS.fullmatch(address)
        ]
        if (self.smtp_user is None) != (self.smtp_password is None):
            faults.append("SMTP_USER, SMTP_PASSWORD: 둘 다 적거나 둘 다 비워 주세요 (both or neither)")
        if self.smtp_security == "none" and self.smtp_host not in _LOCAL:
            faults.append(
                "SMTP_SECURITY: none은 이 컴퓨터의 서버에만 됩니다 (none is for a server on this machine)"
            )
        return faults


def is_safe_url(text: str) -> bool:
    """Encrypted, or never leaving this machine."""
    url = urlsplit(text)
    local = url.scheme == "http" and url.hostname in _LOCAL
    return bool(url.hostname) and (url.scheme == "https" or local)
