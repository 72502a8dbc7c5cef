"""What a dashboard needs to show anything, taken away piece by piece under a real Prometheus."""

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import promql_parser
import pytest

from bongsu.adapters.prometheus import WARM_UP, ask_for
from bongsu.monitoring.dashboards.boards import BOARDS
from bongsu.monitoring.panels import DASHBOARDS, PanelWatch, filled, installed, series
from monitoring.shown import GRAFANA, marks, queries
from ports import free_port
from real_prometheus import prometheus
from rules.alert_rules import RULES, nodes
from rules.foreign import FOREIGN

OTHERS = {*FOREIGN, "process_resident_memory_bytes", "process_cpu_seconds_total"}
WITHOUT_STATEMENTS = {name for name in OTHERS if "statements" not in name} - {"up", "scrape_samples_scraped"}
FIRING = '{"groups": [{"name": "g", "rules": [{"alert": "Always", "expr": "vector(1)"}]}]}'


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that has the others' series, and none of ours: those the registry knows."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write("".join(f"{name} 1\n" for name in sorted(WITHOUT_STATEMENTS)).encode())

        def log_message(self, *_: object) -> None:
            pass

    directory = tmp_path_factory.mktemp("prometheus")
    (directory / "rules.yml").write_text(FIRING)
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        target = f"127.0.0.1:{server.server_port}"
        with prometheus(directory, directory / "rules.yml", targets=[target]) as url:
            asyncio.run(_scraped(url))
            yield url
        server.shutdown()


async def _scraped(url: str) -> None:
    deadline = time.monotonic() + 60
    while (said := await ask_for(url, (), warm_up=0)) is None or not said.names >= WITHOUT_STATEMENTS | {
        "ALERTS"
    }:
        assert time.monotonic() < deadline, said
        await asyncio.sleep(0.05)


@pytest.fixture
def grafana(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GRAFANA, tmp_path / "grafana"))


async def count(grafana: Path, address: str, warm_up: float = 0) -> int | None:
    told: list[int | None] = []
    await PanelWatch(grafana, address, told.append, warm_up).look()
    return told[0]


def rewrite(file: Path, before: str, after: str) -> None:
    text = file.read_text("utf-8")
    assert before in text
    file.write_text(text.replace(before, after), "utf-8")


def remove(folder: Path, name: str) -> None:
    (folder / name).rename(folder / f"{name}.gone")


EVERY = len(installed(GRAFANA))
FAULTS: dict[str, tuple[Callable[[Path], None], int]] = {
    "nothing": (lambda _: None, 0),
    "the data source is renamed": (
        lambda g: rewrite(g / "datasources/prometheus.yml", "uid: prometheus", "uid: prom"),
        EVERY,
    ),
    "the data source's file is gone": (lambda g: remove(g, "datasources/prometheus.yml"), EVERY),
    "the data source's file is none": (lambda g: (g / "datasources/prometheus.yml").write_text("{"), EVERY),
    "the other data source is gone": (lambda g: remove(g, "datasources/postgres.yml"), 0),
    "one panel asks another source": (
        lambda g: rewrite(g / "dashboards/advice.json", '"uid": "${datasource}"', '"uid": "old"'),
        len([panel for panel in installed(GRAFANA) if panel.dashboard == "advice"]),
    ),
    "a dashboard is gone": (lambda g: remove(g, "dashboards/risk.json"), 1),
    "a dashboard is cut off": (
        lambda g: (g / "dashboards/risk.json").write_text((g / "dashboards/risk.json").read_text()[:999]),
        1,
    ),
    "a dashboard is something else": (lambda g: (g / "dashboards/risk.json").write_text("[]"), 1),
    "all dashboards are gone": (lambda g: remove(g, "dashboards"), len(DASHBOARDS)),
    "a query is refused": (
        lambda g: rewrite(g / "dashboards/exchange.json", "abs(exchange_clock", "abs((exchange_clock"),
        1,
    ),
    "a series is nobody's": (
        lambda g: rewrite(g / "dashboards/exchange.json", "exchange_clock_offset_seconds", "exchange_clock"),
        1,
    ),
    "a histogram is asked by its bare name": (
        lambda g: rewrite(
            g / "dashboards/exchange.json", "request_duration_seconds_bucket", "request_duration_seconds"
        ),
        1,
    ),
    "one of the owner's own is bad": (lambda g: (g / "dashboards/mine.json").write_text("{"), 0),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_it_counts_what_cannot_show_anything(fault: str, grafana: Path, address: str) -> None:
    commit, broken = FAULTS[fault]
    commit(grafana)
    assert await count(grafana, address) == broken


async def test_nobody_knows_while_prometheus_is_new_or_away_or_there_is_nothing_to_show(
    grafana: Path, address: str, tmp_path: Path
) -> None:
    remove(grafana, "dashboards/risk.json")
    assert await count(grafana, address, WARM_UP) is None, "it runs for less than two minutes"
    assert await count(grafana, f"http://127.0.0.1:{free_port()}") is None
    assert await count(tmp_path / "nowhere", address) is None


async def test_the_log_names_them_once(grafana: Path, address: str, caplog: pytest.LogCaptureFixture) -> None:
    watch = PanelWatch(grafana, address, lambda _: None, warm_up=0)
    with caplog.at_level(logging.WARNING, "bongsu"):
        await watch.look()
        assert caplog.messages == []
        remove(grafana, "dashboards/risk.json")
        rewrite(grafana / "dashboards/exchange.json", "abs(exchange_clock", "abs((exchange_clock")
        await watch.look()
        await watch.look()
        assert caplog.messages == ["panels that cannot show anything: risk.json; exchange: 시계 차이"]


def test_every_dashboard_of_ours_is_looked_at() -> None:
    assert set(DASHBOARDS) == {board.file for board in BOARDS}


TRICKY = (
    'a{b="c} or d"} / on(e) group_left(f, g) h offset 5m',
    "sum by (a) (b) / ignoring (c) sum without(d) (e:f:g) > bool 1e5",
    "topk(10, a) or on() vector(0) and (b unless c) == +Inf",
    "sum(rate(a{b=~'x\\'y{'}[5m:10s])) by (c) * group(d) atan2 e",
    "a * on (b) group_left c",
)


@pytest.mark.parametrize(
    "query", [*(q.expression for q in (*queries(), *marks())), *(rule.expression for rule in RULES), *TRICKY]
)
def test_the_series_of_a_query_are_those_that_its_grammar_knows(query: str) -> None:
    tree = nodes(promql_parser.parse(query))
    assert series(query) == {node.name for node in tree if isinstance(node, promql_parser.VectorSelector)}


def test_variables_are_put_in_as_grafana_does() -> None:
    chosen = [
        {"name": "database", "current": {"value": "trading_db"}},
        {"name": "mode", "current": {"value": "live"}},
    ]
    board = {"templating": {"list": chosen}}
    text = 'a{b="$database", c="${mode}"}[$__range] / d[$__rate_interval] + $other'
    assert filled(text, board) == 'a{b="trading_db", c="live"}[1h] / d[1m] + $other'
    assert filled("[$__range]", board, span="300s") == "[300s]"
