"""`bongsu telegram setup`: finds the owner's chat by itself, and writes `.env` only once a message has arrived there."""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from bongsu.core.chat import Place, Said
from bongsu.errors import ChatTaken, NotDelivered, NotSetUp
from bongsu.ledger.voice import Voice
from bongsu.ops import envfile, keyboard
from bongsu.ops.language import say, speak
from bongsu.ops.telegram_texts import Why, greeting
from bongsu.settings import PLACEHOLDERS, split_commas

_TRIES = 3  # at typing the token
_POLL = 25.0  # seconds that Telegram waits for news
_AGAIN = 2.0  # seconds after a call that failed
_LONGEST_NAME = 60
_READ = (
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_BOT_TOKEN_FILE",
    "TELEGRAM_ALLOWED_USERS",
    "BONGSU_LANG",
    "BONGSU_MODE",
)
_MODES: Mapping[str, Literal["sandbox", "paper", "live"]] = {"paper": "paper", "live": "live"}


class Telegram(Protocol):
    """Everything raises NotDelivered."""

    async def find_name(self) -> str: ...

    async def find_place(self, chat: int) -> Place: ...

    async def listen(self, wait: float) -> list[Said]: ...

    async def say(self, chat: int, text: str) -> int: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """`token_file` names a file, or `-` for what is piped in. `chat` is not looked for when it is given."""

    env: Path
    token_file: str | None
    chat: int | None
    wait: float
    commands: bool
    yes: bool


def read_known(env: Path) -> dict[str, str]:
    """What the file and, above it, the environment say by now. Raises NotSetUp when the file cannot be read."""
    try:
        known = envfile.read_values(env.read_text(encoding="utf-8")) if env.exists() else {}
    except (OSError, UnicodeDecodeError) as closed:
        raise Why.UNREADABLE.ends(f"{env}: {type(closed).__name__}") from None
    return known | {name: value for name, value in os.environ.items() if value and name in _READ}


async def set_up(wanted: Wanted, connect: Callable[[str], Telegram], known: Mapping[str, str]) -> None:
    """`known`: see `read_known`. Raises NotSetUp; then nothing was changed."""
    speak(known.get("BONGSU_LANG", "ko"))
    token, telegram = await _enter(wanted, connect, known)
    try:
        place = await _find(wanted, telegram)
        _agree(wanted, place)
        await _greet(telegram, place, known)
    finally:
        await telegram.close()
    _save(wanted, _values(wanted, known, token, place), token)


# -- the token


async def _enter(
    wanted: Wanted, connect: Callable[[str], Telegram], known: Mapping[str, str]
) -> tuple[str, Telegram]:
    token = _given_token(wanted, known) or _typed_token()
    for left in reversed(range(_TRIES)):
        telegram = connect(token)
        try:
            name = await telegram.find_name()
        except NotDelivered as failure:
            await telegram.close()
            if not failure.permanent:
                raise Why.NO_NETWORK.ends(failure) from None
            if not left or _stands_in_a_file(wanted, known) or not keyboard.is_there():
                raise Why.TOKEN_REFUSED.ends() from None
            print(say(*Why.TOKEN_REFUSED.value), file=sys.stderr)
            token = _typed_token()
        else:
            print(say(f"봇: @{name}", f"Bot: @{name}"))
            if wanted.chat is None:
                _invite(name, wanted.wait)
            return token, telegram
    raise AssertionError("the last try raises")


def _given_token(wanted: Wanted, known: Mapping[str, str]) -> str | None:
    if wanted.token_file == "-":  # noqa: S105 - no token, a place
        return sys.stdin.readline().strip() or None
    if wanted.token_file is not None:
        return _read_token(wanted.token_file)
    if file := known.get("TELEGRAM_BOT_TOKEN_FILE"):
        return _read_token(file)
    token = known.get("TELEGRAM_BOT_TOKEN", "")
    return None if token.lower().startswith(PLACEHOLDERS) else token or None


def _stands_in_a_file(wanted: Wanted, known: Mapping[str, str]) -> bool:
    return wanted.token_file is not None or "TELEGRAM_BOT_TOKEN_FILE" in known


