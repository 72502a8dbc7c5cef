"""The messages, letter for letter, and that no fact and no figure can break them."""

import string
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.core.facts import (
    AlertChanged,
    BreakerTripped,
    ErrorOccurred,
    ErrorType,
    Fact,
    FundsMoved,
    JobFailed,
    JobName,
    OrderRefused,
    OrderSettled,
    ProcessStarted,
    ProcessStopped,
    Reconciled,
    RecoveryFound,
    TradeVetoed,
)
from bongsu.core.figures import price_text, volume_text, won_text
from bongsu.core.market import Market
from bongsu.core.money import Krw, Price, Volume, tick_size
from bongsu.core.order import Fill, Intent, IntentState, Order, OrderRequest, OrderState, Side, Trigger
from bongsu.core.outgoing import Urgency
from bongsu.core.risk import Veto, VetoReason
from bongsu.ledger.messages import Message, Voice, messages

LIVE = Voice("ko", "live")
SANDBOX = Voice("ko", "sandbox")
ENGLISH = Voice("en", "sandbox")
NOW = datetime(2025, 12, 28, 5, 0, tzinfo=UTC)  # 14:00 KST
ETH = Market("KRW-ETH")


def bought(*fills: tuple[str, str], recovered: bool = False, side: Side = Side.BUY) -> OrderSettled:
    """Fills of (price, volume), each worth their product, the last at 14:30:15 KST."""
    at = datetime(2025, 12, 28, 5, 30, 15, tzinfo=UTC)
    made = tuple(
        Fill(
            UUID(int=n),
            Price(Decimal(p)),
            Volume(Decimal(v)),
            Krw(Decimal(p) * Decimal(v)),
            at - timedelta(seconds=n),
        )
        for n, (p, v) in enumerate(fills)
    )
    request = OrderRequest(
        ETH,
        side,
        Trigger.DECISION,
        "key",
        "RSI 과매도 구간 진입, MACD 골든크로스 임박",
        "HIGH",
        at,
        funds=Krw(Decimal(50000)) if side is Side.BUY else None,
        volume=Volume(Decimal(1)) if side is Side.SELL else None,
    )
    volume = Volume(sum((f.volume for f in made), Decimal(0)))
    order = Order(
        UUID(int=9), UUID(int=8), ETH, side, OrderState.CANCEL, None, volume, Krw(Decimal(25)), at, made
    )
    return OrderSettled(Intent(UUID(int=8), request, IntentState.OPEN, 0.1, False), order, recovered)


def told(fact: Fact, voice: Voice = LIVE) -> Message:
    (message,) = messages(fact, voice, NOW)
    return message


TRADE = """🤖 거래 실행
━━━━━━━━━━━━━━━━━━━━
종목: KRW-ETH
거래: 매수 (BUY)
가격: 4,350,000원
수량: 0.0115 ETH
총액: 50,000원
판단 근거: RSI 과매도 구간 진입, MACD 골든크로스 임박
━━━━━━━━━━━━━━━━━━━━
신뢰도: HIGH
시각: 2025-12-28 14:30:15"""

ERROR = """⚠️ 시스템 에러 발생
━━━━━━━━━━━━━━━━━━━━
에러 타입: APIConnectionError
메시지: Upbit API 연결 실패
컨텍스트: {"ticker": "KRW-ETH"}
시각: 2025-12-28 14:32:10"""

STARTED = """✅ 봇 시작됨
━━━━━━━━━━━━━━━━━━━━
상태: 스케줄러 시작
메시지: 스케줄러가 시작되었습니다. (주기: 1시간)
시각: 2025-12-28 14:00:00"""


def test_a_trade_is_told_letter_for_letter() -> None:
    message = told(bought(("4350000", "0.01149425")))
    assert (message.kind, message.text, message.topic) == ("trade", TRADE, None)


def test_an_error_is_told_letter_for_letter() -> None:
    fact = ErrorOccurred(
        ErrorType.EXCHANGE, "APIConnectionError", "Upbit API 연결 실패", {"ticker": "KRW-ETH"}
    )
    (message,) = messages(fact, LIVE, datetime(2025, 12, 28, 5, 32, 10, tzinfo=UTC))
    assert (message.kind, message.text) == ("error", ERROR)
    assert message.topic == "error:exchange:APIConnectionError"


