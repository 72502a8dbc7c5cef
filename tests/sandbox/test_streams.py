"""Upbit's WebSockets, read by a library that shares no code with the server's."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from bongsu.sandbox.news import Bulletin, OrderNews
from bongsu.sandbox.orders import Order
from bongsu.sandbox.streams.asking import PUBLIC, Misunderstood, parse_request
from bongsu.sandbox.streams.limits import REQUESTS, Limit
from races import races
from sandbox.worlds import ETH, START, Client, options, serving, token

RISING = (3_000_000, 3_060_000, 3_000_000, 3_060_000, "100")
FALLING = (3_060_000, 3_060_000, 2_900_000, 2_950_000, "100")
TICKET = {"ticket": "of this test"}
PATIENCE = 60  # seconds for what must come

Message = dict[str, Any]


@pytest.fixture
async def moving(tmp_path: Path) -> AsyncIterator[Client]:
    """An hour that rises, one that falls, a silent one, in lock-step."""
    async with serving(options(tmp_path, (RISING, FALLING, None, RISING))) as opened:
        yield opened


class Stream:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def ask(self, *parts: Message) -> None:
        await self.socket.send(json.dumps([TICKET, *parts]))

    async def say(self, text: str) -> None:
        await self.socket.send(text)

    async def hear(self) -> Any:
        async with asyncio.timeout(PATIENCE):
            frame = await self.socket.recv()
        assert isinstance(frame, bytes), "Upbit's frames are binary"
        return json.loads(frame, parse_float=Decimal)

    async def until(self, wanted: Callable[[Message], bool]) -> Message:
        while True:
            message: Message = await self.hear()
            if wanted(message):
                return message

    async def nothing(self) -> None:
        """Whatever was to be told before the answer to this has not been."""
        await self.say("PING")
        assert await self.hear() == {"status": "UP"}

    async def closed(self) -> None:
        async with asyncio.timeout(PATIENCE):
            async for _ in self._frames():
                pass

    async def _frames(self) -> AsyncIterator[str | bytes]:
        with suppress(ConnectionClosed):
            while True:
                yield await self.socket.recv()


@asynccontextmanager
async def stream(
    client: Client, path: str = "", *, bearer: str | None = None, **more: Any
) -> AsyncIterator[Stream]:
    address = f"ws{str(client.http.base_url).removeprefix('http').rstrip('/')}/websocket/v1{path}"
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with connect(address, additional_headers=headers, proxy=None, **more) as socket:
        yield Stream(socket)


def mine(client: Client) -> Any:
    return stream(client, "/private", bearer=token(""))


async def seen_exactly(client: Client, path: str, **query: str) -> Any:
    return json.loads((await client.http.get(path, params=query)).text, parse_float=Decimal)


async def break_stream(client: Client, **rule: Any) -> None:
    (await client.http.put("/sandbox/streams/faults", json=[rule])).raise_for_status()


class TestFormats:
    async def test_whole_names(self, client: Client) -> None:
        async with stream(client) as s:
            await s.ask({"type": "ticker", "codes": [ETH]})
            told = await s.hear()
        (asked,) = await seen_exactly(client, "/v1/ticker", markets=ETH)
        assert (told["type"], told["code"], told["stream_type"]) == ("ticker", ETH, "SNAPSHOT")
        assert {name: told[name] for name in asked if name in told} == {
            name: value for name, value in asked.items() if name in told
        }
        assert set(asked) - set(told) == {"market", "trade_date_kst", "trade_time_kst"}
        assert set(told) - set(asked) == {
            *("type", "code", "stream_type", "ask_bid", "acc_ask_volume", "acc_bid_volume"),
            *("market_state", "is_trading_suspended", "delisting_date", "market_warning"),
        }

    async def test_short_names(self, client: Client) -> None:
        """A trade's date is not a ticker's, and the names within a book are short, too."""
        async with stream(client) as s:
            kinds = [{"type": kind, "codes": [ETH]} for kind in ("ticker", "trade")]
            await s.ask(*kinds, {"type": "orderbook", "codes": [f"{ETH}.1"]}, {"format": "SIMPLE"})
            ticker, trade, book = await s.hear(), await s.hear(), await s.hear()
        assert " ".join(sorted(ticker)) == (
            "aav ab abv atp atp24h atv atv24h c cd cp cr dd h52wdt h52wp hp "
            "its l52wdt l52wp lp ms mw op pcp scp scr st tdt tms tp ttm ttms tv ty"
        )
        assert " ".join(sorted(trade)) == "ab bap bas bbp bbs c cd cp pcp sid st td tms tp ttm ttms tv ty"
        assert " ".join(sorted(book)) == "cd lv obu st tas tbs tms ty"
        assert [" ".join(sorted(unit)) for unit in book["obu"]] == ["ap as bp bs"]

    async def test_lists(self, client: Client) -> None:
        async with stream(client) as s:
            for how, name in (("JSON_LIST", "type"), ("SIMPLE_LIST", "ty")):
                await s.ask({"type": "ticker", "codes": [ETH], "is_only_snapshot": True}, {"format": how})
                (told,) = await s.hear()
                assert told[name] == "ticker"


class TestQuotes:
    async def test_a_ticker_comes_with_each_trade_and_none_in_silence(self, moving: Client) -> None:
        """A book is drawn each minute, traded or not; the ticker was asked for first and would come first."""
        async with stream(moving) as s:
            await s.ask(
                *(
                    {"type": kind, "codes": [ETH], "is_only_realtime": True}
                    for kind in ("ticker", "orderbook")
                )
            )
            await s.nothing()
            await moving.wait(START + timedelta(minutes=30))
            told = await s.hear()
            assert (told["type"], told["stream_type"], told["trade_price"]) == (
                "ticker",
                "REALTIME",
                3_030_000,
            )
            assert (await s.hear())["type"] == "orderbook"
            await moving.wait(START + timedelta(hours=2, minutes=1))
            assert (await s.hear())["trade_price"] == 2_950_000
            assert (await s.hear())["type"] == "orderbook"
            await moving.wait(START + timedelta(hours=2, minutes=50))
            assert (await s.hear())["type"] == "orderbook"

    async def test_trades_are_numbered_upwards_and_come_once(self, moving: Client) -> None:
        async with stream(moving) as s:
            await s.ask({"type": "trade", "codes": [ETH]})
            numbers = [(await s.hear())["sequential_id"]]
            for second in (3, 6):
                await moving.wait(START + timedelta(seconds=second))
                numbers += [(await s.hear())["sequential_id"] for _ in range(3)]
            await s.nothing()
        assert numbers == sorted(set(numbers))
        assert len({number // 10_000_000 for number in numbers[1:]}) == 6, "one a second"

    async def test_nothing_comes_where_nothing_changed(self, moving: Client) -> None:
        """The book was asked for first and would come first; within a minute and at one price it stands."""
        async with stream(moving) as s:
            await s.ask({"type": "orderbook", "codes": [ETH]}, {"type": "trade", "codes": [ETH]})
            assert (await s.hear())["type"] == "orderbook"
            assert (await s.hear())["type"] == "trade"
            await moving.wait(START + timedelta(seconds=1))
            assert (await s.hear())["type"] == "trade"

    async def test_a_trade_says_what_the_ticker_says(self, moving: Client) -> None:
        await moving.wait(START + timedelta(minutes=10))
        async with stream(moving) as s:
            await s.ask({"type": "trade", "codes": [ETH], "is_only_snapshot": True})
            told = await s.hear()
        (ticker,) = await seen_exactly(moving, "/v1/ticker", markets=ETH)
        (book,) = await seen_exactly(moving, "/v1/orderbook", markets=ETH)
        for name in (
            "trade_price",
            "trade_volume",
            "prev_closing_price",
            "change",
            "change_price",
            "trade_timestamp",
        ):
            assert told[name] == ticker[name], name
        assert told["best_ask_price"] == book["orderbook_units"][0]["ask_price"]
        assert (told["trade_date"], told["trade_time"]) == ("2024-01-17", "16:10:00")

    async def test_a_book_is_the_one_that_is_asked_for(self, client: Client) -> None:
        (asked,) = await seen_exactly(client, "/v1/orderbook", markets=ETH)
        async with stream(client) as s:
            for code, levels in ((ETH, 30), (f"{ETH}.5", 5), (f"{ETH}.15", 15), (f"{ETH}.7", 30)):
                await s.ask({"type": "orderbook", "codes": [code], "is_only_snapshot": True})
                told = await s.hear()
                assert told["orderbook_units"] == asked["orderbook_units"][:levels]
                assert (told["total_ask_size"], told["level"]) == (asked["total_ask_size"], 0)

    async def test_a_book_comes_when_somebody_eats_of_it(self, client: Client) -> None:
        async with stream(client) as s:
            await s.ask({"type": "orderbook", "codes": [ETH]})
            before = await s.hear()
            await client.buy(50_000)
            after = await s.hear()
        assert after["stream_type"] == "REALTIME"
        assert after["total_ask_size"] < before["total_ask_size"]

    async def test_candles_are_those_that_are_asked_for(self, moving: Client) -> None:
        units = {"candle.1m": 1, "candle.60m": 60, "candle.240m": 240}
        await moving.wait(START + timedelta(minutes=10, seconds=30))
        async with stream(moving) as s:
            await s.ask(*({"type": kind, "codes": [ETH]} for kind in units))
            snapshots = [await s.hear() for _ in units]
            await moving.wait(START + timedelta(minutes=10, seconds=50))
            grown = [await s.hear() for _ in units]
        for (kind, unit), before, after in zip(units.items(), snapshots, grown, strict=True):
            (asked,) = await seen_exactly(moving, f"/v1/candles/minutes/{unit}", market=ETH)
            assert (asked.pop("unit"), asked.pop("market")) == (unit, ETH)
            assert after == {"type": kind, "code": ETH, "stream_type": "REALTIME", **asked}
            assert before["candle_date_time_utc"] == after["candle_date_time_utc"], "the same, again"
            assert before["candle_acc_trade_volume"] < after["candle_acc_trade_volume"]

    async def test_a_candle_of_a_second(self, moving: Client) -> None:
        await moving.wait(START + timedelta(seconds=7, milliseconds=400))
        async with stream(moving) as s:
            await s.ask({"type": "candle.1s", "codes": [ETH]})
            assert (await s.hear())["candle_date_time_utc"] == "2024-01-17T16:00:07"

    async def test_in_silence_the_snapshot_is_what_was_before(self, moving: Client) -> None:
        await moving.wait(START + timedelta(hours=2, minutes=30))
        async with stream(moving) as s:
            await s.ask({"type": "candle.3m", "codes": [ETH]}, {"type": "trade", "codes": [ETH]})
            assert (await s.hear())["candle_date_time_utc"] == "2024-01-17T17:57:00"
            assert (await s.hear())["trade_time"] == "17:59:59"

    async def test_of_a_delisted_market_nothing_is_told(self, client: Client) -> None:
        await client.http.put(f"/sandbox/markets/{ETH}/state", json={"state": "delisted"})
        async with stream(client) as s:
            await s.ask(
                *({"type": kind, "codes": [ETH]} for kind in ("ticker", "trade", "orderbook", "candle.1m"))
            )
            await s.nothing()


class TestRequests:
    async def test_a_snapshot_only_is_no_subscription(self, client: Client) -> None:
        async with stream(client) as s:
            for flag in ("is_only_snapshot", "isOnlySnapshot"):
                await s.ask({"type": "ticker", "codes": [ETH], flag: True}, {"method": "LIST_SUBSCRIPTIONS"})
                assert (await s.hear())["stream_type"] == "SNAPSHOT"
                assert (await s.hear())["result"] == []

    async def test_a_type_replaces_itself_and_the_others_stay(self, client: Client) -> None:
        async with stream(client) as s:
            await s.ask({"type": "ticker", "codes": [ETH], "isOnlyRealtime": True})
            await s.ask({"type": "orderbook", "codes": [f"{ETH}.5"], "is_only_realtime": True})
            await s.ask({"type": "orderbook", "codes": [ETH], "is_only_realtime": True})
            await s.ask({"method": "LIST_SUBSCRIPTIONS"})
            assert await s.hear() == {
                "method": "LIST_SUBSCRIPTIONS",
                "result": [
                    {"type": "ticker", "codes": [ETH]},
                    {"type": "orderbook", "codes": [ETH], "level": 0},
                ],
                "ticket": TICKET["ticket"],
            }

    async def test_a_format_named_with_the_list_is_that_of_the_streams_from_then_on(
        self, client: Client
    ) -> None:
        async with stream(client) as s:
            await s.ask({"type": "orderbook", "codes": [ETH]})
            await s.hear()
            await s.ask({"method": "LIST_SUBSCRIPTIONS"}, {"format": "SIMPLE_LIST"})
            assert await s.hear() == [
                {
                    "mthd": "LIST_SUBSCRIPTIONS",
                    "rslt": [{"ty": "orderbook", "cds": [ETH], "lv": 0}],
                    "tckt": TICKET["ticket"],
                }
            ]
            await client.buy(50_000)
            assert (await s.hear())[0]["ty"] == "orderbook"

    @pytest.mark.parametrize(
        ("said", "name"),
        [
            ("nonsense", "WRONG_FORMAT"),
            ("{}", "WRONG_FORMAT"),
            ("[1]", "WRONG_FORMAT"),
            ('[{"ticket":"x"},{"type":"ticker","codes":"KRW-ETH"}]', "WRONG_FORMAT"),
            ("[]", "NO_TICKET"),
            ('[{"type":"ticker","codes":["KRW-ETH"]}]', "NO_TICKET"),
            ('[{"ticket":""},{"type":"ticker","codes":["KRW-ETH"]}]', "NO_TICKET"),
            ('[{"ticket":"x"}]', "NO_TYPE"),
            ('[{"ticket":"x"},{"codes":["KRW-ETH"]}]', "NO_TYPE"),
            ('[{"ticket":"x"},{"type":"ticker"}]', "NO_CODES"),
            ('[{"ticket":"x"},{"type":"candle.1m","codes":[]}]', "NO_CODES"),
            ('[{"ticket":"x"},{"type":"tickers","codes":["KRW-ETH"]}]', "INVALID_PARAM"),
            ('[{"ticket":"x"},{"type":"myOrder"}]', "INVALID_PARAM"),
            ('[{"ticket":"x"},{"type":"ticker","codes":["krw-eth"]}]', "INVALID_PARAM"),
            ('[{"ticket":"x"},{"type":"ticker","codes":["KRW-ETH.5"]}]', "INVALID_PARAM"),
            ('[{"ticket":"x"},{"type":"orderbook","codes":["KRW-ETH"],"level":10000}]', "INVALID_PARAM"),
            (
                '[{"ticket":"x"},{"type":"ticker","codes":["KRW-ETH"],"is_only_snapshot":"yes"}]',
                "INVALID_PARAM",
            ),
            ('[{"ticket":"x"},{"type":"ticker","codes":["KRW-ETH"]},{"format":"XML"}]', "INVALID_PARAM"),
            ('[{"ticket":"x"},{"method":"UNSUBSCRIBE"}]', "INVALID_PARAM"),
        ],
    )
    def test_what_is_not_understood_is_named(self, said: str, name: str) -> None:
        with pytest.raises(Misunderstood) as wrong:
            parse_request(said, PUBLIC, lambda market: market == ETH)
        assert wrong.value.name == name

    async def test_an_error_is_told_and_changes_nothing(self, client: Client) -> None:
        async with stream(client) as s:
            await s.say("nonsense")
            answer = await s.hear()
            assert (answer["error"]["name"], set(answer["error"])) == ("WRONG_FORMAT", {"name", "message"})
            await s.ask({"type": "ticker", "codes": [ETH]}, {"type": "ticker"})
            assert (await s.hear())["error"]["name"] == "NO_CODES"
            await s.ask({"method": "LIST_SUBSCRIPTIONS"})
            assert (await s.hear())["result"] == []

    async def test_a_request_may_come_in_a_binary_frame(self, client: Client) -> None:
        async with stream(client) as s:
            await s.socket.send(json.dumps([TICKET, {"type": "ticker", "codes": [ETH]}]).encode())
            assert (await s.hear())["code"] == ETH

    async def test_a_request_too_large_ends_the_connection(self, client: Client) -> None:
        async with stream(client) as s:
            await s.say("x" * 70_000)
            await s.closed()


class TestConnections:
    async def test_who_asks_too_often_is_told_so(self, client: Client) -> None:
        """A hundred a minute; how many pass within each second is the limit's own affair."""
        async with stream(client) as s:
            for _ in range(120):
                await s.ask({"method": "LIST_SUBSCRIPTIONS"})
            answers = [await s.hear() for _ in range(120)]
        refused = [answer for answer in answers if "error" in answer]
        assert len(refused) >= 20
        assert {answer["error"]["name"] for answer in refused} == {"too_many_requests"}

    def test_five_a_second_and_a_hundred_a_minute(self) -> None:
        now = 0.0
        limit = Limit(REQUESTS, lambda: now)
        assert [limit.admits() for _ in range(6)] == [True] * 5 + [False]
        passed = 5
        while now < 59:
            now += 1
            passed += sum(limit.admits() for _ in range(6))
        assert passed == 100
        now += 2
        assert limit.admits()

    async def test_a_page_may_connect_once_in_ten_seconds_and_ask_once(self, client: Client) -> None:
        async with stream(client, origin="https://example.com") as s:
            await s.ask({"type": "ticker", "codes": [ETH]})
            await s.ask({"type": "ticker", "codes": [ETH]})
            assert (await s.hear())["type"] == "ticker"
            assert (await s.hear())["error"]["name"] == "too_many_requests"
            with pytest.raises(InvalidStatus) as refused:
                async with stream(client, origin="https://example.com"):
                    pass
        assert refused.value.response.status_code == 429

    async def test_an_unknown_path_is_not_found(self, client: Client) -> None:
        with pytest.raises(InvalidStatus) as refused:
            async with stream(client, "/info"):
                pass
        assert refused.value.response.status_code in (403, 404)

    async def test_silence_ends_a_connection_and_a_ping_is_no_silence(self, tmp_path: Path) -> None:
        for race in races(4.0, 16.0, 60.0):
            chosen = options(tmp_path, idle_seconds=race.seconds / 4, fresh=True)
            async with (
                serving(chosen) as client,
                stream(client, ping_interval=race.seconds / 40) as heard,
                stream(client, ping_interval=None) as silent,
            ):
                await silent.closed()
                if race.in_time():
                    await heard.nothing()

    async def test_a_stop_ends_connections(self, tmp_path: Path) -> None:
        async with serving(options(tmp_path)) as client:
            opened = stream(client)
            s = await opened.__aenter__()
            await s.nothing()
        await s.closed()


