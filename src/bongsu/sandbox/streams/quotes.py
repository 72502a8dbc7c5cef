"""What is told of the markets. Each follower remembers what it told last, and tells what is new since."""

from datetime import datetime, timedelta
from typing import Any, Protocol

from bongsu.core.market import BookLevel, Market, MarketState, OrderBook
from bongsu.core.money import floor_volume
from bongsu.sandbox import wire
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.prints import Print, prints
from bongsu.sandbox.streams.asking import CANDLES
from bongsu.sandbox.tape import DAY, Tape, floor_time
from bongsu.sandbox.ticker import Tickers, change_since

MOST_TRADES = 20  # told at one look: a market that runs fast makes more of them than anybody reads
_EVER = timedelta(days=3660)
_INSTANT = timedelta(microseconds=1)

Message = dict[str, Any]


class Follower(Protocol):
    def snapshot(self) -> list[Message]:
        """What stands now."""
        ...

    def news(self) -> list[Message]:
        """What has changed since the last look, oldest first."""
        ...


class Quotes:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._tickers = Tickers()

    def follow(self, kind: str, market: Market, units: int) -> Follower:
        match kind:
            case "ticker":
                return _Ticker(self._exchange, market, self._tickers)
            case "trade":
                return _Trades(self._exchange, market)
            case "orderbook":
                return _Book(self._exchange, market, units)
            case _:
                return _Candles(self._exchange, market, kind)


class _Following:
    def __init__(self, exchange: Exchange, market: Market) -> None:
        self._exchange = exchange
        self._market = market

    @property
    def _tape(self) -> Tape | None:
        """None of a market that is not listed: of it there is nothing to tell."""
        try:
            return self._exchange.tape(self._market)
        except Refused:
            return None

    @property
    def _now(self) -> datetime:
        return self._exchange.time_of(self._market)

    def _last_print(self, tape: Tape) -> Print | None:
        found = prints(tape, self._exchange.world, self._now - _EVER, self._now, 1)
        return found[0] if found else None


class _Ticker(_Following):
    """A ticker is told with each trade."""

    def __init__(self, exchange: Exchange, market: Market, tickers: Tickers) -> None:
        super().__init__(exchange, market)
        self._tickers = tickers
        self._told = self._state()

    def snapshot(self) -> list[Message]:
        self._told = self._state()
        return self._messages()

    def news(self) -> list[Message]:
        before, self._told = self._told, self._state()
        return self._messages() if self._told != before else []

    def _state(self) -> object:
        tape = self._tape
        last = None if tape is None else self._last_print(tape)
        return last, self._exchange.standing.state(self._market)

    def _messages(self) -> list[Message]:
        tape = self._tape
        if tape is None:
            return []
        known = self._tickers.of(tape, self._now)
        last = self._last_print(tape)
        volume = known["acc_trade_volume"]
        bought = floor_volume(volume / 2)  # recordings do not tell who took
        state = self._exchange.standing.state(self._market)
        return [
            {
                "type": "ticker",
                "code": known.pop("market"),
                **{name: value for name, value in known.items() if not name.endswith("_kst")},
                "ask_bid": "ASK" if last is not None and last.taker == "ask" else "BID",
                "acc_ask_volume": volume - bought,
                "acc_bid_volume": bought,
                "market_state": "ACTIVE",
                "is_trading_suspended": not self._exchange.trading(tape),
                "delisting_date": None,
                "market_warning": "CAUTION" if state is MarketState.WARNING else "NONE",
            }
        ]


class _Trades(_Following):
    def __init__(self, exchange: Exchange, market: Market) -> None:
        super().__init__(exchange, market)
        self._told = self._now

    def snapshot(self) -> list[Message]:
        self._told = self._now
        return self._since(self._now - _EVER, 1)

    def news(self) -> list[Message]:
        since, self._told = self._told, self._now
        return self._since(since, MOST_TRADES)

    def _since(self, since: datetime, most: int) -> list[Message]:
        tape = self._tape
        if tape is None:
            return []
        found = prints(tape, self._exchange.world, since, self._now, most)
        book = self._exchange.order_book(self._market) if found else None
        return [] if book is None else [self._message(tape, one, book) for one in found]

    def _message(self, tape: Tape, one: Print, book: OrderBook) -> Message:
        before = tape.last(floor_time(one.at, DAY) - _INSTANT)
        previous = one.price if before is None else before.close
        change = change_since(one.price, previous)
        return {
            "type": "trade",
            "code": one.market,
            "trade_price": one.price,
            "trade_volume": one.volume,
            "ask_bid": one.taker.upper(),
            "prev_closing_price": previous,
            "change": change["change"],
            "change_price": change["change_price"],
            "trade_date": one.at.strftime("%Y-%m-%d"),
            "trade_time": one.at.strftime("%H:%M:%S"),
            "trade_timestamp": wire.milliseconds(one.at),
            "timestamp": wire.milliseconds(self._now),
            "sequential_id": one.number,
            "best_ask_price": book.asks[0].price,
            "best_ask_size": book.asks[0].volume,
            "best_bid_price": book.bids[0].price,
            "best_bid_size": book.bids[0].volume,
        }


class _Book(_Following):
    """Told whenever a level has changed."""

    def __init__(self, exchange: Exchange, market: Market, units: int) -> None:
        super().__init__(exchange, market)
        self._units = units
        self._told: tuple[BookLevel, ...] = ()
        self.news()

    def snapshot(self) -> list[Message]:
        self._told = ()
        return self.news()

    def news(self) -> list[Message]:
        if self._tape is None:
            return []
        book = self._exchange.order_book(self._market)
        levels = book.asks[: self._units] + book.bids[: self._units]
        if levels == self._told:
            return []
        self._told = levels
        told = wire.order_book(book, self._units)
        return [{"type": "orderbook", "code": told.pop("market"), **told}]


class _Candles(_Following):
    """The same candle comes again as long as it grows; the last one that came is right."""

    def __init__(self, exchange: Exchange, market: Market, kind: str) -> None:
        super().__init__(exchange, market)
        self._kind = kind
        self._told = self._newest(1)

    def snapshot(self) -> list[Message]:
        """The candle of the moment, or, where nobody has traded in it yet, the one before."""
        self._told = self._newest(1)
        return self._told

    def news(self) -> list[Message]:
        newest = self._newest(2)
        opened = self._told[-1]["candle_date_time_utc"] if self._told else ""
        fresh = [c for c in newest if c["candle_date_time_utc"] >= opened and _grown(c, self._told)]
        self._told = newest[-1:]
        return fresh

    def _newest(self, count: int) -> list[Message]:
        tape, now = self._tape, self._now
        if tape is None:
            return []
        found = tape.candles(CANDLES[self._kind], now, count, now)
        return [self._message(wire.candle_fields(candle, now)) for candle in found[::-1]]

    def _message(self, known: Message) -> Message:
        known.pop("unit", None)  # candles of a second have none
        return {"type": self._kind, "code": known.pop("market"), **known}


def _grown(candle: Message, told: list[Message]) -> bool:
    """Whether more has been traded in it than was told: its time alone is no news."""
    told_of = next((t for t in told if t["candle_date_time_utc"] == candle["candle_date_time_utc"]), None)
    if told_of is None:
        return True
    return any(candle[name] != told_of[name] for name in candle if name != "timestamp")
