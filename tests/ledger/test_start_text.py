"""The message on what a start has shown: what is fine, what is not, and what nobody knows."""

from datetime import UTC, datetime

import pytest

from bongsu.core.channels import Channel
from bongsu.core.clock import ExchangeSigns
from bongsu.core.outgoing import Urgency
from bongsu.core.start_check import AlarmServers, SecondWay, Start, StartCheck
from bongsu.ledger.start_text import start_checked
from bongsu.ledger.voice import Voice
from core.samples import ETH, ledger_seen, start_check

NOW = datetime(2025, 12, 28, 5, 0, 9, tzinfo=UTC)  # 14:00:09 KST
LIVE = Voice("ko", "live")

FINE = """🩺 시작 점검: 이상 없음
━━━━━━━━━━━━━━━━━━━━
✅ 모드: 모의거래 (sandbox)
✅ 종목: KRW-ETH, KRW-BTC
✅ 거래소: 응답함, 시계 차이 +0.1초
✅ 원장: 연결됨, 스키마 0007
✅ 계좌 대조: 일치, 남은 주문 없음, 보유 1종목
✅ 손절·익절 점검: 마침
✅ 텔레그램: 전달됨
➖ 둘째 경로: 꺼짐 (SMTP_HOST, WEBHOOK_URL)
✅ 모니터링: Prometheus, Alertmanager, 정기 신호(Watchdog), 백엔드 확인됨
✅ 알람 규칙: 62개
다음 판단: 13:01 KST
시각: 2025-12-28 14:00:09"""

UNKNOWN = """🩺 Start-up check: 7 not known yet
━━━━━━━━━━━━━━━━━━━━
✅ Mode: sandbox
✅ Markets: KRW-ETH
❔ Exchange: closed for maintenance; goes on once it opens
✅ Ledger: connected, schema 0007
❔ Account: not known
❔ Stop check: not known
❔ Local inbox: not known
❔ Second channel: webhook, not known (bongsu outbox test)
❔ Monitoring: not seen yet: Prometheus, Alertmanager, Watchdog, backend
→ bongsu doctor in a while
❔ Alarm rules: not known
Next decision: 13:01 KST (market time)
Time: 2025-12-28 14:00:09"""


def of_nothing_known() -> StartCheck:
    return start_check(
        start=Start("sandbox", (ETH,), inbox=True, rules=62),
        signs=ExchangeSigns(0.1, maintenance=True),
        ledger=ledger_seen(
            reconciled=None, stops_checked="skipped", delivered=False, watchdog=False, backend=False
        ),
        second=(SecondWay(Channel.WEBHOOK, None),),
        alarms=None,
        market_time=True,
    )


def test_a_start_without_a_fault_is_told_line_by_line() -> None:
    assert start_checked(start_check(), LIVE, NOW) == (FINE, Urgency.INFO)


def test_what_nobody_knows_is_said_to_be_unknown() -> None:
    assert start_checked(of_nothing_known(), Voice("en", "live"), NOW) == (UNKNOWN, Urgency.INFO)


FAULTS = {
    "exchange": (start_check(signs=ExchangeSigns(None, maintenance=False)), "🔴 거래소: 응답 없음", "bongsu doctor"),
    "clock": (
        start_check(signs=ExchangeSigns(-2.5, maintenance=False)),
        "🔴 거래소: 시계 차이 -2.5초 (기준 2초)",
        "timedatectl",
    ),
    "account": (
        start_check(ledger=ledger_seen(mismatches=2)),
        "🔴 계좌 대조: 원장과 다름 2건, 보유 1종목",
        "LedgerMismatch",
    ),
    "reconcile": (start_check(ledger=ledger_seen(reconciled="failure")), "🔴 계좌 대조: 실패", "logs scheduler"),
    "stops": (start_check(ledger=ledger_seen(stops_checked="failure")), "🔴 손절·익절 점검: 실패", "logs scheduler"),
    "telegram": (
        start_check(ledger=ledger_seen(delivered=False, undelivered="401: Unauthorized")),
        "🔴 텔레그램: 전달 실패: 401: Unauthorized",
        "telegram setup",
    ),
    "mail": (
        start_check(second=(SecondWay(Channel.MAIL, False, "mail: 535"),)),
        "🔴 둘째 경로: 메일: mail: 535",
        "outbox test",
    ),
    "rules": (start_check(alarms=AlarmServers(61, 1)), "🔴 알람 규칙: 61개 (파일에는 62개)", "restart prometheus"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_red_and_says_how_to_repair_it(fault: str) -> None:
    seen, red, repair = FAULTS[fault]
    text, urgency = start_checked(seen, LIVE, NOW)
    lines = text.split("\n")
    assert lines[0] == "🩺 시작 점검: 고칠 것 1건"
    assert urgency is Urgency.WARNING
    after = lines[lines.index(red) + 1]
    assert after.startswith("→ ")
    assert repair in after


def test_an_order_on_its_way_is_no_fault_and_not_known_either() -> None:
    text, urgency = start_checked(start_check(ledger=ledger_seen(open_intents=1)), LIVE, NOW)
    assert "❔ 계좌 대조: 결과를 확인 중인 주문 1건, 보유 1종목" in text
    assert urgency is Urgency.INFO


@pytest.mark.parametrize(
    "missing",
    [
        start_check(alarms=None),
        start_check(ledger=ledger_seen(watchdog=False)),
        start_check(ledger=ledger_seen(backend=False)),
        start_check(ledger=ledger_seen(stops_checked=None)),
        start_check(ledger=ledger_seen(delivered=False)),
        start_check(ledger=ledger_seen(open_intents=1)),
    ],
)
def test_there_is_something_to_wait_for_while_one_thing_is_not_known(missing: StartCheck) -> None:
    assert not missing.is_complete
    assert start_check().is_complete
