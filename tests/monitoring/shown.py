"""The dashboards as committed, and their queries with the variables filled in as Grafana would."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "monitoring" / "grafana"

# What Grafana puts in for its own variables; those of a dashboard have their own defaults.
BUILT_IN = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h"}


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


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def filled(expression: str, board: dict[str, Any]) -> str:
    chosen = {f"${v['name']}": v["current"]["value"] for v in board["templating"]["list"]}
    for name, value in (BUILT_IN | chosen).items():
        expression = expression.replace(name, value)
    return expression


def queries() -> list[Shown]:
    return [
        Shown(name, panel["title"], target["refId"], filled(target["expr"], board))
        for name, board in boards().items()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def marks() -> list[Shown]:
    return [
        Shown(name, mark["name"], "mark", filled(mark["expr"], board))
        for name, board in boards().items()
        for mark in board["annotations"]["list"]
    ]
