"""When no alarm can arrive, money is not put at risk; in the sandbox there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from bongsu.core.clock import ExchangeSigns
from bongsu.core.order import Intent, Side
from bongsu.core.risk import Veto, VetoReason
from bongsu.core.sight import Sight
from bongsu.ledger.watchdog import WatchdogLog
from bongsu.trading.blindness import MonitoringWatch, blindness_of
from core.samples import ETH, NOON
from web.story import ACCOUNT, Books, execute, fund, open_books, request, value

MINUTES = 300.0
NOW = datetime.now(UTC)
OPEN = ExchangeSigns(0.4, maintenance=False)


@pytest.fixture
async def books(database_url):
    async with open_books(database_url) as opened:
        yield opened


async def note(books: Books, seconds_ago: float) -> None:
    await WatchdogLog(books.database).note(datetime.now(UTC) - timedelta(seconds=seconds_ago))


async def started(books: Books, process: str, seconds_ago: float) -> None:
    await books.ledger.heartbeat(process, f"{process}@test:1")
    async with books.database.transaction("record") as tx:
        move = "UPDATE heartbeats SET started_at = started_at - make_interval(secs => %s) WHERE process = %s"
        await tx.execute(move, (seconds_ago, process))


async def asked(books: Books, mode: str, signs: ExchangeSigns = OPEN) -> tuple[str, ...]:
    watch = MonitoringWatch(WatchdogLog(books.database).look, MINUTES)
    await watch.look()
    return blindness_of(mode, watch, lambda: signs, lambda: ())()


@pytest.mark.parametrize("mode", ["sandbox", "paper", "live"])
async def test_no_buy_while_blind_but_in_the_sandbox_and_exits_always(books: Books, mode: str) -> None:
    await fund(books)
    await execute(books, request(ETH, Side.BUY), price="3000000", volume="0.01")
    await value(books, NOON, {ETH: "3000000"})
    await started(books, "backend", 3600)
    await note(books, 301)
    blind = await asked(books, mode)
    assert blind == (() if mode == "sandbox" else ("monitoring",))

    buy = await books.ledger.open_intent(request(ETH, Side.BUY, key="again", amount="10000"), ACCOUNT, blind)
    if mode == "sandbox":
        assert isinstance(buy, Intent)
        return
    assert isinstance(buy, Veto)
    assert buy.reason is VetoReason.BLIND
    assert "알람을 받을 수 없음" in buy.detail
    exit_ = await books.ledger.open_intent(request(ETH, Side.SELL, amount="0.01"), ACCOUNT, blind)
    assert isinstance(exit_, Intent)


@pytest.mark.parametrize("mode", ["sandbox", "paper", "live"])
@pytest.mark.parametrize(
    ("signs", "why", "told"),
    [
        (ExchangeSigns(2.1, maintenance=False), "clock_skew", "거래소와 시계가 어긋남"),
        (ExchangeSigns(-7200.0, maintenance=False), "clock_skew", "거래소와 시계가 어긋남"),
        (ExchangeSigns(None, maintenance=True), "maintenance", "거래소 점검"),
    ],
)
async def test_no_buy_on_a_wrong_clock_or_from_a_closed_exchange(
    books: Books, mode: str, signs: ExchangeSigns, why: str, told: str
) -> None:
    await fund(books)
    await execute(books, request(ETH, Side.BUY), price="3000000", volume="0.01")
    await value(books, NOON, {ETH: "3000000"})
    await note(books, 1)
    assert await asked(books, mode) == ()
    blind = await asked(books, mode, signs)
    assert blind == (why,)
    buy = await books.ledger.open_intent(request(ETH, Side.BUY, key="again", amount="10000"), ACCOUNT, blind)
    assert isinstance(buy, Veto)
    assert told in buy.detail
    exit_ = await books.ledger.open_intent(request(ETH, Side.SELL, amount="0.01"), ACCOUNT, blind)
    assert isinstance(exit_, Intent)


@pytest.mark.parametrize("offset", [None, -2.0, 2.0])
def test_two_seconds_are_no_skew(offset: float | None) -> None:
    assert ExchangeSigns(offset, maintenance=False).blind == ()


async def test_a_watchdog_opens_the_eyes(books: Books) -> None:
    await started(books, "backend", 3600)
    assert await asked(books, "live") == ("monitoring",)
    await note(books, 200)
    assert await asked(books, "live") == ()


async def test_a_bot_that_has_just_started_is_given_time(books: Books) -> None:
    await note(books, 8 * 3600)
    await started(books, "backend", 200)
    assert await asked(books, "live") == ()


async def test_a_backend_of_yesterday_does_not_count_against_a_scheduler_of_now(books: Books) -> None:
    await note(books, 8 * 3600)
    await started(books, "backend", 8 * 3600)
    async with books.database.transaction("record") as tx:
        await tx.execute("UPDATE heartbeats SET beat_at = beat_at - interval '8 h'")
    await started(books, "scheduler", 5)
    assert await asked(books, "live") == ()
    await started(books, "scheduler", 3600)
    assert await asked(books, "live") == ("monitoring",), "a backend that never comes blinds in the end"


@pytest.mark.parametrize(
    ("silence", "watched", "told", "blind"),
    [
        (None, 0, None, False),
        (None, 290, None, True),
        (100, 9999, None, False),
        (290, 9999, None, True),
        (290, 10, None, False),
        (290, 10, NOW, True),
        (10, 10, NOW, False),
    ],
)
def test_what_silence_means(
    silence: float | None, watched: float, told: datetime | None, blind: bool
) -> None:
    assert Sight(silence, watched, None, told, None).is_blind(MINUTES) is blind


async def test_no_answer_is_as_good_as_blind(books: Books) -> None:
    watch = MonitoringWatch(WatchdogLog(books.database).look, MINUTES)
    assert watch.blind() == ("monitoring",)
    await books.database.close()
    await watch.look()
    assert watch.blind() == ("monitoring",)
