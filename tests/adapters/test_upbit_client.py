"""What the client sends, what it makes of every kind of answer, and what it never does."""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2
import pytest
import time_machine

from adapters.scripted import (
    ACCOUNTS,
    BOOK,
    CANDLE,
    CHANCE,
    ETH,
    FOUND,
    IDENTIFIER,
    INSTRUMENTS,
    MARKETS,
    NOW,
    ORDER,
    PLACED,
    TICKER,
    TRADE,
    Script,
    Watch,
    answer,
    buy,
    client,
    refusal,
    sell,
)
from bongsu.adapters.upbit import connection
from bongsu.core.market import HOUR
from bongsu.core.order import OrderState, Side
from bongsu.errors import (
    Banned,
    ExchangeRefused,
    ExchangeUnavailable,
    IdentifierTaken,
    NotAuthorized,
    OrderOutcomeUnknown,
    OrderRejected,
    RateLimited,
)

HTML = answer("<html>Bad gateway</html>")
NO_ANSWERS = {
    "html": (HTML, "malformed"),
    "empty": (answer(""), "malformed"),
    "not utf-8": (answer(b'{"uuid":"\xff"}'), "malformed"),
    "cut off": (answer(FOUND[:-20]), "malformed"),
    "null": (answer("null"), "malformed"),
    "an error with status 200": (answer('{"error":{"name":"x","message":""}}'), "malformed"),
    "redirect": (answer("", 302, location="http://elsewhere.test"), "malformed"),
    "no content": (answer("", 204), "malformed"),
    "accepted, but not yet done": (answer(FOUND, 202), "malformed"),
    "html 400": (answer("<html>", 400), "malformed"),
    "html 403": (answer("<html>", 403), "malformed"),
    "bad gzip": (
        lambda _: httpx2.Response(
            200, headers={"Content-Encoding": "gzip"}, stream=httpx2.ByteStream(b"nonsense")
        ),
        "malformed",
    ),
    "500": (refusal("server_error", 500), "server_error"),
    "503": (refusal("maintenance", 503), "server_error"),
    "a 5xx that names a refusal": (refusal("insufficient_funds_bid", 500), "server_error"),
    "connection refused": (httpx2.ConnectError("no"), "timeout"),
    "reply lost": (httpx2.RemoteProtocolError("closed"), "timeout"),
    "read time-out": (httpx2.ReadTimeout("late"), "timeout"),
}
BAN = answer(
    '{"error":{"name":"banned","message":"요청이 차단되었습니다. 1분 30초 후 다시 시도하세요."}}', 418
)


def claims(request: httpx2.Request) -> dict[str, Any]:
    """Checked as the exchange checks it, with nothing of our code."""
    head, payload, signature = request.headers["Authorization"].removeprefix("Bearer ").split(".")
    unpad = lambda part: base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))  # noqa: E731
    assert json.loads(unpad(head)) == {"alg": "HS512", "typ": "JWT"}
    assert unpad(signature) == hmac.digest(b"the-secret-key", f"{head}.{payload}".encode(), "sha512")
    return dict(json.loads(unpad(payload)))


async def test_a_buy_goes_out_as_strings_once_and_signed() -> None:
    script = Script(answer(PLACED, 201))
    order = await client(script).place(buy("50025"), IDENTIFIER)

    [sent] = script.requests
    body = json.loads(sent.content)
    assert body == {
        "market": "KRW-ETH", "side": "bid", "ord_type": "price", "price": "50025", "identifier": str(IDENTIFIER),
    }  # fmt: skip
    query = "&".join(f"{key}={value}" for key, value in body.items())
    assert claims(sent)["query_hash"] == hashlib.sha512(query.encode()).hexdigest()
    assert claims(sent)["query_hash_alg"] == "SHA512"
    assert sent.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Origin" not in sent.headers
    assert (order.side, order.state, order.executed_volume) == (Side.BUY, OrderState.WAIT, 0)


async def test_a_sell_names_its_volume_without_an_exponent() -> None:
    script = Script(
        answer(PLACED.replace('"bid"', '"ask"').replace('"volume":null', '"volume":"0.0000001"'), 201)
    )
    await client(script).place(sell("1E-7"), IDENTIFIER)
    body = json.loads(script.requests[0].content)
    assert (body["ord_type"], body["volume"], body["side"]) == ("market", "0.0000001", "ask")
    assert "price" not in body


