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


def ailment(name: str, pulse: Path | None, host: str = "127.0.0.1") -> str | None:
    """None when it is well."""
    declared = service(name)
    try:
        with urllib.request.urlopen(f"http://{host}:{declared.port}{declared.ready_path}", timeout=_PATIENCE):
            pass
    except OSError as error:
        return f"port {declared.port}: {error}"
    if pulse is None:
        return None
    try:
        age = time.time() - pulse.stat().st_mtime
    except FileNotFoundError:
        return "no heartbeat yet"
    return None if age <= STALE else f"last heartbeat {age:.0f} s ago"


if __name__ == "__main__":
    beat = os.environ.get("PULSE_FILE")
    found = ailment(sys.argv[1], Path(beat) if beat else None)
    print(found or "alive")
    sys.exit(1 if found else 0)
