"""Waits that double."""

from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.backoff import doubled


def test_it_doubles_until_it_is_long_enough() -> None:
    assert [doubled(n, longest=15.0) for n in range(1, 7)] == [1, 2, 4, 8, 15, 15]
    assert [doubled(n, first=0.5, longest=30.0) for n in (1, 2, 3)] == [0.5, 1, 2]


@given(st.integers(1, 10**6), st.floats(0.01, 10), st.floats(10, 1000))
def test_it_never_shrinks_and_never_outgrows(failures: int, first: float, longest: float) -> None:
    pause = doubled(failures, first=first, longest=longest)
    assert first <= pause <= longest
    assert doubled(failures + 1, first=first, longest=longest) >= pause
