"""A ledger with a day behind it, told through its own facts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid5

from bongsu.core import facts as f
from bongsu.core.clock import ExchangeSigns
from bongsu.core.decision import Rejection, RejectionReason
from bongsu.core.market import HOUR, Market, MarketState
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.order import Fill, Intent, Order, OrderRequest, OrderState, Side, Trigger
from bongsu.core.risk import RiskLimits, Veto, VetoReason
from bongsu.core.tradingday import NINE
from bongsu.ledger.database import Database
from bongsu.ledger.leases import Lease
from bongsu.ledger.store import Ledger
from bongsu.ledger.voice import Voice
from core.samples import BTC, ETH, NOON, advice, decision, snapshot

MARKETS = (ETH, BTC)
ACCOUNT = "test"
NAMES = UUID("3b7d1c52-0000-4000-8000-000000000000")
FEE = Decimal("0.0005")
OFTEN = RiskLimits(min_trade_interval=timedelta(0), max_trades_per_day=1000)  # what stops a storyteller


@dataclass
class Books:
    database: Database
    ledger: Ledger
    lease: Lease


@asynccontextmanager
async def open_books(url: str) -> AsyncIterator[Books]:
    """A leader's ledger, prepared and empty."""
    database = Database(url, process="scheduler")
    await database.open()
    lease = Lease(database, "scheduler", "scheduler@test:1", 10.0)
    ledger = Ledger(database, voice=Voice("ko", "sandbox"), day_start=NINE, limits=OFTEN, lease=lease)
    try:
        await ledger.prepare("world-1", "sandbox", MARKETS)
        assert await lease.take()
        yield Books(database, ledger, lease)
    finally:
        await database.close()


def request(
    market: Market, side: Side, *, at=NOON, amount: str = "300000", **changes: object
) -> OrderRequest:
    sizes = {"funds": Krw(Decimal(amount))} if side is Side.BUY else {"volume": Volume(Decimal(amount))}
    fields = {
        "market": market,
        "side": side,
        "trigger": Trigger.DECISION,
        "key": at.isoformat(),
        "reason": "RSI 과매도 구간 진입, MACD 골든크로스 임박",
        "confidence": "HIGH",
        "at": at,
        **sizes,
    }
    return OrderRequest(**(fields | changes))  # type: ignore[arg-type]


async def intend(books: Books, wish: OrderRequest) -> Intent:
    intent = await books.ledger.open_intent(wish, ACCOUNT, ())
    assert isinstance(intent, Intent), intent
    return intent


async def execute(books: Books, wish: OrderRequest, *, price: str, volume: str) -> Order:
    """Two fills, so that averages and counts are not trivially right."""
    intent = await intend(books, wish)
    half, paid = Decimal(volume) / 2, Decimal(price)
    fills = tuple(
        Fill(
            uuid5(NAMES, f"{intent.identifier}{n}"),
            Price(paid),
            Volume(half),
            Krw(paid * half),
            wish.at + timedelta(seconds=n),
        )
        for n in range(2)
    )
    order = Order(
        uuid5(NAMES, str(intent.identifier)),
        intent.identifier,
        wish.market,
        wish.side,
        OrderState.CANCEL if wish.side is Side.BUY else OrderState.DONE,
        wish.volume,
        Volume(half * 2),
        Krw(paid * half * 2 * FEE),
        wish.at,
        fills,
    )
    await books.ledger.record(f.OrderSettled(intent, order, recovered=False))
    return order


async def fund(books: Books) -> None:
    """A million won, reconciled and valued."""
    million = Krw(Decimal(1_000_000))
    await books.ledger.record(f.FundsMoved("KRW", million, "첫 잔고", NOON - HOUR))
    await books.ledger.record(f.Reconciled((), NOON))
    await books.ledger.record(f.PortfolioValued(NOON, million, million, {}))


