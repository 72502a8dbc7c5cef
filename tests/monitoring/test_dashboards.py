"""The dashboards keep the contract, read only what is exported, and say in Korean what they show."""

import ast
import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from bongsu.metric import Kind
from bongsu.metrics import METRICS
from bongsu.monitoring.dashboards.boards import BOARDS, rendered
from bongsu.monitoring.panels import panels_of as panels
from bongsu.ops.stack.postgres import READER
from monitoring.shown import GRAFANA, ROOT, Shown, boards, marks, queries
from rules.alert_rules import RECORDED, nodes
from rules.foreign import FOREIGN

CONTRACT = "trading-bot-dashboard"

# product contract: row, title, type, queries letter for letter, description
TEN = [
    (
        "스케줄러 상태",
        "스케줄러 작업 성공/실패",
        "piechart",
        ["scheduler_job_success_total", "scheduler_job_failure_total"],
        "작업 성공/실패 비율 시각화",
    ),
    (
        "스케줄러 상태",
        "작업 실행 시간 추이",
        "timeseries",
        ["scheduler_job_duration_seconds"],
        "작업 실행 시간 추적 (지연 감지)",
    ),
    (
        "AI 판단 분석",
        "AI 판단 분포",
        "piechart",
        ["sum by (decision) (ai_decision_total)"],
        "Buy/Sell/Hold 결정 분포",
    ),
    (
        "AI 판단 분석",
        "AI 판단 추이",
        "timeseries",
        ["rate(ai_decision_total[5m])"],
        "시간별 AI 결정 빈도",
    ),
    ("시스템 상태", "Backend 상태", "stat", ['up{job="backend"}'], "Backend 실행 여부 (1=UP, 0=DOWN)"),
    ("시스템 상태", "총 에러 건수", "stat", ["sum(bot_errors_total)"], "누적 에러 횟수"),
    (
        "시스템 상태",
        "API 응답 시간 (p95)",
        "stat",
        ["histogram_quantile(0.95, rate(http_request_duration_seconds_bucket[5m]))"],
        "95 백분위 응답 시간",
    ),
    ("거래 & 포트폴리오", "총 거래 횟수", "stat", ["sum(trades_total)"], "누적 거래 횟수"),
    (
        "거래 & 포트폴리오",
        "포트폴리오 가치 추이",
        "timeseries",
        ["portfolio_value_krw"],
        "실시간 자산 가치 변화",
    ),
    (
        "거래 & 포트폴리오",
        "시간별 스케줄러 성공/실패",
        "timeseries",
        ["increase(scheduler_job_success_total[1h])", "increase(scheduler_job_failure_total[1h])"],
        "1시간 단위 성공/실패 추이",
    ),
]
POSTGRES_PANELS = ["활성 연결 수", "데이터베이스 크기", "쿼리 실행 통계", "락 상태"]

PANELS = [(name, panel) for name, board in boards().items() for panel in panels(board)]
QUERIES = [*queries(), *marks()]


