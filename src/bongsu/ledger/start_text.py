"""The words of the message on what a start has shown: a line for each thing looked at, red ones with what to do."""

from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum

from bongsu.core.channels import CHANNEL_NAMES
from bongsu.core.clock import MAX_CLOCK_SKEW
from bongsu.core.figures import kst_text
from bongsu.core.outgoing import Urgency
from bongsu.core.start_check import SecondWay, StartCheck
from bongsu.ledger.voice import Voice

Say = Callable[[str, str], str]


class Mark(StrEnum):
    FINE = "✅"
    WRONG = "🔴"
    UNKNOWN = "❔"
    OFF = "➖"


Line = tuple[Mark, str, str]  # what was seen, and what to do about it

_MODES = {
    "sandbox": ("모의거래 (sandbox)", "sandbox"),
    "paper": ("모의거래 (paper)", "paper"),
    "live": ("실거래 (live)", "live"),
}
_TESTING = "bongsu outbox test"


def start_checked(seen: StartCheck, voice: Voice, now: datetime) -> tuple[str, Urgency]:
    lines = [*_lines(seen, voice.say)]
    wrong, unknown = (sum(mark is one for mark, _, _ in lines) for one in (Mark.WRONG, Mark.UNKNOWN))
    told = [text for line in lines for text in _shown(line)]
    letter = voice.letter(
        f"🩺 {voice.say('시작 점검', 'Start-up check')}: {_verdict(wrong, unknown, voice.say)}",
        *told,
        _next(seen, voice.say),
        voice.say("시각: ", "Time: ") + kst_text(now),
    )
    return letter, Urgency.WARNING if wrong else Urgency.INFO


def _verdict(wrong: int, unknown: int, say: Say) -> str:
    if wrong:
        return say(f"고칠 것 {wrong}건", f"{wrong} to repair")
    if unknown:
        return say(f"확인하지 못한 것 {unknown}건", f"{unknown} not known yet")
    return say("이상 없음", "all is well")


def _shown(line: Line) -> Iterator[str]:
    mark, text, repair = line
    yield f"{mark} {text}"
    if repair:
        yield f"→ {repair}"


def _lines(seen: StartCheck, say: Say) -> Iterator[Line]:
    yield Mark.FINE, say("모드: ", "Mode: ") + say(*_MODES.get(seen.start.mode, (seen.start.mode,) * 2)), ""
    scanned = say("스캐너가 매시간 고름", "chosen each hour by the scanner")
    yield Mark.FINE, say("종목: ", "Markets: ") + (", ".join(seen.start.markets) or scanned), ""
    yield _exchange(seen, say)
    yield Mark.FINE, say("원장: 연결됨, 스키마 ", "Ledger: connected, schema ") + seen.ledger.schema, ""
    yield _account(seen, say)
    yield _stops(seen, say)
    yield _telegram(seen, say)
    yield from _second(seen.second, say)
    yield _watching(seen, say)
    yield _rules(seen, say)


def _exchange(seen: StartCheck, say: Say) -> Line:
    name, offset = say("거래소: ", "Exchange: "), seen.signs.clock_offset
    if seen.signs.maintenance:
        return (
            Mark.UNKNOWN,
            name + say("점검 중, 열리면 이어서 합니다", "closed for maintenance; goes on once it opens"),
            "",
        )
    if offset is None:
        repair = say("인터넷 연결을 확인하고 bongsu doctor", "check the network, then bongsu doctor")
        return Mark.WRONG, name + say("응답 없음", "no answer"), repair
    apart = say(f"시계 차이 {offset:+.1f}초", f"its clock is {offset:+.1f} s off ours")
    if abs(offset) > MAX_CLOCK_SKEW:
        limit = say(f" (기준 {MAX_CLOCK_SKEW:g}초)", f" (limit {MAX_CLOCK_SKEW:g} s)")
        repair = say(
            "컴퓨터 시각 맞추기: timedatectl set-ntp true",
            "set this machine's clock: timedatectl set-ntp true",
        )
        return Mark.WRONG, name + apart + limit, repair
    return Mark.FINE, name + say("응답함, ", "answers, ") + apart, ""


