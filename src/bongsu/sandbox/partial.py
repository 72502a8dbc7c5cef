"""An order that gets less than it wants, on purpose: asked for by a fault, obeyed by the matching."""

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from decimal import Decimal

from bongsu.core.market import BookLevel
from bongsu.core.money import ZERO, Volume, floor_volume
from bongsu.sandbox.orders import Ticket

# Of what the order of this request wants, at most; None where nobody meddles.
fill_share: ContextVar[Decimal | None] = ContextVar("fill_share", default=None)


def within_share(ticket: Ticket, levels: Sequence[BookLevel]) -> list[BookLevel]:
    """What the order may take of `levels`, best first."""
    share = fill_share.get()
    return list(levels) if share is None else list(_shortened(ticket, levels, share))


def _shortened(ticket: Ticket, levels: Sequence[BookLevel], share: Decimal) -> Iterator[BookLevel]:
    left = ((ticket.price if ticket.spends_total else ticket.volume) or ZERO) * share
    for level in levels:
        most = floor_volume(left / level.price) if ticket.spends_total else floor_volume(left)
        volume = Volume(min(level.volume, most))
        if volume <= 0:
            return
        yield BookLevel(level.price, volume)
        left -= volume * level.price if ticket.spends_total else volume
