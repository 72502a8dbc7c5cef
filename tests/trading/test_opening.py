"""Who is asked, and when, to know whether the exchange is closed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import pytest

from adapters.scripted import BOOK, ETH, TICKER, Script, answer, client, refusal
from bongsu.core.clock import ExchangeSigns
from bongsu.core.facts import JobFailed, JobName, JobSkipped, JobSucceeded, SkipReason
from bongsu.core.market import HOUR
from bongsu.errors import ExchangeRefused, ExchangeUnavailable
from bongsu.ledger.reading import Reading
from bongsu.trading.jobs import Job, JobEnd, Runner
from bongsu.trading.opening import Opening
from core.samples import NOON
from web.story import Books, open_books

CLOSED, BROKEN = refusal("maintenance", 503), refusal("server_error", 500)
QUOTES = {"ticker": TICKER, "orderbook": BOOK}


class Exchange(Script):
    """Quotes that are there, but for the paths that are not served."""

    def __init__(self, **unserved: httpx2.Response) -> None:
        self.unserved = unserved
        super().__init__(self._serve)

    def _serve(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.split("/")[2]
        return self.unserved.get(path) or answer(f"[{QUOTES[path]}]")

    def asked(self) -> list[str]:
        paths, self.requests = [request.url.path.split("/")[2] for request in self.requests], []
        return paths


@pytest.mark.parametrize(
    ("unserved", "closed", "asked"),
    [
        ({"ticker": CLOSED, "orderbook": CLOSED}, True, ["orderbook"] * 3),
        ({"ticker": CLOSED}, False, ["orderbook"]),  # one endpoint is not everything
        ({"ticker": BROKEN, "orderbook": BROKEN}, False, []),  # broken is not closed: nothing is in doubt
    ],
)
async def test_a_silence_is_asked_about_at_another_endpoint(
    unserved: dict[str, httpx2.Response], closed: bool, asked: list[str]
) -> None:
    exchange = Exchange(**unserved)
    upbit = client(exchange)
    opening = Opening(lambda: upbit.signs, lambda: upbit.probe(ETH))
    with pytest.raises(ExchangeUnavailable):
        await upbit.tickers([ETH])
    exchange.asked()
    assert not opening.closed
    assert await opening.explains(ExchangeUnavailable("no answer")) is closed
    assert opening.closed is closed
    assert exchange.asked() == asked


async def test_it_opens_with_the_second_good_answer_and_is_left_alone_from_then_on() -> None:
    exchange = Exchange(ticker=CLOSED, orderbook=CLOSED)
    upbit = client(exchange)
    opening = Opening(lambda: upbit.signs, lambda: upbit.probe(ETH))
    with pytest.raises(ExchangeUnavailable):
        await upbit.tickers([ETH])
    assert await opening.explains(ExchangeUnavailable("no answer"))
    exchange.unserved = {}
    exchange.asked()
    await upbit.probe(ETH)
    assert opening.closed, "one good answer may be luck"
    await upbit.probe(ETH)
    assert not opening.closed
    assert len(exchange.asked()) == 2
    await upbit.probe(ETH)
    assert exchange.asked() == []


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    async with open_books(database_url) as opened:
        await opened.ledger.register_job(JobName.TRADING, 3600, 480)
        yield opened


@dataclass
class Door:
    """`found`: what an exchange that was silent turns out to be when it is asked again."""

    closed: bool
    found: bool

    async def ask(self) -> None:
        self.closed = self.found

    def opening(self) -> Opening:
        return Opening(lambda: ExchangeSigns(None, maintenance=self.closed), self.ask)


async def run(
    books: Books,
    *,
    closed: bool = False,
    found: bool = False,
    error: Exception | None = None,
    asks: bool = True,
) -> JobEnd:
    async def work() -> None:
        if error is not None:
            raise error

    job = Job(JobName.TRADING, HOUR, timedelta(0), HOUR, 480.0, work, asks)
    return await Runner(books.ledger, Door(closed, found).opening()).run(job, NOON)


def is_pause(end: JobEnd) -> bool:
    return isinstance(end, JobSkipped) and end.reason is SkipReason.MAINTENANCE


async def test_a_silence_is_a_failure_unless_the_exchange_is_closed(books: Books) -> None:
    silence = ExchangeUnavailable("accounts: HTTP 503")
    assert is_pause(await run(books, error=silence, found=True))
    assert is_pause(await run(books, error=silence, closed=True, found=True))
    assert isinstance(await run(books, error=silence), JobFailed)


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("1/0"), TimeoutError(), ExchangeRefused("no_such", "no")]
)
async def test_no_other_error_is_explained_by_it(books: Books, error: Exception) -> None:
    assert isinstance(await run(books, error=error, found=True), JobFailed)


async def test_a_paused_run_takes_place_later_and_once(books: Books) -> None:
    for _ in range(2):
        assert is_pause(await run(books, closed=True))
        assert await books.ledger.last_scheduled(JobName.TRADING) is None
    assert isinstance(await run(books), JobSucceeded)
    assert await books.ledger.last_scheduled(JobName.TRADING) == NOON
    second = await run(books, closed=True)
    assert isinstance(second, JobSkipped)
    assert second.reason is SkipReason.DUPLICATE
    async with Reading(books.database).look() as view:
        anything = dict.fromkeys(("job", "outcome", "since", "until", "cursor_id"))
        (row,) = await view.all("job_runs", **anything, limit=9)
    assert row["outcome"] == "success"


async def test_what_asks_no_exchange_does_not_wait_for_it(books: Books) -> None:
    assert isinstance(await run(books, closed=True, asks=False), JobSucceeded)