class TestMine:
    async def test_who_is_not_known_is_told_so_and_let_go(self, client: Client) -> None:
        for bearer in (None, "nonsense", token("", access_key="somebody")):
            async with stream(client, "/private", bearer=bearer) as s:
                assert (await s.hear())["error"]["name"] == "INVALID_AUTH"
                await s.closed()

    async def test_an_order_is_told_step_by_step(self, client: Client) -> None:
        async with mine(client) as s:
            await s.ask({"type": "myOrder"})
            await s.nothing()
            await client.buy(50_000, identifier="mine")
            steps = [await s.hear()]
            while steps[-1]["state"] not in ("done", "cancel"):
                steps.append(await s.hear())
        asked = (await client.order(identifier="mine")).json()
        assert [step["state"] for step in steps] == [
            "wait",
            *["trade"] * asked["trades_count"],
            asked["state"],
        ]
        assert {(step["uuid"], step["identifier"], step["code"]) for step in steps} == {
            (asked["uuid"], "mine", ETH)
        }
        for step, trade in zip(steps[1:-1], asked["trades"], strict=True):
            assert (step["trade_uuid"], step["price"], step["volume"]) == (
                trade["uuid"],
                Decimal(trade["price"]),
                Decimal(trade["volume"]),
            )
            assert (step["is_maker"], step["trade_fee"]) == (
                False,
                step["price"] * step["volume"] * Decimal("0.0005"),
            )
        last = steps[-1]
        for name in ("executed_volume", "paid_fee", "remaining_fee", "locked", "reserved_fee"):
            assert last[name] == Decimal(asked[name]), name
        assert (last["volume"], last["trade_uuid"], last["trade_fee"]) == (None, None, None)
        assert last["executed_funds"] == sum(Decimal(trade["funds"]) for trade in asked["trades"])

    async def test_a_resting_order_that_the_market_comes_to_is_a_maker(self, moving: Client) -> None:
        asked = {"market": ETH, "side": "bid", "ord_type": "limit", "price": "2950000", "volume": "0.01"}
        async with mine(moving) as s:
            await s.ask({"type": "myOrder", "codes": [ETH]}, {"format": "SIMPLE"})
            await moving.post({**asked, "identifier": "rests"})
            assert (await s.hear())["s"] == "wait"
            await moving.wait(START + timedelta(hours=2))
            trade, done = await s.hear(), await s.hear()
        assert (trade["s"], trade["im"], trade["p"], trade["v"]) == (
            "trade",
            True,
            2_950_000,
            Decimal("0.01"),
        )
        assert (done["s"], done["ev"], done["rv"]) == ("done", Decimal("0.01"), 0)

    async def test_a_cancellation_is_told(self, client: Client) -> None:
        asked = {"market": ETH, "side": "bid", "ord_type": "limit", "price": "2900000", "volume": "0.01"}
        async with mine(client) as s:
            await s.ask({"type": "myOrder"}, {"type": "myAsset"})
            await client.post({**asked, "identifier": "x"})
            assert (await s.hear())["state"] == "wait"
            locked = await s.hear()
            await client.ask("/v1/order", [("identifier", "x")], "DELETE")
            assert (await s.hear())["state"] == "cancel"
            freed = await s.hear()
        won = {"currency": "KRW", "balance": Decimal("970985.5"), "locked": Decimal("29014.5")}
        assert (locked["type"], locked["assets"]) == ("myAsset", [won])
        assert freed["assets"] == [{"currency": "KRW", "balance": 1_000_000, "locked": 0}]

    async def test_balances_are_those_that_are_asked_for(self, client: Client) -> None:
        async with mine(client) as s:
            await s.ask({"type": "myAsset"})
            await s.nothing()
            await client.buy(50_000)
            told = await s.hear()
        asked = (await client.ask("/v1/accounts")).json()
        assert {a["currency"]: (a["balance"], a["locked"]) for a in told["assets"]} == {
            a["currency"]: (Decimal(a["balance"]), Decimal(a["locked"])) for a in asked
        }
        assert set(told) == {"type", "asset_uuid", "assets", "asset_timestamp", "timestamp", "stream_type"}

    async def test_only_the_markets_asked_for_are_told(self, client: Client) -> None:
        async with mine(client) as s, mine(client) as every:
            await s.ask({"type": "myOrder", "codes": [ETH]})
            await every.ask({"type": "myOrder", "codes": []})
            await s.nothing()
            await every.nothing()
            await client.buy(10_000)
            assert (await s.hear())["uuid"] == (await every.hear())["uuid"]

    async def test_codes_with_assets_are_a_wrong_format(self, client: Client) -> None:
        async with mine(client) as s:
            await s.ask({"type": "myAsset", "codes": [ETH]})
            assert (await s.hear())["error"]["name"] == "WRONG_FORMAT"

    async def test_what_was_refused_is_not_told(self, client: Client) -> None:
        async with mine(client) as s:
            await s.ask({"type": "myOrder"}, {"type": "myAsset"})
            await s.nothing()
            assert (await client.buy(9_000_000)).status_code == 400
            await s.nothing()

    def test_nobody_hears_of_a_transaction_that_failed(self) -> None:
        heard: list[object] = []
        bulletin = Bulletin()
        bulletin.listen(heard.append)
        bulletin.note(OrderNews(Order.__new__(Order), "wait", START))
        bulletin.forget()
        bulletin.tell()
        assert heard == []


