"""The dashboards as committed, and their queries with the variables filled in as Grafana would."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bongsu.monitoring.panels import filled, panels_of

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "monitoring" / "grafana"


@dataclass(frozen=True)
class Shown:
    """One query: of a panel, or of a mark over all of them."""

    board: str
    panel: str
    ref: str
    expression: str

    def __str__(self) -> str:
        return f"{self.board}: {self.panel} {self.ref}"


def boards() -> dict[str, dict[str, Any]]:
    return {file.stem: json.loads(file.read_text("utf-8")) for file in sorted(GRAFANA.rglob("*.json"))}


def queries() -> list[Shown]:
    return [
        Shown(name, panel["title"], target["refId"], filled(target["expr"], board))
        for name, board in boards().items()
        for panel in panels_of(board)
        for target in panel["targets"]
    ]


def marks() -> list[Shown]:
    return [
        Shown(name, mark["name"], "mark", filled(mark["expr"], board))
        for name, board in boards().items()
        for mark in board["annotations"]["list"]
    ]
