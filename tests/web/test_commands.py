"""Words become a command, or a reason why not; codes are good once, for a minute, for who asked."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.chat import AllowList, Said
from bongsu.settings import Settings
from bongsu.web.chat.codes import LIVES, Codes
from bongsu.web.chat.commands import (
    MENU,
    CalledOff,
    Command,
    Confirmed,
    Misread,
    Name,
    confirm_keys,
    keys,
    parse,
)
from bongsu.web.words import Words

OWNER = (1000, 1000)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("/status", Command(Name.STATUS)),
        ("/STATUS@my_bot", Command(Name.STATUS)),
        ("/start", Command(Name.HELP)),
        ("/close eth", Command(Name.CLOSE, market="KRW-ETH")),
        ("/close KRW-BTC", Command(Name.CLOSE, market="KRW-BTC")),
        ("/mute JobSlow 30m", Command(Name.MUTE, alert="JobSlow", lasts=timedelta(minutes=30))),
        ("/mute JobSlow 24h", Command(Name.MUTE, alert="JobSlow", lasts=timedelta(days=1))),
        ("/mute JobSlow off", Command(Name.MUTE, alert="JobSlow")),
        ("/report 2026-11-23", Command(Name.REPORT, day="2026-11-23")),
        ("/lang en", Command(Name.LANG, lang="en")),
        ("123456", Confirmed("123456")),
        ("/ok 123456", Confirmed("123456")),
        ("/no", CalledOff()),
    ],
)
def test_words_that_are_a_command(text: str, command: object) -> None:
    assert parse(text) == command


@pytest.mark.parametrize(
    "text",
    [
        "", "안녕", "kill", "/", "/killall", "/kill now", "/close", "/close 이더", "/close KRW-ETH KRW-BTC",
        "/mute JobSlow", "/mute JobSlow 25h", "/mute JobSlow 0h", "/mute JobSlow 1", "/mute MonitoringBlind 1h",
        "/mute ' 1h", "/lang fr", "/report yesterday", "12345", "1234567", "１２３４５６",
    ],
)  # fmt: skip
def test_words_that_are_none(text: str) -> None:
    assert isinstance(parse(text), Misread)


@given(st.text(max_size=60), st.sampled_from(["", "/", "/close ", "/mute ", "/report ", "/ok "]))
def test_any_words_are_read(text: str, head: str) -> None:
    parse(head + text)


def test_every_command_reads_as_it_is_written_and_is_in_the_menu() -> None:
    told = ("/close KRW-ETH", "/mute JobSlow 1h", "/mute JobSlow off", "/lang ko", "/report 2026-11-23")
    for text in (*(f"/{name}" for name in Name if name not in ("close", "mute", "lang")), *told):
        assert str(parse(text)) == text
    assert set(MENU) == set(Name)


def test_buttons_fit_telegram_and_say_commands() -> None:
    words = Words("ko")
    for row in (*keys(words), *confirm_keys("123456", words)):
        for text, word in row:
            assert 0 < len(word.encode()) <= 64
            assert text
            assert not isinstance(parse(word), Misread)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_code_is_good_once_for_who_asked() -> None:
    codes, kill = Codes(), Command(Name.KILL)
    code = codes.ask(OWNER, kill)
    assert codes.redeem((1000, 7), code) is None
    assert codes.redeem((7, 1000), code) is None
    assert codes.redeem(OWNER, code) == kill
    assert codes.redeem(OWNER, code) is None


def test_a_code_ends_by_time_by_tries_by_another_and_by_no() -> None:
    clock = Clock()
    codes, kill = Codes(clock), Command(Name.KILL)
    code = codes.ask(OWNER, kill)
    clock.now = LIVES
    assert codes.redeem(OWNER, code) is None
    code = codes.ask(OWNER, kill)
    for _ in range(3):
        assert codes.redeem(OWNER, "x") is None
    assert codes.redeem(OWNER, code) is None
    first = codes.ask(OWNER, kill)
    second = codes.ask(OWNER, Command(Name.PAUSE))
    assert first == second or codes.redeem(OWNER, first) is None
    code = codes.ask(OWNER, kill)
    codes.drop(OWNER)
    assert codes.redeem(OWNER, code) is None


def test_nobody_commands_a_real_bot_who_is_not_named() -> None:
    real: dict[str, Any] = {
        "telegram_enabled": True,
        "telegram_bot_token": "123456789:" + "x" * 35,
        "telegram_chat_id": "1000",
    }
    assert Settings(_env_file=None, **real).command_users == frozenset()  # type: ignore[call-arg]
    named = Settings(_env_file=None, **real, telegram_allowed_users=" 12, 34,12")  # type: ignore[call-arg,arg-type]
    assert named.command_users == {12, 34}
    assert Settings(_env_file=None).command_users == {1000}  # type: ignore[call-arg]  # the local stand-in's
    for nonsense in ("me", "-5", "0", "1;2", "１２"):
        with pytest.raises(ValueError, match="numbers of users"):
            Settings(_env_file=None, **real, telegram_allowed_users=nonsense)  # type: ignore[call-arg,arg-type]


def said(**but: object) -> Said:
    usual = {"update": 1, "user": 1000, "is_bot": False, "chat": 1000, "private": True, "text": "/kill"}
    return Said(**{**usual, "at": 0, "query": None, "message": 1, **but})  # type: ignore[arg-type]


def test_the_list_admits_the_owner_in_their_own_chat_and_nobody_else() -> None:
    owner = AllowList(frozenset({1000}), frozenset({1000, -5}))
    assert owner.admits(said())
    for but in (
        {"user": 7},
        {"chat": 7},
        {"private": False},
        {"is_bot": True},
        {"chat": -5, "private": False},
    ):
        assert not owner.admits(said(**but)), but
    assert not AllowList(frozenset(), frozenset()).admits(said())
