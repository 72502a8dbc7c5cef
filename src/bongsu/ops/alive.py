"""The health check of our containers: `python -m bongsu.ops.alive SERVICE`. Imports next to nothing: it runs often.

A process that answers but has not written its heartbeat to the ledger for `STALE` seconds does no work: it is ill.
"""

import os
import sys
import time
import urllib.request
from pathlib import Path

from bongsu.ops.stack.services import service

STALE = 20.0  # seconds; the heart beats every five
_PATIENCE = 3.0


def ailment(url: str, pulse: Path | None) -> str | None:
    """None when it is well."""
    try:
        with urllib.request.urlopen(url, timeout=_PATIENCE):  # noqa: S310 - our own address
            pass
    except OSError as error:
        return f"{url}: {error}"
    if pulse is None:
        return None
    try:
        age = time.time() - pulse.stat().st_mtime
    except FileNotFoundError:
        return "no heartbeat yet"
    return None if age <= STALE else f"last heartbeat {age:.0f} s ago"


if __name__ == "__main__":
    declared = service(sys.argv[1])
    beat = os.environ.get("PULSE_FILE")
    found = ailment(f"http://127.0.0.1:{declared.port}{declared.ready_path}", Path(beat) if beat else None)
    print(found or "alive")
    sys.exit(1 if found else 0)
