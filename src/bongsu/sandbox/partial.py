"""An order that gets less than it wants, on purpose: asked for by a fault, obeyed by the matching."""

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from decimal import Decimal

from bongsu.core.money import ZERO, Volume, floor_volume
from bongsu.sandbox.offers import Offer
from bongsu.sandbox.orders import Ticket

# Of what the order of this request wants, at most; None where nobody meddles.
fill_share: ContextVar[Decimal | None] = ContextVar("fill_share", default=None)


def within_share(ticket: Ticket, levels: Sequence[Offer]) -> list[Offer]:
    """What the order may take of `levels`, best first."""
    share = fill_share.get()
    return list(levels) if share is None else list(_shortened(ticket, levels, share))


def _shortened(ticket: Ticket, levels: Sequence[Offer], share: Decimal) -> Iterator[Offer]:
    left = ((ticket.price if ticket.spends_total else ticket.volume) or ZERO) * share
    for level in levels:
        most = floor_volume(left / level.price) if ticket.spends_total else floor_volume(left)
        volume = Volume(min(level.volume, most))
        if volume <= 0:
            return
        yield replace(level, volume=volume)
        left -= volume * level.price if ticket.spends_total else volume