async def live_a_day(books: Books) -> None:
    """Two buys, one sell, decisions of every outcome, a veto, jobs of every outcome, errors, an alarm, a heartbeat."""
    ledger = books.ledger
    await ledger.record(f.ProcessStarted("scheduler", "0.1.0"))
    await ledger.record(f.ProcessStarted("backend", "0.1.0"))
    for job, interval, deadline in ((f.JobName.TRADING, 60.0, 480.0), (f.JobName.POSITION, 60.0, 45.0)):
        await ledger.register_job(job, interval, deadline)
    await fund(books)
    await _decide(ledger)
    await execute(books, request(ETH, Side.BUY), price="4000000", volume="0.07")
    await execute(books, request(BTC, Side.BUY), price="90000000", volume="0.003")
    await execute(
        books,
        request(BTC, Side.SELL, amount="0.003", at=NOON + timedelta(minutes=9), trigger=Trigger.STOP_LOSS),
        price="85000000",
        volume="0.003",
    )
    await value(books, NOON + timedelta(minutes=30), {ETH: "4200000"})
    await ledger.record(f.MarketStatesSeen(dict.fromkeys(MARKETS, MarketState.ACTIVE)))
    await ledger.save_freshness(ETH, HOUR, NOON, 3.5)
    await _run_jobs(ledger)
    await ledger.record_in_time(
        f.ErrorOccurred(f.ErrorType.EXCHANGE, "ExchangeUnavailable", "Upbit API 연결 실패", {"ticker": ETH})
    )
    await ledger.heartbeat("scheduler", "scheduler@test:1", ExchangeSigns(0.1, maintenance=False))
    await ledger.heartbeat("backend", "backend@test:2")


async def value(books: Books, at: datetime, prices: dict[Market, str]) -> None:
    held = await books.ledger.portfolio()
    priced = {market: Price(Decimal(price)) for market, price in prices.items()}
    worth = sum((p.volume * priced[p.market] for p in held.positions), Decimal(0))
    await books.ledger.record(f.PortfolioValued(at, held.cash, Krw(held.cash + worth), priced))


async def _decide(ledger: Ledger) -> None:
    seen = snapshot()
    made = decision()
    await ledger.record(f.AdviceAccepted(made, advice(), seen, 0.02))
    no = Rejection(RejectionReason.CITATION, "rsi_14 인용값 55, 실제 28", "rsi_14 was cited as 55")
    await ledger.record(f.AdviceRejected(advice(), "llm", seen, no, 1.5))
    await ledger.record(
        f.DecisionSkipped(BTC, NOON, NOON, "rules", f.DecisionSkip.STALE, "시세가 오래되었습니다")
    )
    veto = Veto(VetoReason.MIN_INTERVAL, "최근 진입 후 4시간이 지나지 않았습니다", "too soon")
    await ledger.record(f.TradeVetoed(ETH, veto, made.id, NOON))


async def _run_jobs(ledger: Ledger) -> None:
    done = await ledger.start_run(f.JobName.TRADING, NOON, next_at=NOON + HOUR + timedelta(minutes=1))
    failed = await ledger.start_run(f.JobName.POSITION, NOON)
    assert done is not None
    assert failed is not None
    await ledger.record(f.JobSucceeded(done, f.JobName.TRADING))
    await ledger.record(
        f.JobFailed(failed, f.JobName.POSITION, f.ErrorType.EXCHANGE, "ExchangeUnavailable", "끊김", {})
    )
    await ledger.record(f.JobSkipped(f.JobName.TRADING, NOON + HOUR, f.SkipReason.PAUSED))


def alert(name: str = "SchedulerDown", *, firing: bool = True, minutes: int = 0) -> f.AlertChanged:
    return f.AlertChanged(
        name=name,
        firing=firing,
        severity="critical",
        summary="스케줄러 중단",
        description="스케줄러 메트릭이 5분 동안 없습니다.",
        runbook_url="https://example.invalid/SchedulerDown",
        labels={"alertname": name, "severity": "critical"},
        fingerprint=f"f-{name}",
        starts_at=NOON + timedelta(minutes=minutes),
        ends_at=None if firing else NOON + timedelta(minutes=minutes + 5),
    )
