"""What the owner asks of the bot from a terminal: confirmed, on record, and followed until it is done or time is up."""

import asyncio
import getpass
import json
import os
import sys
import time
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from bongsu.core.facts import ControlKind
from bongsu.core.market import Market
from bongsu.errors import SettingsInvalid
from bongsu.ledger.opening import open_database, open_ledger
from bongsu.ledger.reading import Reading, View
from bongsu.ledger.store import Ledger
from bongsu.ops import keyboard
from bongsu.ops.language import say, speak
from bongsu.settings import Settings, load_settings
from bongsu.web.words import Words, idle_text

State = Literal["done", "refused", "pending"]

_POLL = 0.2  # seconds
_LONGEST_NAME = 40

_EFFECTS = {
    ControlKind.PAUSE: (
        "새 매수를 멈춥니다. 손절과 익절은 계속합니다.",
        "No new buys until you resume. Stop-loss and take-profit go on.",
    ),
    ControlKind.RESUME: ("멈춘 매수를 다시 합니다.", "Ends the pause."),
    ControlKind.CLOSE: ("이 종목을 시장가로 모두 팝니다.", "Sells all of this market at the market price."),
    ControlKind.FLATTEN: (
        "보유한 모든 종목을 시장가로 팝니다. 새 매수를 막지는 않습니다.",
        "Sells everything that is held at the market price. It does not stop new buys.",
    ),
    ControlKind.KILL: (
        "새 매수를 바로 막습니다. 손절과 익절은 계속합니다.",
        "No new buys, at once. Stop-loss and take-profit go on.",
    ),
    ControlKind.ACK: (
        "봇의 주문이 아닌 변동이 내가 한 일임을 확인합니다. 그 종목을 다시 살 수 있습니다.",
        "Says that what moved from outside was you. Its market may be bought again.",
    ),
    ControlKind.UNKILL: (
        "킬 스위치를 풉니다. 봇이 다시 매수할 수 있습니다.",
        "Releases the kill switch. The bot may buy again.",
    ),
}
_DONE = {
    ControlKind.ACK: ("처리했습니다", "carried out"),
    ControlKind.PAUSE: ("새 매수를 멈췄습니다", "new buys are paused"),
    ControlKind.RESUME: ("일시 정지를 풀었습니다", "the pause is over"),
    ControlKind.CLOSE: ("모두 팔았습니다", "all of it is sold"),
    ControlKind.FLATTEN: ("보유한 종목을 모두 팔았습니다", "everything is sold"),
    ControlKind.KILL: ("새 매수를 막았습니다", "no new buys from here on"),
    ControlKind.UNKILL: ("킬 스위치를 풀었습니다", "the kill switch is released"),
}
_TYPED_OR_YES = (
    "확인할 사람이 없어 아무것도 하지 않았습니다. 터미널에서 치거나 --yes 를 붙이세요.",
    "Nobody is there to confirm; nothing was done. Type it in a terminal, or add --yes.",
)
_ONLY_TYPED = (
    "확인할 사람이 없어 아무것도 하지 않았습니다. 킬 스위치는 터미널에서 낱말을 쳐야 풀립니다.",
    "Nobody is there to confirm; nothing was done. The kill switch is released in a terminal, by typing the word.",
)
_SAYS_HOW = (ControlKind.CLOSE, ControlKind.FLATTEN, ControlKind.ACK)
_MAKES_BUYING_POSSIBLE = (ControlKind.RESUME, ControlKind.UNKILL, ControlKind.ACK)
_KEEPS_WAITING = frozenset({"scheduler_never_started", "scheduler_silent", "no_leader"})


@dataclass(frozen=True, slots=True)
class Wish:
    kind: ControlKind
    why: str
    market: Market | None = None

    def __str__(self) -> str:
        return f"{self.kind} {self.market}" if self.market else str(self.kind)

    @property
    def word(self) -> str:
        """What its owner types to confirm it."""
        return self.market or str(self.kind)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`blocking`: what keeps the bot from buying, or from carrying anything out, by name with a sentence."""

    id: UUID
    state: State
    result: str
    blocking: dict[str, str]


def find_settings() -> Settings:
    """A mistake in `.env` keeps nobody from stopping the bot: then the defaults do, and the running stack's database."""
    try:
        settings = load_settings()
    except SettingsInvalid as invalid:
        faults = "; ".join(invalid.faults)
        print(
            say(
                f"⚠️ 설정에 잘못이 있지만 요청은 합니다: {faults}",
                f"⚠️ The settings have faults; it is asked for all the same: {faults}",
            ),
            file=sys.stderr,
        )
        settings = Settings.model_construct()
    speak(settings.bongsu_lang)
    return settings


