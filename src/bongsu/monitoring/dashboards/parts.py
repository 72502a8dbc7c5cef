"""What all dashboards are built of. Each panel shows Korean texts, a unit and, where nothing is known, the words for it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from grafana_foundation_sdk.builders import bargauge, common, piechart, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as promql
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common as kind
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import piechart as pie_model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from bongsu.monitoring.dashboards.words import BLUE, GREEN, GREY, ORANGE, RED, SPOKEN, Words

SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
NOTHING = "값 없음"

WON = "locale"  # every digit: Grafana's currency units say ₩1.02M, and no other figure of ours does
SECONDS = "s"
SHARE = "percentunit"
BYTES = "bytes"
COUNT = "locale"
PER_SECOND = "suffix:건/초"
ROWS_PER_SECOND = "suffix:행/초"
TIMES = "suffix:배"
_DECIMALS = {COUNT: 0, SHARE: 1}  # of a figure that stands alone; an axis finds its own
_FROM_ZERO = {SECONDS, PER_SECOND, ROWS_PER_SECOND}


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` in Prometheus's template language: {{label}}."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Colours from each value on; `steps` rise. The first colour holds below the first step."""

    base: str
    steps: tuple[tuple[float, str], ...] = ()

    @classmethod
    def rising(cls, orange: float, red: float) -> "Limits":
        """The more, the worse."""
        return cls(GREEN, ((orange, ORANGE), (red, RED)))

    @classmethod
    def falling(cls, red: float, orange: float) -> "Limits":
        """The less, the worse: red below `red`, orange below `orange`."""
        return cls(RED, ((red, ORANGE), (orange, GREEN)))

    def build(self) -> build.ThresholdsConfig:
        rising = [model.Threshold(value=value, color=color) for value, color in self.steps]
        steps = [model.Threshold(value=None, color=self.base), *rising]
        return build.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


PLAIN = Limits(BLUE)
NONE_IS_GOOD = Limits(GREEN, ((1, RED),))
SOME_IS_FINE = Limits(GREEN, ((1, ORANGE),))

_Target = Builder[Dataquery]
Panel = stat.Panel | timeseries.Panel | piechart.Panel | table.Panel | bargauge.Panel
_P = TypeVar("_P", stat.Panel, timeseries.Panel, piechart.Panel, table.Panel, bargauge.Panel)


def runbook(*alarms: str) -> str:
    """Where the alarms about a panel are explained: paths in the repository, as in the alarms themselves."""
    return "\n\n알람이 울리면: " + ", ".join(f"`docs/runbooks/{alarm}.md`" for alarm in alarms)


def figure(
    title: str,
    description: str,
    *queries: Query,
    unit: str = COUNT,
    limits: Limits = PLAIN,
    words: Words | None = None,
    decimals: int | None = None,
) -> stat.Panel:
    """One number now for each series."""
    panel = _framed(
        stat.Panel(), title, description, unit, _DECIMALS.get(unit) if decimals is None else decimals
    )
    panel.mappings(_mappings(words or {})).thresholds(limits.build()).reduce_options(_last())
    panel.color_mode(kind.BigValueColorMode.VALUE).graph_mode(kind.BigValueGraphMode.NONE)
    panel.targets(_instant(queries)).height(4).span(6)
    _spoken(panel, queries)
    return panel


