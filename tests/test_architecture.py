"""What keeps the code base the way ARCHITECTURE.md draws it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import yaml

from bongsu.core import facts
from bongsu.core.sight import MONITORING_BLIND
from bongsu.settings import describe

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "bongsu"
MODULES = sorted(SOURCE.rglob("*.py"))

CYCLE_LINES = 100
FILE_LINES = 500

BANNED_WORDS = {
    "manager",
    "helper",
    "util",
    "utils",
    "handler",
    "processor",
    "data",
    "info",
    "legacy",
    "v2",
    "impl",
}
BANNED_CLASS_STARTS = re.compile(r"^(I[A-Z][a-z]|Abstract)")
BANNED_VERBS = ("process_", "handle_", "get_")
SERVICE_BELONGS_TO = {"ops", "cli"}  # a declared process of the stack is called a service, as in Docker
FOREIGN = {  # names that others chose
    "handle_exit",  # a library's, overridden
    "data_received",  # likewise
    "data_source_name",  # what postgres-exporter reads, and so our users write
}

REGISTRY_HOSTS = (
    "pypi." + "org",
    "pythonhosted." + "org",
    "registry.npm" + "js",
    "proxy.golang." + "org",
    "crates." + "io",
)
INDEX_ADDRESS = re.compile(r"(https?://\S+/simple\b|--(extra-)?index-url)")

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\"")
STATEMENT = re.compile(r"\b(SELECT\s.+\sFROM|INSERT INTO|UPDATE\s\w+\sSET|DELETE FROM)\b", re.DOTALL)


def _tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def _place(module: Path) -> str:
    return str(module.relative_to(SOURCE))


def _committed() -> list[Path]:
    """What git holds, or would hold after the next commit of everything."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


COMMITTED = _committed()
PAGES = [file for file in COMMITTED if file.suffix == ".md"]


def test_imports_point_one_way() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_cycle_stays_readable() -> None:
    lines = (SOURCE / "trading" / "cycle.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= CYCLE_LINES


@pytest.mark.parametrize("module", MODULES, ids=_place)
def test_no_file_outgrows_its_reader(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= FILE_LINES


@pytest.mark.parametrize("package", sorted({m.parent for m in MODULES}), ids=_place)
def test_no_package_is_empty(package: Path) -> None:
    own = [file for file in package.rglob("*") if file.is_file() and file.name != "__init__.py"]
    assert [file for file in own if "__pycache__" not in file.parts], "an empty package is a lie"


def _defined_names(tree: ast.Module) -> Iterator[str]:
    """Not the members of enums: those are words of the contract, written as labels and columns."""
    members = {id(member) for member in _enum_members(tree)}
    for node in ast.walk(tree):
        if id(node) in members:
            continue
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                yield name


def _functions(tree: ast.Module) -> set[str]:
    return {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}


def _enum_members(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any("Enum" in ast.unparse(base) for base in node.bases):
            for statement in node.body:
                if isinstance(statement, ast.Assign):
                    yield from statement.targets


def _words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return set(spaced.lower().split("_"))


def _is_vague(name: str, module: Path) -> bool:
    owner = module.relative_to(SOURCE).parts[0]
    banned = BANNED_WORDS if owner in SERVICE_BELONGS_TO else BANNED_WORDS | {"service"}
    return bool(_words(name) & banned) or bool(BANNED_CLASS_STARTS.match(name))


@pytest.mark.parametrize("module", MODULES, ids=_place)
def test_names_say_what_things_are(module: Path) -> None:
    tree = _tree(module)
    vague = {name for name in (module.stem, *_defined_names(tree)) if _is_vague(name, module)}
    vague |= {name for name in _functions(tree) if name.lstrip("_").startswith(BANNED_VERBS)}
    assert vague - FOREIGN == set()


def _switches_over_facts() -> Iterator[tuple[str, set[str]]]:
    """Each function that takes any fact, with the facts its `match` names."""
    for module in MODULES:
        for node in ast.walk(_tree(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _takes_any_fact(node):
                named = {
                    ast.unparse(p.cls).split(".")[-1] for p in ast.walk(node) if isinstance(p, ast.MatchClass)
                }
                if named:
                    yield f"{_place(module)}:{node.name}", named


def _takes_any_fact(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    annotations = [ast.unparse(a.annotation) for a in function.args.args if a.annotation]
    return bool({"Fact", "f.Fact", "facts.Fact"} & set(annotations))


def test_every_fact_is_written_counted_and_told_in_every_place_that_switches_over_them() -> None:
    every = {fact.__name__ for fact in get_args(facts.Fact)}
    switches = dict(_switches_over_facts())
    assert len(switches) >= 3, "recording, counting and telling"
    assert {place: every - named for place, named in switches.items() if every - named} == {}


def test_the_union_of_facts_holds_every_fact() -> None:
    tree = _tree(SOURCE / "core" / "facts.py")
    enums = {n.name for n in tree.body if isinstance(n, ast.ClassDef) and n.bases}
    classes = {n.name for n in tree.body if isinstance(n, ast.ClassDef)} - enums
    assert classes == {fact.__name__ for fact in get_args(facts.Fact)}


WITHOUT_SQL = [m for m in MODULES if m.relative_to(SOURCE).parts[0] not in {"ledger", "sandbox", "ops"}]


@pytest.mark.parametrize("module", WITHOUT_SQL, ids=_place)
def test_statements_to_the_ledger_live_in_the_ledger(module: Path) -> None:
    texts = [
        n.value for n in ast.walk(_tree(module)) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    assert [text for text in texts if STATEMENT.search(text)] == []


def test_no_file_names_a_package_registry() -> None:
    offenders = []
    for file in COMMITTED:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        if any(host in text for host in REGISTRY_HOSTS) or (
            file != Path(__file__) and INDEX_ADDRESS.search(text)
        ):
            offenders.append(str(file.relative_to(ROOT)))
    assert offenders == []


def _anchors(page: Path) -> set[str]:
    """The fragments GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in (next(filter(None, found)) for found in LINK.findall(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), target
        assert not fragment or fragment in _anchors(there), target


def test_every_alarm_has_a_runbook_and_every_runbook_an_alarm() -> None:
    groups = yaml.safe_load((ROOT / "monitoring" / "alert_rules.yml").read_text(encoding="utf-8"))["groups"]
    alarms = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"} == alarms | {
        MONITORING_BLIND
    }


@pytest.mark.parametrize("name", describe())
def test_every_setting_is_explained_in_both_languages(name: str) -> None:
    korean, _, english = describe()[name][0].partition("|")
    assert re.search("[가-힣]", korean), f"{name} has no Korean description"
    assert re.search("[A-Za-z]{3}", english), f"{name} has no English description"
    assert not re.search("[가-힣]", english)
