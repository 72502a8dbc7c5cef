"""How a command of another terminal reaches the stack that runs, and its ledger."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, TypeVar

from bongsu.errors import CannotStart, LedgerUnavailable

T = TypeVar("T")


def ask_ledger(question: Coroutine[Any, Any, T]) -> T:
    """Raises CannotStart when the ledger is away."""
    try:
        return asyncio.run(question)
    except LedgerUnavailable as away:
        raise CannotStart(str(away)) from away


def join_running_stack() -> None:
    """What the shell sets itself counts more."""
    from bongsu.ops.stack.places import Places

    for name, value in (Places.from_environment().running_environment() or {}).items():
        os.environ.setdefault(name, value)
