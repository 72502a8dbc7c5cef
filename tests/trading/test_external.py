"""Trades by hand, deposits and withdrawals: adopted once they stand, nobody's profit, and told until the owner knows."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from uuid import uuid4

import httpx2
import pytest

from adapters.scripted import Script, answer, client, refusal
from bongsu.core import facts as f
from bongsu.core.facts import ControlKind
from bongsu.core.order import Side
from bongsu.core.risk import Veto, VetoReason
from bongsu.ledger.reading import Reading
from bongsu.ops import reconcile as command
from bongsu.trading import reconcile
from bongsu.trading.controls import Controls
from bongsu.trading.execution import Execution
from bongsu.trading.ports import Clock
from bongsu.trading.protect import Protection
from bongsu.trading.ranges import TrueRanges
from bongsu.trading.reconcile import Comparison, Reconciliation
from core.samples import BTC, ETH, NOON
from web.story import ACCOUNT, OFTEN, Books, execute, open_books, request, value

HOUR = timedelta(hours=1)
PROFIT = """SELECT p.equity - o.equity - (SELECT coalesce(sum(flow), 0) FROM funds_moved WHERE at > o.measured_at) AS profit
              FROM portfolio p, periods o WHERE o.scope = 'daily' ORDER BY o.started_at DESC LIMIT 1"""


class Account(Script):
    """An exchange with balances that anybody may move, and a list of closed orders."""

    def __init__(self) -> None:
        self.balances = {"KRW": Decimal(1_000_000)}
        self.orders: list[dict[str, Any]] = []
        super().__init__(self._serve)

    def _serve(self, asked: httpx2.Request) -> httpx2.Response:
        if asked.url.path == "/v1/accounts":
            return answer(
                json.dumps(
                    [{"currency": c, "balance": str(b), "locked": "0"} for c, b in self.balances.items()]
                )
            )
        if asked.url.params.get("market") == "KRW-AIR":
            return refusal("market_does_not_exist", 404)
        return answer(
            json.dumps([order for order in self.orders if order["market"] == asked.url.params["market"]])
        )

    def ordered(self, side: str, volume: str, identifier: str | None = None) -> None:
        """By somebody, an hour ago; the balances are moved by the caller."""
        order = {"uuid": str(uuid4()), "side": side, "ord_type": "limit", "price": None, "state": "done"}
        order |= {"market": ETH, "created_at": (NOON - HOUR).isoformat(), "volume": volume}
        order |= {"executed_volume": volume, "paid_fee": "0", "remaining_volume": "0", "trades_count": 1}
        order |= {"identifier": identifier, "executed_funds": "0"}
        self.orders.append(order)


class Standing:
    """A market that stands where it is put."""

    at = NOON - 3 * HOUR

    def now(self) -> datetime:
        return self.at

    @asynccontextmanager
    async def standing_still(self, _: str) -> AsyncIterator[None]:
        yield


class Desk:
    def __init__(self, books: Books) -> None:
        self.books, self.account = books, Account()
        self.market = Standing()
        exchange, clock = client(self.account), cast(Clock, self.market)
        execution = Execution(exchange, books.ledger, clock, account=ACCOUNT, patience=1.0, blind=lambda: ())
        self.reconciliation = Reconciliation(exchange, books.ledger, clock, execution)
        self.comparison = Comparison(exchange, books.ledger, clock)
        protection = Protection(
            exchange, books.ledger, clock, execution, OFTEN, TrueRanges(exchange, clock), "ko"
        )
        self.controls = Controls(books.ledger, protection, lambda _: pytest.fail("nobody asked for a cycle"))

    async def rows(self, query: str) -> list[dict[str, Any]]:
        async with self.books.database.transaction("test") as tx:
            return await (await tx.execute(query.encode())).fetchall()

    async def one(self, query: str) -> Any:
        return next(iter((await self.rows(query))[0].values()))

    async def seen_twice(self) -> None:
        await self.reconciliation.run()
        await self.reconciliation.run()

    async def veto(self, market: Any, at: datetime = NOON + HOUR) -> Veto | None:
        outcome = await self.books.ledger.open_intent(
            request(market, Side.BUY, at=at, amount="50000"), ACCOUNT, ()
        )
        return outcome if isinstance(outcome, Veto) else None


@pytest.fixture
async def desk(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    """A million won, 0.07 ETH bought for 280,000 of it and valued at that."""
    monkeypatch.setattr(reconcile, "ADOPT_AFTER", 0.0)
    async with open_books(database_url) as books:
        made = Desk(books)
        await made.reconciliation.run()
        await value(books, NOON - 2 * HOUR, {})
        await execute(books, request(ETH, Side.BUY, at=NOON - HOUR), price="4000000", volume="0.07")
        made.account.balances |= {"KRW": Decimal("719860"), "ETH": Decimal("0.07")}
        await value(books, NOON - HOUR, {ETH: "4000000"})
        made.market.at = NOON
        await made.reconciliation.run()
        assert await made.one("SELECT mismatches FROM switches") == []
        yield made


async def test_a_difference_blocks_all_buys_until_it_has_stood(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "ADOPT_AFTER", 3600.0)
    desk.account.balances["KRW"] += 1000
    await desk.seen_twice()
    assert await desk.one("SELECT mismatches FROM switches") == ["KRW: 719860 ≠ 720860"]
    veto = await desk.veto(BTC)
    assert veto is not None
    assert veto.reason is VetoReason.LEDGER_MISMATCH
    assert await desk.one("SELECT count(*) FROM adoptions") == 0


async def test_a_trade_by_hand_is_adopted_and_its_market_waits_for_the_owners_word(desk: Desk) -> None:
    profit = await desk.one(PROFIT)
    desk.account.ordered("bid", "0.02")
    desk.account.balances |= {"KRW": Decimal("639820"), "ETH": Decimal("0.09")}
    await desk.seen_twice()
    assert await desk.one("SELECT mismatches FROM switches") == []
    rows = await desk.rows("SELECT currency, market, amount, taken, found FROM adoptions ORDER BY id")
    assert [(r["currency"], r["market"], r["amount"], r["taken"]) for r in rows] == [
        ("ETH", ETH, Decimal("0.02"), 0),
        ("KRW", None, Decimal("-80040"), 0),
    ]
    assert rows[0]["found"] == ["매수 (BUY) 0.0200, 2024-06-03 11:00:00"]
    assert await desk.one("SELECT volume FROM positions") == Decimal("0.07")  # the coins are not the bot's
    await value(desk.books, NOON, {ETH: "4000000"})
    assert await desk.one(PROFIT) == profit == -140  # the bot's own fee
    veto = await desk.veto(ETH)
    assert veto is not None
    assert veto.reason is VetoReason.EXTERNAL
    assert await desk.veto(BTC) is None
    told = await desk.one(
        "SELECT string_agg(text, E'\\n' ORDER BY id) FROM notifications WHERE text LIKE '💰%'"
    )
    assert "변동: +0.02 ETH" in told
    assert "bongsu ack KRW-ETH" in told
    assert "변동: -80,040원" in told


async def test_the_bots_coins_sold_by_hand_are_no_loss_of_the_bot(desk: Desk) -> None:
    await value(desk.books, NOON - timedelta(minutes=1), {ETH: "5000000"})  # 70,000 won more than they cost
    profit = await desk.one(PROFIT)
    desk.account.balances |= {"KRW": Decimal("969735"), "ETH": Decimal("0.02")}
    await desk.seen_twice()
    await value(desk.books, NOON, {ETH: "5000000"})
    # The bot's coins went at 5,000,000; that the owner paid a fee of 125 won for it is the owner's.
    assert await desk.one(PROFIT) == profit
    row = (await desk.rows("SELECT volume, cost, realized FROM positions"))[0]
    assert (row["volume"], row["realized"]) == (Decimal("0.02"), 0)
    assert round(row["cost"], 6) == Decimal("80040.000000")  # two sevenths of 280,140
    assert await desk.one("SELECT round(equity / peak_equity, 9) FROM portfolio") == 1  # and no drawdown


async def test_after_the_owners_word_the_market_is_bought_again(desk: Desk) -> None:
    desk.account.balances["ETH"] += Decimal("0.02")
    await desk.seen_twice()
    for market in (BTC, ETH):
        await desk.books.ledger.request_control(ControlKind.ACK, {"market": market}, who="cli:me", why="")
    await desk.controls.apply_pending()
    assert await desk.veto(ETH) is None
    done = await desk.rows("SELECT state, result FROM controls ORDER BY requested_at")
    assert [row["state"] for row in done] == ["done", "done"]
    assert "nothing to acknowledge" in done[0]["result"]
    assert await desk.one("SELECT acknowledged_by FROM adoptions") == "cli:me"


async def test_an_order_of_our_own_is_never_somebody_elses(desk: Desk) -> None:
    """Our books lack an order of ours: a defect, which no adoption may hide."""
    lost = request(ETH, Side.BUY, at=NOON + HOUR, amount="50000")
    intent = await desk.books.ledger.open_intent(lost, ACCOUNT, ())
    await desk.books.ledger.record(f.OrderRefused(intent, "not_found", "nobody saw it", NOON))  # type: ignore[arg-type]
    desk.account.ordered("bid", "0.02", str(lost.identifier(ACCOUNT)))
    desk.account.balances["ETH"] += Decimal("0.02")
    await desk.seen_twice()
    assert await desk.one("SELECT jsonb_array_length(mismatches) FROM switches") == 1
    assert await desk.one("SELECT count(*) FROM adoptions") == 0
    found = await command.find(desk.comparison, desk.books.ledger, Reading(desk.books.database))
    assert "봇의 주문이 원장에 아직 없습니다" in command.tell(found, explain=True)


async def test_a_coin_without_a_market_is_adopted_all_the_same(desk: Desk) -> None:
    desk.account.balances["AIR"] = Decimal(7)
    await desk.seen_twice()
    assert await desk.one("SELECT mismatches FROM switches") == []


async def test_reconcile_explains_what_differs_and_what_waits(desk: Desk) -> None:
    source = Reading(desk.books.database)
    agrees = await command.find(desk.comparison, desk.books.ledger, source)
    assert (agrees.code, "✅" in command.tell(agrees, explain=True)) == (0, True)
    desk.account.ordered("ask", "0.02")
    desk.account.balances["ETH"] -= Decimal("0.02")
    differs = await command.find(desk.comparison, desk.books.ledger, source)
    told = command.tell(differs, explain=True)
    assert differs.code == 1
    assert "• ETH: 원장 0.07, 거래소 0.05 (-0.02)" in told
    assert "직접 한 주문: 매도 (SELL) 0.0200, 2024-06-03 11:00:00" in told
    assert json.loads(command.as_json(differs))["differences"][0]["exchange"] == "0.05"
    await desk.seen_twice()
    waits = await command.find(desk.comparison, desk.books.ledger, source)
    assert (waits.code, waits.differences) == (1, ())
    assert "bongsu ack" in command.tell(waits, explain=False)
    assert "KRW-ETH 을(를) 사지 않습니다" in command.tell(waits, explain=True)
