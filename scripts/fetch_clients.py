"""Makes other people's Upbit libraries available to the tests, in an environment of their own: `.bongsu/clients`.

They want older packages than we do, and one of them brings an event loop that uvicorn would pick up. A second run
costs milliseconds: the stamp holds what was installed. Prints the environment's Python.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "clients.txt"
PLACE = ROOT / ".bongsu" / "clients"


def main() -> int:
    print(fetch())
    return 0


def fetch() -> Path:
    """Raises subprocess.CalledProcessError when nothing can be installed."""
    PLACE.mkdir(parents=True, exist_ok=True)
    python, stamp = PLACE / "venv" / "bin" / "python", PLACE / "installed"
    wanted = hashlib.sha256(LOCK.read_bytes() + str(PLACE).encode()).hexdigest()
    with (PLACE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test workers come at once
        if not (stamp.exists() and stamp.read_text() == wanted):
            _install(python)
            stamp.write_text(wanted)
    return python


def _install(python: Path) -> None:
    own = Path(sys.executable).parent
    uv = str(own / "uv")
    subprocess.run(
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(PLACE / "venv")], check=True
    )
    locked = ["--quiet", "--require-hashes", "-r", str(LOCK)]
    done = subprocess.run([uv, "pip", "install", "--python", str(python), *locked], check=False)
    if done.returncode:  # where uv cannot reach the package index that pip is configured for
        subprocess.run([sys.executable, "-m", "pip", "--python", str(python), "install", *locked], check=True)


if __name__ == "__main__":
    sys.exit(main())
