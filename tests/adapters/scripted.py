"""An exchange that says what it is told to, byte for byte."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import httpx2

from bongsu.adapters.upbit.client import UpbitExchange
from bongsu.core.market import Market
from bongsu.core.money import Krw, Volume
from bongsu.core.order import OrderRequest, Side, Trigger

ETH = Market("KRW-ETH")
NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
IDENTIFIER = UUID("5d4a3f0e-6a0b-5f0e-8f5e-0d6f0a3c1b2d")

Say = httpx2.Response | Exception | Callable[[httpx2.Request], httpx2.Response]


class Script(httpx2.AsyncBaseTransport):
    """Answers in turn; the last answer is repeated."""

    def __init__(self, *says: Say) -> None:
        self._says = list(says)
        self.requests: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.requests.append(request)
        say = self._says.pop(0) if len(self._says) > 1 else self._says[0]
        if isinstance(say, Exception):
            raise say
        if isinstance(say, httpx2.Response):
            return httpx2.Response(say.status_code, headers=say.headers, content=say.content)
        return say(request)


class Watch:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def client(
    script: httpx2.AsyncBaseTransport,
    heard: list[tuple[str, str]] | None = None,
    watch: Callable[[], float] | None = None,
    on_ban: Callable[[datetime], None] = lambda _: None,
) -> UpbitExchange:
    def hear(endpoint: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        if heard is not None:
            heard.append((endpoint, outcome))

    return UpbitExchange(
        "http://exchange.test",
        "the-access-key",
        "the-secret-key",
        on_request=hear,
        on_ban=on_ban,
        rate_factor=float("inf"),
        monotonic=watch or Watch(),
        transport=script,
    )


def answer(text: str | bytes, status: int = 200, **headers: str) -> httpx2.Response:
    content = text.encode() if isinstance(text, str) else text
    return httpx2.Response(
        status, headers={k.replace("_", "-"): v for k, v in headers.items()}, content=content
    )


def refusal(name: str, status: int = 400) -> httpx2.Response:
    return answer(f'{{"error":{{"name":"{name}","message":"거절"}}}}', status)


def buy(funds: str = "50000") -> OrderRequest:
    return OrderRequest(ETH, Side.BUY, Trigger.DECISION, "k", "이유", "HIGH", NOW, funds=Krw(Decimal(funds)))


def sell(volume: str = "0.01") -> OrderRequest:
    return OrderRequest(
        ETH, Side.SELL, Trigger.CLOSE, "k", "이유", "RULE", NOW, volume=Volume(Decimal(volume))
    )


TRADE = (
    '{"market":"KRW-ETH","uuid":"795dff29-bba6-49b2-baab-63473ab7931c","price":"4350000","volume":"0.0115",'
    '"funds":"50025","side":"bid","trend":"up","created_at":"2024-06-01T21:00:01+09:00"}'
)
ORDER = (
    '{"uuid":"cdd92199-2897-4e14-9448-f923320408ad","side":"bid","ord_type":"price","price":"50025","state":"cancel",'
    '"market":"KRW-ETH","created_at":"2024-06-01T21:00:00+09:00","volume":null,"remaining_volume":null,'
    '"reserved_fee":"25.0125","remaining_fee":"0","paid_fee":"25.0125","locked":"0","executed_volume":"0.0115",'
    '"trades_count":1,"time_in_force":null,"smp_type":"cancel_maker","prevented_volume":"0","prevented_locked":"0",'
    f'"identifier":"{IDENTIFIER}"'
)
FOUND = f'{ORDER},"trades":[{TRADE}]}}'
PLACED = (
    ORDER.replace('"cancel"', '"wait"').replace('"executed_volume":"0.0115"', '"executed_volume":"0"') + "}"
)
CANDLE = (
    '{"market":"KRW-ETH","candle_date_time_utc":"2024-06-01T11:00:00","candle_date_time_kst":"2024-06-01T20:00:00",'
    '"opening_price":5230000.0,"high_price":5241000.0,"low_price":5.225E6,"trade_price":5238000.0,"timestamp":1717243199912,'
    '"candle_acc_trade_price":1234567890.1234567890123,"candle_acc_trade_volume":236.12345678901234,"unit":60}'
)
TICKER = (
    '{"market":"KRW-ETH","trade_price":5238000.0,"acc_trade_price_24h":98765432100.123,"timestamp":1717243199912,'
    '"signed_change_rate":-0.0123}'
)
BOOK = (
    '{"market":"KRW-ETH","timestamp":1717243199912,"total_ask_size":3.0,"total_bid_size":4.0,"orderbook_units":['
    '{"ask_price":5239000.0,"bid_price":5238000.0,"ask_size":1.5,"bid_size":2.25},'
    '{"ask_price":5240000.0,"bid_price":5237000.0,"ask_size":1.5,"bid_size":1.75}],"level":0}'
)
ACCOUNTS = (
    '[{"currency":"KRW","balance":"949949.98750000","locked":"0.0","avg_buy_price":"0","avg_buy_price_modified":true,"unit_currency":"KRW"},'
    '{"currency":"ETH","balance":"0.0115","locked":"0.001","avg_buy_price":"4350000","avg_buy_price_modified":false,"unit_currency":"KRW"}]'
)
CHANCE = (
    '{"bid_fee":"0.0005","ask_fee":"0.0004","maker_bid_fee":"0.0005","maker_ask_fee":"0.0005","market":{"id":"KRW-ETH","name":"ETH/KRW",'
    '"order_types":["limit"],"order_sides":["ask","bid"],"bid_types":["limit","price"],"ask_types":["limit","market"],'
    '"bid":{"currency":"KRW","min_total":"5000"},"ask":{"currency":"ETH","min_total":5000},"max_total":"1000000000","state":"active"},'
    '"bid_account":{"currency":"KRW","balance":"0"},"ask_account":{"currency":"ETH","balance":"0"}}'
)
MARKETS = (
    '[{"market":"KRW-BTC","korean_name":"비트코인","english_name":"Bitcoin","market_event":{"warning":false,"caution":'
    '{"PRICE_FLUCTUATIONS":false,"TRADING_VOLUME_SOARING":false}}},'
    '{"market":"KRW-ETH","korean_name":"이더리움","english_name":"Ethereum","market_event":{"warning":false,"caution":'
    '{"PRICE_FLUCTUATIONS":true,"TRADING_VOLUME_SOARING":false}}}]'
)
INSTRUMENTS = '[{"market":"KRW-ETH","quote_currency":"KRW","tick_size":"1000","supported_levels":["0"]}]'
