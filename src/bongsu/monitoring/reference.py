"""Writes docs/reference/metrics.md from the registry: `python -m bongsu.monitoring.reference`."""

from pathlib import Path

from bongsu.metric import Metric
from bongsu.metrics import METRICS

_HEAD = """\
# Metrics

Generated from `src/bongsu/metrics/__init__.py` by `python -m bongsu.monitoring.reference`; edit there.

Owner: **ledger** is projected from PostgreSQL by the backend and never resets; **backend** and **scheduler** are counted
in those processes (`:8000/metrics`, `:8001/metrics`). *withheld*: left out when the
scheduler's heartbeat is older than 15 s.
Both processes also export `process_*` and `python_*`.

| name | type | labels | owner | meaning |
|---|---|---|---|---|
"""


def render() -> str:
    return _HEAD + "".join(_row(metric) for metric in METRICS)


def _row(metric: Metric) -> str:
    labels = ", ".join(_label(name, allowed) for name, allowed in metric.labels) or "–"
    owners = ", ".join(metric.owners) + (" (withheld)" if metric.live_scheduler else "")
    edges = f" Edges: {', '.join(f'{edge:g}' for edge in metric.buckets)}." if metric.buckets else ""
    return f"| `{metric.name}` | {metric.kind} | {labels} | {owners} | {metric.help}.{edges} |\n"


def _label(name: str, allowed: tuple[str, ...] | None) -> str:
    return f"`{name}`" if allowed is None else f"`{name}` ({', '.join(allowed)})"


def main() -> None:
    path = Path("docs/reference/metrics.md")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(), encoding="utf-8")


if __name__ == "__main__":
    main()
