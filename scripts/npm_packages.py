"""npm's packages, as a lock pins them: by version and hash, not by the place they come from."""

import shutil
import subprocess
import sys
from pathlib import Path


def install(pinned: Path, work: Path) -> bool:
    """What the lock in `pinned` names, below `work`; once for each lock. False, and told, where there is no npm."""
    if shutil.which("npm") is None:
        print("Node.js is needed: apt-get install nodejs npm", file=sys.stderr)
        return False
    work.mkdir(parents=True, exist_ok=True)
    lock, known = pinned / "package-lock.json", work / "installed.json"
    if known.is_file() and known.read_bytes() == lock.read_bytes():
        return True
    for name in ("package.json", "package-lock.json"):
        shutil.copy(pinned / name, work / name)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=work, check=True, timeout=300)
    shutil.copy(lock, known)
    return True