def test_a_start_is_told_letter_for_letter() -> None:
    message = told(ProcessStarted("scheduler", "0.1.0"))
    assert (message.kind, message.text) == ("status", STARTED)
    assert message.log_line == "✅ Telegram 시작 알림 전송 완료"


def test_a_stop_has_the_shape_of_a_start() -> None:
    lines = told(ProcessStopped("scheduler", "signal")).text.splitlines()
    assert lines[0] == "🛑 봇 중지됨"
    assert [line.split(":")[0] for line in lines[2:]] == ["상태", "메시지", "시각"]


def test_outside_live_one_line_follows_the_text_and_none_stands_inside() -> None:
    for fact, text in (
        (bought(("4350000", "0.01149425")), TRADE),
        (ProcessStarted("scheduler", "1"), STARTED),
    ):
        assert told(fact, SANDBOX).text == text + "\n모드: 모의거래"
        assert told(fact, Voice("ko", "paper")).text == text + "\n모드: 모의거래"


def test_the_backend_starts_in_silence() -> None:
    assert messages(ProcessStarted("backend", "1"), LIVE, NOW) == ()
    assert messages(ProcessStopped("backend", "signal"), LIVE, NOW) == ()


def test_the_price_is_the_average_weighted_by_volume() -> None:
    text = told(bought(("4350000", "1"), ("4360000", "3"))).text
    assert "가격: 4,358,000원" in text  # 4,357,500 is between two ticks of 1,000
    assert "수량: 4.0000 ETH" in text
    assert "총액: 17,430,000원" in text


def test_a_sell_and_its_english_twin() -> None:
    assert "거래: 매도 (SELL)" in told(bought(("100", "1"), side=Side.SELL)).text
    english = told(bought(("4350000", "0.01149425"), side=Side.SELL), ENGLISH).text
    assert english.splitlines()[0] == "🤖 Trade executed"
    assert "Price: 4,350,000 KRW" in english
    assert english.endswith("Mode: simulated trading")


def test_a_recovered_trade_says_so_after_the_text() -> None:
    text = told(bought(("4350000", "0.01149425"), recovered=True)).text
    assert text.startswith(TRADE + "\n복구: ")


def test_an_order_without_a_fill_is_no_trade() -> None:
    message = told(bought())
    assert message.kind == "status"
    assert "미체결" in message.text


def test_an_alert_fires_and_resolves() -> None:
    fact = AlertChanged(
        "SchedulerDown",
        True,
        "critical",
        "스케줄러 중단",
        "5분 동안 응답이 없습니다.",
        "https://x/r.md",
        {},
        "f",
        NOW,
        None,
    )
    firing = told(fact)
    assert firing.kind == "alert"
    assert (firing.topic, firing.urgency) == ("alert:SchedulerDown:firing", Urgency.CRITICAL)
    assert firing.text == (
        "🔴 경보 발생\n━━━━━━━━━━━━━━━━━━━━\n경보: 스케줄러 중단 (SchedulerDown)\n심각도: 긴급 (CRITICAL)\n"
        "내용: 5분 동안 응답이 없습니다.\n발생: 2025-12-28 14:00:00\n대응 방법: https://x/r.md"
    )
    resolved = AlertChanged(
        "SchedulerDown",
        False,
        "critical",
        "스케줄러 중단",
        "",
        "",
        {},
        "f",
        NOW,
        NOW + timedelta(minutes=5, seconds=12),
    )
    assert told(resolved).text.splitlines()[0] == "✅ 경보 해제"
    assert "해제: 2025-12-28 14:05:12 (5분 12초)" in told(resolved).text
    unseen = replace(resolved, ends_at=None)
    assert told(unseen).text.splitlines()[0] == "✅ 경보 해제"
    assert (
        told(unseen)
        .text.splitlines()[-1]
        .startswith("해제: 끝난 시각은 모릅니다. 그동안 스택이 꺼져 있었거나")
    )
    assert "Resolved: its end was not observed; the stack was off meanwhile" in told(unseen, ENGLISH).text


