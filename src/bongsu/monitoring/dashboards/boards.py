"""All dashboards there are."""

from pathlib import Path

from bongsu.monitoring.dashboards.board import render
from bongsu.monitoring.dashboards.overview import overview

DIRECTORY = Path(__file__).resolve().parents[4] / "monitoring" / "grafana" / "dashboards"

BOARDS = (overview(),)


def rendered() -> dict[str, str]:
    """File name → text."""
    return {f"{board.file}.json": render(board) for board in BOARDS}
