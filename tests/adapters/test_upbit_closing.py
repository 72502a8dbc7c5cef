"""When an exchange counts as closed for maintenance: 503 to everything, and open again after two good replies."""

import pytest

from bongsu.adapters.upbit.closing import Closing


@pytest.mark.parametrize(
    ("replies", "closed"),
    [
        ("a200 b200", False),
        ("a503 a503 b503", True),
        ("a503 b503", False),  # two are no pattern
        ("a503 a503 a503 a503", False),  # one endpoint is not everything
        ("a503 a503 c400 b503", False),  # a refusal is an answer
        ("a503 a503 a503 b503", True),
        ("a500 b500 a502 b504", False),  # broken is not closed
        ("a503 b503 a503 a200", True),  # one good reply may be luck
        ("a503 b503 a503 a200 b503 a200", True),
        ("a503 b503 a503 a200 a200", False),
        ("a503 b503 a503 a200 b200 b503", False),
    ],
)
def test_closed(replies: str, closed: bool) -> None:
    closing = Closing()
    for reply in replies.split():
        closing.note(reply[0], int(reply[1:]))
    assert closing.closed is closed


def test_it_is_asked_only_while_there_is_doubt() -> None:
    closing = Closing()
    assert not closing.suspected
    closing.note("a", 503)
    assert closing.suspected
    closing.note("a", 200)
    assert not closing.suspected
    for endpoint in "aab":
        closing.note(endpoint, 503)
    closing.note("a", 200)
    assert closing.suspected
    closing.note("b", 404)
    assert not closing.suspected
