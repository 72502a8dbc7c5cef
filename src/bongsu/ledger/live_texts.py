"""What the owner is told of trading with real money."""

from datetime import datetime

from bongsu.core.facts import CapLifted, LiveStarted
from bongsu.core.figures import kst_text, won_text
from bongsu.ledger.voice import Voice


def started(fact: LiveStarted, voice: Voice, now: datetime) -> str:
    cap = won_text(fact.cap)
    return voice.letter(
        voice.say("🔔 실거래 시작", "🔔 Live trading begins"),
        voice.say(
            "내용: 지금부터 업비트에서 실제 돈으로 거래합니다.",
            "What: from now on real money is traded at Upbit.",
        ),
        voice.say(
            f"한도: 처음 7일 동안 보유 총액 {cap}원까지",
            f"Cap: at most {cap} KRW are held during the first 7 days",
        ),
        voice.say("확인: ", "Confirmed by: ") + fact.by,
        _time(now, voice),
    )


def cap_lifted(fact: CapLifted, voice: Voice, now: datetime) -> str:
    return voice.letter(
        voice.say("🔔 첫 주 한도 해제", "🔔 The first week's cap is lifted"),
        voice.say(
            "내용: 이제 보유 총액은 다른 위험 한도로만 정해집니다.",
            "What: what is held is bounded by the other limits alone from now on.",
        ),
        voice.say("요청: ", "By: ") + fact.by,
        _time(now, voice),
    )


def _time(at: datetime, voice: Voice) -> str:
    return voice.say("시각: ", "Time: ") + kst_text(at)
