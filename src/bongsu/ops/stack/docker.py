"""Writes the compose files from the declarations: `python -m bongsu.ops.stack.docker`.

They use no anchors, so that each service can be read, and changed by its owner, by itself; and nothing that
docker-compose 1.29 does not know: that is the one Debian 12 installs by this name.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from bongsu.ops.stack.containers import AROUND_A_BOT, ENV_MOUNT, EVERYTHING, Container
from bongsu.ops.stack.places import CHECKOUT

FILES = {
    "docker-compose.yml": (
        AROUND_A_BOT,
        "봇 둘레의 서버만: PostgreSQL, 지표, 알람, 대시보드. 봇까지 모두: docker-compose.full-stack.yml",
        "The servers around a bot; docker-compose.full-stack.yml has everything.",
    ),
    "docker-compose.full-stack.yml": (
        EVERYTHING,
        "봇과 그 둘레의 모든 것. 처음이라면: cp .env.example .env && docker-compose -f docker-compose.full-stack.yml up -d",
        "The bot and everything around it. Begin with: cp .env.example .env",
    ),
}

_HEADER = """\
# {korean}
# {english}
# docs/DOCKER_GUIDE.md · src/bongsu/ops/stack/containers.py 에서 만듭니다 (made by python -m bongsu.ops.stack.docker)
"""


def render(name: str) -> str:
    containers, korean, english = FILES[name]
    ordered = sorted(containers, key=lambda container: container.name)
    composed = {
        "services": {container.name: _service(container) for container in ordered},
        "networks": {"trading-network": {"name": "trading-network"}},
        "volumes": {volume: {"name": f"bitcoin-{volume}"} for volume in sorted(_volumes(ordered))},
    }
    parts = ({key: value} for key, value in composed.items())
    return "\n".join([_HEADER.format(korean=korean, english=english), *(_yaml(part) for part in parts)])


def _service(container: Container) -> dict[str, Any]:
    """Only what is said: an empty list would be taken for a wish."""
    described = {
        "image": container.image,
        "build": _BUILD if container.is_ours else None,
        "container_name": f"bitcoin-{container.name}",
        "depends_on": {needed: {"condition": how} for needed, how in sorted(container.needs.items())},
        "volumes": [_mount(mount) for mount in container.mounts],
        "environment": dict(sorted(container.environment.items())),
        "ports": _Line([f"127.0.0.1:{container.port}:{container.port}"] if container.port else []),
        **_network(container),
        "command": list(container.command),
        "entrypoint": _Line(container.entrypoint),
        "restart": "no" if container.is_step else "unless-stopped",
        "healthcheck": _healthcheck(container),
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}},
        "user": container.user,
        "cap_add": _Line(container.capabilities),
        "cap_drop": _Line(["ALL"]),
        "group_add": _Line(container.groups),
        "init": container.is_ours or None,
        "mem_limit": f"{container.memory_mb}m",
        "pids_limit": 256,
        "pull_policy": "build" if container.is_ours else None,
        "read_only": True,
        "security_opt": _Line(["no-new-privileges:true"]),
        "stop_grace_period": None if container.is_step else "30s",
        "stop_signal": container.stop_signal,
        "sysctls": dict(container.sysctls),
        "tmpfs": _Line(container.tmpfs),
    }
    return {key: value for key, value in described.items() if value not in (None, [], {})}


_BUILD = {"context": ".", "args": {"BONGSU_COMMIT": "${BONGSU_COMMIT:-unknown}"}}


def _network(container: Container) -> dict[str, Any]:
    """The first step has nobody to talk to."""
    return (
        {"networks": _Line(["trading-network"])}
        if container.needs or container.port
        else {"network_mode": "none"}
    )


def _mount(mount: str) -> str | dict[str, Any]:
    """By the short form Docker would make a folder of a missing `.env`."""
    if mount != ENV_MOUNT:
        return mount
    source, target, _ = mount.split(":")
    return {"type": "bind", "source": source, "target": target, "read_only": True}


def _healthcheck(container: Container) -> dict[str, Any]:
    if container.is_step:
        return {}
    return {
        "test": _Line(["CMD", *container.healthy]),
        "interval": "15s",
        "timeout": "5s",
        "retries": 3,
        "start_period": f"{container.warm_up}s",
    }


def _volumes(containers: Iterable[Container]) -> set[str]:
    sources = {mount.split(":")[0] for container in containers for mount in container.mounts}
    return {source for source in sources if not source.startswith(".")}


class _Line(list[str]):
    """Short enough to stand on one line."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, _node: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        super().increase_indent(flow, indentless=False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Quoted where a reader could take it for a number."""
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="'" if text[:1].isdigit() else None)


def _line(dumper: yaml.SafeDumper, words: _Line) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", words, flow_style=True)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Line, _line)


def _yaml(part: Any) -> str:
    text = yaml.dump(part, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return _SECOND_SERVICE.sub(r"\n\1", text)


_SECOND_SERVICE = re.compile(r"(?<=\n)(?<!services:\n)(  [a-z-]+:\n    image)")


def write(directory: Path = CHECKOUT) -> None:
    for name in FILES:
        (directory / name).write_text(render(name), encoding="utf-8")


if __name__ == "__main__":
    write()
