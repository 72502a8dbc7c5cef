"""What the settings accept, and how they say no."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bongsu.settings import Settings

TELEGRAM = {"telegram_enabled": True, "telegram_bot_token": "123456789:" + "AbCdE" * 7}


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


@pytest.mark.parametrize("chat", ["123456789", "-1001234567890", "@my_channel"])
def test_a_chat_has_a_number_or_a_name(chat: str) -> None:
    assert settings(**TELEGRAM, telegram_chat_id=chat).telegram_chat_id == chat


@pytest.mark.parametrize(
    "chat", ["", "0", "my_channel", "@1ab", "@ab", "12 34", "https://t.me/x", "１２３", "1" * 20]
)
def test_another_chat_is_refused_by_name(chat: str) -> None:
    with pytest.raises(ValidationError, match="TELEGRAM_CHAT_ID"):
        settings(**TELEGRAM, telegram_chat_id=chat)


def test_a_chat_that_nobody_writes_to_is_not_looked_at() -> None:
    assert not settings(telegram_chat_id="your_chat_id_here").telegram_enabled


@pytest.mark.parametrize("url", ["https://hc.example/ping/1", "http://127.0.0.1:9/x", "http://localhost/x"])
def test_the_deadman_is_called_where_nobody_can_listen(url: str) -> None:
    address = settings(deadman_url=url).deadman_url
    assert address is not None
    assert address.get_secret_value() == url
    assert url not in repr(address)


@pytest.mark.parametrize(
    "url", ["", "http://hc.example/ping", "hc.example", "https://", "ftp://hc.example/x"]
)
def test_another_address_of_the_deadman_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValidationError, match="https://") as refused:
        settings(deadman_url=url)
    assert "hc.example" not in str(refused.value.errors(include_input=False, include_url=False))


MAIL = {"smtp_host": "smtp.example.com", "smtp_from": "me@example.com", "smtp_to": "a@example.com, b@x.io"}


def test_a_mail_server_and_a_webhook_are_two_routes() -> None:
    chosen = settings(**MAIL, webhook_url="https://ntfy.sh/topic", second_channel_after_minutes=7)
    assert [(route.channel, route.when) for route in chosen.routes] == [("mail", "late"), ("webhook", "late")]
    assert {route.patience for route in chosen.routes} == {timedelta(minutes=7)}
    assert chosen.mail_account is not None
    assert chosen.mail_account.recipients == ("a@example.com", "b@x.io")
    assert settings().routes == ()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"smtp_to": ""}, "SMTP_TO"),
        ({"smtp_to": "a@example.com,nobody"}, "SMTP_TO"),
        ({"smtp_to": "a@example.com\nBcc: b@x.io"}, "SMTP_TO"),
        ({"smtp_from": None}, "SMTP_FROM"),
        ({"smtp_user": "me"}, "SMTP_PASSWORD"),
        ({"smtp_security": "none"}, "SMTP_SECURITY"),
    ],
)
def test_half_a_mail_server_is_refused_by_name(changed: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        settings(**(MAIL | changed))


def test_the_address_of_a_webhook_is_shown_nowhere() -> None:
    chosen = settings(webhook_url="https://hooks.example/T0/hidden", webhook_token="tk_1234567")
    assert "hidden" not in repr(chosen)
    assert "hidden" not in chosen.model_dump_json()
    assert {"https://hooks.example/T0/hidden", "tk_1234567"} <= set(chosen.secrets())
    with pytest.raises(ValidationError, match="https://") as refused:
        settings(webhook_url="http://hooks.example/T0/hidden")
    assert "hidden" not in str(refused.value.errors(include_input=False, include_url=False))


def test_quiet_hours_are_read_and_written_alike() -> None:
    assert str(settings(quiet_hours="23:00-07:00").quiet_hours) == "23:00-07:00"
    with pytest.raises(ValidationError, match="23:00-07:00"):
        settings(quiet_hours="at night")
