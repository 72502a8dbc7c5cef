"""What an order must be to be accepted, the account's funds aside. Each check raises Refused with Upbit's name."""

from collections.abc import Sequence
from decimal import Decimal

from bongsu.core.market import BookLevel, OrderBook
from bongsu.core.money import ZERO, Price, tick_size
from bongsu.sandbox.orders import Refused, Ticket

MIN_TOTAL = Decimal(5_000)
MAX_TOTAL = Decimal(1_000_000_000)


def total_of(ticket: Ticket, book: OrderBook) -> Decimal:
    """What the order is worth in won, as far as can be told before it is matched."""
    price = ticket.price or ZERO
    if ticket.spends_total:
        return price
    volume = ticket.volume or ZERO
    if ticket.ord_type == "limit":
        return price * volume
    return volume * book.bids[0].price if book.bids else ZERO


def check_grid(ticket: Ticket) -> None:
    if ticket.ord_type == "limit" and ticket.price is not None:
        tick = tick_size(Price(ticket.price))
        if ticket.price % tick:
            raise Refused(
                f"invalid_price_{ticket.side}", f"{ticket.price:f} is no multiple of the tick {tick:f}"
            )


def check_total(ticket: Ticket, total: Decimal) -> None:
    if total < MIN_TOTAL:
        raise Refused(f"under_min_total_{ticket.side}", f"an order is worth at least {MIN_TOTAL} KRW")
    if total > MAX_TOTAL:
        raise Refused("volume_too_large", f"an order is worth at most {MAX_TOTAL} KRW")


def check_depth(ticket: Ticket, book: OrderBook) -> None:
    """A market order may not be bigger than the displayed levels that it would eat."""
    if ticket.ord_type not in ("price", "market"):
        return
    levels = book.asks if ticket.side == "bid" else book.bids
    if not holds_enough(ticket, levels):
        raise Refused("volume_too_large", f"the {len(levels)} displayed levels do not hold that much")


def holds_enough(ticket: Ticket, levels: Sequence[BookLevel]) -> bool:
    if ticket.spends_total:
        return sum((x.price * x.volume for x in levels), ZERO) >= (ticket.price or ZERO)
    return sum((x.volume for x in levels), ZERO) >= (ticket.volume or ZERO)