async def test_the_hash_covers_the_query_as_sent_but_not_encoded() -> None:
    script = Script(answer("[]"))
    await client(script).closed_orders(ETH, datetime.now(UTC))
    [sent] = script.requests
    assert b"%2B09%3A00" in sent.url.query
    assert b"+" not in sent.url.query
    assert claims(sent)["query_hash"] == hashlib.sha512(unquote(sent.url.query).encode()).hexdigest()


async def test_quotations_are_not_signed() -> None:
    script = Script(answer(f"[{TICKER}]"))
    await client(script).tickers([ETH])
    assert "Authorization" not in script.requests[0].headers


async def test_each_attempt_has_a_nonce_of_its_own() -> None:
    script = Script(HTML, HTML, answer(ACCOUNTS))
    await client(script).balances()
    nonces = [claims(request)["nonce"] for request in script.requests]
    assert len(set(nonces)) == 3
    assert "query_hash" not in claims(script.requests[0])


@pytest.mark.parametrize("case", NO_ANSWERS)
async def test_a_read_without_an_answer_is_tried_three_times(case: str) -> None:
    say, label = NO_ANSWERS[case]
    script, heard = Script(say), list[tuple[str, str]]()
    with pytest.raises(ExchangeUnavailable):
        await client(script, heard).find_order(IDENTIFIER)
    assert len(script.requests) == 3
    assert heard == [("order", label)] * 3


@pytest.mark.parametrize("case", NO_ANSWERS)
async def test_an_order_without_an_answer_is_sent_once_and_its_outcome_left_open(case: str) -> None:
    say, label = NO_ANSWERS[case]
    script, heard = Script(say), list[tuple[str, str]]()
    with pytest.raises(OrderOutcomeUnknown):
        await client(script, heard).place(buy(), IDENTIFIER)
    assert len(script.requests) == 1
    assert heard == [("place", label)]


@pytest.mark.parametrize(
    ("say", "error", "label"),
    [
        (refusal("insufficient_funds_bid"), OrderRejected, "client_error"),
        (refusal("under_min_total_ask"), OrderRejected, "client_error"),
        (refusal("market_does_not_exist", 404), OrderRejected, "client_error"),
        (refusal("duplicate_identifier"), IdentifierTaken, "client_error"),
        (refusal("jwt_verification", 401), NotAuthorized, "auth"),
        (refusal("out_of_scope", 403), NotAuthorized, "auth"),
        (refusal("out_of_scope", 400), NotAuthorized, "auth"),
        (refusal("nonce_used", 401), OrderOutcomeUnknown, "auth"),
        (refusal("a_name_of_2027"), OrderOutcomeUnknown, "client_error"),
        (refusal("a_name_of_2027", 401), OrderOutcomeUnknown, "auth"),
        (answer('{"error":{"name":400,"message":"x"}}', 400), OrderOutcomeUnknown, "client_error"),
        (refusal("too_many_requests", 429), OrderOutcomeUnknown, "rate_limited"),
        (BAN, OrderOutcomeUnknown, "banned"),
    ],
)
async def test_only_names_we_know_decide_the_fate_of_an_order(
    say: httpx2.Response, error: type[Exception], label: str
) -> None:
    script, heard = Script(say), list[tuple[str, str]]()
    with pytest.raises(error) as raised:
        await client(script, heard).place(buy(), IDENTIFIER)
    assert type(raised.value) is error
    assert (len(script.requests), heard) == (1, [("place", label)])


