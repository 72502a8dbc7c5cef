from collections.abc import AsyncIterator, Iterator

import pytest
import stamina

from contract.sandboxes import Process, Sandbox, connected, launch, stop


@pytest.fixture(scope="session")
def lockstep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Nothing moves unless it is told to. All tests of a worker share its world, so they ask for differences."""
    process = launch(tmp_path_factory.mktemp("world"), "max")
    yield process
    stop(process)


@pytest.fixture
async def sandbox(lockstep: Process) -> AsyncIterator[Sandbox]:
    async with connected(lockstep) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
