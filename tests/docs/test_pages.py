"""A page that tells its reader to type something that does not exist is a defect."""

import re
from pathlib import Path
from typing import Any

import msgspec
import promql_parser
import pytest
import typer.main

from bongsu.cli import app
from bongsu.metric import Kind
from bongsu.metrics import METRICS
from bongsu.sandbox.fault_rules import Rule
from docs.pages import PAGES, ROOT, blocks, name, typed
from rules.foreign import FOREIGN

RUNBOOKS = [page for page in PAGES if page.parent.name == "runbooks" and page.stem != "README"]
COMMANDS: Any = typer.main.get_command(app)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

SECTIONS = [
    *("의미", "영향", "진단", "조치", "훈련"),
    *("Meaning", "Impact", "Diagnosis", "Mitigation", "Drill"),
]


def _samples() -> set[str]:
    names = set(FOREIGN)
    for metric in METRICS:
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        names |= {metric.name + suffix for suffix in suffixes}
    return names


def _unknown(words: list[str]) -> list[str]:
    """Of `words`, the subcommands and options that the program does not have."""
    command, unknown = COMMANDS, []
    for word in words:
        if word not in getattr(command, "commands", {}) and hasattr(command, "otherwise"):
            command = command.commands[command.otherwise]
        if word.startswith("-"):
            known = {"--help", *(opt for param in command.params for opt in param.opts)}
            unknown += [] if word.split("=")[0] in known else [word]
        elif hasattr(command, "commands"):
            if word not in command.commands:
                return [*unknown, word]
            command = command.commands[word]
    return unknown


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_exists(page: Path) -> None:
    wrong = {" ".join(words): _unknown(words) for words in typed(page, "bongsu")}
    assert {line: unknown for line, unknown in wrong.items() if unknown} == {}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_make_target_exists(page: Path) -> None:
    assert {words[0] for words in typed(page, "make") if words} <= TARGETS


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_query_reads_series_that_exist(page: Path) -> None:
    queries = [line for block in blocks(page, "promql") for line in block.splitlines() if line.strip()]
    for query in queries:
        promql_parser.parse(query)
        assert _series(query) <= _samples()


def _series(query: str) -> set[str]:
    """Names outside of label matchers that are neither functions, operators, nor grouping labels."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|(?:by|on|without|ignoring)\s*\([^)]*\)", "", query)
    return {word for word in re.findall(r"[a-z_]{2,}\b(?!\s*\()", bare) if "_" in word or word == "up"}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_fault_that_is_armed_is_one_the_sandbox_knows(page: Path) -> None:
    for block in blocks(page, "bash"):
        for body in re.findall(r"sandbox/faults.*?-d '([^']+)'", block, re.DOTALL):
            assert msgspec.json.decode(body, type=list[Rule])


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_file_that_is_named_exists(page: Path) -> None:
    named = re.findall(
        r"`((?:src|docs|monitoring|tests|scripts)/[\w./*<>-]+)`", page.read_text(encoding="utf-8")
    )
    concrete = [path for path in named if not set("*<>") & set(path)]
    assert [path for path in concrete if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", RUNBOOKS, ids=name)
def test_a_runbook_answers_the_five_questions_in_both_languages(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == SECTIONS