@pytest.mark.parametrize(
    ("said", "told_as"),
    [
        ("실행 시간이 5m 30s입니다 (기준 5분).", "실행 시간이 5분 30초입니다 (기준 5분)."),
        ("position_job 작업이 10s 전에 실패했습니다.", "position_job 작업이 10초 전에 실패했습니다."),
        ("마지막 일일 리포트 후 1d 0h 35m 10s 지났습니다", "마지막 일일 리포트 후 1일 35분 10초 지났습니다"),
        ("남은 기간: -1h 0m 0s (기준 14일).", "남은 기간: -1시간 (기준 14일)."),
        ("0s", "0초"),
        ("p95 2.5s, 3s5, x10s", "p95 2.5s, 3s5, x10s"),
    ],
)
def test_a_korean_alert_tells_durations_in_korean(said: str, told_as: str) -> None:
    fact = AlertChanged("A", True, "critical", "s", said, "", {}, "f", NOW, None)
    assert f"내용: {told_as}" in told(fact).text
    (english,) = messages(fact, ENGLISH, NOW)
    assert f"What: {said}" in english.text


@pytest.mark.parametrize("voice", [SANDBOX, ENGLISH])
def test_an_order_that_was_never_accepted_is_told_in_the_owner_s_language(voice: Voice) -> None:
    text = told(OrderRefused(bought().intent, "not_found", "no order found", NOW), voice).text
    assert "no order found" not in text
    assert ("접수되지 않은" in text) is voice.korean
    other = told(OrderRefused(bought().intent, "insufficient_funds_bid", "금액 부족", NOW), voice).text
    assert "금액 부족 (insufficient_funds_bid)" in other


@pytest.mark.parametrize(
    ("reason", "heard"),
    [
        (VetoReason.BLIND, True),
        (VetoReason.LEDGER_MISMATCH, True),
        (VetoReason.MIN_INTERVAL, False),
        (VetoReason.PAUSED, False),
    ],
)
def test_only_vetoes_that_mean_trouble_are_told(reason: VetoReason, heard: bool) -> None:
    fact = TradeVetoed(ETH, Veto(reason, "까닭", "why"), None, NOW)
    told_of = messages(fact, LIVE, NOW)
    assert bool(told_of) is heard
    assert all(m.topic == f"veto:KRW-ETH:{reason}" for m in told_of)


def test_the_breaker_names_loss_and_limit() -> None:
    fact = BreakerTripped("daily", Decimal("0.10234"), Decimal("0.10"), NOW, NOW + timedelta(hours=19))
    assert "손실: -10.23% (한도 -10.00%)" in told(fact).text


def test_nothing_left_over_and_nothing_amiss_is_not_told() -> None:
    assert messages(RecoveryFound(0, 0), LIVE, NOW) == ()
    assert messages(Reconciled((), NOW), LIVE, NOW) == ()
    assert "1건" in told(RecoveryFound(1, 0)).text


def test_a_mismatch_has_one_topic_and_says_which_side_is_which() -> None:
    message = told(Reconciled(("ETH: 1 ≠ 2",), NOW))
    assert message.topic == "mismatch"
    assert message.text.splitlines()[2:4] == ["차이 (원장 ≠ 거래소)", "• ETH: 1 ≠ 2"]


def test_funds_from_outside_are_told_with_their_sign() -> None:
    assert "변동: -5,000원" in told(FundsMoved("KRW", Decimal(-5000), "", NOW)).text
    assert "변동: -0.0015 BTC" in told(FundsMoved("BTC", Decimal("-0.00150000"), "", NOW)).text
    assert "변동: +100 BTC" in told(FundsMoved("BTC", Decimal("100.00000000"), "", NOW)).text
    assert messages(FundsMoved("KRW", Decimal(1_000_000), "initial", NOW), LIVE, NOW) == ()


def test_the_channel_s_own_errors_are_not_sent_through_it() -> None:
    assert messages(ErrorOccurred(ErrorType.TELEGRAM, "NotDelivered", "401", {}), LIVE, NOW) == ()


