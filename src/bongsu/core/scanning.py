"""Which markets are worth a look: the most traded ones that the exchange says nothing against."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bongsu.core.market import Listed, Market
from bongsu.core.money import Krw

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ScanRules:
    """`left_out`: what is no speculation, as stablecoins are. `at_once`: how many an advisor is asked about in one cycle."""

    most: int
    least_value: Krw  # traded in 24 hours
    left_out: frozenset[Market]
    at_once: int


def scan(listed: Iterable[Listed], rules: ScanRules) -> tuple[Market, ...]:
    """The most traded first; of equals, by name."""
    worthy = (
        one
        for one in listed
        if not one.flagged and one.value_24h >= rules.least_value and one.market not in rules.left_out
    )
    ranked = sorted(worthy, key=lambda one: (-one.value_24h, one.market))
    return tuple(one.market for one in ranked[: rules.most])


def next_ones(
    found: Sequence[Market], held: Sequence[Market], asked_at: Mapping[Market, datetime], at_once: int
) -> tuple[Market, ...]:
    """Those that nobody asked about for the longest, so that each one's turn comes. What is held stays among them."""
    candidates = tuple(dict.fromkeys((*held, *found)))
    in_turn = sorted(candidates, key=lambda market: asked_at.get(market, _NEVER))  # stable: as they came
    return tuple(in_turn[:at_once])