def _placed(board: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each panel with the row it stands in, from top to bottom and left to right."""
    in_order = sorted(board["panels"], key=lambda p: (p["gridPos"]["y"], p["gridPos"]["x"]))
    row, placed = "", []
    for panel in in_order:
        if panel["type"] == "row":
            row = panel["title"]
        else:
            placed.append((row, panel))
    return placed


def _titled(title: str) -> dict[str, Any]:
    return next(panel for panel in panels(boards()[CONTRACT]) if panel["title"] == title)


def test_the_files_are_what_the_specifications_say() -> None:
    committed = {f.name: f.read_text("utf-8") for f in (GRAFANA / "dashboards").glob("*.json")}
    assert committed == rendered(), "python -m bongsu.monitoring.dashboards"


def test_the_ten_panels_of_the_contract_stand_as_promised() -> None:
    board = boards()[CONTRACT]
    assert board["title"] == "AI Trading Bot - 실시간 모니터링"
    shown = [
        (row, panel["title"], panel["type"], [t["expr"] for t in panel["targets"]], panel["description"])
        for row, panel in _placed(board)
        if row != "PostgreSQL"
    ]
    assert shown == TEN


def test_postgres_has_a_row_of_its_own() -> None:
    placed = _placed(boards()[CONTRACT])
    assert [panel["title"] for row, panel in placed if row == "PostgreSQL"] == POSTGRES_PANELS


def test_the_limit_of_a_run_is_a_line_at_300_seconds() -> None:
    defaults = _titled("작업 실행 시간 추이")["fieldConfig"]["defaults"]
    assert defaults["unit"] == "s"
    assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 300]
    assert defaults["custom"]["thresholdsStyle"]["mode"] == "line"
    assert defaults["custom"]["axisSoftMax"] > 300, "the line is on the picture though no run is that long"


def test_the_backend_is_up_or_down_in_words() -> None:
    mapped = _titled("Backend 상태")["fieldConfig"]["defaults"]["mappings"][0]
    assert mapped["type"] == "value"
    assert {value: result["text"] for value, result in mapped["options"].items()} == {"1": "UP", "0": "DOWN"}


def test_a_share_of_decisions_is_a_donut() -> None:
    assert _titled("AI 판단 분포")["options"]["pieType"] == "donut"
    assert _titled("스케줄러 작업 성공/실패")["options"]["pieType"] == "pie"


def test_a_missing_response_time_is_no_bad_one() -> None:
    unknown = _titled("API 응답 시간 (p95)")["fieldConfig"]["defaults"]["mappings"][-1]
    assert unknown["options"]["match"] == "null+nan"
    assert unknown["options"]["result"] == {"text": "값 없음", "color": "text", "index": 0}


@pytest.mark.parametrize("name", boards())
def test_a_dashboard_can_be_imported_by_hand(name: str) -> None:
    board = boards()[name]
    chosen = board["templating"]["list"][0]
    assert (chosen["name"], chosen["type"], chosen["query"]) == ("datasource", "datasource", "prometheus")
    assert chosen["current"]["value"] == "prometheus", "the uid of the provisioned one"
    sources = [p["datasource"] for p in panels(board)] + [
        m["datasource"] for m in board["annotations"]["list"]
    ]
    sources += [target["datasource"] for panel in panels(board) for target in panel["targets"]]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    assert "id" not in board


@pytest.mark.parametrize("name", boards())
def test_a_dashboard_leads_to_the_others_and_shows_the_mode(name: str) -> None:
    board = boards()[name]
    assert board["timezone"] == "Asia/Seoul"
    link = board["links"][0]
    assert (link["type"], link["tags"]) == ("dashboards", board["tags"])
    assert "mode" in [variable["name"] for variable in board["templating"]["list"]]


def test_each_panel_of_the_contract_leads_to_a_dashboard_that_says_more() -> None:
    titles = {f"/d/{board['uid']}": f"자세히: {board['title']}" for board in boards().values()}
    for panel in panels(boards()[CONTRACT]):
        link = panel["links"][0]
        assert (link["type"], titles[link["url"]], link["keepTime"]) == ("link", link["title"], True)


@pytest.mark.parametrize("name", boards())
def test_panels_stand_side_by_side_and_never_on_each_other(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in boards()[name]["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


def test_nothing_bears_the_same_name_twice() -> None:
    assert len({board.uid for board in BOARDS}) == len({board.title for board in BOARDS}) == len(BOARDS)
    for name, board in boards().items():
        titles = [panel["title"] for panel in panels(board)]
        assert len(set(titles)) == len(titles), name
        ids = [panel["id"] for panel in board["panels"]]
        assert len(set(ids)) == len(ids), name


@pytest.mark.parametrize(("name", "panel"), PANELS, ids=lambda v: v if isinstance(v, str) else v["title"])
def test_a_panel_says_what_it_shows_and_when_it_knows_nothing(name: str, panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    assert re.search("[가-힣]", panel["description"])
    assert panel["description"].partition("\n")[0].strip()
    assert defaults["noValue"] == "값 없음"
    assert defaults["unit"]
    if panel["type"] != "table":
        assert all(target["legendFormat"] not in ("", "__auto") for target in panel["targets"])


def _kinds() -> dict[str, tuple[Kind, set[str]]]:
    """Sample names with their kind and labels."""
    known: dict[str, tuple[Kind, set[str]]] = {}
    for metric in METRICS:
        labels = {*metric.label_names, "job", "instance"}
        if metric.kind is Kind.HISTOGRAM:
            known[f"{metric.name}_bucket"] = (metric.kind, labels | {"le"})
            known |= {
                f"{metric.name}_{part}": (metric.kind, labels)
                for part in (("sum", "count") if metric.summed else ("count",))
            }
        else:
            known[metric.name] = (metric.kind, labels)
    return known | {n: (s.kind, {*s.labels, "job", "instance"}) for n, s in FOREIGN.items()} | PROCESS


# Of every Python process and of Prometheus: prometheus_client's and the server's own.
PROCESS = {
    "process_resident_memory_bytes": (Kind.GAUGE, {"job", "instance"}),
    "process_cpu_seconds_total": (Kind.COUNTER, {"job", "instance"}),
    "process_open_fds": (Kind.GAUGE, {"job", "instance"}),
    "ALERTS": (Kind.GAUGE, {"alertname", "alertstate", "severity", "component"}),
}
KNOWN = _kinds() | dict.fromkeys(RECORDED, (Kind.GAUGE, set[str]()))


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_reads_what_is_exported(query: Shown) -> None:
    tree = nodes(promql_parser.parse(query.expression))
    selectors = [node for node in tree if isinstance(node, promql_parser.VectorSelector)]
    assert selectors
    for selector in selectors:
        assert selector.name in KNOWN
        asked = {matcher.name for matcher in selector.matchers.matchers}
        assert asked <= KNOWN[selector.name][1], selector.name


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_only_counters_have_a_rate(query: Shown) -> None:
    for node in nodes(promql_parser.parse(query.expression)):
        if isinstance(node, promql_parser.Call) and node.func.name in ("rate", "increase"):
            read = [n.name for n in nodes(node) if isinstance(n, promql_parser.VectorSelector)]
            assert {KNOWN[name][0] for name in read} <= {Kind.COUNTER, Kind.HISTOGRAM}


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_what_is_grouped_or_shown_by_is_a_label(query: Shown) -> None:
    tree = nodes(promql_parser.parse(query.expression))
    read = [node.name for node in tree if isinstance(node, promql_parser.VectorSelector)]
    labels = set().union(*(KNOWN[name][1] for name in read))
    for node in tree:
        modifier = getattr(node, "modifier", None)
        named = getattr(modifier, "labels", None) or getattr(modifier, "matching", None)
        assert set(getattr(named, "labels", named) or ()) <= labels


@pytest.mark.parametrize("name", boards())
def test_a_legend_shows_labels_that_its_query_has(name: str) -> None:
    for panel in panels(boards()[name]):
        for target in panel["targets"]:
            shown = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
            grouped = re.search(r"\bby ?\(([^)]*)\)", target["expr"])
            names = re.findall(r"[a-zA-Z_]\w+", target["expr"])
            labels = set().union(*(KNOWN[n][1] for n in names if n in KNOWN))
            kept = {label.strip() for label in grouped[1].split(",")} if grouped else labels
            assert shown <= kept, f"{panel['title']}: {shown - kept}"


def test_grafana_finds_them_at_the_contract_s_paths() -> None:
    provider = yaml.safe_load((GRAFANA / "dashboards" / "dashboard.yml").read_text("utf-8"))["providers"][0]
    said = {name: provider[name] for name in ("name", "orgId", "folder", "type")}
    assert said == {"name": "Bitcoin Trading Bot", "orgId": 1, "folder": "", "type": "file"}
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"
    source = yaml.safe_load((GRAFANA / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"][0]
    assert (source["uid"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert source["isDefault"]
    ledger = yaml.safe_load((GRAFANA / "datasources" / "postgres.yml").read_text("utf-8"))["datasources"][0]
    assert (ledger["uid"], ledger["url"], ledger["user"]) == ("postgres", "postgres:5432", READER)
    assert ledger["secureJsonData"] == {"password": "$__file{/run/keys/grafana/password}"}
    assert "isDefault" not in ledger
    scraped = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text("utf-8"))
    assert source["jsonData"]["timeInterval"] == scraped["global"]["scrape_interval"]


def test_the_bot_runs_without_the_sdk_of_the_dashboards() -> None:
    source = ROOT / "src" / "bongsu"
    users = set()
    for module in source.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(n.startswith(("grafana_foundation_sdk", "bongsu.monitoring.dashboards")) for n in names):
                users.add(module.parent)
    assert users == {source / "monitoring" / "dashboards"}


def test_the_types_that_check_them_are_of_the_grafana_that_runs() -> None:
    """And they are pinned by hash, from whatever registry."""
    schema = ROOT / "scripts" / "schema"
    wanted = json.loads((schema / "package.json").read_text("utf-8"))["devDependencies"]["@grafana/schema"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    assert compose["services"]["grafana"]["image"] == f"grafana/grafana:{wanted}"
    locked = json.loads((schema / "package-lock.json").read_text("utf-8"))["packages"]
    assert locked["node_modules/@grafana/schema"]["version"] == wanted
    assert all(package["integrity"] for name, package in locked.items() if name)
    assert not [name for name, package in locked.items() if "resolved" in package]