class TestFaults:
    async def test_a_message_comes_twice(self, client: Client) -> None:
        await break_stream(client, kind="duplicate", type="ticker")
        async with stream(client) as s:
            await s.ask({"type": "ticker", "codes": [ETH]})
            assert await s.hear() == await s.hear()

    async def test_half_of_a_message(self, client: Client) -> None:
        await break_stream(client, kind="malformed", count=1)
        async with stream(client) as s:
            await s.ask({"type": "ticker", "codes": [ETH]})
            with pytest.raises(json.JSONDecodeError):
                await s.hear()

    async def test_a_connection_is_cut_in_place_of_a_message(self, client: Client) -> None:
        await break_stream(client, kind="drop", path="/websocket/v1", type="order*")
        async with stream(client) as s:
            await s.ask({"type": "ticker", "codes": [ETH]})
            assert (await s.hear())["type"] == "ticker"
            await s.ask({"type": "orderbook", "codes": [ETH]})
            await s.closed()
        assert (await client.seen("/sandbox/streams/faults"))[0]["hits"] == 1

    async def test_a_stalled_connection_stands_and_says_nothing(self, client: Client) -> None:
        for race in races():
            await break_stream(client, kind="stall", seconds=race.seconds, count=1)
            async with stream(client) as s:
                await s.ask({"type": "ticker", "codes": [ETH]})
                await s.say("PING")
                await (await s.socket.ping())  # answered by the protocol, which is alive
                if race.in_time():
                    with pytest.raises(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await s.socket.recv()

    async def test_a_handshake_is_refused(self, client: Client) -> None:
        await break_stream(client, kind="refuse", status=404, path="*/private")
        with pytest.raises(InvalidStatus) as refused:
            async with mine(client):
                pass
        assert refused.value.response.status_code == 404
        async with stream(client) as s:
            await s.nothing()

    async def test_a_rule_that_is_none_is_refused_by_name(self, client: Client) -> None:
        answer = await client.http.put("/sandbox/streams/faults", json=[{"kind": "explode"}])
        assert (answer.status_code, answer.json()["error"]["name"]) == (400, "validation_error")

    async def test_all_connections_are_cut_at_once(self, client: Client) -> None:
        async with stream(client) as s:
            await s.ask({"type": "ticker", "codes": [ETH]})
            await s.hear()
            assert await client.seen("/sandbox/streams") == [
                {"path": "/websocket/v1", "subscriptions": [{"type": "ticker", "codes": [ETH]}]}
            ]
            await client.http.delete("/sandbox/streams")
            await s.closed()
        async with asyncio.timeout(PATIENCE):
            while await client.seen("/sandbox/streams"):  # noqa: ASYNC110 - the other side of the wire
                await asyncio.sleep(0.01)