@pytest.mark.parametrize(
    ("of", "instead"),
    [
        (str(IDENTIFIER), "00000000-0000-0000-0000-000000000000"),
        ("KRW-ETH", "KRW-BTC"),
        ('"bid"', '"ask"'),
        (f',"identifier":"{IDENTIFIER}"', ""),
        ('"wait"', '"trade"'),
        ('"executed_volume":"0"', '"executed_volume":null'),
        ('"executed_volume":"0"', '"executed_volume":0'),
        ('"executed_volume":"0"', '"executed_volume":"NaN"'),
        ('"executed_volume":"0"', '"executed_volume":"-1"'),
        ('"executed_volume":"0"', '"executed_volume":"1e400"'),
        ('"paid_fee":"25.0125"', '"paid_fee":"٣"'),
        ("+09:00", ""),
        ("2024-06-01T21", "0001-01-01T00"),
    ],
)
async def test_a_reply_about_another_order_settles_nothing(of: str, instead: str) -> None:
    assert of in PLACED
    with pytest.raises(OrderOutcomeUnknown):
        await client(Script(answer(PLACED.replace(of, instead), 201))).place(buy(), IDENTIFIER)


async def test_the_deadline_of_an_order_is_total(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "WRITE_DEADLINE", 0.05)
    heard = list[tuple[str, str]]()
    with pytest.raises(OrderOutcomeUnknown):
        await client(Hanging(), heard).place(buy(), IDENTIFIER)
    assert heard == [("place", "timeout")]


async def test_the_deadline_of_a_read_covers_all_its_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "READ_DEADLINE", 0.05)
    heard = list[tuple[str, str]]()
    with pytest.raises(ExchangeUnavailable):
        await client(Hanging(), heard).balances()
    assert heard == [("accounts", "timeout")]


async def test_a_request_given_up_from_outside_is_counted() -> None:
    heard = list[tuple[str, str]]()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await client(Hanging(), heard).balances()
    assert heard == [("accounts", "timeout")]


