"""The market clock, the world as an outside observer sees it, switches and the inbox: no part of Upbit's wire."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bongsu.core.market import Market, MarketState
from bongsu.errors import ScenarioInvalid
from bongsu.sandbox import wire
from bongsu.sandbox.fault_rules import Rule
from bongsu.sandbox.faults import JOURNAL_KEPT, Switches
from bongsu.sandbox.mailbox import Message
from bongsu.sandbox.orders import Refused
from bongsu.sandbox.questions import Question, parse_question
from bongsu.sandbox.standing import Caution
from bongsu.sandbox.world import World

_MAX_MESSAGES = 1_000
_LONGEST_JUMP = timedelta(days=366)


class _Hold(Question, frozen=True):
    owner: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    ttl: Annotated[float, msgspec.Meta(gt=0, le=3600)]


class _Release(Question, frozen=True):
    owner: str


class _Wait(Question, frozen=True):
    until: Annotated[datetime, msgspec.Meta(tz=True)]
    timeout: Annotated[float, msgspec.Meta(ge=0, le=30)] = 30.0


class _Flow(Question, frozen=True):
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z0-9]{1,15}$")]
    delta: Decimal


class _Standing(Question, frozen=True):
    state: MarketState


class Admin:
    def __init__(self, world: World, switches: Switches) -> None:
        self._world = world
        self._switches = switches

    def routes(self) -> list[Route]:
        return [
            Route("/sandbox/clock", self.clock),
            Route("/sandbox/clock/hold", self.hold, methods=["POST"]),
            Route("/sandbox/clock/release", self.release, methods=["POST"]),
            Route("/sandbox/clock/wait", self.wait, methods=["POST"]),
            Route("/sandbox/world", self.world),
            Route("/sandbox/state", self.state),
            Route("/sandbox/account", self.move, methods=["POST"]),
            Route("/sandbox/markets", self.markets),
            Route("/sandbox/markets/{market}/state", self.put_state, methods=["PUT"]),
            Route("/sandbox/markets/{market}/state", self.reset_state, methods=["DELETE"]),
            Route("/sandbox/markets/{market}/cautions", self.caution, methods=["PUT"]),
            Route("/sandbox/faults", self.faults),
            Route("/sandbox/faults", self.arm, methods=["PUT"]),
            Route("/sandbox/faults", self.disarm, methods=["DELETE"]),
            Route("/sandbox/faults/journal", self.journal),
            Route("/sandbox/scenario", self.follow, methods=["PUT"]),
            Route("/sandbox/inbox", self.inbox),
        ]

    # -- the clock ------------------------------------------------------------------------------

    async def clock(self, _: Request) -> Response:
        return self._clock()

    async def hold(self, request: Request) -> Response:
        asked = await parse_question(request, _Hold)
        self._world.clock.hold(asked.owner, asked.ttl)
        self._world.tick()  # the moment it stands at, which is later than that of the request's arrival
        return self._clock()

    async def release(self, request: Request) -> Response:
        asked = await parse_question(request, _Release)
        self._world.clock.release(asked.owner)
        return self._clock()

    async def wait(self, request: Request) -> Response:
        asked = await parse_question(request, _Wait)
        self._check_jump(asked.until)
        await self._world.clock.wait(asked.until, asked.timeout)
        return self._clock()

    def _check_jump(self, until: datetime) -> None:
        """An endless market in lock-step would be made on and on. Raises Refused."""
        endless = self._world.feed.end is None and self._world.clock.speed == "max"
        if endless and until - self._world.exchange.now > _LONGEST_JUMP:
            raise Refused("validation_error", f"more than {_LONGEST_JUMP.days} days ahead - at `$.until`")

    def _clock(self) -> wire.Json:
        self._world.tick()  # so that a market just held is shown where it stands
        clock, end = self._world.clock, self._world.feed.end
        return wire.Json(
            {
                "now": _iso(self._world.exchange.now),
                "speed": clock.speed,
                "held": clock.held,
                "ended": clock.ended,
                "start": _iso(self._world.feed.start),
                "end": None if end is None else _iso(end),
            }
        )

    # -- the world ------------------------------------------------------------------------------

    async def world(self, _: Request) -> Response:
        options = self._world.options
        return wire.Json(
            {
                "id": self._world.id,
                "source": list(options.candles) or "generated",
                "seed": options.seed,
                "start": _iso(self._world.feed.start),
                "end": None if self._world.feed.end is None else _iso(self._world.feed.end),
                "markets": list(self._world.feed.tapes),
                "speed": options.speed,
                "fee": wire.plain(options.fee),
                "capital": wire.plain(options.capital),
                "scenario": options.scenario,
            }
        )

    async def state(self, _: Request) -> Response:
        store = self._world.store
        orders = store.all_orders()
        identifiers = {order.seq: order.ticket.identifier for order in orders}
        return wire.Json(
            {
                "now": _iso(self._world.exchange.now),
                "balances": [wire.holding(h) for h in self._world.exchange.account.holdings()],
                "orders": [wire.listed_order(order) for order in orders],
                "trades": [
                    {
                        **wire.trade(trade),
                        "fee": wire.plain(trade.fee),
                        "at": _iso(trade.at),
                        "identifier": identifiers[trade.order_seq],
                    }
                    for trade in store.all_trades()
                ],
                "flows": [
                    {"currency": flow.currency, "delta": wire.plain(flow.delta), "at": _iso(flow.at)}
                    for flow in store.flows()
                ],
            }
        )

    async def move(self, request: Request) -> Response:
        asked = await parse_question(request, _Flow)
        self._world.exchange.move_from_outside(asked.currency, asked.delta)
        return wire.Json([wire.holding(h) for h in self._world.exchange.account.holdings()])

    # -- the markets ----------------------------------------------------------------------------

    async def markets(self, _: Request) -> Response:
        return self._markets()

    async def put_state(self, request: Request) -> Response:
        return self._put(request, (await parse_question(request, _Standing)).state)

    async def reset_state(self, request: Request) -> Response:
        return self._put(request, MarketState.ACTIVE)

    def _put(self, request: Request, state: MarketState) -> Response:
        self._world.exchange.standing.put(self._named(request), state, self._world.exchange.now)
        return self._markets()

    async def caution(self, request: Request) -> Response:
        cautions = await parse_question(request, frozenset[Caution])
        self._world.exchange.standing.caution(self._named(request), cautions)
        return wire.Json(sorted(cautions))

    def _named(self, request: Request) -> Market:
        """Raises Refused for a market that this world does not have."""
        market = Market(request.path_params["market"].upper())
        if market not in self._world.feed.tapes:
            raise Refused("market_does_not_exist", f"{market} is not traded here", 404)
        return market

    def _markets(self) -> wire.Json:
        state = self._world.exchange.standing.state
        return wire.Json({market: state(market) for market in self._world.feed.tapes})

    # -- faults and messages --------------------------------------------------------------------

    async def faults(self, _: Request) -> Response:
        return wire.Json(self._switches.report())

    async def arm(self, request: Request) -> Response:
        self._switches.arm(await parse_question(request, list[Rule]))
        return wire.Json(self._switches.report())

    async def disarm(self, _: Request) -> Response:
        self._switches.arm([])
        return wire.Json([])

    async def follow(self, request: Request) -> Response:
        """The body is a scenario's text."""
        from bongsu.sandbox.scenario import parse_scenario

        try:
            scenario = parse_scenario((await request.body()).decode(), "scenario")
        except (ScenarioInvalid, UnicodeDecodeError) as wrong:
            raise Refused("validation_error", str(wrong)) from None
        self._switches.follow(scenario)
        return wire.Json(self._switches.report())

    async def journal(self, request: Request) -> Response:
        after, limit = _whole(request, "after", 0), _whole(request, "limit", JOURNAL_KEPT)
        return wire.Json(self._switches.journal.entries(after, limit))

    async def inbox(self, request: Request) -> Response:
        after = _whole(request, "after", 0)
        limit = min(_whole(request, "limit", 100), _MAX_MESSAGES)
        return wire.Json([_message(message) for message in self._world.store.mailbox.messages(after, limit)])


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Refused("invalid_parameter", f"{name} must be a whole number ≥ 0")
    return int(text)


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "at": _iso(message.at),
        "market_time": _iso(message.market_time),
        "chat_id": message.chat_id,
        "text": message.text,
        "source": message.source,
        "parse_mode": message.parse_mode,
        "buttons": message.buttons,
        "photo": f"/sandbox/inbox/{message.id}/photo" if message.pictured else None,
    }


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
