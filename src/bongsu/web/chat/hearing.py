"""What is done with words in the chat: who may speak, what was heard before, what needs a code. All of it is on record."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bongsu.core.chat import AllowList, Buttons, Said
from bongsu.core.facts import AlertMuted, CommandHeard, ControlKind, Hearing
from bongsu.ledger.reading import Reading
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.settings import Settings
from bongsu.web.chat import views
from bongsu.web.chat.codes import LIVES, Codes
from bongsu.web.chat.commands import (
    CHANGES,
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
from bongsu.web.guard import RateLimit
from bongsu.web.problems import Refused
from bongsu.web.words import Words

OLDEST = 60.0  # seconds between what was said and what is done about it
_KINDS: Mapping[Name, ControlKind] = {
    Name.PAUSE: ControlKind.PAUSE,
    Name.RESUME: ControlKind.RESUME,
    Name.CLOSE: ControlKind.CLOSE,
    Name.KILL: ControlKind.KILL,
    Name.UNKILL: ControlKind.UNKILL,
    Name.ACK: ControlKind.ACK,
}
_DONE = {
    Name.KILL: (
        "새 매수를 막았습니다. 손절과 익절은 계속합니다.",
        "No new buys. Stop-loss and take-profit go on.",
    ),
    Name.MUTE: ("무음 설정을 바꿨습니다.", "The mute was changed."),
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """`instead`: it takes the place of what was tapped."""

    text: str
    buttons: Buttons = ()
    instead: bool = False


@dataclass(frozen=True, slots=True)
class Ears:
    bot: str
    allowed: AllowList
    ledger: Ledger
    source: Reading
    settings: Settings
    now: Callable[[], float] = time.time
    codes: Codes = field(default_factory=Codes)
    _strangers: RateLimit = field(default_factory=lambda: RateLimit(10, 60.0))

    async def hear(self, said: Said) -> Reply | None:
        """None for strangers, old and repeated words. Raises LedgerUnavailable; then nothing was done."""
        if not self.allowed.admits(said):
            await self._note_stranger(said)
            return None
        if said.at is not None and abs(self.now() - said.at) > OLDEST:
            await self.ledger.hear(self._heard(said, Hearing.STALE))
            return None
        voice = await self._voice(said.chat)
        match parse(said.text):
            case Command() as command if command.name in CHANGES:
                return await self._ask_for_code(said, command, voice)
            case Command() as command:
                return await self._look(said, command, voice)
            case Confirmed(code):
                return await self._confirm(said, code, voice)
            case CalledOff():
                return await self._call_off(said, voice)
            case Misread(ko, en):
                news = await self.ledger.hear(self._heard(said, Hearing.UNKNOWN))
                return Reply(voice.say(ko, en), keys(Words(voice.lang))) if news else None

    async def _note_stranger(self, said: Said) -> None:
        """On record, as long as they are few: nobody fills the ledger from outside."""
        _log.warning("words of a stranger", extra={"user": said.user, "chat": said.chat})
        try:
            self._strangers()
        except Refused:
            return
        await self.ledger.hear(self._heard(said, Hearing.STRANGER))

    async def _look(self, said: Said, command: Command, voice: Voice) -> Reply | None:
        if not await self.ledger.hear(self._heard(said, Hearing.ANSWERED)):
            return None
        if command.name is Name.LANG and command.lang in ("ko", "en"):
            await self.ledger.choose_language(said.chat, command.lang)
            voice = await self._voice(said.chat)
            text = voice.say(
                "이 대화의 답변은 이제 한국어입니다. 알림의 언어는 BONGSU_LANG이 정합니다.",
                "Answers here are in English now. BONGSU_LANG sets the language of notifications.",
            )
        else:
            async with self.source.look() as view:
                text = await views.answer(command, view, self.settings, voice)
        return Reply(text, keys(Words(voice.lang)), instead=said.query is not None)

    async def _ask_for_code(self, said: Said, command: Command, voice: Voice) -> Reply | None:
        if not await self.ledger.hear(self._heard(said, Hearing.CODE_ASKED)):
            return None
        code = self.codes.ask((said.user, said.chat), command)
        text = voice.letter(
            voice.say("🔐 확인이 필요합니다", "🔐 Please confirm"),
            voice.say("명령: ", "Command: ") + f"{command} - {voice.say(*MENU[command.name])}",
            voice.say("코드: ", "Code: ") + code,
            voice.say(
                f"{LIVES:.0f}초 안에 이 숫자를 보내거나 단추를 누르면 실행합니다. 한 번만 쓸 수 있습니다.",
                f"Send this number or tap the button within {LIVES:.0f} s. It is good for one time.",
            ),
        )
        return Reply(text, confirm_keys(code, Words(voice.lang)))

    async def _confirm(self, said: Said, code: str, voice: Voice) -> Reply | None:
        command = self.codes.redeem((said.user, said.chat), code)
        if command is None:
            news = await self.ledger.hear(self._heard(said, Hearing.WRONG_CODE))
            wrong = voice.say(
                "코드가 틀렸거나 시간이 지났습니다. 명령을 다시 보내 주세요.",
                "Wrong or outdated code. Send the command again.",
            )
            return Reply(wrong) if news else None
        if not await self._carry_out(said, command):
            return None
        done = voice.say(
            *_DONE.get(
                command.name,
                (
                    "요청했습니다. 스케줄러가 실행하면 결과를 알려 드립니다.",
                    "Asked for. You are told when the scheduler has done it.",
                ),
            )
        )
        return Reply(f"✅ {command}\n{done}", keys(Words(voice.lang)), instead=said.query is not None)

    async def _carry_out(self, said: Said, command: Command) -> bool:
        """The way of the control API, in the transaction that puts the command on record."""
        heard, who = self._heard(said, Hearing.CARRIED_OUT), f"telegram:{said.user}"
        if command.name is Name.MUTE:
            assert command.alert is not None  # the parser gives it
            until = datetime.now(UTC) + command.lasts if command.lasts else None
            return await self.ledger.hear(heard, AlertMuted(command.alert, until, who))
        args = {"market": command.market} if command.market else {}
        return await self.ledger.hear_wish(heard, _KINDS[command.name], args, who=who, why=str(command))

    async def _call_off(self, said: Said, voice: Voice) -> Reply | None:
        self.codes.drop((said.user, said.chat))
        news = await self.ledger.hear(self._heard(said, Hearing.CALLED_OFF))
        text = voice.say("취소했습니다. 아무것도 바꾸지 않았습니다.", "Called off. Nothing was changed.")
        return Reply(text, keys(Words(voice.lang)), instead=said.query is not None) if news else None

    def _heard(self, said: Said, hearing: Hearing) -> CommandHeard:
        return CommandHeard(self.bot, said.update, said.user, said.chat, said.text, hearing)

    async def _voice(self, chat: int) -> Voice:
        async with self.source.look() as view:
            row = await view.one("chat_language", chat=chat)
        return Voice(row["lang"] if row else self.settings.bongsu_lang, self.settings.bongsu_mode)
