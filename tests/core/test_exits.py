from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.exits import ExitDue, exit_due, quotes_agree
from bongsu.core.money import Krw, Price, Volume
from bongsu.core.order import Side, Trigger
from bongsu.core.portfolio import apply_execution
from bongsu.core.risk import RiskLimits
from core.samples import NOON, nothing_held_of, position

LIMITS = RiskLimits()
HELD = position("0.05", 200_000)  # 4,000,000 won a coin


def due(ticker: int | str | Decimal, mid: int | str | Decimal) -> ExitDue | None:
    return exit_due(HELD, Price(Decimal(ticker)), Price(Decimal(mid)), LIMITS)


@pytest.mark.parametrize(
    ("ticker", "mid", "trigger"),
    [
        (4_000_000, 4_000_000, None),
        (3_800_000, 3_800_000, Trigger.STOP_LOSS),
        (3_800_001, 3_800_000, None),
        (3_800_000, 3_800_001, None),
        (3_730_000, 3_790_000, Trigger.STOP_LOSS),
        (4_400_000, 4_400_000, Trigger.TAKE_PROFIT),
        (4_399_999, 4_400_000, None),
        (4_500_000, 4_440_000, Trigger.TAKE_PROFIT),
    ],
)
def test_an_exit_needs_both_quotes_beyond_its_threshold(
    ticker: int, mid: int, trigger: Trigger | None
) -> None:
    found = due(ticker, mid)
    assert (found.trigger if found else None) is trigger


@pytest.mark.parametrize(
    ("ticker", "mid"),
    [
        (400_000, 4_000_000),  # one tick a tenth
        (40_000_000, 4_000_000),
        (4_000_000, 400_000),
        (0, 0),
        (0, 3_700_000),
        (-3_700_000, -3_700_000),
        (3_500_000, 3_799_000),  # both below, and contradicting one another
    ],
)
def test_no_exit_on_one_bad_tick(ticker: int, mid: int) -> None:
    assert due(ticker, mid) is None


def test_the_reason_names_the_milder_of_both_quotes() -> None:
    loss, gain = due(3_795_200, 3_780_000), due(4_416_000, 4_420_000)
    assert loss == ExitDue(Trigger.STOP_LOSS, "손절: 진입가 대비 -5.12%", "Stop-loss: -5.12% from entry")
    assert gain == ExitDue(
        Trigger.TAKE_PROFIT, "익절: 진입가 대비 +10.40%", "Take-profit: +10.40% from entry"
    )


def test_the_loss_is_reckoned_from_the_cost_with_its_fee() -> None:
    with_fee = position("0.05", 200_100)
    price = Price(Decimal("3801900"))
    assert exit_due(with_fee, price, price, LIMITS) is not None
    assert exit_due(HELD, price, price, LIMITS) is None


def test_nothing_held_nothing_due() -> None:
    assert exit_due(nothing_held_of(), Price(Decimal(1)), Price(Decimal(1)), LIMITS) is None


@pytest.mark.parametrize(
    ("ticker", "mid", "agree"),
    [(100, 102, True), (102, 100, True), (100, 103, False), (0, 0, False), (-1, -1, False)],
)
def test_quotes_agree_within_two_percent(ticker: int, mid: int, agree: bool) -> None:
    assert quotes_agree(Price(Decimal(ticker)), Price(Decimal(mid))) is agree


BY_RANGE = RiskLimits(atr_stop=Decimal(3), trailing_atr=Decimal(2))
RANGE = Price(Decimal(50_000))


def by_range(
    ticker: int, mid: int, peak: int | None = None, true_range: Price | None = RANGE
) -> ExitDue | None:
    held = replace(HELD, peak=Price(Decimal(peak)) if peak else None)
    return exit_due(held, Price(Decimal(ticker)), Price(Decimal(mid)), BY_RANGE, true_range)


@pytest.mark.parametrize(
    ("ticker", "mid", "trigger"),
    [
        (3_850_000, 3_850_000, Trigger.STOP_LOSS),  # three ranges of 50,000 below 4,000,000
        (3_850_001, 3_850_000, None),
        (3_850_000, 3_850_001, None),
        (3_400_000, 3_850_000, None),  # they contradict one another
    ],
)
def test_a_stop_by_volatility_needs_both_quotes_beyond_it(
    ticker: int, mid: int, trigger: Trigger | None
) -> None:
    found = by_range(ticker, mid)
    assert (found.trigger if found else None) is trigger


