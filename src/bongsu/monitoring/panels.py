"""Can each panel of the installed dashboards show what it is for?

Grafana says so to whoever looks, and to nobody else. So we ask Prometheus what Grafana would ask it.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bongsu.adapters.prometheus import WARM_UP, Understood, ask_for
from bongsu.metrics import METRICS

# Wall seconds. Shorter than the alarm's minute by a scrape, so that what one look alone has found does not ring.
LOOK_EVERY = 50.0

# Ours, below monitoring/grafana/dashboards/; what the owner adds there is the owner's.
DASHBOARDS = ("trading-bot-dashboard", "risk", "advice", "exchange", "notifications", "postgres", "processes")

# What Grafana puts in for its own variables; those of a dashboard have their own defaults.
_BUILT_IN = {"__rate_interval": "1m", "__interval": "15s"}

# Only where PostgreSQL counts statements: docs/GRAFANA_POSTGRES_SETUP.md
_OPTIONAL = ("pg_statements_", "pg_stat_statements_")
_OURS = frozenset(name for metric in METRICS for name in metric.samples)

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_TEXT = re.compile(r"""\"(?:[^"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'""")  # may hold brackets that are none
_LABELS = re.compile(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"(?<![\w.:])[a-zA-Z_:][\w:]*\b(?!\s*\()")
_WORDS = frozenset(
    {"and", "or", "unless", "bool", "offset", "group_left", "group_right", "inf", "nan", "atan2"}
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Panel:
    """`sources`: uids of the data sources it asks. A dashboard that cannot be read stands here as one, without a title."""

    dashboard: str
    title: str = ""
    sources: frozenset[str] = frozenset()
    queries: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title}" if self.title else f"{self.dashboard}.json"


class PanelWatch:
    """`grafana`: the folder of what Grafana is given. `note` takes how many panels are broken, None where nobody knows."""

    def __init__(
        self,
        grafana: Path,
        prometheus_url: str,
        note: Callable[[int | None], None],
        warm_up: float = WARM_UP,
    ) -> None:
        self._grafana = grafana
        self._prometheus_url = prometheus_url
        self._note = note
        self._warm_up = warm_up
        self._told: list[str] = []

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """The names go to the log, once: labels of a series they would be for ever."""
        panels, known = await asyncio.to_thread(lambda: (installed(self._grafana), sources(self._grafana)))
        queries = {query for panel in panels for query in panel.queries}
        understood = await ask_for(self._prometheus_url, queries, self._warm_up)
        if not panels or understood is None:
            self._note(None)
            return
        found = [str(panel) for panel in broken(panels, known, understood)]
        self._note(len(found))
        if found != self._told:
            _log.warning("panels that cannot show anything: %s", "; ".join(found) or "none any more")
        self._told = found


def installed(grafana: Path) -> list[Panel]:
    """Of our dashboards; nothing where the program runs without them."""
    if not grafana.is_dir():
        return []
    return [panel for name in DASHBOARDS for panel in _read(grafana / "dashboards" / f"{name}.json")]


def _read(file: Path) -> list[Panel]:
    try:
        board = json.loads(file.read_text("utf-8"))
        return [_panel(file.stem, panel, board) for panel in panels_of(board)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [Panel(file.stem)]


def _panel(name: str, panel: Mapping[str, Any], board: Mapping[str, Any]) -> Panel:
    targets = panel.get("targets", [])
    asked = {filled(part["datasource"]["uid"], board) for part in (panel, *targets) if part.get("datasource")}
    queries = tuple(filled(target["expr"], board) for target in targets if target.get("expr"))
    return Panel(name, panel["title"], frozenset(asked), queries)


def panels_of(board: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def filled(text: str, board: Mapping[str, Any], span: str = "1h") -> str:
    """With the variables put in as Grafana would when the dashboard opens, for a time range of `span`."""
    chosen = {variable["name"]: variable["current"]["value"] for variable in board["templating"]["list"]}
    values = _BUILT_IN | {"__range": span} | chosen
    return _VARIABLE.sub(lambda found: str(values.get(found[1] or found[2], found[0])), text)


def sources(grafana: Path) -> set[str]:
    """Uids of the data sources that are provisioned."""
    try:
        files = list((grafana / "datasources").glob("*.yml"))
    except OSError:  # a folder that is closed to us
        return set()
    return {uid for file in files for uid in _uids(file)}


def _uids(file: Path) -> set[str]:
    try:
        return {source["uid"] for source in yaml.safe_load(file.read_text("utf-8"))["datasources"]}
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as fault:
        _log.debug("%s cannot be read: %s", file, fault)
        return set()


def broken(panels: Iterable[Panel], known: set[str], understood: Understood) -> list[Panel]:
    """Nothing to read, no such data source, a query that is refused, or one for a series that nobody has."""
    names = understood.names | _OURS
    return [
        panel
        for panel in panels
        if not panel.title
        or not panel.sources <= known
        or not understood.refused.isdisjoint(panel.queries)
        or any(not _is_known(name, names) for query in panel.queries for name in series(query))
    ]


def _is_known(name: str, names: frozenset[str]) -> bool:
    return name in names or name.startswith(_OPTIONAL)


def series(query: str) -> set[str]:
    """The names of series in it: what is left without texts, labels, windows, groupings, functions and operators."""
    bare = _LABELS.sub("", _TEXT.sub("", query))
    return {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}
