"""What the guide to Docker tells its reader to type is what the compose files hold."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from bongsu.cli import app
from docs.pages import ROOT, blocks, name, typed

PAGES = [ROOT / "docs" / f"DOCKER_GUIDE{end}" for end in (".md", ".en.md")]
FULL = "docker-compose.full-stack.yml"
PROMISED = [
    *(
        f"docker-compose -f {FULL} {command}"
        for command in (
            "up -d",
            "logs -f",
            "logs grafana -f",
            "logs prometheus",
            "ps backend",
            "restart prometheus",
            "restart grafana",
            "restart scheduler",
            "stop scheduler",
            "logs scheduler -f | grep Telegram",
        )
    ),
    "docker-compose up -d prometheus",
    "docker-compose up -d grafana",
    "docker-compose up -d prometheus grafana",
    "docker exec -it bitcoin-grafana ping prometheus",
    "curl http://localhost:8000/metrics",
    'find logs/ -name "*.log" -mtime +30 -delete',
    "tar -czf logs_backup_$(date +%Y%m%d).tar.gz logs/",
]
MADE = {".env", "logs", "backups"}  # by the reader, or by the stack
BONGSU: Any = typer.main.get_command(app)

each_page = pytest.mark.parametrize("page", PAGES, ids=name)


def _compose(file: str) -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / file).read_text(encoding="utf-8")))


def _lines(page: Path) -> list[str]:
    lines = [line.split(" #")[0].strip() for block in blocks(page, "bash") for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _composed(page: Path) -> Iterator[tuple[str, list[str]]]:
    """The file and the services of every command line, prefixed by a variable or not."""
    bare = [re.sub(r"^\w+=\S+(?: \S+\))? (?=docker-compose)", "", line).split() for line in _lines(page)]
    in_blocks = [words[1:] for words in bare if words[:1] == ["docker-compose"]]
    for words in [*in_blocks, *typed(page, "docker-compose")]:
        file, rest = (words[1], words[2:]) if words[:1] == ["-f"] else ("docker-compose.yml", words)
        said = rest[: rest.index("|")] if "|" in rest else rest
        named = [word for word in said[1:] if not word.startswith("-")]
        yield file, named[:1] if said[:1] == ["run"] else named


@each_page
def test_every_service_is_in_the_file_that_is_named(page: Path) -> None:
    commands = list(_composed(page))
    unknown = [(file, set(named) - set(_compose(file)["services"])) for file, named in commands]
    assert [wrong for wrong in unknown if wrong[1]] == []
    assert len(commands) > len(PROMISED)


@each_page
def test_every_container_and_what_is_run_in_it_exists(page: Path) -> None:
    containers = {service["container_name"] for service in _compose(FULL)["services"].values()}
    typed_in = [words for words in typed(page, "docker") if words[0] in ("exec", "start")]
    for words in typed_in:
        container, *inside = [word for word in words[1:] if word not in ("-it", "-a")]
        assert container in containers
        assert inside[:1] != ["bongsu"] or inside[1] in BONGSU.commands
    assert {words[0] for words in typed_in} == {"exec", "start"}


@each_page
def test_what_a_new_container_is_to_do_exists(page: Path) -> None:
    runs = [words[words.index("run") + 1 :] for words in typed(page, "docker-compose") if "run" in words]
    done = [[word for word in words if not word.startswith("-")][1:3] for words in runs]
    assert done == [["db", "restore"]]
    assert done[0][1] in BONGSU.commands[done[0][0]].commands


@each_page
def test_the_contract_s_commands_are_there_as_typed(page: Path) -> None:
    assert [command for command in PROMISED if command not in _lines(page)] == []


@each_page
def test_every_volume_is_explained_and_exists(page: Path) -> None:
    rows = re.findall(r"^\| `(bitcoin-[\w-]+)`", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(volume["name"] for volume in _compose(FULL)["volumes"].values())


@each_page
def test_the_memory_that_is_told_is_the_sum_of_the_limits(page: Path) -> None:
    """Of what stays up: the steps are over by then."""
    services = _compose(FULL)["services"].values()
    limits = [int(one["mem_limit"].rstrip("m")) for one in services if one["restart"] != "no"]
    assert f"{sum(limits) / 1000:.1f} GB" in page.read_text(encoding="utf-8")


@each_page
def test_every_file_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    linked = {page.parent / target for target in re.findall(r"\]\(([^)#]+)\)", text)}
    spans = re.findall(r"`([\w.-]+(?:/[\w.-]*)*)`", text)
    paths = {span for span in spans if "/" in span or re.search(r"\.(ya?ml|md|py|txt|example|env)$", span)}
    named = {ROOT / path for path in paths if path.removeprefix("./").split("/")[0] not in MADE}
    assert [path for path in linked | named if not path.exists()] == []
    assert len(named) > 5


def test_both_languages_type_the_same() -> None:
    korean, english = ([re.sub(r"'.*?'|\S+@\S+", "…", line) for line in _lines(page)] for page in PAGES)
    assert korean == english
