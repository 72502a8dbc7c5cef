"""Where canaries are looked for, and what was found."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from canaries.planted import Canary

_JWT = re.compile(r"eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}")


@dataclass
class Sinks:
    """Texts by the place where they came out."""

    texts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, sink: str, *texts: str) -> None:
        self.texts.setdefault(sink, []).extend(texts)

    def add_folder(self, sink: str, folder: Path) -> None:
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        self.add(sink, *(path.read_bytes().decode(errors="replace") for path in files))

    def add_ledger(self, url: str) -> None:
        with psycopg.connect(url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
            for (table,) in tables.fetchall():
                rows = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()
                self.add("ledger", *(f"{table}: {row}" for (row,) in rows))

    def found(self, canaries: Iterable[Canary]) -> dict[tuple[str, str], int]:
        """How often each canary stands in each sink; empty when none does anywhere."""
        counted = {}
        for sink, texts in self.texts.items():
            whole = "\n".join(texts)
            folded = whole.lower()
            for canary in canaries:
                if count := sum(folded.count(form.lower()) for form in _forms(canary.core)):
                    counted[sink, canary.name] = count
            if count := len(_JWT.findall(whole)):
                counted[sink, "a signed request"] = count
        return counted

    def lacks(self, marks: Mapping[str, Iterable[str]]) -> list[str]:
        """Of each sink the marks that never came there: a sink that nothing reaches proves nothing."""
        wholes = {sink: "\n".join(texts) for sink, texts in self.texts.items()}
        return [
            f"{sink}: {mark}"
            for sink, told in marks.items()
            for mark in told
            if mark not in wholes.get(sink, "")
        ]


def _forms(core: str) -> Iterator[str]:
    """As it stands, backwards, and within what is base64, wherever it begins there."""
    yield core
    for shift in range(3):
        yield base64.b64encode(b"x" * shift + core.encode()).decode()[4:-4]


def show(sinks: Sinks, canaries: Iterable[Canary]) -> bool:
    """The table; True when nothing was found."""
    canaries = tuple(canaries)
    found = sinks.found(canaries)
    table = Table("sink", "texts", "characters", "canaries looked for", "found", box=None, pad_edge=False)
    for sink, texts in sorted(sinks.texts.items()):
        leaked = sorted(name for where, name in found if where == sink)
        size = sum(map(len, texts))
        table.add_row(sink, f"{len(texts):,}", f"{size:,}", str(len(canaries)), ", ".join(leaked) or "0")
    Console(width=160, highlight=False).print(table)
    return not found