def test_free_text_neither_breaks_the_shape_nor_gives_secrets_away() -> None:
    token = "123456789:" + "A" * 35
    fact = JobFailed(
        1, JobName.TRADING, ErrorType.DB, "OperationalError",
        f"postgresql://u:hunter2secret@h/db\n시각: 위조 {token}", {"url": f"https://api.telegram.org/bot{token}/x"},
    )  # fmt: skip
    text = told(fact).text
    assert len(text.splitlines()) == 6
    assert "hunter2secret" not in text
    assert "A" * 35 not in text


# --- amounts


@given(st.decimals("0.00000001", "1000000000000", places=8))
def test_a_price_on_its_tick_is_shown_exactly(price: Decimal) -> None:
    tick = tick_size(Price(price))
    on_tick = Price(price // tick * tick)
    if on_tick > 0:
        assert Decimal(price_text(on_tick).replace(",", "")) == on_tick


@given(st.decimals("0.00000001", "1000000000000", places=12))
def test_a_price_is_shown_within_half_a_tick_and_without_needless_digits(price: Decimal) -> None:
    if price <= 0:
        return
    shown, tick = Decimal(price_text(Price(price)).replace(",", "")), tick_size(Price(price))
    assert abs(shown - price) <= tick / 2
    assert ("." in price_text(Price(price))) is (tick < 1)


@pytest.mark.parametrize(
    ("volume", "shown"),
    [
        ("0.01149425", "0.0115"),
        ("0.001", "0.0010"),
        ("0.0009999", "0.0009999"),
        ("0.00003333", "0.00003333"),
        ("0.00012345", "0.0001235"),
        ("12345.67891", "12,345.6789"),
        ("1E+3", "1,000.0000"),
    ],
)
def test_volumes(volume: str, shown: str) -> None:
    assert volume_text(Decimal(volume)) == shown


@given(st.decimals("-1000000000000", "1000000000000", places=8))
def test_won_is_whole_and_within_half_a_won(amount: Decimal) -> None:
    text = won_text(amount)
    assert set(text) <= set(string.digits + ",-")
    assert text != "-0"
    assert abs(Decimal(text.replace(",", "")) - amount) <= Decimal("0.5")


# --- any fact

_AT = st.datetimes(datetime(2017, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - made aware
_MONEY = st.decimals("0.00000001", "1000000000000", places=8)
_TEXT = st.text(max_size=80)

_PLAIN: dict[type, st.SearchStrategy[Any]] = {datetime: _AT, Decimal: _MONEY}


def anything(type_: Any, text: st.SearchStrategy[str] = _TEXT) -> st.SearchStrategy[Any]:
    """Values of a field's type; nested dataclasses are built field by field."""
    if type_ is str:
        return text
    if hasattr(type_, "__supertype__"):
        return st.just(ETH) if type_ is Market else anything(type_.__supertype__, text)
    if type_ is OrderRequest:
        return st.sampled_from((bought().intent.request, bought(side=Side.SELL).intent.request))
    if is_dataclass(type_):
        hints = typing.get_type_hints(type_)
        return st.builds(type_, **{f.name: anything(hints[f.name], text) for f in fields(type_)})
    origin, arguments = typing.get_origin(type_), typing.get_args(type_)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(anything(arguments[0], text), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(anything(arguments[0], text), anything(arguments[1], text), max_size=3)
    if arguments and origin is not tuple:  # a union
        return st.one_of(*(anything(a, text) for a in arguments))
    return _PLAIN[type_] if type_ in _PLAIN else st.from_type(type_)


@pytest.mark.parametrize("fact_type", typing.get_args(Fact), ids=lambda t: t.__name__)
@settings(max_examples=20, deadline=None)  # of a loaded machine nothing is asked
@given(chosen=st.data())
def test_every_fact_can_be_told(fact_type: type[Fact], chosen: st.DataObject) -> None:
    fact = chosen.draw(anything(fact_type))
    voice = Voice(
        chosen.draw(st.sampled_from(("ko", "en"))), chosen.draw(st.sampled_from(("sandbox", "live")))
    )
    for message in messages(fact, voice, NOW):
        lines = message.text.splitlines()
        assert lines[1] == "━" * 20
        assert message.text.endswith(("모의거래", "simulated trading")) is (voice.mode == "sandbox")
