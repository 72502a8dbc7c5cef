"""The commands, and how words become one."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bongsu.core.chat import Buttons
from bongsu.core.market import parse_market
from bongsu.core.sight import MONITORING_BLIND
from bongsu.web.words import Words

LONGEST_MUTE = timedelta(days=1)
# The alarm server sends these itself when the bot cannot: a mute of ours would promise too much.
_NEVER_MUTED = frozenset({MONITORING_BLIND, "PostgresDown", "MetricsNotCollected"})
_SPANS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


class Name(StrEnum):
    STATUS = "status"
    PORTFOLIO = "portfolio"
    POSITIONS = "positions"
    TRADES = "trades"
    DECISIONS = "decisions"
    REPORT = "report"
    ALERTS = "alerts"
    RISK = "risk"
    PAUSE = "pause"
    RESUME = "resume"
    CLOSE = "close"
    KILL = "kill"
    UNKILL = "unkill"
    ACK = "ack"
    MUTE = "mute"
    LANG = "lang"
    HELP = "help"


CHANGES = frozenset({Name.PAUSE, Name.RESUME, Name.CLOSE, Name.KILL, Name.UNKILL, Name.ACK, Name.MUTE})

MENU: dict[Name, tuple[str, str]] = {
    Name.STATUS: ("지금 무엇을 하는지", "what the bot does now"),
    Name.PORTFOLIO: ("자산과 손익", "value and profit"),
    Name.POSITIONS: ("보유 종목", "what is held"),
    Name.TRADES: ("최근 거래", "the last trades"),
    Name.DECISIONS: ("최근 판단", "the last decisions"),
    Name.REPORT: ("하루 리포트: /report 2026-11-23", "a day's report: /report 2026-11-23"),
    Name.ALERTS: ("울리는 경보", "alerts that fire"),
    Name.RISK: ("위험 한도와 잠금", "limits and switches"),
    Name.PAUSE: ("새 매수 일시 정지", "pause new buys"),
    Name.RESUME: ("일시 정지 해제", "end the pause"),
    Name.CLOSE: ("한 종목 모두 팔기: /close KRW-ETH", "sell all of a market: /close KRW-ETH"),
    Name.KILL: ("킬 스위치: 새 매수를 바로 막기", "kill switch: no new buys at once"),
    Name.UNKILL: ("킬 스위치 풀기", "release the kill switch"),
    Name.ACK: (
        "직접 한 거래·입출금 확인: /ack KRW-ETH, /ack",
        "what moved from outside was me: /ack KRW-ETH, /ack",
    ),
    Name.MUTE: ("경보 무음: /mute 이름 1h", "mute an alert: /mute NAME 1h"),
    Name.LANG: ("답변 언어: /lang ko, /lang en", "language of answers: /lang ko, /lang en"),
    Name.HELP: ("명령 목록", "this list"),
}
_ROWS = (
    (Name.STATUS, Name.PORTFOLIO, Name.POSITIONS),
    (Name.TRADES, Name.DECISIONS, Name.ALERTS),
    (Name.PAUSE, Name.RESUME, Name.KILL),
)
_LABELS = {
    Name.STATUS: ("상태", "Status"),
    Name.PORTFOLIO: ("자산", "Portfolio"),
    Name.POSITIONS: ("보유", "Positions"),
    Name.TRADES: ("거래", "Trades"),
    Name.DECISIONS: ("판단", "Decisions"),
    Name.ALERTS: ("경보", "Alerts"),
    Name.PAUSE: ("⏸ 정지", "⏸ Pause"),
    Name.RESUME: ("▶ 재개", "▶ Resume"),
    Name.KILL: ("🛑 킬", "🛑 Kill"),
}


@dataclass(frozen=True, slots=True)
class Command:
    """`market`, `alert`, `lasts`, `day`, `lang` where the command has one. `lasts` zero: not muted any more."""

    name: Name
    market: str | None = None
    alert: str | None = None
    lasts: timedelta = timedelta(0)
    day: str | None = None
    lang: str | None = None

    def __str__(self) -> str:
        told = (self.market, self.alert, _span(self.lasts) if self.alert else None, self.day, self.lang)
        return " ".join((f"/{self.name}", *(word for word in told if word)))


@dataclass(frozen=True, slots=True)
class Confirmed:
    code: str


@dataclass(frozen=True, slots=True)
class CalledOff:
    pass


@dataclass(frozen=True, slots=True)
class Misread:
    """Why the words are no command."""

    ko: str
    en: str


def parse(text: str) -> Command | Confirmed | CalledOff | Misread:
    """Never raises: whatever a stranger types is a `Misread` at worst."""
    words = text.split()
    if not words:
        return _UNKNOWN
    if words[0] == "/no":
        return CalledOff()
    if re.fullmatch(r"(/ok )?[0-9]{6}", " ".join(words), re.ASCII):
        return Confirmed(words[-1])
    head, _, _ = words[0].removeprefix("/").partition("@")
    if head.lower() == "start":
        return Command(Name.HELP)
    if not words[0].startswith("/") or head.lower() not in {name.value for name in Name}:
        return _UNKNOWN
    return _with_arguments(Name(head.lower()), words[1:])


def _with_arguments(name: Name, given: list[str]) -> Command | Misread:
    match name, given:
        case ((Name.CLOSE | Name.ACK), [market]):
            return _of_market(name, market)
        case Name.MUTE, [alert, span]:
            return _mute(alert, span)
        case Name.REPORT, [day] if re.fullmatch(r"\d{4}-\d\d-\d\d", day, re.ASCII):
            return Command(name, day=day)
        case Name.LANG, [lang] if lang in ("ko", "en"):
            return Command(name, lang=lang)
        case (Name.CLOSE | Name.MUTE | Name.LANG, _) | (_, [_, *_]):
            ko, en = MENU[name]
            return Misread(
                f"/{name} 을(를) 이렇게 쓰지 않습니다. {ko}", f"/{name} is not used like this: {en}"
            )
        case _:
            return Command(name)


def _of_market(name: Name, market: str) -> Command | Misread:
    written = market.upper()
    try:
        return Command(name, market=parse_market(written if written.startswith("KRW-") else f"KRW-{written}"))
    except ValueError:
        return Misread(f"{market[:20]}: KRW-ETH 처럼 적어 주세요", f"{market[:20]}: such as KRW-ETH")


def _mute(alert: str, span: str) -> Command | Misread:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{2,63}", alert, re.ASCII):
        return Misread("경보 이름은 /alerts 에 있는 그대로 적어 주세요", "name the alert as /alerts does")
    if alert in _NEVER_MUTED:
        return Misread(
            f"{alert} 은(는) 무음으로 할 수 없습니다. 알람이 오지 못하는 상태를 알리는 경보입니다",
            f"{alert} cannot be muted: it says that alarms may not arrive",
        )
    if span == "off":
        return Command(Name.MUTE, alert=alert)
    found = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", span, re.ASCII)
    lasts = int(found[1]) * _SPANS[found[2]] if found else timedelta(0)
    if not timedelta(0) < lasts <= LONGEST_MUTE:
        return Misread("시간은 30m, 1h 처럼, 최대 24h입니다. 해제는 off", "30m, 1h, at most 24h; off ends it")
    return Command(Name.MUTE, alert=alert, lasts=lasts)


def _span(lasts: timedelta) -> str:
    minutes = int(lasts.total_seconds() // 60)
    if not minutes:
        return "off"
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


_UNKNOWN = Misread("모르는 명령입니다. /help 에 목록이 있습니다", "unknown command; see /help")


def keys(words: Words) -> Buttons:
    """What stands below an answer."""
    return [[(words.say(*_LABELS[name]), f"/{name}") for name in row] for row in _ROWS]


def confirm_keys(code: str, words: Words) -> Buttons:
    yes, no = words.say(f"✅ 실행 ({code})", f"✅ Do it ({code})"), words.say("취소", "Call off")
    return [[(yes, f"/ok {code}"), (no, "/no")]]
