"""Reads both compose files with dclint; `.dclintrc.yaml` says which of its rules are wrong for us, and why."""

import subprocess
import sys
from pathlib import Path

from npm_packages import install

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / ".bongsu" / "docker_lint"
FILES = ("docker-compose.yml", "docker-compose.full-stack.yml")


def main() -> int:
    if not install(ROOT / "scripts" / "docker_lint", WORK):
        return 69
    command = [WORK / "node_modules" / ".bin" / "dclint", "--max-warnings=0", *FILES]
    code = subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode
    if code == 0:
        print(f"dclint: nothing to say of {' and '.join(FILES)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