def confirm(wishes: list[Wish]) -> bool:
    """Whether the word of the first was typed. Without a terminal there is nobody to ask."""
    if not keyboard.is_there():
        print(say(*(_ONLY_TYPED if wishes[0].kind is ControlKind.UNKILL else _TYPED_OR_YES)), file=sys.stderr)
        return False
    for wish in wishes:
        print(f"• {wish}: {say(*_EFFECTS[wish.kind])}")
    word = wishes[0].word
    typed = keyboard.typed(say(f"실행하려면 {word} 을(를) 치세요: ", f"Type {word} to do it: "))
    if typed.lower() == word.lower():
        return True
    print(
        say("그만두었습니다. 아무것도 바꾸지 않았습니다.", "Called off. Nothing was changed."),
        file=sys.stderr,
    )
    return False


async def ask_for(wishes: list[Wish], settings: Settings, wait: float, *, as_json: bool) -> list[State]:
    """Of the ledger alone: no backend need run. Raises CannotStart and LedgerUnavailable."""
    async with open_database(settings) as database:
        ledger, source = open_ledger(settings, database), Reading(database)
        return await _carry_out(wishes, ledger, source, settings, wait, as_json=as_json)


async def _carry_out(
    wishes: list[Wish], ledger: Ledger, source: Reading, settings: Settings, wait: float, *, as_json: bool
) -> list[State]:
    """Asks for all at once, then follows each; what was asked until it raises stays asked."""
    async with source.look():
        pass  # before anything is asked: a ledger of another schema is no ledger
    who = who_asks()
    asked = []
    for wish in wishes:
        args = {"market": wish.market} if wish.market else {}
        asked.append(await ledger.request_control(wish.kind, args, who=who, why=wish.why or f"bongsu {wish}"))
    outcomes = await _follow(asked, source, settings, wait, says=not as_json)
    for wish, outcome in zip(wishes, outcomes, strict=True):
        if as_json:
            print(_as_json(wish, outcome))
        else:
            _tell(wish, outcome)
    return [outcome.state for outcome in outcomes]


def who_asks() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        name = str(os.getuid())
    return f"cli:{name}"[:_LONGEST_NAME]


async def _follow(
    asked: list[UUID], source: Reading, settings: Settings, wait: float, *, says: bool
) -> list[Outcome]:
    deadline, said = time.monotonic() + wait, not says
    while True:
        async with source.look() as view:
            blocking = await _read_blocking(view, settings)
            found = [await _look(control, blocking, view) for control in asked]
        if all(outcome.state != "pending" for outcome in found) or time.monotonic() >= deadline:
            return found
        if not said:
            said = True
            print(
                say(
                    f"요청했습니다. {wait:g}초까지 결과를 기다립니다. Ctrl-C로 그만 기다려도 요청은 남습니다.",
                    f"Asked for. Waiting up to {wait:g} s for the result; after Ctrl-C it stays asked for.",
                ),
                file=sys.stderr,
            )
        await asyncio.sleep(_POLL)


async def _read_blocking(view: View, settings: Settings) -> dict[str, str]:
    words = Words(settings.bongsu_lang)
    return {
        row["reason"]: idle_text(row["reason"], row["at"], row["detail"], words)
        for row in await view.idle_reasons(settings.lease_seconds)
        if row["reason"] != "waiting_for_candle"
    }


async def _look(control: UUID, blocking: dict[str, str], view: View) -> Outcome:
    row = await view.one("control", id=control)
    assert row is not None  # wishes are never deleted
    return Outcome(control, row["state"], row["result"] or "", blocking)


def _tell(wish: Wish, outcome: Outcome) -> None:
    match outcome.state:
        case "done":
            told = f" ({outcome.result})" if wish.kind in _SAYS_HOW else ""
            print(f"✅ {wish}: {say(*_DONE[wish.kind])}{told}")
            reasons = outcome.blocking.values() if wish.kind in _MAKES_BUYING_POSSIBLE else ()
            for reason in reasons:
                print(say(f"   아직 매수하지 않는 까닭: {reason}", f"   Still no buys: {reason}"))
        case "refused":
            refused = say("하지 못했습니다", "not done")
            print(f"❌ {wish}: {refused}: {outcome.result}", file=sys.stderr)
        case "pending":
            waits = say(
                "요청은 기록되었지만 아직 실행되지 않았습니다. 스케줄러가 실행합니다. 확인: bongsu status",
                "Asked for and on record, but not done yet: the scheduler does it. See bongsu status",
            )
            print(f"⏳ {wish}: {waits}", file=sys.stderr)
            for name in _KEEPS_WAITING & outcome.blocking.keys():
                print(f"   {outcome.blocking[name]}", file=sys.stderr)


def _as_json(wish: Wish, outcome: Outcome) -> str:
    shape = {
        "kind": wish.kind,
        "market": wish.market,
        "id": str(outcome.id),
        "state": outcome.state,
        "result": outcome.result,
        "blocking": list(outcome.blocking),
    }
    return json.dumps(shape, ensure_ascii=False)
