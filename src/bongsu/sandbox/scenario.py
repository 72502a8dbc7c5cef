"""A scenario: faults on order, written down in YAML. Every complaint names the file, the line and the key."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from bongsu.errors import ScenarioInvalid
from bongsu.sandbox.fault_rules import COMMON, KINDS, Rule

SHIPPED: Final = Path(__file__).with_name("scenarios")
_KEYS: Final = ("about", "seed", "faults")
_LANGUAGES: Final = ("ko", "en")
_NAMED_BY_LIBRARY = re.compile(r"(?P<why>.*?)(?: - at `\$\.(?P<key>\w+).*`)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Scenario:
    name: str
    rules: tuple[Rule, ...]
    seed: int = 0  # beside that of each rule
    korean: str = ""
    english: str = ""


def shipped_names() -> list[str]:
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def find_scenario(named: str) -> Path:
    """`named` is a file, or the name of a scenario that comes with the program. Raises ScenarioInvalid."""
    if Path(named).is_file():
        return Path(named).absolute()
    if named in shipped_names():
        return SHIPPED / f"{named}.yaml"
    raise ScenarioInvalid(f"{named}: no such file, and none of {', '.join(shipped_names())}")


def read_scenario(named: str) -> Scenario:
    """Raises ScenarioInvalid."""
    path = find_scenario(named)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as unreadable:
        raise ScenarioInvalid(f"{path}: cannot be read ({unreadable})") from None
    return parse_scenario(text, str(path), path.stem)


def parse_scenario(text: str, origin: str, name: str = "") -> Scenario:
    """`origin` is what the text is called in complaints. Raises ScenarioInvalid."""
    return _Reader(origin).scenario(text, name)


class _Reader:
    def __init__(self, origin: str) -> None:
        self._origin = origin

    def scenario(self, text: str, name: str) -> Scenario:
        keys = self._keys(self._composed(text), "a scenario", _KEYS)
        if "faults" not in keys:
            raise self._wrong(1, "`faults` is missing: a list of what goes wrong")
        rules = tuple(self._rule(node) for node in self._list(keys["faults"]))
        about = self._about(keys["about"]) if "about" in keys else {}
        seed = self._whole(keys["seed"]) if "seed" in keys else 0
        return Scenario(name, rules, seed, about.get("ko", ""), about.get("en", ""))

    def _composed(self, text: str) -> yaml.Node:
        try:
            node = yaml.compose(text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as broken:
            line = broken.problem_mark.line + 1 if broken.problem_mark else 1
            raise self._wrong(line, f"no YAML: {broken.problem}") from None
        except yaml.YAMLError as broken:
            raise self._wrong(1, f"no YAML: {broken}") from None
        if node is None:
            raise self._wrong(1, "the file is empty; `faults` is missing")
        return node

    def _keys(self, node: yaml.Node, what: str, known: Sequence[str]) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise self._wrong(_line(node), f"{what} has keys and values such as `{known[0]}: …`")
        keys: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in known:
                raise self._wrong(_line(key), f"`{key.value}`: {_unknown(key.value, known)}")
            if key.value in keys:
                raise self._wrong(_line(key), f"`{key.value}`: a second time")
            keys[key.value] = value
        return keys

    def _list(self, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            raise self._wrong(_line(node), "`faults`: a list of rules, each beginning with `- kind: …`")
        return list(node.value)

    def _about(self, node: yaml.Node) -> dict[str, str]:
        return {key: str(_plain(value)) for key, value in self._keys(node, "`about`", _LANGUAGES).items()}

    def _whole(self, node: yaml.Node) -> int:
        value = _plain(node)
        if type(value) is not int:
            raise self._wrong(_line(node), f"`seed`: {value!r} is no whole number")
        return value

    def _rule(self, node: yaml.Node) -> Rule:
        keys = self._keys(node, "a fault", Rule.__struct_fields__)
        if "kind" not in keys:
            raise self._wrong(_line(node), "`kind` is missing")
        self._check_kind(str(keys["kind"].value), keys)
        try:
            return msgspec.convert({key: _plain(value) for key, value in keys.items()}, Rule)
        except msgspec.ValidationError as wrong:
            named = _NAMED_BY_LIBRARY.fullmatch(str(wrong))
            key = (named and named["key"]) or "kind"
            raise self._wrong(
                _line(keys.get(key, node)), f"`{key}`: {named['why'] if named else wrong}"
            ) from None

    def _check_kind(self, kind: str, keys: dict[str, yaml.Node]) -> None:
        words = next((words for known, words in KINDS.items() if known == kind), None)
        if words is None:
            raise self._wrong(_line(keys["kind"]), f"`kind`: {_unknown(kind, tuple(KINDS))}")
        for key, value in keys.items():
            if key not in (*COMMON, *words.reads):
                read = ", ".join(words.reads) or "none of its own"
                raise self._wrong(_line(value), f"`{key}`: `{kind}` does not read it; it reads {read}")

    def _wrong(self, line: int, why: str) -> ScenarioInvalid:
        return ScenarioInvalid(f"{self._origin}, line {line}: {why}")


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _unknown(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f"unknown; did you mean `{near[0]}`?" if near else f"unknown; there are {', '.join(known)}"


def _plain(node: yaml.Node) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()