def pie(
    title: str, description: str, *queries: Query, donut: bool = False, names: dict[str, tuple[str, str]]
) -> piechart.Panel:
    """`names`: a regular expression over the legend, with the colour of its slices and whether they share it in shades."""
    legend = piechart.PieChartLegendOptions().show_legend(True).display_mode(kind.LegendDisplayMode.TABLE)
    legend.placement(kind.LegendPlacement.RIGHT)
    legend.values([pie_model.PieChartLegendValues.VALUE, pie_model.PieChartLegendValues.PERCENT])
    panel = _framed(piechart.Panel(), title, description, COUNT, 0)
    panel.pie_type(pie_model.PieChartType.DONUT if donut else pie_model.PieChartType.PIE)
    panel.legend(legend).reduce_options(_last()).targets(_instant(queries)).height(8).span(12)
    _spoken(panel, queries)
    for pattern, (mode, color) in names.items():
        panel.override_by_regexp(pattern, [_colored(mode, color)])
    return panel


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = COUNT,
    limits: Limits | None = None,
    decimals: int | None = None,
    colors: dict[str, str] | None = None,
    stacked: bool = False,
    axis: str = "",
    crowded: bool = False,
) -> timeseries.Panel:
    """A history. `limits` are drawn as lines; `colors` by regular expression over the legend; `crowded`: many series."""
    legend = common.VizLegendOptions().show_legend(True).display_mode(kind.LegendDisplayMode.TABLE)
    if crowded:  # beside the lines, where there is room for a row each
        legend.placement(kind.LegendPlacement.RIGHT).calcs(["lastNotNull"])
    else:
        legend.placement(kind.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"])
    panel = _framed(timeseries.Panel(), title, description, unit, decimals)
    panel.legend(legend).line_width(2).fill_opacity(8).show_points(kind.VisibilityMode.AUTO)
    panel.tooltip(common.VizTooltipOptions().mode(kind.TooltipDisplayMode.MULTI))
    panel.targets(_range(queries)).height(8).span(12)
    _spoken(panel, queries)
    if unit in _FROM_ZERO or stacked:
        panel.axis_soft_min(0)
    if limits is not None:
        style = common.GraphThresholdsStyleConfig().mode(kind.GraphThresholdsStyleMode.LINE)
        panel.thresholds(limits.build()).thresholds_style(style)
    if axis:
        panel.axis_label(axis)
    if stacked:
        panel.stacking(common.StackingConfig().mode(kind.StackingMode.NORMAL)).fill_opacity(30)
    for pattern, color in (colors or {}).items():
        panel.override_by_regexp(pattern, [_colored("fixed", color)])
    return panel


def bars(
    title: str,
    description: str,
    *queries: Query,
    unit: str = COUNT,
    limits: Limits = PLAIN,
    decimals: int | None = None,
) -> bargauge.Panel:
    """One number now for each of many series, side by side."""
    panel = _framed(
        bargauge.Panel(), title, description, unit, _DECIMALS.get(unit) if decimals is None else decimals
    )
    panel.orientation(kind.VizOrientation.HORIZONTAL).display_mode(kind.BarGaugeDisplayMode.BASIC)
    panel.value_mode(kind.BarGaugeValueMode.TEXT).reduce_options(_last()).thresholds(limits.build())
    if unit == SHARE:
        panel.max(1)
    panel.min(0).targets(_instant(queries)).height(6).span(8)
    _spoken(panel, queries)
    return panel


def rows(
    title: str, description: str, query: Query, columns: dict[str, str], words: Words | None = None
) -> table.Panel:
    """A table of series; `columns` maps labels to their headings, in order. Everything else is left out."""
    panel = _framed(table.Panel(), title, description, COUNT, None).mappings(_mappings(words or {}))
    panel.targets([_target(query, "A").instant().format(PromQueryFormat.TABLE)]).height(8).span(12)
    chosen = dict.fromkeys(columns, True)
    panel.with_transformation(
        model.DataTransformerConfig(id_val="filterFieldsByName", options={"include": {"names": list(chosen)}})
    )
    order = {name: place for place, name in enumerate(columns)}
    panel.with_transformation(
        model.DataTransformerConfig(
            id_val="organize", options={"indexByName": order, "renameByName": columns, "excludeByName": {}}
        )
    )
    return panel


def _spoken(panel: _P, queries: Iterable[Query]) -> None:
    for query in queries:
        for value, word in SPOKEN.get(query.legend.strip("{}"), {}).items():
            panel.override_by_name(value, [model.DynamicConfigValue(id_val="displayName", value=word)])


def _framed(panel: _P, title: str, description: str, unit: str, decimals: int | None) -> _P:
    panel.title(title).description(description).datasource(SOURCE).unit(unit).no_value(NOTHING)
    if decimals is not None:
        panel.decimals(decimals)
    return panel


def _mappings(words: Words) -> list[model.ValueMapping]:
    named = {
        value: model.ValueMappingResult(text=text, color=color, index=place)
        for place, (value, (text, color)) in enumerate(words.items())
    }
    unknown = model.ValueMappingResult(text=NOTHING, color=GREY, index=len(words))
    special = model.DashboardSpecialValueMapOptions(
        match=model.SpecialValueMatch.NULL_AND_NAN, result=unknown
    )
    mappings: list[model.ValueMapping] = [model.SpecialValueMap(options=special)]
    return [model.ValueMap(options=named), *mappings] if named else mappings


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)


def _colored(mode: str, color: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": mode, "fixedColor": color})


def _instant(queries: Sequence[Query]) -> list[_Target]:
    return [_target(query, name).instant() for name, query in _named(queries)]


def _range(queries: Sequence[Query]) -> list[_Target]:
    return [_target(query, name).range() for name, query in _named(queries)]


def _named(queries: Sequence[Query]) -> Iterable[tuple[str, Query]]:
    return zip("ABCDEFGH", queries, strict=False)


def _target(query: Query, name: str) -> promql.Dataquery:
    target = promql.Dataquery().ref_id(name).datasource(SOURCE).expr(query.expr)
    return target.legend_format(query.legend or "__auto")
