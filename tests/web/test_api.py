"""The read API: what the ledger knows, to the last digit, each row once."""

from datetime import UTC, datetime
from decimal import Decimal

import httpx2
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bongsu.core.channels import AT_ONCE, Channel, Route, When
from bongsu.core.facts import ErrorOccurred, ErrorType
from bongsu.core.market import HOUR
from bongsu.core.order import Side
from bongsu.core.risk import RiskLimits
from bongsu.core.tradingday import NINE
from bongsu.ledger.reading import Cursor, parse_cursor
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from bongsu.settings import Settings, Wiring
from bongsu.web.schemas import plain_text
from core.samples import ETH, NOON
from web.conftest import backend_of
from web.story import Books, alert, execute, fund, live_a_day, request, value

LISTS = (
    "portfolio/history",
    "trades",
    "decisions",
    "orders",
    "job-runs",
    "alerts",
    "notifications",
    "events",
)


async def fetch(client: httpx2.AsyncClient, path: str, **params: object) -> dict:
    answer = await client.get(f"/api/v1/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_trades_show_what_was_executed_to_the_last_digit(
    books: Books, client: httpx2.AsyncClient
) -> None:
    await live_a_day(books)
    newest = (await fetch(client, "trades"))["items"][0]
    assert (newest["market"], newest["side"], newest["trigger"]) == ("KRW-BTC", "sell", "stop_loss")
    assert newest["executed_funds"] == "255000"
    assert newest["paid_fee"] == "127.5"
    assert sum(Decimal(fill["funds"]) for fill in newest["fills"]) == 255_000
    assert newest["realized"] == "-15262.5"  # 255,000 − 127.5 − (270,000 + 135)
    assert newest["created_at"] == "2024-06-03T12:09:00+09:00"


