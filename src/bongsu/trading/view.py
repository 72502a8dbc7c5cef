"""What the bot sees of a market, or why it does not."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bongsu.core.facts import PriceRejected
from bongsu.core.market import HOUR, Candle, Market, MarketState
from bongsu.core.risk import RiskLimits, buying_blocked
from bongsu.core.snapshot import MarketSnapshot, build_snapshot, find_outlier
from bongsu.trading.ports import Blindness, Clock, Exchange, Ledger

CLOSE_BUFFER = timedelta(minutes=1)  # a candle is taken for closed this long after its end
_CANDLES = 450  # 400 for the indicators, the rest for silent hours
_MAX_SILENCE = 2 * HOUR  # one hour without a trade happens; a second one is no market, or no data


@dataclass(frozen=True, slots=True)
class Stale:
    detail: str


@dataclass(frozen=True, slots=True)
class MarketView:
    exchange: Exchange
    ledger: Ledger
    clock: Clock
    limits: RiskLimits
    blind: Blindness
    _known: dict[Market, list[Candle]] = field(default_factory=dict)

    async def snapshot(self, market: Market) -> MarketSnapshot | Stale:
        """What an advisor is shown. Raises ExchangeError and LedgerError."""
        # Imported here: numpy and TA-Lib belong to the process that decides.
        from bongsu.core.indicators import WINDOW, fill_gaps

        if (await self.ledger.market_states()).get(market) is MarketState.DELISTED:
            return Stale(f"{market} is delisted")
        now = self.clock.now()
        closed = last_close(now)
        candles = await self._candles(market, closed)
        if not candles or closed - candles[-1].closed_at >= _MAX_SILENCE:
            return Stale(_silence(candles, closed))
        filled = fill_gaps(candles, closed)
        await self.ledger.save_candles(filled)
        if len(filled) < WINDOW:
            return Stale(f"only {len(filled)} closed candles, {WINDOW} are needed")
        return await self._with_quotes(market, filled, now)

    async def _candles(self, market: Market, closed: datetime) -> list[Candle]:
        """Asks only for what came since the last time, the newest known candle again: it may have grown."""
        known = self._known.get(market, [])
        missing = (closed - known[-1].closed_at) // HOUR + 1 if known else _CANDLES
        if not 0 < missing < _CANDLES:
            known, missing = [], _CANDLES
        news = await self.exchange.candles(market, HOUR, missing, closed)
        kept = [c for c in known if not news or c.opened_at < news[0].opened_at]
        self._known[market] = [*kept, *news][-_CANDLES:]
        return self._known[market]

    async def _with_quotes(
        self, market: Market, candles: list[Candle], now: datetime
    ) -> MarketSnapshot | Stale:
        ticker = (await self.exchange.tickers([market]))[market]
        book = await self.exchange.order_book(market)
        await self._measure_age(market, max(ticker.at, candles[-1].closed_at), now)
        if odd := find_outlier(ticker.price, book, candles[-1].close):
            told = f"ticker {ticker.price:f}, book {book.mid:f}, last close {candles[-1].close:f}"
            await self.ledger.record(PriceRejected(market, odd, told))
            return Stale(f"the {odd} price is out of line with the others")
        state = await self.ledger.risk_state(now, self.blind())
        if state.equity is None:
            return Stale("the portfolio has no value yet")
        portfolio = await self.ledger.portfolio()
        return build_snapshot(
            market,
            candles=candles,
            ticker=ticker,
            book=book,
            position=portfolio.position(market),
            equity=state.equity,
            buying_allowed=buying_blocked(market, state, self.limits, now) is None,
            at=now,
        )

    async def _measure_age(self, market: Market, newest: datetime, now: datetime) -> None:
        age = max(timedelta(0), now - newest).total_seconds()
        clock = self.clock.state
        wall = 0.0 if clock.lockstep else age / max(clock.speed, 1.0)
        await self.ledger.save_freshness(market, HOUR, newest, wall)


def last_close(now: datetime) -> datetime:
    """The close of the newest candle that counts as closed."""
    return (now - CLOSE_BUFFER).replace(minute=0, second=0, microsecond=0)


def _silence(candles: list[Candle], closed: datetime) -> str:
    if not candles:
        return f"no candle up to {closed.isoformat()}"
    return f"the last candle closed at {candles[-1].closed_at.isoformat()}, asked at {closed.isoformat()}"
