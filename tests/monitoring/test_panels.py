"""What a dashboard needs to show anything, taken away piece by piece under a real Prometheus."""

import asyncio
import json
import logging
import shutil
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import promql_parser
import pytest

from bongsu.adapters.prometheus import WARM_UP, ask_for
from bongsu.metric import Owner
from bongsu.monitoring.dashboards.boards import BOARDS
from bongsu.monitoring.panels import DASHBOARDS, LOOK_EVERY, PanelWatch, filled, installed, series
from bongsu.monitoring.telemetry import Telemetry
from monitoring.shown import GRAFANA, marks, queries
from ports import free_port
from real_prometheus import prometheus
from rules.alert_rules import RECORDINGS, RULES, nodes, rendered, seconds, siblings
from rules.foreign import FOREIGN

ALARM = "DashboardBroken"
OTHERS = {*FOREIGN, "process_resident_memory_bytes", "process_cpu_seconds_total"}
WITHOUT_STATEMENTS = {name for name in OTHERS if "statements" not in name} - {"up", "scrape_samples_scraped"}
SHORT = [rule.changed(**{"for": "1s"}) for name in (ALARM, "Watchdog") for rule in siblings(name)]


@dataclass
class Watched:
    """A Prometheus that has the others' series, and of ours what `page` says: the rest the registry knows. What it is to
    record it has not got yet.
    """

    address: str
    page: str = ""

    def query(self, promql: str) -> list[float]:
        asked = f"{self.address}/api/v1/query?{urllib.parse.urlencode({'query': promql})}"
        with urllib.request.urlopen(asked, timeout=60) as reply:
            return [float(found["value"][1]) for found in json.load(reply)["data"]["result"]]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("prometheus")
    rules = [*(replace(rule, interval="200ms") for rule in SHORT), *RECORDINGS]
    (directory / "rules.yml").write_text(rendered(rules))
    found = Watched("")
    others = "".join(f"{name} 1\n" for name in sorted(WITHOUT_STATEMENTS))
    with (
        open_page(lambda: others) as theirs,
        open_page(lambda: found.page) as ours,
        prometheus(directory, directory / "rules.yml", targets=[theirs, ours]) as found.address,
    ):
        asyncio.run(_scraped(found.address))
        yield found


@contextmanager
def open_page(text: Callable[[], str]) -> Iterator[str]:
    """Host and port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(text().encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


async def _scraped(url: str) -> None:
    wanted = WITHOUT_STATEMENTS | {"ALERTS"}
    deadline = time.monotonic() + 60
    while (said := await ask_for(url, (), warm_up=0)) is None or not said.names >= wanted:
        assert time.monotonic() < deadline, said
        await asyncio.sleep(0.05)


@pytest.fixture
def address(watched: Watched) -> str:
    return watched.address


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


def spoil(grafana: Path) -> None:
    """Three dashboards, each in its own way."""
    remove(grafana, "dashboards/risk.json")
    cut = grafana / "dashboards/advice.json"
    cut.write_text(cut.read_text("utf-8")[:999], "utf-8")
    (grafana / "dashboards/postgres.json").write_text("[]")


def change_what_is_not_ours(grafana: Path) -> None:
    remove(grafana, "datasources/postgres.yml")
    (grafana / "dashboards/mine.json").write_text("{")


EVERY = len(installed(GRAFANA))
FAULTS: dict[str, tuple[Callable[[Path], None], int]] = {
    "nothing of ours": (change_what_is_not_ours, 0),
    "the data source is renamed": (
        lambda g: rewrite(g / "datasources/prometheus.yml", "uid: prometheus", "uid: prom"),
        EVERY,
    ),
    "the data source's file is gone": (lambda g: remove(g, "datasources/prometheus.yml"), EVERY),
    "the data source's file is none": (lambda g: (g / "datasources/prometheus.yml").write_text("{"), EVERY),
    "one dashboard asks another source": (
        lambda g: rewrite(g / "dashboards/advice.json", '"uid": "${datasource}"', '"uid": "old"'),
        len([panel for panel in installed(GRAFANA) if panel.dashboard == "advice"]),
    ),
    "three dashboards cannot be read": (spoil, 3),
    "all dashboards are gone": (lambda g: remove(g, "dashboards"), len(DASHBOARDS)),
    "a query is refused": (
        lambda g: rewrite(g / "dashboards/exchange.json", "abs(exchange_clock", "abs((exchange_clock"),
        1,
    ),
    "a series is nobody's": (
        lambda g: rewrite(g / "dashboards/exchange.json", "exchange_clock_offset_seconds", "exchange_clock"),
        1,
    ),
    "nothing records a series": (
        lambda g: rewrite(
            g / "dashboards/exchange.json", "exchange:requests:increase5m", "exchange:requests"
        ),
        1,
    ),
    "a histogram is asked by its bare name": (
        lambda g: rewrite(
            g / "dashboards/exchange.json", "request_duration_seconds_bucket", "request_duration_seconds"
        ),
        1,
    ),
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
    assert await count(grafana, address, warm_up=86_400) is None, "it has not run for that long"
    assert WARM_UP == 120, "and for two minutes where nobody says otherwise"
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


async def test_the_alarm_rings_under_a_real_prometheus_and_ends_with_the_fault(
    grafana: Path, watched: Watched
) -> None:
    """The shipped rule, waiting for a second in place of a minute."""
    telemetry = Telemetry(Owner.BACKEND, config_hash="0", mode="sandbox")
    watch = PanelWatch(grafana, watched.address, telemetry.note_panels, warm_up=0)
    ringing = f'ALERTS{{alertname="{ALARM}", alertstate="firing"}}'

    async def until(promql: str, found: list[float]) -> None:
        deadline = time.monotonic() + 60
        while watched.query(promql) != found:
            assert time.monotonic() < deadline, f"not {found}: {promql}"
            watched.page = (await telemetry.render()).decode()
            await asyncio.sleep(0.05)

    await watch.look()
    await until("dashboard_panels_broken", [0])
    assert watched.query(ringing) == []
    remove(grafana, "dashboards/risk.json")
    await watch.look()
    await until(ringing, [1])
    (grafana / "dashboards/risk.json.gone").rename(grafana / "dashboards/risk.json")
    await watch.look()
    await until("dashboard_panels_broken", [0])
    await until(ringing, [])


def test_what_one_look_alone_has_found_does_not_ring() -> None:
    (rule,) = siblings(ALARM)
    assert LOOK_EVERY + seconds(rule.interval) <= seconds(rule.body["for"])


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
    "query",
    [
        *(q.expression for q in (*queries(), *marks())),
        *(rule.expression for rule in (*RECORDINGS, *RULES)),
        *TRICKY,
    ],
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
