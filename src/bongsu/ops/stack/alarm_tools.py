"""Prometheus and Alertmanager: from the PATH, else unpacked from Debian's packages without installing them.

An installed package would start at the next boot and take port 9090; an unpacked one does nothing by itself,
and needs no root.
"""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bongsu.errors import CannotStart
from bongsu.ops.language import say


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, by the names it has; the first is Debian's."""

    names: tuple[str, ...]
    package: str


PROMETHEUS = Tool(("prometheus",), "prometheus")
PROMTOOL = Tool(("promtool",), "prometheus")
ALERTMANAGER = Tool(("prometheus-alertmanager", "alertmanager"), "prometheus-alertmanager")
AMTOOL = Tool(("amtool",), "prometheus-alertmanager")
ALL = (PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL)

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


async def ensure(tools: Path, tell: Tell, wanted: tuple[Tool, ...] = ALL) -> None:
    """Fetches what is missing. Raises CannotStart that names the one command to run."""
    missing = sorted({tool.package for tool in wanted if find(tool, tools) is None})
    if not missing:
        return
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise CannotStart(_remedy(missing))
    tell(say(f"내려받는 중: {', '.join(missing)}", f"Downloading {', '.join(missing)}"))
    tools.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=tools) as folder:
        await _download(missing, Path(folder), tools / "apt")
        for archive in Path(folder).glob("*.deb"):
            await _unpack(archive, tools)
    if still := [tool.names[0] for tool in wanted if find(tool, tools) is None]:
        raise CannotStart(f"{', '.join(still)}: {_remedy(missing)}")


async def _download(packages: list[str], folder: Path, own_lists: Path) -> None:
    """With the system's package lists, else with fresh ones of our own: only root may renew the system's."""
    if await _run(["apt-get", *_APT_OPTIONS, "download", *packages], folder) == 0:
        return
    own = _with_lists_in(own_lists)
    await _run(["apt-get", *_APT_OPTIONS, *own, "update"], folder)
    if await _run(["apt-get", *_APT_OPTIONS, *own, "download", *packages], folder) != 0:
        raise CannotStart(_remedy(packages))


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


async def _unpack(archive: Path, tools: Path) -> None:
    """Through a folder of its own, so that a program is there whole or not at all."""
    fresh = archive.with_suffix("")
    if await _run(["dpkg-deb", "-x", str(archive), str(fresh)], archive.parent) != 0:
        raise CannotStart(say(f"{archive.name} 을(를) 풀지 못했습니다", f"cannot unpack {archive.name}"))
    for folder in ("usr/bin", "usr/share"):
        for entry in (fresh / folder).glob("*"):
            target = tools / folder / entry.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                entry.rename(target)


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


def _remedy(packages: list[str]) -> str:
    names = " ".join(packages)
    if shutil.which("apt-get"):
        command = f"sudo apt-get update && sudo apt-get install --no-install-recommends {names}"
    elif shutil.which("brew"):
        command = "brew install prometheus alertmanager"
    else:
        command = "docker-compose -f docker-compose.full-stack.yml up -d"
    return say(
        f"{names} 이(가) 없어 알람이 꺼져 있습니다. 이 명령을 실행한 뒤 다시 시작하세요: {command}",
        f"{names} missing: alarms are off. Run this, then start again: {command}",
    )
