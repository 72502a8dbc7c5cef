"""What the owner is told of the chat itself."""

from datetime import datetime

from bongsu.core.facts import AlertMuted, CommandHeard, MuteEnded
from bongsu.core.figures import kst_text
from bongsu.ledger.voice import Voice


def stranger(fact: CommandHeard, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("⚠️ 허락되지 않은 명령", "⚠️ A command from a stranger"),
        voice.say("보낸 사람: ", "From: ") + f"user {fact.user}, chat {fact.chat}",
        voice.say(
            "내용: 허락 목록에 없어 무시했습니다. 본인이라면 TELEGRAM_ALLOWED_USERS에 이 번호를 적어 주세요.",
            "What: not on the list, so it was ignored and not answered. If it was you: TELEGRAM_ALLOWED_USERS.",
        ),
        _time(now, voice),
    )


def muted(fact: AlertMuted, voice: Voice, now: datetime) -> str:
    if fact.until is None:
        title = voice.say("🔔 알람 무음 해제", "🔔 Alert no longer muted")
        what: tuple[str, ...] = ()
    else:
        title = voice.say("🔕 알람 무음", "🔕 Alert muted")
        what = (
            voice.say("언제까지: ", "Until: ") + kst_text(fact.until),
            voice.say(
                "안내: 기록과 /alerts 에는 그대로 남습니다. 끝날 때 발생 중이면 알려 드립니다.",
                "Note: it stays on record and in /alerts. If it fires when this ends, you are told.",
            ),
        )
    alert = voice.say("경보: ", "Alert: ") + fact.alert
    return voice.letter(title, alert, voice.say("요청: ", "By: ") + fact.who, *what, _time(now, voice))


def mute_ended(fact: MuteEnded, voice: Voice, now: datetime) -> str:
    number = len(fact.firing)
    state = (
        voice.say(f"지금 {number}건이 발생 중입니다.", f"{number} firing now.")
        if number
        else voice.say("지금은 발생 중이 아닙니다.", "It does not fire now.")
    )
    return voice.letter(
        voice.say("🔔 알람 무음이 끝났습니다", "🔔 An alert is told again"),
        voice.say("경보: ", "Alert: ") + fact.alert,
        voice.say("상태: ", "State: ") + state,
        _time(now, voice),
    )


def _time(at: datetime, voice: Voice) -> str:
    return voice.say("시각: ", "Time: ") + kst_text(at)
