"""Who is asked, and when, to know whether the exchange is closed."""

import httpx2
import pytest

from adapters.scripted import BOOK, ETH, TICKER, Script, answer, client, refusal
from bongsu.errors import ExchangeUnavailable
from bongsu.trading.opening import Opening

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
    assert await opening.explains_silence() is closed
    assert opening.closed is closed
    assert exchange.asked() == asked


async def test_it_opens_with_the_second_good_answer_and_is_left_alone_from_then_on() -> None:
    exchange = Exchange(ticker=CLOSED, orderbook=CLOSED)
    upbit = client(exchange)
    opening = Opening(lambda: upbit.signs, lambda: upbit.probe(ETH))
    with pytest.raises(ExchangeUnavailable):
        await upbit.tickers([ETH])
    assert await opening.explains_silence()
    exchange.unserved = {}
    exchange.asked()
    await upbit.probe(ETH)
    assert opening.closed, "one good answer may be luck"
    await upbit.probe(ETH)
    assert not opening.closed
    assert len(exchange.asked()) == 2
    await upbit.probe(ETH)
    assert exchange.asked() == []
