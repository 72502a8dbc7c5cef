from collections.abc import Iterator

import pytest
import stamina
from hypothesis import settings

# A busy machine is no fault of the code: examples have no time of their own to keep.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    """As many attempts as the code says, without the pauses between them."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
