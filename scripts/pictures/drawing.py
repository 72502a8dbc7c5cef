"""Each kind of panel as a piece of a page."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from itertools import pairwise
from typing import Any

from pictures.figures import COLORS, PALETTE, by_threshold, overridden, written

KST = timezone(timedelta(hours=9))
Panel = Mapping[str, Any]


@dataclass(frozen=True)
class Series:
    name: str
    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]  # unix seconds, value

    @property
    def last(self) -> float:
        return self.points[-1][1]


@dataclass(frozen=True)
class Window:
    start: float
    end: float
    marks: Sequence[tuple[float, float, str]] = ()  # from, to, colour


def draw(panel: Panel, series: Sequence[Series], window: Window, width: int, height: int) -> str:
    if not series and panel["type"] != "stat":
        return f'<div class="nothing">{panel["fieldConfig"]["defaults"]["noValue"]}</div>'
    if panel["type"] == "timeseries":
        return _lines(panel, series, window, width, height)
    return {"stat": _stat, "piechart": _pie, "bargauge": _bars, "table": _table}[panel["type"]](panel, series)


def _stat(panel: Panel, series: Sequence[Series]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    shown: list[tuple[str, float | None]] = [(overridden(s.name, panel, "")[0], s.last) for s in series] or [
        ("", None)
    ]
    cells = []
    for name, value in shown:
        text, color = written(value, defaults)
        label = f"<small>{escape(name)}</small>" if len(shown) > 1 else ""
        size = min(44, 460 // max(len(shown), 1) // max(len(text), 3) + 16)
        style = f"color:{color or by_threshold(value, defaults)};font-size:{size}px"
        cells.append(f'<div class="figure">{label}<b style="{style}">{escape(text)}</b></div>')
    return f'<div class="stat">{"".join(cells)}</div>'


def _bars(panel: Panel, series: Sequence[Series]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    most = defaults.get("max") or max((s.last for s in series if not math.isnan(s.last)), default=0) or 1
    rows = []
    for one in series:
        text, _ = written(one.last, defaults)
        color = by_threshold(one.last, defaults)
        share = min(max(0.0, one.last / most * 100), 100) if not math.isnan(one.last) else 0
        name = escape(overridden(one.name, panel, "")[0])
        rows.append(
            f'<div class="bar"><span>{name}</span><i><u style="width:{share:.0f}%;background:{color}"></u></i>'
            f'<b style="color:{color}">{escape(text)}</b></div>'
        )
    return f'<div class="bars">{"".join(rows)}</div>'


def _pie(panel: Panel, series: Sequence[Series]) -> str:
    whole = sum(s.last for s in series) or 1
    turn, slices, rows = 0.0, [], []
    hole = 26 if panel["options"]["pieType"] == "donut" else 0
    for number, one in enumerate(series):
        name, color = overridden(one.name, panel, PALETTE[number % len(PALETTE)])
        share = one.last / whole
        if share > 0:
            slices.append(_slice(turn, min(share, 0.99999), color, hole))
        turn += share
        text, _ = written(one.last, panel["fieldConfig"]["defaults"])
        rows.append(
            f'<tr><td><i style="background:{color}"></i>{escape(name)}</td><td>{text}</td>'
            f"<td>{share * 100:.0f}%</td></tr>"
        )
    legend = f"<table><tr><th></th><th>Value</th><th>Percent</th></tr>{''.join(rows)}</table>"
    return f'<div class="pie"><svg viewBox="-50 -50 100 100">{"".join(slices)}</svg>{legend}</div>'


def _slice(turn: float, share: float, color: str, hole: float) -> str:
    if share > 0.999:
        return f'<circle r="{(48 + hole) / 2}" fill="none" stroke="{color}" stroke-width="{48 - hole}"/>'
    begin, end = (2 * math.pi * part - math.pi / 2 for part in (turn, turn + share))
    large = int(share > 0.5)
    (x1, y1), (x2, y2) = ((math.cos(angle), math.sin(angle)) for angle in (begin, end))
    outer = f"M{48 * x1:.2f},{48 * y1:.2f} A48,48 0 {large} 1 {48 * x2:.2f},{48 * y2:.2f}"
    inner = f"L{hole * x2:.2f},{hole * y2:.2f} A{hole},{hole} 0 {large} 0 {hole * x1:.2f},{hole * y1:.2f} Z"
    return f'<path d="{outer} {inner}" fill="{color}" stroke="#181b1f"/>'


def _table(panel: Panel, series: Sequence[Series]) -> str:
    columns = panel["transformations"][-1]["options"]["renameByName"]
    words = {
        k: v
        for m in panel["fieldConfig"]["defaults"]["mappings"]
        if m["type"] == "value"
        for k, v in m["options"].items()
    }

    def cell(value: str) -> str:
        word = words.get(value)
        return escape(word["text"] if word else value)

    head = "".join(f"<th>{escape(title)}</th>" for title in columns.values())
    rows = "".join(
        "<tr>" + "".join(f"<td>{cell(s.labels.get(name, ''))}</td>" for name in columns) + "</tr>"
        for s in series
    )
    return f'<table class="rows"><tr>{head}</tr>{rows}</table>'


def _lines(panel: Panel, series: Sequence[Series], window: Window, width: int, height: int) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    custom = defaults.get("custom", {})
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    drawn = _stack(series) if stacked else [list(s.points) for s in series]
    beside = panel["options"]["legend"]["placement"] == "right"
    legend_rows = min(len(series), height // 19 - 1 if beside else max(1, int(height * 0.35) // 19 - 1))
    bottom = height - 26 if beside else height - 19 * (legend_rows + 1) - 26
    width = width - 250 if beside else width
    axis = _Axis(_range(drawn, defaults), custom, bottom)
    left = 78
    at = _place(window, left, width - 10)
    parts = list(_grid(axis, defaults, left, width)) + list(_times(window, at, bottom))
    for begin, end, color in window.marks:
        x, wide = at(begin), max(1.0, at(end) - at(begin))
        parts.append(
            f'<rect x="{x:.1f}" y="4" width="{wide:.1f}" height="{bottom - 4}" fill="{color}" opacity=".12"/>'
            f'<path d="M{x:.1f},4V{bottom}" stroke="{color}" opacity=".6" stroke-dasharray="3"/>'
        )
    if custom.get("thresholdsStyle", {}).get("mode") == "line":
        for step in defaults["thresholds"]["steps"]:
            if step["value"] is not None and axis.low <= step["value"] <= axis.high:
                y = axis.y(step["value"])
                parts.append(f'<path d="M{left},{y:.1f}H{width - 10}" stroke="{COLORS[step["color"]]}"/>')
    rows = []
    for number, (one, points) in enumerate(zip(series, drawn, strict=True)):
        name, color = overridden(one.name, panel, PALETTE[number % len(PALETTE)])
        parts.extend(_strokes(points, at, axis, color))
        figures = (one.last,) if beside else (one.last, max(v for _, v in one.points))
        cells = "".join(f"<td>{written(v, defaults)[0]}</td>" for v in figures)
        rows.append(f'<tr><td><i style="background:{color}"></i>{escape(name)}</td>{cells}</tr>')
    hidden = f" (+{len(rows) - legend_rows})" if len(rows) > legend_rows else ""
    if label := custom.get("axisLabel"):
        parts.append(f'<text x="4" y="14">{label}</text>')
    svg = f'<svg width="{width}" height="{bottom + 22}">{"".join(parts)}</svg>'
    head = f"<tr><th>Name{hidden}</th><th>Last *</th>{'' if beside else '<th>Max</th>'}</tr>"
    legend = f"<table>{head}{''.join(rows[:legend_rows])}</table>"
    return f'<div class="{"beside" if beside else "below"}">{svg}{legend}</div>'


def _strokes(
    points: Sequence[tuple[float, float]], at: Callable[[float], float], axis: "_Axis", color: str
) -> Iterator[str]:
    """Lines, broken where samples are missing."""
    step = min((b[0] - a[0] for a, b in pairwise(points)), default=0)
    run: list[str] = []
    for (when, value), before in zip(points, [None, *points], strict=False):
        if run and before is not None and when - before[0] > 1.5 * step:
            yield _stroke(run, color)
            run = []
        run.append(f"{at(when):.1f},{axis.y(value):.1f}")
    yield _stroke(run, color)


def _stroke(run: Sequence[str], color: str) -> str:
    if len(run) == 1:
        x, y = run[0].split(",")
        return f'<circle cx="{x}" cy="{y}" r="2.5" fill="{color}"/>'
    return f'<polyline points="{" ".join(run)}" fill="none" stroke="{color}" stroke-width="2"/>'


def _stack(series: Sequence[Series]) -> list[list[tuple[float, float]]]:
    below: dict[float, float] = {}
    stacked = []
    for one in series:
        points = []
        for when, value in one.points:
            below[when] = below.get(when, 0) + value
            points.append((when, below[when]))
        stacked.append(points)
    return stacked


def _range(
    drawn: Sequence[Sequence[tuple[float, float]]], defaults: Mapping[str, Any]
) -> tuple[float, float]:
    values = [v for points in drawn for _, v in points]
    custom = defaults.get("custom", {})
    low = min([*values, custom.get("axisSoftMin", math.inf)])
    high = max([*values, custom.get("axisSoftMax", -math.inf)])
    if low == high:
        low, high = (0, 2 * high or 1) if high >= 0 else (2 * low, 0)
    return low, high


class _Axis:
    """From values to places; straight, or symlog as Grafana's (asinh of the multiple of the linear threshold)."""

    def __init__(self, span: tuple[float, float], custom: Mapping[str, Any], bottom: int) -> None:
        self.low, self.high = span
        self._bottom = bottom
        scale = custom.get("scaleDistribution", {})
        self._linear = scale.get("linearThreshold") if scale.get("type") == "symlog" else None

    def y(self, value: float) -> float:
        low, high, here = (self._bent(v) for v in (self.low, self.high, value))
        return self._bottom - (here - low) / (high - low) * (self._bottom - 10)

    def ticks(self) -> list[float]:
        if self._linear:
            decades = [self._linear * 10**n for n in range(12)]
            return [0, *(d for d in decades if d <= self.high)]
        rough = (self.high - self.low) / 4
        step = 10 ** math.floor(math.log10(rough))
        step *= next((n for n in (1, 2, 2.5, 5, 10) if step * n >= rough), 10)
        first = math.ceil(self.low / step)
        return [n * step for n in range(first, math.floor(self.high / step) + 1)]

    def _bent(self, value: float) -> float:
        return math.asinh(value / self._linear) if self._linear else value


def _place(window: Window, left: float, right: float) -> Callable[[float], float]:
    return lambda when: left + (when - window.start) / (window.end - window.start) * (right - left)


def _grid(axis: _Axis, defaults: Mapping[str, Any], left: int, width: int) -> Iterator[str]:
    for tick in axis.ticks():
        y = axis.y(tick)
        yield f'<path d="M{left},{y:.1f}H{width - 10}" stroke="#2c3036"/>'
        yield f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{written(tick, defaults)[0]}</text>'


def _times(window: Window, at: Callable[[float], float], bottom: int) -> Iterator[str]:
    step = next(
        s for s in (60, 120, 300, 600, 1800, 3600, 7200, 21_600) if (window.end - window.start) / s <= 9
    )
    when = math.ceil(window.start / step) * step
    while when <= window.end:
        text = datetime.fromtimestamp(when, UTC).astimezone(KST).strftime("%H:%M")
        yield f'<text x="{at(when):.1f}" y="{bottom + 16}" text-anchor="middle">{text}</text>'
        when += step
