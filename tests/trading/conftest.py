"""One Bot API stand-in for the tests of a file, begun anew for each."""

from collections.abc import Iterator

import pytest

from stand_in import StandIn, running_stand_in


@pytest.fixture(scope="module")
def stand_in_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running_stand_in(tmp_path_factory.mktemp("stand_in")) as process:
        yield process


@pytest.fixture
def stand_in(stand_in_process: StandIn) -> StandIn:
    stand_in_process.begin()
    return stand_in_process
