from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture(autouse=True)
def _retries_do_not_wait() -> Iterator[None]:
    """As many attempts as the code says, without the pauses between them."""
    with stamina.set_testing(True, attempts=100, cap=True):
        yield
