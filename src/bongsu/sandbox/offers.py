"""What an order meets: the drawn levels and the account's own resting orders, by price and then by time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from bongsu.core.market import BookLevel, OrderBook
from bongsu.core.money import ZERO, Price, Volume
from bongsu.sandbox.book import LEVELS
from bongsu.sandbox.orders import Order, Ticket


@dataclass(frozen=True, slots=True)
class Offer:
    price: Price
    volume: Volume
    maker: Order | None  # None: somebody else's, and older than any of ours at that price


def displayed(drawn: OrderBook, resting: Iterable[Order]) -> OrderBook:
    """Ours stand in the book, but for those that the drawn one has passed: they wait for their share of the hour."""
    bids = list(drawn.bids)
    asks = list(drawn.asks)
    for order in resting:
        price = Price(order.ticket.price or ZERO)
        level = BookLevel(price, Volume(order.remaining_volume or ZERO))
        if order.ticket.side == "bid" and price < drawn.asks[0].price:
            bids.append(level)
        if order.ticket.side == "ask" and price > drawn.bids[0].price:
            asks.append(level)
    return OrderBook(
        drawn.market, drawn.at, bids=_levels(bids, highest=True), asks=_levels(asks, highest=False)
    )


def _levels(levels: list[BookLevel], *, highest: bool) -> tuple[BookLevel, ...]:
    volumes: dict[Price, Volume] = {}
    for level in levels:
        volumes[level.price] = Volume(volumes.get(level.price, ZERO) + level.volume)
    best_first = sorted(volumes, reverse=highest)
    return tuple(BookLevel(price, volumes[price]) for price in best_first[:LEVELS])


def offers(ticket: Ticket, drawn: OrderBook, resting: Iterable[Order]) -> list[Offer]:
    """What the order may trade with, best first; a limit order's as far as its limit, a best one's of one price."""
    buys = ticket.side == "bid"
    found = [Offer(level.price, level.volume, None) for level in (drawn.asks if buys else drawn.bids)]
    found += [
        Offer(Price(o.ticket.price or ZERO), Volume(o.remaining_volume or ZERO), o)
        for o in resting
        if o.ticket.side != ticket.side
    ]
    found.sort(
        key=lambda offer: (offer.price if buys else -offer.price, offer.maker.seq if offer.maker else 0)
    )
    limit = ticket.price if ticket.ord_type == "limit" else None
    if ticket.ord_type == "best" and found:
        limit = found[0].price
    if limit is None:
        return found
    return [offer for offer in found if (offer.price <= limit if buys else offer.price >= limit)]


def obtainable(ticket: Ticket, met: Sequence[Offer]) -> list[BookLevel]:
    """Of what the order meets, that which its smp_type lets it trade with."""
    if ticket.smp_type == "cancel_taker":
        met = list(takewhile(lambda offer: offer.maker is None, met))
    elif ticket.smp_type != "none":
        met = [offer for offer in met if offer.maker is None]
    return [BookLevel(offer.price, offer.volume) for offer in met]
