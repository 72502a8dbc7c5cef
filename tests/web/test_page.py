"""The status page says what the bot does, or why it does nothing."""

import html
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core import facts as f
from bongsu.core.market import MarketState
from bongsu.core.order import Side
from bongsu.metrics.values import DECIDING, IDLE_REASONS
from bongsu.web.markup import Html, fill
from bongsu.web.words import _IDLE
from core.samples import ETH, NOON
from web.story import Books, alert, fund, intend, live_a_day, request

Trouble = Callable[[Books], Awaitable[None]]


async def silence(books: Books) -> None:
    async with books.database.transaction("test") as tx:
        await tx.execute("UPDATE heartbeats SET beat_at = beat_at - interval '1 minute'")


async def release(books: Books) -> None:
    await books.lease.release()


async def kill(books: Books) -> None:
    await books.ledger.set_killed(killed=True)


async def pause(books: Books) -> None:
    await books.ledger.record(f.Paused("owner", "점심", "cli"))


async def trip(books: Books) -> None:
    limit = Decimal("0.1")
    await books.ledger.record(
        f.BreakerTripped("daily", Decimal("0.1234"), limit, NOON, NOON + timedelta(hours=12))
    )


async def lose_an_order(books: Books) -> None:
    intent = await intend(books, request(ETH, Side.BUY, at=NOON + timedelta(hours=1), amount="5000"))
    await books.ledger.record(f.OrderOutcomeLost(intent, "time-out"))


async def differ(books: Books) -> None:
    await books.ledger.record(f.Reconciled(("KRW: 원장 1, 거래소 2",), NOON))


async def nothing(books: Books) -> None:
    pass


async def decide(books: Books) -> None:
    await books.ledger.start_run(f.JobName.TRADING, NOON + timedelta(hours=9))


TROUBLES: list[tuple[Trouble, str, str]] = [
    (nothing, "waiting", "다음 판단: 2024-06-03 13:01:00"),
    (decide, "deciding", "지금 판단하고 있습니다"),
    (silence, "blocked", "봇이 돌고 있지 않습니다"),
    (release, "blocked", "거래 권한(리스)을 기다리고 있습니다"),
    (kill, "blocked", "킬 스위치가 켜졌습니다"),
    (pause, "blocked", "일시 정지 중입니다(owner: 점심)"),
    (trip, "blocked", "일일 손실 한도에 걸렸습니다(손실 12.34%). 2024-06-04 00:00:00까지"),
    (lose_an_order, "blocked", "결과를 확인하지 못한 주문이 있습니다(KRW-ETH)"),
    (differ, "blocked", "원장과 거래소가 다릅니다: KRW: 원장 1, 거래소 2"),
]


@pytest.mark.parametrize(("trouble", "state", "words"), TROUBLES, ids=[t[0].__name__ for t in TROUBLES])
async def test_why_it_is_idle(
    books: Books, client: httpx2.AsyncClient, trouble: Trouble, state: str, words: str
) -> None:
    await live_a_day(books)
    await trouble(books)
    page = await client.get("/")
    assert page.status_code == 200
    assert f'class="state {state}"' in page.text
    assert words in html.unescape(page.text)
    assert (await client.get("/api/v1/status")).json()["state"] == state


async def test_an_empty_ledger_says_what_to_do(client: httpx2.AsyncClient) -> None:
    page = await client.get("/")
    assert "bongsu start scheduler" in page.text
    assert "아직 평가하지 않았습니다" in page.text


async def test_figures_are_those_of_the_ledger(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    text = re.sub(r"<[^>]+>", " ", (await client.get("/")).text)
    for figure in ("998,598원", "704,598원", "-1,403원", "4,200,000", "+4.95%", "255,000"):
        assert figure in text, figure


async def test_a_held_market_that_is_not_active_is_flagged(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    assert "KRW-ETH (" not in (await client.get("/")).text
    await books.ledger.record(f.MarketStatesSeen({ETH: MarketState.SUSPENDED}))
    assert "KRW-ETH (거래 중단, 마지막 가격)" in (await client.get("/")).text
    assert "KRW-ETH (suspended, last price)" in (await client.get("/?lang=en")).text
    (held,) = (await client.get("/api/v1/portfolio")).json()["positions"]
    assert (held["market"], held["market_state"]) == (ETH, "suspended")


async def test_both_languages(books: Books, client: httpx2.AsyncClient) -> None:
    await live_a_day(books)
    await books.ledger.record(alert())
    korean, english = (await client.get("/?lang=ko")).text, (await client.get("/?lang=en")).text
    assert "동작 중이지만 알람이 울리고 있습니다" in korean
    assert "Running, and an alarm is firing" in english
    assert "Last trades" in english
    assert "최근 거래" not in english
    assert (await client.get("/?lang=fr")).status_code == 422


async def test_links_follow_the_port_offset_and_nothing_foreign_is_loaded(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/")).text
    assert 'href="http://127.0.0.1:9190/classic/targets"' in page
    assert 'href="http://127.0.0.1:9193/"' in page
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page):
        assert (await client.get(asset)).status_code == 200, asset
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="http', page)


async def test_what_others_wrote_is_text(books: Books, client: httpx2.AsyncClient) -> None:
    await fund(books)
    evil = "<script>alert(1)</script>{0}"
    await books.ledger.record(f.Paused("owner", evil, "cli"))
    await books.ledger.record(f.ErrorOccurred(f.ErrorType.DATA, evil, evil, {}))
    page = (await client.get("/")).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


async def test_the_browser_is_kept_in_bounds(client: httpx2.AsyncClient) -> None:
    for path in ("/", "/docs", "/health", "/static/status.js", "/nowhere"):
        headers = (await client.get(path)).headers
        assert "script-src 'self'" in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff"


def test_there_are_words_for_registered_reasons_only() -> None:
    assert set(_IDLE) == set(IDLE_REASONS) - {DECIDING}


@given(st.text())
def test_markup_escapes_by_construction(text: str) -> None:
    filled = fill("<p>{text}</p>", text=text)
    inner = filled.removeprefix("<p>").removesuffix("</p>")
    assert html.unescape(inner) == html.unescape(html.escape(text))
    assert not set("<>\"'") & set(inner)
    assert fill("{x}", x=Html("<b>")) == "<b>"
