"""How a command of another terminal reaches the stack that runs, and its ledger."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from bongsu.errors import LedgerUnavailable
from bongsu.ops.stack.services import EX_UNAVAILABLE

T = TypeVar("T")

_AWAY = """\
❌ 원장(PostgreSQL)에 닿지 못해 실행하지 못했습니다 (not carried out: the ledger cannot be reached)
   {away}
   확인: bongsu ps · 다시 켜기: bongsu start postgres · 진단: bongsu doctor"""


def ask_ledger(question: Coroutine[Any, Any, T]) -> T:
    """Ends the program when the ledger is away. What it had confirmed by then stands."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)  # its tries; how they end is told below
    try:
        return asyncio.run(question)
    except LedgerUnavailable as away:
        print(_AWAY.format(away=away), file=sys.stderr)
        sys.exit(EX_UNAVAILABLE)


def join_running_stack() -> None:
    """What the shell sets itself counts more."""
    from bongsu.ops.stack.places import Places

    for name, value in (Places.from_environment().running_environment() or {}).items():
        os.environ.setdefault(name, value)
