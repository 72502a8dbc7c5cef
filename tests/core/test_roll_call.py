"""Which alarms count as gone: every course of looks against a slow, plain reading of the rule."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bongsu.core.facts import AlertChanged
from bongsu.core.roll_call import Roll, RollCall

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = ("Quick", "Slow")
WAITS = {"Quick": 100.0, "Slow": 3_700.0}
FINGERPRINTS = [f"{name}-{number}" for name in NAMES for number in range(2)]


def alarm(fingerprint: str) -> AlertChanged:
    name = fingerprint.partition("-")[0]
    return AlertChanged(name, True, "warning", "", "", "", {}, fingerprint, NOON, None)


@dataclass(frozen=True)
class Look:
    """`began` None: nobody answered."""

    after: float
    began: int | None
    held: frozenset[str]
    ringing: frozenset[str]


some = st.frozensets(st.sampled_from(FINGERPRINTS))
looks = st.lists(
    st.builds(
        Look,
        st.sampled_from([1.0, 30.0, 99.0, 100.0, 3_700.0]),
        st.sampled_from([0, 0, 0, 1, None]),
        some,
        some,
    ),
    min_size=1,
    max_size=20,
)


def since_when_absent(course: list[Look], fingerprint: str) -> float | None:
    """Seconds from the first look of the unbroken absence that reaches to the last one."""
    last, absent, between = course[-1], None, 0.0
    for look in reversed(course):
        here = look.began is not None and look.began == last.began
        if not here or fingerprint in look.held or fingerprint not in look.ringing:
            break
        absent = (absent or 0.0) + between
        between = look.after
    return absent


@given(looks)
def test_gone_is_what_was_absent_without_a_break_for_as_long_as_its_rule_demands(course: list[Look]) -> None:
    call, now = RollCall(), 0.0
    for number, look in enumerate(course, 1):
        now += look.after
        if look.began is None:
            call.forget()
            continue
        roll = Roll(NOON + timedelta(hours=look.began), look.held)
        gone = {one.fingerprint for one in call.call(roll, map(alarm, look.ringing), now, WAITS.__getitem__)}
        absent = {name: since_when_absent(course[:number], name) for name in FINGERPRINTS}
        assert gone == {n for n, s in absent.items() if s is not None and s >= WAITS[n.partition("-")[0]]}
        assert not gone & look.held


def test_the_same_alarm_of_an_earlier_time_counts_for_itself() -> None:
    call, roll = RollCall(), Roll(NOON, frozenset())
    early = alarm("Quick-0")
    late = AlertChanged("Quick", True, "warning", "", "", "", {}, "Quick-0", NOON + timedelta(hours=1), None)
    assert call.call(roll, [early], 0.0, WAITS.__getitem__) == []
    assert call.call(roll, [early, late], 100.0, WAITS.__getitem__) == [early]
