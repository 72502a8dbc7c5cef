"""The limits of each group, what is told of them, and the ban of those who do not stop."""

from pathlib import Path

import pytest

from bongsu.sandbox.endpoints import ENDPOINTS
from bongsu.sandbox.quotas import LIMITS, Quotas
from sandbox.worlds import ETH, options, serving


class Wall:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


def statuses(
    quotas: Quotas, times: int, method: str = "GET", path: str = "/v1/ticker", **more: bool
) -> list[int]:
    return [_status(quotas, method, path, **more) for _ in range(times)]


def _status(quotas: Quotas, method: str, path: str, **more: bool) -> int:
    refused = quotas.use(method, path, **more).refused
    return 200 if refused is None else refused.status


def one_of(group: str) -> tuple[str, str]:
    known = next(endpoint for endpoint in ENDPOINTS if endpoint.group == group)
    return known.method, known.path.replace("{unit}", "60")


@pytest.mark.parametrize("group", LIMITS)
def test_a_group_has_its_own_limit_and_the_next_span_is_fresh(wall: Wall, group: str) -> None:
    quotas, (most, seconds) = Quotas(1.0, wall), LIMITS[group]
    assert statuses(quotas, most + 1, *one_of(group)) == [200] * most + [429]
    other = "ticker" if group != "ticker" else "candle"
    assert statuses(quotas, 1, *one_of(other)) == [200]
    wall.now += seconds
    assert statuses(quotas, 1, *one_of(group)) == [200]


def test_what_is_left_is_told(wall: Wall) -> None:
    quotas = Quotas(1.0, wall)
    told = [quotas.use("POST", "/v1/orders/test").header for _ in range(9)]
    assert told[0] == "group=order-test; min=420; sec=7"
    assert told[7] == told[8] == "group=order-test; min=0; sec=0"


def test_a_faster_market_has_larger_limits(wall: Wall) -> None:
    assert statuses(Quotas(60.0, wall), 601) == [200] * 600 + [429]


def test_a_page_gets_one_quote_in_ten_seconds(wall: Wall) -> None:
    quotas = Quotas(1.0, wall)
    assert statuses(quotas, 2, page=True) == [200, 429]
    assert statuses(quotas, 1) == [200]
    wall.now += 10
    assert statuses(quotas, 1, page=True) == [200]


def test_who_does_not_stop_is_banned_from_everything_and_longer_each_time(wall: Wall) -> None:
    quotas = Quotas(1.0, wall)
    for length in (10, 20, 40):
        assert statuses(quotas, 31) == [200] * 10 + [429] * 19 + [418] * 2
        for group in LIMITS:
            assert statuses(quotas, 1, *one_of(group)) == [418]
        wall.now += length - 1
        assert statuses(quotas, 1) == [418]
        refused = quotas.use("GET", "/v1/accounts").refused
        assert refused is not None
        assert refused.message == "blocked for 1 seconds more"
        wall.now += 1
    wall.now += 700
    assert statuses(quotas, 30)[-1] == 418
    wall.now += 10
    assert statuses(quotas, 1) == [200]


def test_who_stops_in_time_is_not_banned(wall: Wall) -> None:
    quotas = Quotas(1.0, wall)
    for _ in range(10):
        assert statuses(quotas, 12)[-1] == 429
        wall.now += 2


def test_what_is_no_part_of_upbit_has_no_limit(wall: Wall) -> None:
    assert statuses(Quotas(1.0, wall), 100, "GET", "/sandbox/clock") == [200] * 100


async def test_over_the_wire(tmp_path: Path) -> None:
    async with serving(options(tmp_path, speed=1.0)) as client:
        answers = [await client.ask("/v1/orders/open", method="DELETE") for _ in range(3)]
        while (
            answers[-1].status_code == 200
        ):  # each in a span of its own: a machine as slow as that tries again
            answers.append(await client.ask("/v1/orders/open", method="DELETE"))
        assert answers[-1].status_code == 429
        assert answers[-1].json()["error"]["name"] == "too_many_requests"
        assert answers[-1].headers["remaining-req"] == "group=order-cancel-all; min=0; sec=0"
        assert "x-market-time" in answers[-1].headers
        assert (await client.http.get(f"/v1/ticker?markets={ETH}")).status_code == 200