async def test_portfolio_adds_up(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    portfolio = await fetch(client, "portfolio")
    held = sum(Decimal(position["value"]) for position in portfolio["positions"])
    assert Decimal(portfolio["cash"]) + held == Decimal(portfolio["equity"])
    daily = next(p for p in portfolio["profits"] if p["scope"] == "daily")
    assert Decimal(daily["profit"]) == Decimal(portfolio["equity"]) - 1_000_000


async def test_before_the_first_valuation_nothing_is_claimed(client: httpx2.AsyncClient) -> None:
    portfolio = await fetch(client, "portfolio")
    assert portfolio["equity"] is None
    assert portfolio["profits"] == []
    assert (await fetch(client, "status"))["portfolio"]["cash"] is None


async def test_pages_hold_each_row_once_and_in_order(books: Books, client: httpx2.AsyncClient) -> None:
    await fund(books)
    for number in range(7):  # equal times on purpose: the cursor must break ties
        at = NOON + HOUR * (number // 3)
        wish = request(ETH, Side.BUY, at=at, amount="6000", key=str(number))
        await execute(books, wish, price="4000000", volume="0.0015")
        await value(books, at, {ETH: "4000000"})
        await books.ledger.record(ErrorOccurred(ErrorType.DATA, f"Odd{number}", "x", {}))
    for path in ("trades", "orders", "events", "notifications"):
        whole = (await fetch(client, path, limit=500))["items"]
        assert len(whole) >= 7
        paged, cursor = [], {}
        while True:
            page = await fetch(client, path, limit=2, **cursor)
            paged += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert paged == whole, path


async def test_every_list_answers_empty_and_full(books: Books, client: httpx2.AsyncClient) -> None:
    for path in LISTS:
        page = await fetch(client, path)
        assert page["next"] is None
    await live_a_day(books)
    for path in ("portfolio/history", "trades", "decisions", "orders", "job-runs", "notifications", "events"):
        assert (await fetch(client, path))["items"], path


FILTERS = [
    ("trades", {"market": "KRW-BTC"}, 2),
    ("trades", {"side": "sell"}, 1),
    ("trades", {"since": "2024-06-03T12:05:00+09:00"}, 1),
    ("trades", {"until": "2024-06-03T12:05:00+09:00"}, 2),
    ("decisions", {"outcome": "skipped"}, 1),
    ("decisions", {"action": "buy"}, 2),
    ("orders", {"state": "filled"}, 3),
    ("orders", {"state": "unknown"}, 0),
    ("job-runs", {"outcome": "failure"}, 1),
    ("job-runs", {"job": "trading_job"}, 1),
    ("notifications", {"kind": "trade"}, 3),
    ("events", {"kind": "funds_moved"}, 1),
]


async def test_filters(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    for path, params, kept in FILTERS:
        assert len((await fetch(client, path, **params))["items"]) == kept, (path, params)


async def test_a_message_shows_its_way_through_the_second_channels(
    books: Books, client: httpx2.AsyncClient
) -> None:
    routes = (Route(Channel.MAIL, When.ALL, AT_ONCE), Route(Channel.WEBHOOK, When.LATE, HOUR))
    ledger = Ledger(
        books.database, voice=Voice("ko", "live"), day_start=NINE, limits=RiskLimits(), routes=routes
    )
    await ledger.record(alert())
    await books.ledger.record(ErrorOccurred(ErrorType.DATA, "Odd", "x", {}))
    async with books.database.transaction("test") as tx:
        given_up = "state = 'dead', attempts = 1, last_error = 'mail: 550', ended_at = now()"
        await tx.execute(f"UPDATE deliveries SET {given_up} WHERE channel = 'mail'".encode())
    error, alarm = (await fetch(client, "notifications"))["items"]
    assert error["deliveries"] == []
    mail, webhook = alarm["deliveries"]
    assert (mail["channel"], mail["state"], mail["attempts"]) == ("mail", "dead", 1)
    assert (mail["last_error"], mail["only_if_late"]) == ("mail: 550", False)
    assert (webhook["channel"], webhook["state"], webhook["only_if_late"]) == ("webhook", "pending", True)
    assert webhook["due_at"].endswith("+09:00")
    assert "대기 · 메일: 전송 실패 · 웹훅: 대기" in (await client.get("/")).text
    described = (await client.get("/openapi.json")).json()["components"]["schemas"]
    assert "spared" in described["Delivery"]["properties"]["state"]["description"]


async def test_a_decision_shows_what_the_advisor_was_shown(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    accepted = (await fetch(client, "decisions", outcome="accepted"))["items"][0]
    whole = await fetch(client, f"decisions/{accepted['id']}")
    assert whole["snapshot"]["indicators"]["rsi_14"] == 28.4
    assert whole["refusal"] == "min_interval"
    missing = await client.get("/api/v1/decisions/00000000-0000-0000-0000-000000000000")
    assert missing.status_code == 404


NONSENSE = [
    ("trades", {"limit": 0}),
    ("trades", {"limit": 501}),
    ("trades", {"market": "'; DROP TABLE orders"}),
    ("trades", {"since": "2024-06-03T12:00:00"}),  # whose noon?
    ("trades", {"cursor": "nonsense"}),
    ("trades", {"cursor": str(Cursor(None, "7"))}),  # of another list
    ("events", {"cursor": str(Cursor(None, "seven"))}),
    ("job-runs", {"job": "no_such_job"}),
    ("decisions/7", {}),
]


async def test_nonsense_is_refused_with_a_remedy(client: httpx2.AsyncClient) -> None:
    for path, params in NONSENSE:
        answer = await client.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 422, (path, params)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["remedy"]


async def test_risk_names_what_blocks(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    risk = await fetch(client, "risk")
    assert risk["trades_today"] == 3
    assert {entry["market"] for entry in risk["last_entries"]} == {"KRW-ETH", "KRW-BTC"}
    assert risk["limits"]["stop_loss"] == "0.05"
    assert not risk["killed"]


async def test_settings_never_show_a_secret(books: Books, wiring: Wiring) -> None:
    secret = "123456789:" + "a" * 35
    settings = Settings(telegram_enabled=True, telegram_bot_token=SecretStr(secret), telegram_chat_id="7")
    transport = httpx2.ASGITransport(app=backend_of(books, wiring, settings))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/api/v1/settings")
    assert secret not in answer.text
    shown = {line["name"]: line["value"] for line in answer.json()}
    assert shown["TELEGRAM_BOT_TOKEN"] == "***"
    assert shown["POSTGRES_PASSWORD"] is None
    assert shown["MARKETS"] == "KRW-ETH,KRW-BTC"


async def test_every_route_is_documented(backend: FastAPI, client: httpx2.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    for path, methods in described["paths"].items():
        for method, what in methods.items():
            assert what.get("description"), f"{method} {path} has no description"
            answer = what["responses"]
            assert any(code.startswith("2") and "content" in answer[code] for code in answer), path
    docs = await client.get("/docs")
    assert "https://" not in docs.text  # nothing is asked of other servers


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10))
def test_amounts_lose_no_digit(amount: Decimal) -> None:
    text = plain_text(amount)
    assert Decimal(text) == amount
    assert "e" not in text.lower()


@given(
    st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    st.text(min_size=1).filter(lambda text: text.isprintable()),
)
def test_a_cursor_comes_back_as_it_was(at: datetime | None, key: str) -> None:
    assert parse_cursor(str(Cursor(at, key))) == Cursor(at, key)


@given(st.text())
def test_any_other_text_is_no_cursor_or_a_plain_one(text: str) -> None:
    try:
        cursor = parse_cursor(text)
    except ValueError:
        return
    assert cursor.id
