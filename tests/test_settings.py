"""What the settings accept, and how they say no."""

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
