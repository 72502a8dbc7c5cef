"""All dashboards there are."""

from pathlib import Path

from bongsu.monitoring.dashboards.advice import advice
from bongsu.monitoring.dashboards.board import render
from bongsu.monitoring.dashboards.exchange import exchange
from bongsu.monitoring.dashboards.notifications import notifications
from bongsu.monitoring.dashboards.overview import overview
from bongsu.monitoring.dashboards.postgres import postgres
from bongsu.monitoring.dashboards.processes import processes
from bongsu.monitoring.dashboards.risk import risk

DIRECTORY = Path(__file__).resolve().parents[4] / "monitoring" / "grafana" / "dashboards"

BOARDS = (overview(), risk(), advice(), exchange(), notifications(), postgres(), processes())


def rendered() -> dict[str, str]:
    """File name → text."""
    return {f"{board.file}.json": render(board) for board in BOARDS}
