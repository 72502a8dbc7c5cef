"""Figures, colours and names as Grafana shows them, as far as our dashboards use them."""

import math
import re
from collections.abc import Mapping
from typing import Any

COLORS = {
    "green": "#73BF69",
    "yellow": "#FADE2A",
    "orange": "#FF9830",
    "red": "#F2495C",
    "blue": "#5794F2",
    "text": "#CCCCDC",
}
PALETTE = (
    "#73BF69", "#F2CC0C", "#8AB8FF", "#FF780A", "#F2495C", "#5794F2",
    "#B877D9", "#705DA0", "#37872D", "#FADE2A", "#447EBC", "#C15C17",
)  # fmt: skip

_SECONDS = ((604_800, "weeks"), (86_400, "days"), (3600, "hours"), (60, "mins"), (1, "s"))
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


def written(value: float | None, defaults: Mapping[str, Any]) -> tuple[str, str | None]:
    """Its text, and the colour a mapping gives it."""
    for mapping in defaults.get("mappings", []):
        if found := _mapped(value, mapping):
            return found["text"], COLORS[found["color"]]
    if value is None or math.isnan(value):
        return str(defaults.get("noValue", "No data")), COLORS["text"]
    return _in_unit(value, defaults.get("unit", ""), defaults.get("decimals")), None


def _mapped(value: float | None, mapping: Mapping[str, Any]) -> Mapping[str, Any] | None:
    unknown = value is None or math.isnan(value)
    if mapping["type"] == "special":
        return mapping["options"]["result"] if unknown else None
    return None if unknown else mapping["options"].get(f"{value:g}")


def _in_unit(value: float, unit: str, decimals: int | None) -> str:
    match unit:
        case "locale":
            text = f"{value:,.{3 if decimals is None else decimals}f}"
            return text.rstrip("0").rstrip(".") if "." in text else text
        case "percentunit":
            return f"{_rounded(value * 100, decimals)}%"
        case "s":
            return _seconds(value, decimals)
        case "bytes":
            power = min(int(math.log(abs(value), 1024)), 4) if abs(value) >= 1 else 0
            return f"{_rounded(value / 1024**power, decimals)} {_BYTES[power]}"
        case _ if unit.startswith("suffix:"):
            return f"{_rounded(value, decimals)} {unit.removeprefix('suffix:')}"
    raise ValueError(f"no picture of the unit {unit} yet")


def _seconds(value: float, decimals: int | None) -> str:
    for size, name in _SECONDS:
        if abs(value) >= size:
            return f"{_rounded(value / size, decimals)} {name}"
    if value == 0:
        return "0 s"
    if abs(value) >= 0.001:
        return f"{_rounded(value * 1000, decimals)} ms"
    return f"{_rounded(value * 1e6, decimals)} µs"


def _rounded(value: float, decimals: int | None) -> str:
    """Without `decimals`: about three digits."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def by_threshold(value: float | None, defaults: Mapping[str, Any]) -> str:
    steps = defaults.get("thresholds", {}).get("steps") or [{"value": None, "color": "green"}]
    reached = [s for s in steps if s["value"] is None or (value is not None and value >= s["value"])]
    return COLORS[reached[-1]["color"]]


def named(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), legend)


def overridden(name: str, panel: Mapping[str, Any], color: str) -> tuple[str, str]:
    """The series' name and colour after the panel's overrides. These match the name it had before them."""
    shown = name
    for rule in panel["fieldConfig"].get("overrides", []):
        if not _matches(rule["matcher"], name):
            continue
        for prop in rule["properties"]:
            if prop["id"] == "displayName":
                shown = prop["value"]
            elif prop["id"] == "color":
                color = COLORS[prop["value"]["fixedColor"]]
                if prop["value"]["mode"] == "shades":
                    color = _shade(color, name)
    return shown, color


def _matches(matcher: Mapping[str, str], name: str) -> bool:
    wanted = matcher["options"]
    if matcher["id"] == "byName":
        return name == wanted
    return bool(re.search(wanted.strip("/") if wanted.startswith("/") else f"^{wanted}$", name))


def _shade(color: str, name: str) -> str:
    part = 0.55 + (sum(name.encode()) % 10) / 20
    return "#" + "".join(f"{min(255, int(int(color[i : i + 2], 16) * part)):02x}" for i in (1, 3, 5))
