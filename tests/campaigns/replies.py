"""`make replies`: a hundred thousand replies as no exchange should send them, through the client.

Of each: no error but those that say what to do next, no value that does not stand in the reply, no order sent twice, no
order's fate decided by anything but its own reply. Exits with 1 otherwise, and prints how to play it again.
"""

import argparse
import asyncio
import json
import logging
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import stamina
from rich.console import Console
from rich.table import Table

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
    buy,
    client,
)
from adapters.truths import amounts, told
from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.core.market import HOUR
from bongsu.core.order import Order, Side
from bongsu.errors import ExchangeError, ExchangeUnavailable, IdentifierTaken, OrderRejected
from campaigns.garbled import garble

_UNTOLD = {Decimal(1)}  # what the client reckons with itself


@dataclass(frozen=True)
class Question:
    """`sound`: replies by path, each to be garbled in turn."""

    ask: Callable[[UpbitExchange], Awaitable[Any]]
    sound: dict[str, str]


QUESTIONS: dict[str, Question] = {
    "tickers": Question(lambda e: e.tickers([ETH]), {"/v1/ticker": f"[{TICKER}]"}),
    "order book": Question(lambda e: e.order_book(ETH), {"/v1/orderbook": f"[{BOOK}]"}),
    "candles": Question(lambda e: e.candles(ETH, HOUR, 1, NOW), {"/v1/candles/minutes/60": f"[{CANDLE}]"}),
    "balances": Question(lambda e: e.balances(), {"/v1/accounts": ACCOUNTS}),
    "rules": Question(
        lambda e: e.rules(ETH), {"/v1/orderbook/instruments": INSTRUMENTS, "/v1/orders/chance": CHANCE}
    ),
    "market states": Question(
        lambda e: e.market_states([ETH]), {"/v1/market/all": MARKETS, "/v1/orders/chance": CHANCE}
    ),
    "order by identifier": Question(lambda e: e.find_order(IDENTIFIER), {"/v1/order": FOUND}),
    "closed orders": Question(lambda e: e.closed_orders(ETH, NOW), {"/v1/orders/closed": f"[{ORDER}}}]"}),
    "order": Question(lambda e: e.place(buy(), IDENTIFIER), {"/v1/orders": PLACED}),
}


# The exchange's present: else the client lists the closed orders of every week since.
_DATED = {"date": format_datetime(NOW, usegmt=True)}


class Garbling(httpx2.AsyncBaseTransport):
    """Garbles one path's replies, always in the same way for one question; the others are sound."""

    def __init__(self, question: Question, dice: random.Random) -> None:
        self._sound = question.sound
        self._path = dice.choice(sorted(question.sound))
        self._seed = dice.randrange(2**63)
        self.requests: list[httpx2.Request] = []
        self.told = b""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        body = self._sound[request.url.path].encode()
        if request.url.path != self._path:
            self.told += b" " + body
            return httpx2.Response(200, content=body, headers=_DATED)
        response = garble(random.Random(self._seed), body)
        assert isinstance(response.stream, httpx2.ByteStream)
        content = b"".join(response.stream)
        self.status, self.garbled = response.status_code, content
        self.told += b" " + content
        response.headers.update(_DATED)
        return response


@dataclass
class Verdict:
    replies: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


async def judge(seed: int, verdict: Verdict) -> None:
    dice = random.Random(seed)
    name = dice.choice(sorted(QUESTIONS))
    question, wire = QUESTIONS[name], None
    wire = Garbling(question, dice)
    verdict.replies += 1
    try:
        result = await question.ask(client(wire))
    except ExchangeError as error:
        outcome, wrong = type(error).__name__, _wrong_error(name, error, wire)
    except Exception as crash:  # noqa: BLE001 - this is what is looked for
        outcome, wrong = "crash", f"crashed: {crash!r}"
    else:
        outcome, wrong = "answer", _wrong_answer(name, result, wire)
    verdict.outcomes[f"{name}: {outcome}"] += 1
    if wrong:
        again = f'make replies ARGS="--seed {seed} --count 1"'
        verdict.wrong.append(f"{name}: {wrong}; {wire.status} {wire.garbled[:200]!r}; again: {again}")


