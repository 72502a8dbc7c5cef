"""What anybody may ask: markets, candles, tickers, order books."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bongsu.core.market import Market, MarketState
from bongsu.core.money import tick_size
from bongsu.sandbox import wire
from bongsu.sandbox.coins import NAMES
from bongsu.sandbox.exchange import Exchange
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.periods import Period
from bongsu.sandbox.periods import candles as calendar_candles
from bongsu.sandbox.standing import Caution, Standing
from bongsu.sandbox.tape import DAY, Tape
from bongsu.sandbox.ticker import Tickers
from bongsu.sandbox.ticks import ticks

# Below an hour made from the price's path, above it from the hours.
UNITS: Final = (1, 3, 5, 10, 15, 30, 60, 240)
MAX_CANDLES: Final = 200
_MAX_TRADES: Final = 500
_LEVELS: Final = 30
_SECOND: Final = timedelta(seconds=1)
_SECONDS_KEPT: Final = timedelta(days=90)
_LONGEST_YEAR: Final = 8  # digits of a date without dashes; milliseconds have more


class Quotation:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._tickers = Tickers()

    def routes(self) -> list[Route]:
        return [
            Route("/v1/market/all", self._answering(self.markets)),
            Route("/v1/trades/ticks", self._answering(self.trades)),
            Route("/v1/candles/seconds", self._answering(self.seconds)),
            *(Route(f"/v1/candles/{p}", self._answering(partial(self.periods, p))) for p in Period),
            Route("/v1/candles/minutes/{unit:int}", self._answering(self.minutes)),
            Route("/v1/candles/days", self._answering(self.days)),
            Route("/v1/ticker", self._answering(self.tickers)),
            Route("/v1/ticker/all", self._answering(self.all_tickers)),
            Route("/v1/orderbook", self._answering(self.order_books)),
            Route("/v1/orderbook/instruments", self._answering(self.instruments)),
        ]

    def _answering(self, ask: Callable[[Request], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                return wire.Json(ask(request))
            except Refused as refused:
                return wire.quotation_refusal(refused)

        return endpoint

    def markets(self, request: Request) -> list[dict[str, Any]]:
        detailed = request.query_params.get("is_details", "false").lower() == "true"
        standing = self._exchange.standing
        return [_market(tape.market, standing if detailed else None) for tape in self._exchange.listed()]

    def minutes(self, request: Request) -> list[msgspec.Raw]:
        unit = request.path_params["unit"]
        if unit not in UNITS:
            raise _invalid(f"unit {unit} is none of {UNITS}")
        tape, count = self._tape(request), _count(request, MAX_CANDLES, 1)
        now = self._exchange.time_of(tape.market)
        candles = tape.candles(timedelta(minutes=unit), self._until(request), count, now)
        return [wire.candle(candle, now) for candle in candles]

    def seconds(self, request: Request) -> list[dict[str, Any]]:
        tape, count = self._tape(request), _count(request, MAX_CANDLES, 1)
        now = self._exchange.time_of(tape.market)
        found = tape.candles(_SECOND, self._until(request), count, now)
        return [wire.candle_fields(c, now) for c in found if c.opened_at >= now - _SECONDS_KEPT]

    def days(self, request: Request) -> list[dict[str, Any]]:
        tape = self._tape(request)
        now = self._exchange.time_of(tape.market)
        count = _count(request, MAX_CANDLES, 1)
        candles = tape.candles(DAY, self._until(request), count + 1, now)
        previous = [c.close for c in candles[1:]] + [candles[-1].open] * bool(candles)
        found = [
            wire.day_candle(candle, close, now)
            for candle, close in zip(candles[:count], previous, strict=False)
        ]
        if request.query_params.get("converting_price_unit"):
            found = [{**day, "converted_trade_price": day["trade_price"]} for day in found]
        return found

    def periods(self, period: Period, request: Request) -> list[dict[str, Any]]:
        tape, count = self._tape(request), _count(request, MAX_CANDLES, 1)
        now = self._exchange.time_of(tape.market)
        found = calendar_candles(tape, period, self._until(request), count, now)
        return [wire.period_candle(candle, now) for candle in found]

    def trades(self, request: Request) -> list[dict[str, Any]]:
        tape, asked = self._tape(request), request.query_params
        return ticks(
            tape,
            self._exchange.world,
            self._exchange.time_of(tape.market),
            to=asked.get("to", ""),
            cursor=asked.get("cursor", ""),
            days_ago=asked.get("days_ago", ""),
            count=_count(request, _MAX_TRADES, 1),
        )

    def tickers(self, request: Request) -> list[dict[str, Any]]:
        return [self._ticker(tape) for tape in self._tapes(request)]

    def all_tickers(self, request: Request) -> list[dict[str, Any]]:
        currencies = _names(request, "quote_currencies")
        tapes = self._exchange.listed() if "KRW" in currencies else []
        return [self._ticker(tape) for tape in tapes]

    def _ticker(self, tape: Tape) -> dict[str, Any]:
        return self._tickers.of(tape, self._exchange.time_of(tape.market))

    def order_books(self, request: Request) -> list[dict[str, Any]]:
        if request.query_params.get("level", "0") not in ("0", ""):
            raise _invalid("level: these markets support 0 only")
        count = _count(request, _LEVELS, _LEVELS)
        return [
            wire.order_book(self._exchange.order_book(tape.market), count) for tape in self._tapes(request)
        ]

    def instruments(self, request: Request) -> list[dict[str, Any]]:
        return [
            {
                "market": tape.market,
                "quote_currency": "KRW",
                "tick_size": wire.plain(tick_size(tape.price(self._exchange.time_of(tape.market)))),
                "supported_levels": ["0"],
            }
            for tape in self._tapes(request)
        ]

    def _tape(self, request: Request) -> Tape:
        return self._exchange.tape(Market(_required(request, "market").upper()))

    def _tapes(self, request: Request) -> list[Tape]:
        return [self._exchange.tape(Market(name)) for name in _names(request, "markets")]

    def _until(self, request: Request) -> datetime:
        text = request.query_params.get("to")
        return parse_time(text) if text else self._exchange.now


def parse_time(text: str) -> datetime:
    """ISO 8601, UTC without an offset, or milliseconds since 1970. Raises Refused."""
    try:
        if text.isdigit() and len(text) > _LONGEST_YEAR:
            at = datetime.fromtimestamp(int(text) / 1000, UTC)
        else:
            at = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        raise _invalid(f"{text[:40]!r} is not an ISO 8601 time") from None
    if not 1970 < at.year < 9000:
        raise _invalid(f"{text[:40]!r} is no time that anybody trades at")
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _market(market: Market, standing: Standing | None) -> dict[str, Any]:
    """With the events of `standing`, where they are asked for."""
    coin = market.removeprefix("KRW-")
    korean, english = NAMES.get(coin, (coin, coin))
    named: dict[str, Any] = {"market": market, "korean_name": korean, "english_name": english}
    if standing is not None:
        named["market_event"] = {
            "warning": standing.state(market) is MarketState.WARNING,
            "caution": {caution: caution in standing.cautions(market) for caution in Caution},
        }
    return named


def _required(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise _invalid(f"{name} is missing")
    return value


def _names(request: Request, name: str) -> list[str]:
    return [part.strip().upper() for part in _required(request, name).split(",") if part.strip()]


def _count(request: Request, most: int, default: int) -> int:
    text = request.query_params.get("count") or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
        raise _invalid(f"count must be 1 to {most}")
    return int(text)


def _invalid(message: str) -> Refused:
    return Refused("invalid_parameter", message)
