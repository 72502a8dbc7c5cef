"""Where a message goes, and which hours are quiet."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.channels import Channel, QuietHours, Route, When, parse_quiet_hours
from bongsu.core.outgoing import Urgency
from bongsu.core.tradingday import KST

FIVE = timedelta(minutes=5)
NONE = timedelta(0)


@dataclass
class Said:
    urgency: Urgency = Urgency.INFO
    of_the_channel: bool = False


@pytest.mark.parametrize(
    ("when", "said", "delay"),
    [
        (When.LATE, Said(), None),
        (When.LATE, Said(Urgency.WARNING), None),
        (When.LATE, Said(Urgency.CRITICAL), FIVE),
        (When.LATE, Said(Urgency.WARNING, of_the_channel=True), NONE),
        (When.CRITICAL, Said(Urgency.WARNING), None),
        (When.CRITICAL, Said(Urgency.CRITICAL), NONE),
        (When.ALL, Said(), NONE),
    ],
)
def test_what_the_second_channel_is_for(when: When, said: Said, delay: timedelta | None) -> None:
    assert Route(Channel.MAIL, when, FIVE).delay(said) == delay


NIGHT = QuietHours(time(23), time(7))
NOON = QuietHours(time(12), time(13, 30))


@pytest.mark.parametrize(
    ("hours", "at", "end"),
    [
        (NIGHT, "2026-11-24 22:59", None),
        (NIGHT, "2026-11-24 23:00", "2026-11-25 07:00"),
        (NIGHT, "2026-11-25 00:00", "2026-11-25 07:00"),
        (NIGHT, "2026-11-25 06:59", "2026-11-25 07:00"),
        (NIGHT, "2026-11-25 07:00", None),
        (NOON, "2026-11-25 11:59", None),
        (NOON, "2026-11-25 12:00", "2026-11-25 13:30"),
        (NOON, "2026-11-25 13:30", None),
    ],
)
def test_the_quiet_hours_of_korea(hours: QuietHours, at: str, end: str | None) -> None:
    found = hours.end_after(datetime.fromisoformat(at).replace(tzinfo=KST))
    assert found == (end and datetime.fromisoformat(end).replace(tzinfo=KST))


_MINUTES = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(
    _MINUTES,
    _MINUTES,
    st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_hours_end_within_a_day_at_their_end(start: time, end: time, at: datetime) -> None:
    if start == end:
        return
    found = QuietHours(start, end).end_after(at)
    local = at.astimezone(KST).time()
    inside = start <= local < end if start < end else local >= start or local < end
    assert (found is not None) == inside
    if found is not None:
        assert timedelta(0) < found - at <= timedelta(days=1)
        assert found.astimezone(KST).time() == end


@pytest.mark.parametrize("text", ["23:00-07:00", " 23:00 - 07:00 "])
def test_hours_are_read_as_they_are_written(text: str) -> None:
    assert parse_quiet_hours(text) == NIGHT
    assert str(NIGHT) == "23:00-07:00"


@pytest.mark.parametrize(
    "text", ["", "23", "23:00", "23:00-", "-07:00", "07:00-07:00", "24:00-07:00", "night"]
)
def test_others_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="23:00-07:00"):
        parse_quiet_hours(text)