def test_a_stop_by_volatility_is_never_looser_than_the_stop_loss() -> None:
    wild = Price(Decimal(1_000_000))
    assert by_range(3_799_999, 3_799_999, true_range=wild) == ExitDue(
        Trigger.STOP_LOSS, "손절: 진입가 대비 -5.00%", "Stop-loss: -5.00% from entry"
    )
    assert by_range(3_800_001, 3_800_001, true_range=wild) is None


@pytest.mark.parametrize(
    ("ticker", "mid", "peak", "trigger"),
    [
        (4_200_000, 4_200_000, 4_300_000, Trigger.TRAILING_STOP),
        (4_200_001, 4_200_000, 4_300_000, None),
        (4_200_000, 4_200_001, 4_300_000, None),
        (4_200_000, 4_200_000, 4_299_999, None),
        (4_350_000, 4_350_000, 4_300_000, None),  # a new height
        (4_200_000, 4_200_000, None, None),  # nothing was seen before
        (3_850_000, 3_850_000, 4_300_000, Trigger.STOP_LOSS),  # the graver name
    ],
)
def test_a_trailing_stop_hangs_on_the_highest_price(
    ticker: int, mid: int, peak: int | None, trigger: Trigger | None
) -> None:
    found = by_range(ticker, mid, peak)
    assert (found.trigger if found else None) is trigger


def test_a_trailing_stop_says_from_where_it_fell() -> None:
    assert by_range(4_190_000, 4_200_000, 4_300_000) == ExitDue(
        Trigger.TRAILING_STOP,
        "트레일링 스톱: 최고가 4,300,000원 대비 -2.33%",
        "Trailing stop: -2.33% from the peak of 4,300,000 KRW",
    )


def test_without_a_true_range_only_the_fixed_limits_hold() -> None:
    assert by_range(3_850_000, 3_850_000, 4_300_000, true_range=None) is None
    assert by_range(3_800_000, 3_800_000, true_range=None) is not None


def test_both_are_off_by_default() -> None:
    held = replace(HELD, peak=Price(Decimal(4_390_000)))
    assert exit_due(held, Price(Decimal(3_850_000)), Price(Decimal(3_850_000)), LIMITS, RANGE) is None


def test_the_peak_ends_with_the_position() -> None:
    held = replace(HELD, peak=Price(Decimal(4_300_000)))
    part, all_of_it = (
        apply_execution(held, Side.SELL, Volume(Decimal(v)), Krw(Decimal(1)), Krw(Decimal(0)), NOON)
        for v in ("0.01", "0.05")
    )
    assert (part.peak, all_of_it.peak) == (4_300_000, None)


@given(st.integers(1, 10**7), st.integers(1, 10**7), st.integers(1, 10**7), st.integers(1, 10**6))
def test_whatever_the_range_an_exit_is_confirmed_twice_and_no_stop_is_loosened(
    ticker: int, mid: int, peak: int, wide: int
) -> None:
    found = by_range(ticker, mid, peak, Price(Decimal(wide)))
    higher = max(ticker, mid)
    confirmed = abs(ticker - mid) * 50 <= min(ticker, mid)
    stopped = found is not None and found.trigger is Trigger.STOP_LOSS
    assert stopped == (confirmed and higher <= max(3_800_000, 4_000_000 - 3 * wide))
    if found is not None and found.trigger is Trigger.TRAILING_STOP:
        assert confirmed
        assert higher <= max(peak, min(ticker, mid)) - 2 * wide


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_an_exit_is_always_confirmed_twice(ticker: int, mid: int) -> None:
    found = due(ticker, mid)
    ratios = [Decimal(p) / 4_000_000 - 1 for p in (ticker, mid)]
    confirmed = abs(ticker - mid) * 50 <= min(ticker, mid)
    stop = confirmed and all(r <= -LIMITS.stop_loss for r in ratios)
    take = confirmed and all(r >= LIMITS.take_profit for r in ratios)
    expected = Trigger.STOP_LOSS if stop else Trigger.TAKE_PROFIT if take else None
    assert (found.trigger if found else None) is expected
