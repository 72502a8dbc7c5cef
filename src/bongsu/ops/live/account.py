"""Whether key, account, clock and the way to the owner are fit for real money. Nothing here can cost anything.

What cannot be proven is the owner's to acknowledge: a key with the right to withdraw, but not to view withdrawals,
looks like one without either, and Upbit tells nobody a key's list of addresses.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bongsu.adapters.clock import WallClock
from bongsu.adapters.telegram.client import TelegramMessenger
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.adapters.upbit.refusals import ADDRESS_REFUSED
from bongsu.core.clock import MAX_CLOCK_SKEW
from bongsu.core.figures import kst_text
from bongsu.core.market import MarketState
from bongsu.errors import ExchangeError, NotAuthorized, NotDelivered, OrderRejected
from bongsu.ops.language import say
from bongsu.ops.live.consent import read_consent
from bongsu.ops.patient import Finding
from bongsu.settings import PLACEHOLDERS, Settings, Wiring

SOON = timedelta(days=14)
_API_PAGE = "https://upbit.com/mypage/open_api_management"


async def examine_account(
    settings: Settings, state: Path, silent_until: datetime | None = None
) -> list[Finding]:
    """All of it, whatever is found first, but for what only a message that arrives can prove."""
    findings = _settings(settings)
    if _has_keys(settings):
        findings += [finding async for finding in _at_upbit(settings, silent_until)]
    findings.append(_telegram(settings))
    findings.append(_consent(settings, state))
    return findings


def open_exchange(settings: Settings) -> UpbitExchange:
    """For questions that no alarm should count."""
    assert settings.upbit_access_key is not None  # `_settings` says so otherwise
    assert settings.upbit_secret_key is not None
    keys = settings.upbit_access_key.get_secret_value(), settings.upbit_secret_key.get_secret_value()
    return UpbitExchange(settings.upbit_api_url, *keys, market_clock=lambda: WallClock().state)


# -- what the settings say ----------------------------------------------------------------------------------------


def _has_keys(settings: Settings) -> bool:
    return not _missing_keys(settings)


def _missing_keys(settings: Settings) -> list[str]:
    keys = {"UPBIT_ACCESS_KEY": settings.upbit_access_key, "UPBIT_SECRET_KEY": settings.upbit_secret_key}
    texts = {name: key.get_secret_value() if key else "" for name, key in keys.items()}
    return [name for name, text in texts.items() if not text or text.lower().startswith(PLACEHOLDERS)]


def _settings(settings: Settings) -> list[Finding]:
    faults = []
    for name in _missing_keys(settings):
        empty = say(f"{name} 이(가) 비어 있습니다", f"{name} is empty")
        repair = say(f"{_API_PAGE} 에서 만든 키를 .env에 적으세요", f"Put the key of {_API_PAGE} into .env")
        faults.append(Finding("live_settings", "fail", empty, repair))
    if not settings.upbit_ip_allowlist_set:
        detail = say("허용 IP를 등록했다는 확인이 없습니다", "the address allow-list is not acknowledged")
        repair = say(
            f"{_API_PAGE} 에 이 컴퓨터의 공인 IP를 등록하고 .env에 UPBIT_IP_ALLOWLIST_SET=true",
            f"Put this machine's public address on the list at {_API_PAGE}; UPBIT_IP_ALLOWLIST_SET=true in .env",
        )
        faults.append(Finding("live_settings", "fail", detail, repair))
    if not settings.upbit_no_withdraw_right:
        detail = say(
            "키에 출금하기 권한이 없다는 확인이 없습니다", "that the key cannot withdraw is not acknowledged"
        )
        repair = say(
            f"{_API_PAGE} 에서 권한을 보고 .env에 UPBIT_NO_WITHDRAW_RIGHT=true",
            f"Look at its rights at {_API_PAGE}; UPBIT_NO_WITHDRAW_RIGHT=true in .env",
        )
        faults.append(Finding("live_settings", "fail", detail, repair))
    return faults


def _consent(settings: Settings, state: Path) -> Finding:
    consent = read_consent(state, settings)
    if consent is None:
        return Finding(
            "live_consent",
            "fail",
            say("실거래를 시작한다는 확인이 없습니다", "nobody has confirmed live trading with this key"),
            say("터미널에서 bongsu live confirm", "bongsu live confirm, in a terminal"),
        )
    since = kst_text(datetime.fromisoformat(consent.at))
    detail = say(f"{since}에 {consent.by} 이(가) 확인함", f"confirmed by {consent.by} at {since} KST")
    return Finding("live_consent", "ok", detail)


# -- what Upbit says ----------------------------------------------------------------------------------------------


async def _at_upbit(settings: Settings, silent_until: datetime | None) -> AsyncIterator[Finding]:
    async with open_exchange(settings) as exchange:
        if silent_until is not None:
            exchange.keep_silent(silent_until)
        key = await _asked("live_key", partial(_key, exchange))
        yield key
        if key.state == "ok":  # else every answer would be the same refusal
            yield await _asked("live_withdrawal", partial(_withdrawal, exchange))
            yield await _asked("live_expiry", partial(_expiry, exchange))
            yield await _asked("live_order", partial(_order, exchange, settings))
        for finding in await _markets(exchange, settings):
            yield finding
        yield _clock(exchange)


async def _asked(check: str, ask: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await ask()
    except NotAuthorized as no:
        return _refused(check, no)
    except ExchangeError as silence:
        detail = say(f"업비트에 물어볼 수 없습니다: {silence}", f"Upbit cannot be asked: {silence}")
        return Finding(check, "unknown", detail, say("잠시 뒤 다시", "again in a while"))


def _refused(check: str, no: NotAuthorized) -> Finding:
    if no.name in ADDRESS_REFUSED:
        return Finding(
            "live_address",
            "fail",
            say(
                "이 컴퓨터의 공인 IP가 키의 허용 IP에 없습니다",
                "this machine's public address is not on the key's list",
            ),
            say(f"{_API_PAGE} 의 「변경」에서 IP를 등록하세요", f"Add the address at {_API_PAGE}"),
        )
    detail = say(f"업비트가 키를 거부했습니다: {no}", f"Upbit refuses the key: {no}")
    repair = say(
        f"{_API_PAGE} 에서 자산조회, 주문조회, 주문하기 권한으로 새 키를 만들어 .env에 적으세요",
        f"Make a key with the rights to view assets, view orders and make orders at {_API_PAGE}; put it into .env",
    )
    return Finding(check, "fail", detail, repair)


async def _key(exchange: UpbitExchange) -> Finding:
    await exchange.balances()
    return Finding("live_key", "ok", say("키로 잔고를 읽었습니다", "the key reads the balances"))


async def _withdrawal(exchange: UpbitExchange) -> Finding:
    if not await exchange.sees_withdrawals():
        none = say("출금조회 권한이 없는 키입니다", "the key cannot view withdrawals")
        return Finding("live_withdrawal", "ok", none)
    return Finding(
        "live_withdrawal",
        "fail",
        say("키에 출금 권한이 있습니다 (출금조회)", "the key has withdrawal rights (to view withdrawals)"),
        say(
            f"{_API_PAGE} 에서 이 키를 지우고, 출금조회와 출금하기를 끈 새 키를 쓰세요",
            f"Delete this key at {_API_PAGE}; make one without any right about withdrawals",
        ),
    )


async def _expiry(exchange: UpbitExchange) -> Finding:
    end = await exchange.key_ends_at()
    left = end - datetime.now(UTC)
    detail = say(
        f"키가 {kst_text(end)}에 만료됩니다 ({left.days}일 남음)",
        f"the key ends at {kst_text(end)} KST ({left.days} days left)",
    )
    if left > SOON:
        return Finding("live_expiry", "ok", detail)
    repair = say(f"{_API_PAGE} 에서 새 키를 만드세요", f"Make a new key at {_API_PAGE}")
    return Finding("live_expiry", "warn", detail, repair)


async def _order(exchange: UpbitExchange, settings: Settings) -> Finding:
    market = settings.markets[0]
    least = (await exchange.rules(market)).min_bid
    try:
        await exchange.test_order(market, least)
    except OrderRejected as no:
        return Finding(
            "live_order",
            "fail",
            say(
                f"{market} {least:,.0f}원 시험 주문이 거부되었습니다: {no}",
                f"a test order of {least:,.0f} KRW for {market} is refused: {no}",
            ),
            say(
                "계좌에 주문할 수 있는 원화가 있는지, 거래가 열려 있는지 보세요",
                "See whether the account has won to order with, and the market is open",
            ),
        )
    passed = say(
        f"{market} 시험 주문을 받아들였습니다 (접수 안 됨)",
        f"a test order for {market} passed (none is placed)",
    )
    return Finding("live_order", "ok", passed)


async def _markets(exchange: UpbitExchange, settings: Settings) -> list[Finding]:
    try:
        states = await exchange.market_states(settings.markets)
    except ExchangeError:
        return []  # another check says so
    findings = []
    for market, state in states.items():
        repair = say("MARKETS 를 확인하세요", "see MARKETS")
        if state is MarketState.DELISTED:
            gone = say(f"{market}: 업비트에 없는 마켓입니다", f"{market} is not listed at Upbit")
            findings.append(Finding("live_markets", "fail", gone, repair))
        elif state is not MarketState.ACTIVE:
            findings.append(Finding("live_markets", "warn", f"{market}: {state}", repair))
    return findings or [Finding("live_markets", "ok", ", ".join(states))]


def _clock(exchange: UpbitExchange) -> Finding:
    offset = exchange.signs.clock_offset
    if offset is None:
        return Finding(
            "live_clock", "unknown", say("시계를 비교하지 못했습니다", "the clock is not compared")
        )
    detail = say(f"업비트와 시계 차이 {offset:+.1f}초", f"Upbit's clock is {offset:+.1f} s ahead")
    if abs(offset) <= MAX_CLOCK_SKEW:
        return Finding("live_clock", "ok", detail)
    repair = say(
        "시각을 맞추세요: sudo timedatectl set-ntp true", "set the clock: sudo timedatectl set-ntp true"
    )
    return Finding("live_clock", "fail", detail, repair)


# -- the way to the owner -----------------------------------------------------------------------------------------

_TELEGRAM_REPAIR = "bongsu telegram setup · bongsu telegram test"


def _telegram(settings: Settings) -> Finding:
    if settings.telegram_enabled:
        unsent = say("텔레그램이 켜져 있습니다", "Telegram is on")
        return Finding("live_telegram", "ok", unsent)
    off = say("텔레그램이 꺼져 있습니다", "Telegram is off")
    return Finding("live_telegram", "fail", off, f"TELEGRAM_ENABLED=true · {_TELEGRAM_REPAIR}")


async def deliver(settings: Settings, wiring: Wiring, text: str) -> Finding:
    """Whether a real message arrives. Telegram must be on."""
    assert settings.telegram_bot_token is not None  # the settings are validated
    assert settings.telegram_chat_id is not None
    token = settings.telegram_bot_token.get_secret_value()
    messenger = TelegramMessenger(wiring.telegram_api(settings), token, settings.telegram_chat_id)
    try:
        await messenger.send(text, "live")
    except NotDelivered as failure:
        detail = say(f"텔레그램 메시지가 가지 않습니다: {failure}", f"Telegram does not deliver: {failure}")
        return Finding("live_telegram", "fail", detail, _TELEGRAM_REPAIR)
    finally:
        await messenger.close()
    return Finding(
        "live_telegram", "ok", say("텔레그램 메시지가 갔습니다", "a Telegram message was delivered")
    )
