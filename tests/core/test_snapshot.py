import subprocess
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.indicators import fill_gaps, indicators
from bongsu.core.market import HOUR
from bongsu.core.money import Krw, Price
from bongsu.core.snapshot import MarketSnapshot, PriceSource, build_snapshot, find_outlier
from core.samples import ETH, NOON, book, nothing_held_of, position, ticker, wandering_candles


def snapshot_of(**changes: object) -> MarketSnapshot:
    fields: dict[str, object] = {
        "candles": wandering_candles(),
        "ticker": ticker("4050000"),
        "book": book(4_049_000, 4_051_000),
        "position": nothing_held_of(),
        "equity": Krw(Decimal(1_000_000)),
        "buying_allowed": True,
        "at": NOON,
    }
    return build_snapshot(ETH, **(fields | changes))  # type: ignore[arg-type]


def test_a_snapshot_shows_what_stood_in_the_market() -> None:
    taken = snapshot_of()
    assert (taken.market, taken.price, taken.bid, taken.ask) == (ETH, 4_050_000, 4_049_000, 4_051_000)
    assert taken.spread == Decimal(2000) / Decimal(4_050_000)
    assert taken.candle_closed_at == NOON
    assert taken.indicators == indicators(wandering_candles())
    assert taken.position is None
    assert taken.synthetic_candles == 0


def test_a_holding_is_shown_with_its_profit() -> None:
    held = snapshot_of(position=position("0.1", 400_000)).position
    assert held is not None
    assert (held.volume, held.entry_price) == (Decimal("0.1"), 4_000_000)
    assert held.unrealized_ratio == Decimal("0.0125")


def test_only_silent_candles_behind_the_indicators_are_counted() -> None:
    candles = wandering_candles(500)
    with_holes = fill_gaps([c for i, c in enumerate(candles) if i not in (10, 300, 301)], NOON)
    assert with_holes[-1].closed_at - with_holes[0].opened_at == HOUR * 500
    assert snapshot_of(candles=with_holes).synthetic_candles == 2


@pytest.mark.parametrize(
    ("price", "bid", "ask", "close", "bad"),
    [
        (100, 99, 101, 100, None),
        (115, 99, 101, 100, None),
        (116, 99, 101, 100, PriceSource.TICKER),
        (1000, 99, 101, 100, PriceSource.TICKER),
        (10, 99, 101, 100, PriceSource.TICKER),
        (0, 99, 101, 100, PriceSource.TICKER),
        (-5, 99, 101, 100, PriceSource.TICKER),
        (100, 990, 1010, 100, PriceSource.BOOK),
        (100, 101, 99, 100, PriceSource.BOOK),
        (100, 100, 100, 100, PriceSource.BOOK),
        (100, 0, 1, 100, PriceSource.BOOK),
        (100, -1, 101, 100, PriceSource.BOOK),
        (100, 0, 200, 100, PriceSource.BOOK),
        (100, 99, 101, 130, PriceSource.CANDLE),
        (100, 99, 101, 0, PriceSource.CANDLE),
    ],
)
def test_an_impossible_price_is_found(
    price: int, bid: int, ask: int, close: int, bad: PriceSource | None
) -> None:
    assert find_outlier(Price(Decimal(price)), book(bid, ask), Price(Decimal(close))) is bad


def test_a_coin_below_one_won_is_no_outlier() -> None:
    assert find_outlier(Price(Decimal("0.0123")), book("0.0122", "0.0124"), Price(Decimal("0.0121"))) is None


@given(st.integers(1, 10**9), st.sampled_from(["0.1", "0.5", "0.8", "1.2", "2", "10"]))
def test_one_wrong_ticker_never_passes(price: int, factor: str) -> None:
    wrong = Price(Decimal(price) * Decimal(factor))
    quotes = book(Decimal(price) * Decimal("0.9999"), Decimal(price) * Decimal("1.0001"))
    assert find_outlier(wrong, quotes, Price(Decimal(price))) is PriceSource.TICKER


def test_reading_snapshots_does_not_cost_numpy() -> None:
    code = "import sys, bongsu.core.facts, bongsu.advisors.rules; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
