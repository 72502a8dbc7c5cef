"""Whatever the wishes, the exchange sees no more requests in a second than it allows."""

from hypothesis import example, given
from hypothesis import strategies as st

from adapters.scripted import Watch
from bongsu.adapters.upbit.limits import LIMITS, RateLimits, TokenBucket


@given(st.integers(1, 30), st.lists(st.just(0.0) | st.floats(0, 2), min_size=1, max_size=120))
@example(10, [0.0] * 60)
@example(10, [1.0, *[0.0] * 60])
def test_never_more_than_the_limit_in_any_second(limit: int, pauses: list[float]) -> None:
    now, sent = 1000.0, list[float]()
    bucket = TokenBucket(limit, now)
    for pause in pauses:
        now += pause
        sent.append(now + bucket.reserve(now))
    for start in sent:
        # A hair less than a second, for the sake of floating point.
        assert sum(start <= at < start + 0.999999 for at in sent) <= max(limit, 2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.floats(0.1, 5))
def test_nothing_while_closed_and_no_burst_after_it(pauses: list[float], closed: float) -> None:
    now = 1000.0
    bucket = TokenBucket(10, now)
    bucket.close(closed, now)
    opens, sent = now + closed, list[float]()
    for pause in pauses:
        now += pause
        sent.append(now + bucket.reserve(now))
    assert min(sent) >= opens - 1e-6
    assert sum(at < opens + 0.999 for at in sent) <= 10


def test_what_the_exchange_says_is_left_counts() -> None:
    bucket = TokenBucket(10, 0.0)
    bucket.correct(2, 0.0)
    assert [bucket.reserve(0.0) for _ in range(2)] == [0, 0]
    assert bucket.reserve(0.0) > 0


async def test_a_refused_second_is_waited_out_and_groups_are_apart() -> None:
    watch = Watch()
    limits = RateLimits(1000.0, watch)  # a thousand times life: the second is a millisecond
    limits.exceeded("order")
    assert limits._buckets["order"].reserve(watch()) >= 0.001
    assert limits._buckets["default"].reserve(watch()) == 0


def test_nothing_left_closes_the_second() -> None:
    watch = Watch()
    limits = RateLimits(1.0, watch)
    limits.learn("default", "group=default; min=1800; sec=0")
    assert limits.remaining == {"default": 0}
    assert limits._buckets["default"].reserve(watch()) >= 1


async def test_garbled_headers_change_nothing() -> None:
    limits = RateLimits(1.0, Watch())
    for header in (
        None,
        "",
        "sec=",
        "sec=-1",
        "sec=many",
        "group=order; min=0",
        "nosec=0",
        "sec=99999999999",
    ):
        limits.learn("default", header)
    assert limits.remaining == {}


async def test_lockstep_knows_no_limit() -> None:
    watch = Watch()
    limits = RateLimits(float("inf"), watch)
    for _ in range(1000):
        await limits.wait("order")
    limits.exceeded("order")
    limits.learn("order", "sec=0")
    await limits.wait("order")
    assert set(LIMITS) == {"market", "candle", "ticker", "orderbook", "default", "order", "order-test"}


async def test_what_is_left_is_that_of_the_group_the_exchange_names() -> None:
    watch = Watch()
    limits = RateLimits(1.0, watch)
    limits.learn("orderbook", "group=default; min=1800; sec=3")
    limits.learn("candle", "group=candles; min=600; sec=4")  # no name of ours
    assert limits.remaining == {"default": 3, "candle": 4}
