"""Prometheus, Alertmanager and postgres-exporter: from the PATH, else unpacked from Debian's packages, not installed.

An installed package would start at the next boot and take port 9090; an unpacked one does nothing by itself,
and needs no root.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bongsu.errors import CannotStart
from bongsu.ops.language import say


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, by the names it has; the first is Debian's."""

    names: tuple[str, ...]
    package: str


# The pages of Debian's Prometheus are made of these. Without them they are plain, and everything else works.
_PAGES = (
    "fonts-glyphicons-halflings",
    "libjs-bootstrap4",
    "libjs-eonasdan-bootstrap-datetimepicker",
    "libjs-jquery",
    "libjs-jquery-hotkeys",
    "libjs-moment",
    "libjs-moment-timezone",
    "libjs-mustache",
    "libjs-popper.js",
    "libjs-rickshaw",
    "libjs-d3",
)

PROMETHEUS = Tool(("prometheus",), "prometheus")
PROMTOOL = Tool(("promtool",), "prometheus")
ALERTMANAGER = Tool(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager")
AMTOOL = Tool(("amtool",), "prometheus-alertmanager")
ALARM_SERVERS = (PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL)
EXPORTER = Tool(("prometheus-postgres-exporter", "postgres_exporter"), "prometheus-postgres-exporter")

Tell = Callable[[str], None]


def find(tool: Tool, tools: Path) -> Path | None:
    """On the PATH, else among what was unpacked below `tools`."""
    unpacked = tools / "usr/bin"
    for name in tool.names:
        if found := shutil.which(name) or shutil.which(name, path=str(unpacked)):
            return Path(found)
    return None


def location(tool: Tool, tools: Path) -> Path:
    """Where it is, or will be once it has been fetched."""
    return find(tool, tools) or tools / "usr/bin" / tool.names[0]


async def ensure(wanted: Sequence[Tool], tools: Path, tell: Tell) -> None:
    """Fetches those that are missing. Raises CannotStart that names the one command to run."""
    packages = sorted({tool.package for tool in wanted if find(tool, tools) is None})
    if not packages:
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise CannotStart(_remedy(packages))
    tell(say(f"내려받는 중: {', '.join(packages)}", f"Downloading {', '.join(packages)}"))
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=tools) as name:
        folder = Path(name)
        apt = await _download(packages, folder, tools / "apt")
        if PROMETHEUS.package in packages:
            await _run([*apt, "download", *_PAGES], folder)
        await _unpack(folder)
        _put_in_place(folder / "unpacked/usr", tools / "usr")
    if still := [tool.names[0] for tool in wanted if find(tool, tools) is None]:
        raise CannotStart(f"{', '.join(still)}: {_remedy(packages)}")


def _put_in_place(unpacked: Path, usr: Path) -> None:
    """The programs last: one that is there has all that it needs."""
    files = [path for path in unpacked.rglob("*") if path.is_symlink() or path.is_file()]
    for path in sorted(files, key=lambda path: path.parent == unpacked / "bin"):
        place = usr / path.relative_to(unpacked)
        place.parent.mkdir(parents=True, exist_ok=True)
        path.replace(place)


async def _download(packages: list[str], folder: Path, own_lists: Path) -> list[str]:
    """With the system's package lists, else with fresh ones of our own: only root may renew the system's.

    Answers the start of the command that worked.
    """
    system = ["apt-get", *_APT_OPTIONS]
    if await _run([*system, "download", *packages], folder) == 0:
        return system
    own = [*system, *_with_lists_in(own_lists)]
    await _run([*own, "update"], folder)
    if await _run([*own, "download", *packages], folder) != 0:
        raise CannotStart(_remedy(packages))
    return own


_APT_OPTIONS = (
    "-q",
    "-o",
    "APT::Sandbox::User=",
    "-o",
    "Acquire::Retries=2",
    "-o",
    "Acquire::http::Timeout=20",
)


def _with_lists_in(folder: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = {"Dir::State::Lists": folder / "lists", "Dir::Cache": folder / "cache"}
    return [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]


async def _unpack(folder: Path) -> None:
    for archive in sorted(folder.glob("*.deb")):
        if await _run(["dpkg-deb", "-x", str(archive), "unpacked"], folder) != 0:
            raise CannotStart(say(f"{archive.name} 을(를) 풀지 못했습니다", f"cannot unpack {archive.name}"))
    for needless in _NEEDLESS:
        shutil.rmtree(folder / "unpacked/usr/share" / needless, ignore_errors=True)
    for program in (folder / "unpacked/usr/bin").iterdir():
        _make_relocatable(program)


def _make_relocatable(program: Path) -> None:
    """Debian's builds read templates and pages from an absolute path, and no option changes that.

    The same path without its first slash, run in `tools`, leads to what was unpacked there. The length stays,
    because a Go program holds its strings by offset and length.
    """
    code = program.read_bytes()
    for path in _ABSOLUTE:
        code = code.replace(path, path[1:] + b"/")
    program.write_bytes(code)


_NEEDLESS = ("doc", "man", "javascript/moment-timezone/data")  # the last one alone has 200 MB
_ABSOLUTE = (b"/usr/share/prometheus/alertmanager", b"/usr/share/prometheus/web")


async def _run(command: list[str], directory: Path) -> int:
    """Its exit code; the output lands in `output.log` beside what it made."""
    with (directory / "output.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            start_new_session=True,
        )
        try:
            return await process.wait()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()


def _remedy(packages: Sequence[str]) -> str:
    names = " ".join(packages)
    if shutil.which("apt-get"):
        command = f"sudo apt-get update && sudo apt-get install --no-install-recommends {names}"
    elif shutil.which("brew"):
        command = f"brew install {' '.join(_BREW[package] for package in packages)}"
    else:
        command = "docker-compose -f docker-compose.full-stack.yml up -d"
    off = ("PostgreSQL 감시가", "PostgreSQL is not watched")
    if packages != [EXPORTER.package]:
        off = ("알람이", "alarms are off")
    return say(
        f"{names} 이(가) 없어 {off[0]} 꺼져 있습니다. 이 명령을 실행한 뒤 다시 시작하세요: {command}",
        f"{names} missing: {off[1]}. Run this, then start again: {command}",
    )


_BREW = {
    PROMETHEUS.package: "prometheus",
    ALERTMANAGER.package: "alertmanager",
    EXPORTER.package: "postgres_exporter",
}
