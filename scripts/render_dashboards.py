"""Pictures of the dashboards without Grafana: their own queries, asked of a running Prometheus, drawn as they say.

Not Grafana's drawing, but its queries, units, colours, thresholds, mappings, legends and words for "nothing known".

    scripts/render_dashboards.py --prometheus http://127.0.0.1:9090 --minutes 30 --out pictures [--only risk]
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from pictures.drawing import Series, Window, draw
from pictures.figures import COLORS, named

from bongsu.monitoring.panels import filled

ROOT = Path(__file__).resolve().parent.parent
CELL, ROW = 1576 / 24, 38
MARK_STEP = 60  # seconds
CHROMIUM = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip


class Prometheus:
    def __init__(self, address: str, window: Window) -> None:
        self._address = address
        self._window = window

    def now(self, expression: str) -> list[dict[str, Any]]:
        found = self._ask("query", query=expression, time=self._window.end)
        return [{**series, "values": [series["value"]]} for series in found]

    def over_time(self, expression: str) -> list[dict[str, Any]]:
        step = max(10.0, (self._window.end - self._window.start) / 300)
        return self._ask(
            "query_range", query=expression, start=self._window.start, end=self._window.end, step=step
        )

    def _ask(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        address = f"{self._address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(address, timeout=30) as reply:  # noqa: S310 - the address of the command line
            return list(json.load(reply)["data"]["result"])


def picture(board: Mapping[str, Any], prometheus: Prometheus, window: Window) -> tuple[str, int]:
    """The page, and its height."""
    marks = [
        (begin, end, COLORS[mark["iconColor"]])
        for mark in board["annotations"]["list"]
        for series in prometheus.over_time(mark["expr"])
        for begin, end in _regions([float(when) for when, _ in series["values"]])
    ]
    seen = Window(window.start, window.end, marks)
    parts = [_panel(panel, prometheus, seen, board) for panel in board["panels"]]
    height = int(max(p["gridPos"]["y"] + p["gridPos"]["h"] for p in board["panels"]) * ROW) + 70
    css = (Path(__file__).parent / "pictures" / "page.css").read_text(encoding="utf-8")
    title = f"<h1>{escape(board['title'])} <small>모드 {escape(filled('$mode', board))}</small></h1>"
    page = f'<meta charset="utf-8"><style>{css}</style>{title}<div class="board">{"".join(parts)}</div>'
    return page, height


def _regions(moments: list[float]) -> Iterator[tuple[float, float]]:
    """Moments that follow one another within the step of the marks are one."""
    begin = end = moments[0]
    for moment in moments[1:]:
        if moment - end > MARK_STEP:
            yield begin, end
            begin = moment
        end = moment
    yield begin, end


def _panel(panel: Mapping[str, Any], prometheus: Prometheus, window: Window, board: Mapping[str, Any]) -> str:
    at = panel["gridPos"]
    left, top = at["x"] * CELL, at["y"] * ROW
    width, height = at["w"] * CELL - 8, at["h"] * ROW - 8
    style = f"left:{left:.0f}px;top:{top:.0f}px;width:{width:.0f}px;height:{height:.0f}px"
    if panel["type"] == "row":
        return f'<div class="row" style="{style}">⌄ {escape(panel["title"])}</div>'
    series = list(_series(panel, prometheus, window, board))
    drawn = draw(panel, series, window, int(width) - 18, int(height) - 38)
    return f'<div class="panel" style="{style}"><h2>{escape(panel["title"])}</h2>{drawn}</div>'


def _series(
    panel: Mapping[str, Any], prometheus: Prometheus, window: Window, board: Mapping[str, Any]
) -> Iterator[Series]:
    for target in panel["targets"]:
        expression = filled(target["expr"], board, span=f"{window.end - window.start:.0f}s")
        ask = prometheus.now if target.get("instant") else prometheus.over_time
        for found in ask(expression):
            points = [(float(when), float(value)) for when, value in found["values"]]
            known = points if target.get("instant") else [p for p in points if p[1] == p[1]]
            if known:
                yield Series(named(target.get("legendFormat", ""), found["metric"]), found["metric"], known)


def photograph(page: str, height: int, picture_file: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(page, encoding="utf-8")
        command = ["chromium", *CHROMIUM, f"--user-data-dir={folder}/profile", f"--window-size=1600,{height}"]
        subprocess.run(
            [*command, f"--screenshot={picture_file}", source.as_uri()],
            check=True,
            capture_output=True,
            timeout=90,
        )


def answers(prometheus: str) -> bool:
    try:
        with urllib.request.urlopen(f"{prometheus}/-/ready", timeout=5):  # noqa: S310
            return True
    except OSError:
        return False


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--ago", type=float, default=0, help="minutes before now at which they end")
    parser.add_argument("--out", type=Path, default=Path("build/dashboards"))
    parser.add_argument("--only", default="*")
    arguments = parser.parse_args()
    if shutil.which("chromium") is None:
        print("chromium is needed: apt-get install chromium fonts-nanum", file=sys.stderr)
        return 69
    if not answers(arguments.prometheus):
        print(f"no pictures: no Prometheus at {arguments.prometheus} (--prometheus)", file=sys.stderr)
        return 69
    arguments.out.mkdir(parents=True, exist_ok=True)
    end = time.time() - arguments.ago * 60
    window = Window(end - arguments.minutes * 60, end)
    prometheus = Prometheus(arguments.prometheus, window)
    for file in sorted((ROOT / "monitoring/grafana/dashboards").glob(f"{arguments.only}.json")):
        page, height = picture(json.loads(file.read_text(encoding="utf-8")), prometheus, window)
        photograph(page, height, arguments.out / f"{file.stem}.png")
        print(arguments.out / f"{file.stem}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