def _wrong_answer(name: str, result: Any, wire: Garbling) -> str:
    there = told(wire.told) | _UNTOLD
    invented = [
        one for one in amounts(result) if not one.is_finite() or not 0 <= one < 10**18 or one not in there
    ]
    if invented:
        return f"invented {invented}"
    if name == "order by identifier" and result is None and not _names(wire, "order_not_found"):
        return "an order was called unknown that nobody said to be"
    if isinstance(result, Order):
        if result.identifier != IDENTIFIER or str(IDENTIFIER).encode() not in wire.garbled.lower():
            return "another order was taken for ours"
        if result.market != ETH or (name == "order" and result.side is not Side.BUY):
            return "an order of another kind was taken for ours"
    return _wrong_sending(name, wire)


def _wrong_error(name: str, error: ExchangeError, wire: Garbling) -> str:
    if isinstance(error, OrderRejected) and not _names(wire, error.name):
        return f"an order was called refused that nobody refused: {error}"
    if isinstance(error, IdentifierTaken) and not _names(wire, "duplicate_identifier"):
        return f"an identifier was called taken: {error}"
    if name == "order" and type(error) is ExchangeUnavailable:
        return f"an order's fate was left without a word that says so: {error}"
    return _wrong_sending(name, wire)


def _wrong_sending(name: str, wire: Garbling) -> str:
    posts = [request for request in wire.requests if request.method != "GET"]
    if len(posts) != (name == "order"):
        return f"{len(posts)} orders were sent"
    return ""


def _names(wire: Garbling, name: str) -> bool:
    """Whether the reply is a refusal under that name, whatever its 4xx, read with nothing of our code."""
    named = re.search(rb'"name"\s*:\s*"' + re.escape(name.encode()) + rb'"', wire.garbled)
    return 400 <= wire.status < 500 and bool(named)


async def play(seed: int, count: int) -> Verdict:
    verdict = Verdict()
    for number in range(count):
        await judge(seed + number, verdict)
    return verdict


def told_of(verdict: Verdict) -> Table:
    table = Table(
        "reply to",
        "read as sound",
        "no answer",
        "refused",
        "other words",
        title=f"{verdict.replies} garbled replies",
    )
    for name in sorted(QUESTIONS):
        counts = {
            key.partition(": ")[2]: n for key, n in verdict.outcomes.items() if key.startswith(f"{name}: ")
        }
        silent = counts.pop("ExchangeUnavailable", 0) + counts.pop("OrderOutcomeUnknown", 0)
        read = counts.pop("answer", 0)
        refused = counts.pop("ExchangeRefused", 0) + counts.pop("OrderRejected", 0)
        others = ", ".join(f"{key} {n}" for key, n in sorted(counts.items()))
        table.add_row(name, str(read), str(silent), str(refused), others)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make replies", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first reply; each has its own")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    asked = parser.parse_args()
    logging.disable()
    stamina.instrumentation.set_on_retry_hooks([])
    began = time.monotonic()
    with stamina.set_testing(True, attempts=1):
        verdict = asyncio.run(play(asked.seed, asked.count))
    console = Console(width=120)
    console.print(told_of(verdict))
    console.print(
        "\n".join(verdict.wrong[:50]) or f"nothing invented, no crash ({time.monotonic() - began:.0f} s)",
        markup=False,
    )
    if asked.json:
        figures = {"replies": verdict.replies, "outcomes": dict(verdict.outcomes), "wrong": verdict.wrong}
        asked.json.write_text(json.dumps(figures, ensure_ascii=False, indent=1), "utf-8")
    return 1 if verdict.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