class Hanging(httpx2.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_refused_read_is_not_repeated() -> None:
    script = Script(refusal("validation_error"))
    with pytest.raises(ExchangeRefused) as raised:
        await client(script).balances()
    assert (raised.value.name, len(script.requests)) == ("validation_error", 1)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_not_good_is_not_tried_again(status: int) -> None:
    script = Script(refusal("expired_access_key", status))
    with pytest.raises(NotAuthorized):
        await client(script).balances()
    assert len(script.requests) == 1


async def test_a_rate_limit_is_waited_out() -> None:
    heard = list[tuple[str, str]]()
    script = Script(refusal("too_many_requests", 429), answer(ACCOUNTS))
    await client(script, heard).balances()
    assert heard == [("accounts", "rate_limited"), ("accounts", "ok")]
    with pytest.raises(RateLimited):
        await client(Script(refusal("too_many_requests", 429))).balances()


async def test_a_ban_is_total_silence_until_it_ends() -> None:
    watch, script, heard = Watch(), Script(BAN, answer(ACCOUNTS)), list[tuple[str, str]]()
    exchange = client(script, heard, watch)
    with time_machine.travel(NOW, tick=False):
        with pytest.raises(Banned) as raised:
            await exchange.balances()
        assert raised.value.until == exchange.ban_until == NOW + timedelta(seconds=90)

        watch.seconds += 89.9
        with pytest.raises(Banned):
            await exchange.order_book(ETH)
        with pytest.raises(OrderOutcomeUnknown):
            await exchange.place(buy(), IDENTIFIER)
        assert len(script.requests) == 1
        assert heard == [("accounts", "banned")]

        watch.seconds += 0.2
        await exchange.balances()
    assert exchange.ban_until is None


async def test_a_ban_of_before_is_kept_from_the_first_request_on() -> None:
    watch, script = Watch(), Script(BAN, answer(ACCOUNTS))
    told: list[datetime] = []
    with time_machine.travel(NOW, tick=False):
        with pytest.raises(Banned):
            await client(script, on_ban=told.append).balances()
        assert told == [NOW + timedelta(seconds=90)]
    restarted = client(script, watch=watch)
    with time_machine.travel(NOW + timedelta(seconds=60), tick=False):
        restarted.keep_silent(told[0])
        restarted.keep_silent(NOW)  # a shorter one, and one that has ended, change nothing
        watch.seconds += 29.9
        with pytest.raises(Banned):
            await restarted.tickers([ETH])
        with pytest.raises(OrderOutcomeUnknown):
            await restarted.place(buy(), IDENTIFIER)
        assert len(script.requests) == 1
        watch.seconds += 0.2
        await restarted.balances()
    assert restarted.ban_until is None


async def test_a_ban_without_a_time_lasts_ten_minutes() -> None:
    watch, script = Watch(), Script(answer("<html>I'm a teapot</html>", 418), answer(ACCOUNTS))
    exchange = client(script, watch=watch)
    with pytest.raises(Banned):
        await exchange.balances()
    watch.seconds += 599
    with pytest.raises(Banned):
        await exchange.balances()
    watch.seconds += 1
    await exchange.balances()


async def test_an_order_is_found_with_its_fills() -> None:
    order = await client(Script(answer(FOUND))).find_order(IDENTIFIER)
    assert order is not None
    assert (order.final, order.state, order.volume) == (True, OrderState.CANCEL, None)
    assert (order.executed_volume, order.paid_fee) == (Decimal("0.0115"), Decimal("25.0125"))
    assert order.average_price == 4350000
    assert order.fills_complete
    assert order.created_at == datetime(2024, 6, 1, 12, tzinfo=UTC)


async def test_fills_may_be_listed_late() -> None:
    late = await client(Script(answer(f'{ORDER},"trades":[]}}'))).find_order(IDENTIFIER)
    assert late is not None
    assert not late.fills_complete


@pytest.mark.parametrize(
    "trades",
    [
        TRADE.replace('"volume":"0.0115"', '"volume":"0.0116"'),
        TRADE.replace('"volume":"0.0115"', '"volume":"0"'),
        TRADE.replace('"price":"4350000"', '"price":"0"'),
        TRADE.replace('"price":"4350000"', '"price":4350000'),
        TRADE.replace('"funds":"50025",', ""),
        TRADE.replace("KRW-ETH", "KRW-BTC"),
        f"{TRADE},{TRADE}".replace("0.0115", "0.005"),
        "null",
    ],
)
async def test_fills_are_not_invented(trades: str) -> None:
    assert trades != TRADE
    with pytest.raises(ExchangeUnavailable):
        await client(Script(answer(f'{ORDER},"trades":[{trades}]}}'))).find_order(IDENTIFIER)


async def test_only_the_exchange_may_say_that_there_is_no_such_order() -> None:
    heard = list[tuple[str, str]]()
    assert await client(Script(refusal("order_not_found", 404)), heard).find_order(IDENTIFIER) is None
    assert heard == [("order", "ok")]
    for say, error in (
        (refusal("not_found", 404), ExchangeRefused),
        (answer('{"error":{"name":404,"message":"no route"}}', 404), ExchangeRefused),
        (answer("<html>404</html>", 404), ExchangeUnavailable),
        (answer("null"), ExchangeUnavailable),
        (answer(FOUND.replace(str(IDENTIFIER), "00000000-0000-0000-0000-000000000000")), ExchangeUnavailable),
    ):
        with pytest.raises(error):
            await client(Script(say)).find_order(IDENTIFIER)


async def test_amounts_keep_every_digit() -> None:
    [candle] = await client(Script(answer(f"[{CANDLE}]"), answer("[]"))).candles(ETH, HOUR, 2, NOW)
    assert candle.value == Decimal("1234567890.1234567890123")
    assert candle.volume == Decimal("236.12345678901234")
    assert candle.low == Decimal(5225000)
    balances = await client(Script(answer(ACCOUNTS))).balances()
    assert balances["KRW"].free == Decimal("949949.98750000")
    assert balances["ETH"].total == Decimal("0.0125")


async def test_the_ticker_and_the_book() -> None:
    ticker = (await client(Script(answer(f"[{TICKER}]"))).tickers([ETH]))[ETH]
    assert (ticker.price, ticker.value_24h) == (5238000, Decimal("98765432100.123"))
    assert ticker.at == datetime(2024, 6, 1, 11, 59, 59, 912000, tzinfo=UTC)
    book = await client(Script(answer(f"[{BOOK}]"))).order_book(ETH)
    assert (book.bids[0].price, book.asks[0].price, len(book.bids)) == (5238000, 5239000, 2)


@pytest.mark.parametrize(
    ("of", "instead"),
    [
        ('"ask_price":5239000.0', '"ask_price":5241000.0'),
        ('"bid_price":5238000.0', '"bid_price":5236000.0'),
        ('"bid_price":5238000.0', '"bid_price":NaN'),
        ('"bid_price":5238000.0', '"bid_price":-5238000.0'),
        ('"bid_price":5238000.0', '"bid_price":"5238000.0"'),
        ('"bid_price":5238000.0', '"bid_price":1e400'),
        ("KRW-ETH", "KRW-BTC"),
        ("1717243199912", "17172431999120000"),
    ],
)
async def test_a_book_out_of_order_is_no_book(of: str, instead: str) -> None:
    assert of in BOOK
    with pytest.raises(ExchangeUnavailable):
        await client(Script(answer(f"[{BOOK.replace(of, instead)}]"))).order_book(ETH)


async def test_padding_of_a_thin_book_is_no_level_and_an_empty_side_is_no_book() -> None:
    thin = BOOK.replace('"ask_price":5240000.0', '"ask_price":0.0')
    assert len((await client(Script(answer(f"[{thin}]"))).order_book(ETH)).asks) == 1
    empty = BOOK.replace('"ask_size":1.5', '"ask_size":0.0')
    with pytest.raises(ExchangeUnavailable):
        await client(Script(answer(f"[{empty}]"))).order_book(ETH)


async def test_rules_are_read_once_in_ten_minutes() -> None:
    watch, script = Watch(), Script(answer(INSTRUMENTS), answer(CHANCE), answer(INSTRUMENTS), answer(CHANCE))
    exchange = client(script, watch=watch)
    rules = await exchange.rules(ETH)
    assert (rules.bid_fee, rules.ask_fee) == (Decimal("0.0005"), Decimal("0.0004"))
    assert (rules.min_bid, rules.min_ask, rules.max_total) == (5000, 5000, 1_000_000_000)
    assert (rules.tick_size, rules.online) == (1000, True)
    watch.seconds += 599
    assert await exchange.rules(ETH) is rules
    assert len(script.requests) == 2
    watch.seconds += 1
    await exchange.rules(ETH)
    assert len(script.requests) == 4


async def test_a_market_that_is_not_active_is_offline() -> None:
    script = Script(answer(INSTRUMENTS), answer(CHANCE.replace('"active"', '"delisted"')))
    assert not (await client(script).rules(ETH)).online


UNLISTED = MARKETS.replace("KRW-ETH", "KRW-XRP")
_CAUTIOUS = '"warning":false,"caution":{"PRICE_FLUCTUATIONS":true'
WARNED = MARKETS.replace(_CAUTIOUS, _CAUTIOUS.replace("false", "true"))
CLOSED = CHANCE.replace('"active"', '"offline"')


@pytest.mark.parametrize(
    ("listed", "chance", "state"),
    [
        (MARKETS, answer(CHANCE), "active"),  # a caution is no warning
        (WARNED, answer(CHANCE), "warning"),
        (MARKETS, answer(CLOSED), "suspended"),
        (WARNED, answer(CLOSED), "suspended"),
        (MARKETS, refusal("market_offline"), "suspended"),
        (UNLISTED, refusal("market_does_not_exist", 404), "delisted"),
        (UNLISTED, refusal("a_name_nobody_knows"), "delisted"),
        (UNLISTED, answer(CLOSED), "delisted"),
        (UNLISTED, answer(CHANCE), "warning"),  # it trades: a list without it is not believed, nor ignored
    ],
)
async def test_a_markets_state_is_what_the_list_and_its_own_rules_say(
    listed: str, chance: httpx2.Response, state: str
) -> None:
    script = Script(answer(listed), chance)
    assert await client(script).market_states([ETH]) == {ETH: state}
    assert script.requests[0].url.path == "/v1/market/all"
    assert script.requests[0].url.query == b"is_details=true"
    assert len(script.requests) == 2


@pytest.mark.parametrize(
    ("listed", "chance", "error"),
    [
        ("[]", answer(CHANCE), ExchangeUnavailable),
        (MARKETS.replace("KRW-BTC", "KRW-ETH"), answer(CHANCE), ExchangeUnavailable),
        (MARKETS.replace("market_event", "event"), answer(CHANCE), ExchangeUnavailable),
        (MARKETS.replace("false", '"no"'), answer(CHANCE), ExchangeUnavailable),
        (MARKETS, answer(CHANCE.replace("KRW-ETH", "KRW-BTC")), ExchangeUnavailable),
        (MARKETS, refusal("a_name_nobody_knows"), ExchangeRefused),
        (UNLISTED, refusal("expired_access_key", 401), NotAuthorized),
    ],
)
async def test_no_state_is_made_up(listed: str, chance: httpx2.Response, error: type[Exception]) -> None:
    with pytest.raises(error):
        await client(Script(answer(listed), chance)).market_states([ETH])


async def test_a_market_that_opens_again_is_open_for_exits_at_once() -> None:
    script = Script(
        answer(INSTRUMENTS), answer(CLOSED), answer(MARKETS), answer(CHANCE), answer(MARKETS), answer(CLOSED)
    )
    exchange = client(script)
    assert not (await exchange.rules(ETH)).online
    await exchange.market_states([ETH])
    assert (await exchange.rules(ETH)).online
    await exchange.market_states([ETH])
    assert not (await exchange.rules(ETH)).online


class History:
    """Answers candle pages from a list of opening hours, as Upbit does: newest first, `to` exclusive."""

    def __init__(self, opened: list[datetime]) -> None:
        self.opened = opened

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        query = dict(parse_qsl(request.url.query.decode()))
        assert request.url.path == "/v1/candles/minutes/60"
        assert int(query["count"]) <= 200
        to = datetime.fromisoformat(query["to"])
        page = [at for at in sorted(self.opened, reverse=True) if at < to][: int(query["count"])]
        return answer(f"[{','.join(map(self.candle, page))}]")

    def candle(self, at: datetime) -> str:
        return CANDLE.replace("2024-06-01T11:00:00", f"{at:%Y-%m-%dT%H:%M:%S}")


async def test_candles_are_paged_closed_oldest_first_and_silent_hours_stay_absent() -> None:
    hours = [NOW - HOUR * back for back in range(600) if back % 7 != 3]
    script = Script(History(hours))
    candles = await client(script).candles(ETH, HOUR, 450, NOW + timedelta(minutes=1))
    closed = [at for at in hours if at + HOUR <= NOW]
    assert [candle.opened_at for candle in candles] == sorted(closed[:450])
    assert len(script.requests) == 3
    assert not any(candle.synthetic for candle in candles)


async def test_a_short_history_is_given_whole() -> None:
    hours = [NOW - HOUR * back for back in range(1, 21)]
    candles = await client(Script(History(hours))).candles(ETH, HOUR, 400, NOW)
    assert [candle.opened_at for candle in candles] == sorted(hours)


async def test_a_candle_that_has_just_closed_is_there_and_an_open_one_is_not() -> None:
    script = Script(History([NOW, NOW - HOUR, NOW - 2 * HOUR]))
    [candle] = await client(script).candles(ETH, HOUR, 1, NOW)
    assert candle.closed_at == NOW
    [candle] = await client(script).candles(ETH, HOUR, 1, NOW + timedelta(minutes=59, seconds=59))
    assert candle.closed_at == NOW
    assert len(script.requests) == 2  # one for each question


@pytest.mark.parametrize(
    ("of", "instead"),
    [
        ("2024-06-01T11:00:00", "2024-06-01T11:00:01"),
        ("2024-06-01T11:00:00", "2024-06-01T12:00:00"),
        ("2024-06-01T11:00:00", "2024-06-01T11:00:00+09:00"),
        ('"unit":60', '"unit":30'),
        ("KRW-ETH", "KRW-BTC"),
        ('"low_price":5.225E6', '"low_price":5.235E6'),
        ('"high_price":5241000.0', '"high_price":0'),
        ('"trade_price":5238000.0', '"trade_price":null'),
        ('"trade_price":5238000.0,', ""),
        ('"trade_price":5238000.0', '"trade_price":true'),
    ],
)
async def test_a_candle_that_cannot_be_is_no_answer(of: str, instead: str) -> None:
    assert of in CANDLE
    with pytest.raises(ExchangeUnavailable):
        await client(Script(answer(f"[{CANDLE.replace(of, instead)}]"))).candles(ETH, HOUR, 1, NOW)


async def test_candles_in_the_wrong_order_or_twice_are_no_answer() -> None:
    older = CANDLE.replace("2024-06-01T11", "2024-06-01T10")
    for page in (f"[{older},{CANDLE}]", f"[{CANDLE},{CANDLE}]"):
        with pytest.raises(ExchangeUnavailable):
            await client(Script(answer(page))).candles(ETH, HOUR, 3, NOW)


async def test_an_interval_that_upbit_does_not_know() -> None:
    with pytest.raises(ValueError, match="no candles of"):
        await client(Script(answer("[]"))).candles(ETH, timedelta(minutes=7), 1, NOW)


def window(request: httpx2.Request) -> tuple[datetime, datetime]:
    query = dict(parse_qsl(request.url.query.decode()))
    return datetime.fromisoformat(query["start_time"]), datetime.fromisoformat(query["end_time"])


async def test_closed_orders_are_read_week_by_week_up_to_the_market_time() -> None:
    script = Script(answer("[]", X_Market_Time=NOW.isoformat()))
    since = NOW - timedelta(days=20, microseconds=5)
    assert await client(script).closed_orders(ETH, since) == []
    windows = [window(request) for request in script.requests]
    assert all(end - start == timedelta(days=7) for start, end in windows)
    assert windows[0][0] == since.replace(microsecond=0)
    assert windows[-1][0] <= NOW <= windows[-1][1]
    assert all(first[1] == then[0] for first, then in pairwise(windows))


async def test_a_closed_order_of_the_same_second_is_not_missed() -> None:
    listed = ORDER + "}"
    since = datetime(2024, 6, 1, 12, 0, 0, 700000, tzinfo=UTC)
    script = Script(answer(f"[{listed}]", X_Market_Time=since.isoformat()))
    [order] = await client(script).closed_orders(ETH, since)
    assert (order.identifier, order.fills) == (IDENTIFIER, ())


async def test_a_full_list_of_closed_orders_is_never_taken_for_a_whole_one() -> None:
    start = NOW - timedelta(days=6)
    placed = [start + timedelta(minutes=5) * number for number in range(1500)]

    def listing(request: httpx2.Request) -> httpx2.Response:
        first, last = window(request)
        rows = [
            (ORDER + "}")
            .replace("cdd92199-2897-4e14-9448-f923320408ad", f"00000000-0000-0000-0000-{number:012}")
            .replace("2024-06-01T21:00:00+09:00", at.isoformat())
            for number, at in reversed(list(enumerate(placed)))
            if first <= at <= last
        ]
        return answer(f"[{','.join(rows[:1000])}]", X_Market_Time=NOW.isoformat())

    orders = await client(Script(listing)).closed_orders(ETH, start)
    assert [order.created_at for order in orders] == sorted(placed, reverse=True)


async def test_the_offset_of_the_clock_is_that_of_a_real_market_only() -> None:
    date = "Sat, 01 Jun 2024 12:00:10 GMT"
    with time_machine.travel(NOW, tick=False):
        exchange = client(Script(answer(ACCOUNTS, Date=date)))
        assert exchange.signs.clock_offset is None
        await exchange.balances()
        assert exchange.signs.clock_offset == pytest.approx(10.5, abs=0.1)
        sandbox = client(Script(answer(ACCOUNTS, Date=date, X_Market_Time=NOW.isoformat())))
        await sandbox.balances()
        assert sandbox.signs.clock_offset is None
        garbled = client(Script(answer(ACCOUNTS, Date="yesterday", X_Market_Time="soon")))
        await garbled.balances()
        assert garbled.signs.clock_offset is None


async def test_what_is_left_of_the_limit_is_remembered() -> None:
    exchange = client(Script(answer(ACCOUNTS, Remaining_Req="group=default; min=1800; sec=29")))
    await exchange.balances()
    assert exchange.requests_left == {"default": 29}


async def test_the_keys_are_in_no_text_about_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    exchange = client(Script(httpx2.ConnectError("no")))
    with pytest.raises(ExchangeUnavailable) as raised:
        await exchange.balances()
    told = [
        repr(exchange),
        repr(exchange._connection),
        repr(exchange._connection._credentials),
        repr(raised.value),
    ]
    assert not any("the-secret-key" in text or "the-access-key" in text for text in [*told, caplog.text])