def _read_token(file: str) -> str | None:
    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as unread:
        raise Why.NO_TOKEN.ends(f"{file}: {type(unread).__name__}") from None


def _typed_token() -> str:
    if not keyboard.is_there():
        raise Why.NO_TOKEN.ends()
    prompt = say("@BotFather가 준 토큰 (화면에 보이지 않습니다): ", "Token of @BotFather (it is not shown): ")
    token = keyboard.typed_secret(prompt)
    if not token:
        raise Why.NO_TOKEN.ends()
    return token


# -- the chat


def _invite(name: str, wait: float) -> None:
    print(
        say(
            f"텔레그램에서 https://t.me/{name} 을(를) 열고 「시작」을 누르거나 아무 말이나 보내세요. {wait:g}초 기다립니다.",
            f"Open https://t.me/{name} in Telegram and press Start or write anything. Waiting {wait:g} s.",
        ),
        flush=True,
    )


async def _find(wanted: Wanted, telegram: Telegram) -> Place:
    if wanted.chat is not None:
        return await _look_up(telegram, wanted.chat)
    people = await _meet(telegram, wanted.wait)
    if len(people) == 1:
        return people[0]
    return _choose(people)


def _choose(people: list[Place]) -> Place:
    for number, place in enumerate(people, 1):
        print(f"  {number}. {_shown(place)}")
    if not keyboard.is_there():
        raise Why.SEVERAL.ends(", ".join(str(place.number) for place in people))
    answer = keyboard.typed(say("어느 쪽이 본인입니까? 줄 번호: ", "Which one is you? Number of the line: "))
    if not answer.isascii() or not answer.isdigit() or not 0 < int(answer) <= len(people):
        raise Why.CALLED_OFF.ends()
    return people[int(answer) - 1]


async def _look_up(telegram: Telegram, chat: int) -> Place:
    try:
        place = await telegram.find_place(chat)
    except NotDelivered as failure:
        raise (Why.NO_SUCH_CHAT if failure.permanent else Why.NO_NETWORK).ends(failure) from None
    if not place.private:
        raise Why.GROUP.ends(chat)
    return place


async def _meet(telegram: Telegram, wait: float) -> list[Place]:
    """Everybody who wrote in private until the first of them was heard, and who was waiting then."""
    people: dict[int, Place] = {}
    deadline, groups, failure = time.monotonic() + wait, False, None
    while (left := deadline - time.monotonic()) > 0 or not people:
        try:
            heard = await telegram.listen(0 if people else max(0.0, min(_POLL, left)))
            failure = None
        except ChatTaken as taken:
            raise (Why.WEBHOOK if "webhook" in str(taken) else Why.TAKEN).ends() from None
        except NotDelivered as lost:
            if lost.permanent:
                raise Why.TOKEN_REFUSED.ends(lost) from None
            heard, failure = [], lost
            await asyncio.sleep(max(0.0, min(lost.retry_after or _AGAIN, left)))
        if people and not heard:
            return list(people.values())
        groups = groups or _warn_of_groups(heard)
        people |= {said.user: Place(said.chat, True, said.name) for said in heard if _is_person(said)}
        if left <= 0 and not people:
            why = Why.ONLY_GROUPS if groups else Why.NO_NETWORK if failure else Why.NOBODY_WROTE
            raise why.ends(failure or "")
    return list(people.values())


def _is_person(said: Said) -> bool:
    return said.private and not said.is_bot


def _warn_of_groups(heard: list[Said]) -> bool:
    groups = [said for said in heard if not said.private]
    if groups:
        print(
            say(
                f"단체방({groups[0].chat})의 말은 쓰지 않습니다. 봇과의 1:1 대화에 써 주세요.",
                f"A group ({groups[0].chat}) does not count. Write in the private chat with the bot.",
            ),
            flush=True,
        )
    return bool(groups)