def _account(seen: StartCheck, say: Say) -> Line:
    name, ledger = say("계좌 대조: ", "Account: "), seen.ledger
    held = say(f", 보유 {ledger.positions}종목", f", {ledger.positions} held")
    if ledger.open_intents:
        waiting = say(
            f"결과를 확인 중인 주문 {ledger.open_intents}건",
            f"orders still being settled: {ledger.open_intents}",
        )
        return Mark.UNKNOWN, name + waiting + held, ""
    if ledger.reconciled != "success":
        return _not_run(name, ledger.reconciled, say)
    if ledger.mismatches:
        differs = say(f"원장과 다름 {ledger.mismatches}건", f"differs from the ledger: {ledger.mismatches}")
        return Mark.WRONG, name + differs + held, "docs/runbooks/LedgerMismatch.md"
    return Mark.FINE, name + say("일치, 남은 주문 없음", "agrees, no open order") + held, ""


def _stops(seen: StartCheck, say: Say) -> Line:
    name = say("손절·익절 점검: ", "Stop check: ")
    if seen.ledger.stops_checked != "success":
        return _not_run(name, seen.ledger.stops_checked, say)
    return Mark.FINE, name + say("마침", "done"), ""


def _not_run(name: str, outcome: str | None, say: Say) -> Line:
    if outcome == "failure":
        return Mark.WRONG, name + say("실패", "failed"), "bongsu logs scheduler"
    return Mark.UNKNOWN, name + say("확인하지 못함", "not known"), ""


def _telegram(seen: StartCheck, say: Say) -> Line:
    name = say("로컬 수신함: ", "Local inbox: ") if seen.start.inbox else say("텔레그램: ", "Telegram: ")
    if seen.ledger.delivered:
        return Mark.FINE, name + say("전달됨", "delivers"), ""
    if seen.ledger.undelivered:
        repair = "bongsu doctor" if seen.start.inbox else "bongsu telegram setup · bongsu restart scheduler"
        return Mark.WRONG, name + say("전달 실패: ", "not delivered: ") + seen.ledger.undelivered, repair
    return Mark.UNKNOWN, name + say("확인하지 못함", "not known"), ""


def _second(ways: tuple[SecondWay, ...], say: Say) -> Iterator[Line]:
    name = say("둘째 경로: ", "Second channel: ")
    if not ways:
        yield Mark.OFF, name + say("꺼짐 (SMTP_HOST, WEBHOOK_URL)", "off (SMTP_HOST, WEBHOOK_URL)"), ""
    for way in ways:
        there = name + say(*CHANNEL_NAMES[way.channel])
        if way.works:
            yield Mark.FINE, there + say(", 로그인됨", ", logged in"), ""
        elif way.works is None:
            yield Mark.UNKNOWN, there + say(f", 확인하지 못함 ({_TESTING})", f", not known ({_TESTING})"), ""
        else:
            yield Mark.WRONG, f"{there}: {way.error}", f"{_TESTING} · bongsu doctor"


def _watching(seen: StartCheck, say: Say) -> Line:
    """Alarms that do not come yet ring by themselves when they stay away: MonitoringBlind."""
    answers = (
        (seen.alarms is not None, "Prometheus"),
        (seen.alarms is not None and seen.alarms.alertmanagers > 0, "Alertmanager"),
        (seen.ledger.watchdog, say("정기 신호(Watchdog)", "Watchdog")),
        (seen.ledger.backend, say("백엔드", "backend")),
    )
    name = say("모니터링: ", "Monitoring: ")
    there = ", ".join(part for answered, part in answers if answered)
    missing = ", ".join(part for answered, part in answers if not answered)
    if not missing:
        return Mark.FINE, name + there + say(" 확인됨", ": all seen"), ""
    return (
        Mark.UNKNOWN,
        name + say("아직 확인하지 못함: ", "not seen yet: ") + missing,
        say("잠시 뒤 bongsu doctor", "bongsu doctor in a while"),
    )


def _rules(seen: StartCheck, say: Say) -> Line:
    name = say("알람 규칙: ", "Alarm rules: ")
    if seen.alarms is None:
        return Mark.UNKNOWN, name + say("확인하지 못함", "not known"), ""
    loaded = say(f"{seen.alarms.rules}개", f"{seen.alarms.rules} loaded")
    if seen.start.rules is not None and seen.start.rules != seen.alarms.rules:
        of_all = say(f" (파일에는 {seen.start.rules}개)", f" ({seen.start.rules} in the file)")
        return Mark.WRONG, name + loaded + of_all, "bongsu restart prometheus · bongsu doctor"
    return Mark.FINE, name + loaded, ""


def _next(seen: StartCheck, say: Say) -> str:
    at = kst_text(seen.next_decision)[11:16]
    by = say(" (시장 시각)", " (market time)") if seen.market_time else ""
    return say("다음 판단: ", "Next decision: ") + f"{at} KST{by}"
