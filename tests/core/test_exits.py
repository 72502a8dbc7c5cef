from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.exits import ExitDue, exit_due, quotes_agree
from bongsu.core.money import Price
from bongsu.core.order import Trigger
from bongsu.core.risk import RiskLimits
from core.samples import nothing_held_of, position

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


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_an_exit_is_always_confirmed_twice(ticker: int, mid: int) -> None:
    found = due(ticker, mid)
    ratios = [Decimal(p) / 4_000_000 - 1 for p in (ticker, mid)]
    confirmed = abs(ticker - mid) * 50 <= min(ticker, mid)
    stop = confirmed and all(r <= -LIMITS.stop_loss for r in ratios)
    take = confirmed and all(r >= LIMITS.take_profit for r in ratios)
    expected = Trigger.STOP_LOSS if stop else Trigger.TAKE_PROFIT if take else None
    assert (found.trigger if found else None) is expected