def _agree(wanted: Wanted, place: Place) -> None:
    """Nobody may command the bot whom nobody has looked at."""
    print(say(f"찾았습니다: {_shown(place)}", f"Found: {_shown(place)}"), flush=True)
    if wanted.yes and wanted.chat is not None:
        return
    if not keyboard.is_there():
        raise Why.UNSEEN.ends(place.number)
    answer = keyboard.typed(
        say("이 사람에게 알림을 보낼까요? [y/N] ", "Send everything to this person? [y/N] ")
    )
    if answer.lower() not in ("y", "yes", "예", "네", "ㅛ"):
        raise Why.CALLED_OFF.ends()


def _shown(place: Place) -> str:
    """Anybody may call themselves anything: what a terminal would obey is left out."""
    name = "".join(letter for letter in place.name if letter.isprintable())[:_LONGEST_NAME]
    return f"{name}, {say('번호', 'number')} {place.number}"


async def _greet(telegram: Telegram, place: Place, known: Mapping[str, str]) -> None:
    voice = Voice(
        "en" if say("ko", "en") == "en" else "ko", _MODES.get(known.get("BONGSU_MODE", ""), "sandbox")
    )
    try:
        await telegram.say(place.number, greeting(voice))
    except NotDelivered as failure:
        raise Why.NOT_DELIVERED.ends(failure) from None
    print(say("시험 메시지를 보냈습니다.", "The test message is sent."))


# -- `.env`


def _values(wanted: Wanted, known: Mapping[str, str], token: str, place: Place) -> dict[str, str]:
    values = {"TELEGRAM_ENABLED": "true", "TELEGRAM_CHAT_ID": str(place.number)}
    if token != known.get("TELEGRAM_BOT_TOKEN") and "TELEGRAM_BOT_TOKEN_FILE" not in known:
        values["TELEGRAM_BOT_TOKEN"] = token
    if wanted.commands:
        allowed = split_commas(known.get("TELEGRAM_ALLOWED_USERS", ""))
        values["TELEGRAM_ALLOWED_USERS"] = ",".join(dict.fromkeys([*allowed, str(place.number)]))
    return values


def _save(wanted: Wanted, values: Mapping[str, str], token: str) -> None:
    shown = {name: "***" if value == token else value for name, value in values.items()}
    lines = "\n".join(f"  {name}={value}" for name, value in shown.items())
    try:
        saved = envfile.save(wanted.env, values)
    except (OSError, UnicodeDecodeError) as closed:
        told = say(
            f"{wanted.env} 을(를) 고칠 수 없습니다. 다음 줄을 직접 적어 주세요:\n{lines}",
            f"{wanted.env} cannot be changed. Write these lines into it yourself:\n{lines}",
        )
        raise NotSetUp(f"{told}\n({type(closed).__name__})") from None
    print(say(f"{wanted.env} 에 적었습니다:\n{lines}", f"Written into {wanted.env}:\n{lines}"))
    if saved.backup is not None:
        print(say(f"고치기 전 파일: {saved.backup}", f"The file before: {saved.backup}"))
    if saved.narrowed:
        print(
            say(
                "다른 사용자는 이제 이 파일을 읽을 수 없습니다(600). Docker로 돌린다면: "
                "sudo chgrp 10001 .env && chmod 640 .env",
                "Others cannot read the file any more (600). With Docker: "
                "sudo chgrp 10001 .env && chmod 640 .env",
            )
        )
    print(
        say(
            "다시 시작하면 반영됩니다: bongsu restart scheduler · bongsu restart backend · bongsu restart alertmanager\n"
            "Docker: docker start -a bitcoin-prepare && "
            "docker-compose -f docker-compose.full-stack.yml restart alertmanager scheduler backend\n"
            "그다음 확인: bongsu telegram test · bongsu doctor",
            "It counts after a restart: bongsu restart scheduler · bongsu restart backend · bongsu restart alertmanager\n"
            "Docker: docker start -a bitcoin-prepare && "
            "docker-compose -f docker-compose.full-stack.yml restart alertmanager scheduler backend\n"
            "Then check: bongsu telegram test · bongsu doctor",
        )
    )
