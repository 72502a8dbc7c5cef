"""A dashboard around its panels: variables, the way to the other dashboards, marks for what happened."""

import json
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from bongsu.monitoring.dashboards.parts import SOURCE, Panel
from bongsu.monitoring.dashboards.words import BLUE, ORANGE, RED

TAG = "bongsu"
DATASOURCE_UID = "prometheus"

# name, colour, text of a mark, expression. A mark stands wherever the expression has a sample above 0.
MARKS = (
    ("거래", BLUE, "거래 {{symbol}} {{side}}", "increase(trades_total[1m]) > 0"),
    (
        "알람",
        RED,
        "알람 {{alertname}} ({{severity}})",
        'ALERTS{alertstate="firing", severity!="none"}',
    ),
    ("재시작", ORANGE, "{{process}} 시작", "increase(bot_process_starts_total[1m]) > 0"),
)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    panels: tuple[Panel, ...]
    more: tuple[str, str] | None = None  # uid and title of the dashboard that says more


@dataclass(frozen=True, slots=True)
class Board:
    """`file` is the name below `monitoring/grafana/dashboards/`; the uid is part of bookmarks and stays."""

    file: str
    uid: str
    title: str
    description: str
    sections: tuple[Section, ...]
    variables: tuple[build.QueryVariable, ...] = ()


def render(board: Board) -> str:
    """The JSON that Grafana provisions, and that can be imported by hand."""
    built = json.loads(json.dumps(_assemble(board).build(), cls=JSONEncoder))
    for variable in built["templating"]["list"]:
        for name in _OF_INTERVALS:
            variable.pop(name, None)
    return json.dumps(built, ensure_ascii=False, indent=2) + "\n"


# The SDK writes them for every kind of variable; Grafana knows them for one that we do not use.
_OF_INTERVALS = ("auto", "auto_min", "auto_count")


def _assemble(board: Board) -> build.Dashboard:
    dashboard = build.Dashboard(board.title).uid(board.uid).description(board.description).tags([TAG])
    dashboard.timezone("Asia/Seoul").week_start("monday").time("now-6h", "now").refresh("10s")
    dashboard.tooltip(model.DashboardCursorSync.CROSSHAIR)
    dashboard.variables([_datasource(), *board.variables, _mode()])
    dashboard.annotations([_Mark(*mark) for mark in MARKS])
    dashboard.link(
        build.DashboardLink("다른 대시보드")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(True)
    )
    number = 0
    for place, section in enumerate(board.sections):
        dashboard.with_row(build.Row(section.title).id(100 + place))
        for panel in section.panels:
            number += 1
            if section.more is not None:
                panel.links([_leading_to(*section.more)])
            dashboard.with_panel(panel.id(number))
    return dashboard


def _leading_to(uid: str, title: str) -> build.DashboardLink:
    link = build.DashboardLink(f"자세히: {title}").type(model.DashboardLinkType.LINK)
    return link.url(f"/d/{uid}").keep_time(True)


def _datasource() -> build.DatasourceVariable:
    provisioned = model.VariableOption(selected=True, text="Prometheus", value=DATASOURCE_UID)
    return build.DatasourceVariable("datasource").label("데이터 소스").type("prometheus").current(provisioned)


def _mode() -> build.QueryVariable:
    """Shown at the top of every dashboard, so that paper money is never taken for real money."""
    return values_of("mode", "모드", "bot_config_info", "mode", "sandbox")


def values_of(name: str, label: str, series: str, of: str, usual: str) -> build.QueryVariable:
    """A choice among the values of a label; `usual` until the first look."""
    query: dict[str, object] = {"query": f"label_values({series}, {of})", "refId": name, "qryType": 1}
    query |= {"label": of, "metric": series}
    variable = build.QueryVariable(name).label(label).datasource(SOURCE).query(query)
    variable.refresh(model.VariableRefresh.ON_DASHBOARD_LOAD).sort(model.VariableSort.ALPHABETICAL_ASC)
    return variable.current(model.VariableOption(selected=True, text=usual, value=usual))


class _Annotation(model.AnnotationQuery):
    """The SDK's annotation does not know the fields of the Prometheus data source."""

    text = ""

    def to_json(self) -> dict[str, object]:
        return super().to_json() | {"step": "60s", "titleFormat": self.text, "textFormat": ""}


class _Mark(Builder[model.AnnotationQuery]):
    def __init__(self, name: str, color: str, text: str, expression: str) -> None:
        self._annotation = _Annotation(name, SOURCE, icon_color=color, expr=expression)
        self._annotation.text = text

    def build(self) -> model.AnnotationQuery:
        return self._annotation
