"""Charts of what cases teach, as Altair draws them: what a mark stands for is in its tooltip, and a mark can be chosen.

Colours keep 2.6 : 1 against the light and the dark page, and each two of them stay apart for colour-blind eyes (the tests
measure both). Intervals are those of the library; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import altair as alt

from triage_ml.insights.rates import Rate
from triage_ml.messages import Category

COLOURS = {
    Category.QUALITY: "#904f0e", Category.MISMATCH: "#0363e3", Category.SUBJECTIVE: "#fa58c8", Category.ABUSE: "#a8a005",
    Category.NEEDS_REVIEW: "#0fb464", Category.OTHER: "#5c5c5c",
}  # fmt: skip
MAIN, BESIDE = "#0363e3", "#7d7d7d"
# What Streamlit calls the selection of every chart.
CHOSEN = "chosen"
_ROW, _FOOT, _LABEL = 30, 64, 230
_COLUMNS, _CURVE = 260, 320
_FARTHEST = 16.0
_PALE = 0.35
_HALF = 0.5
# So far the series of one place stand apart.
_APART = 0.006
AnyChart = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True, slots=True)
class Point:
    """A value on its interval.

    Parameters
    ----------
    label
        What stands beside it.
    value, low, high
        The value and the ends of its interval.
    told
        What the tooltip says, title to text.
    series
        Which of several, where a label has more than one.
    mark
        Another value to compare it with.
    group, what
        What is chosen with it.
    at
        Its place from left to right, where it has one.
    """

    label: str
    value: float
    low: float
    high: float
    told: Mapping[str, str]
    series: str = ""
    mark: float | None = None
    group: str = ""
    what: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a bar: how many in a group, of what; `name` is what that is called."""

    label: str
    count: float
    told: Mapping[str, str]
    name: str = ""
    colour: str = MAIN
    group: str = ""
    what: str = ""


def of_rate(
    label: str, rate: Rate, told: Mapping[str, str], *,
    series: str = "", mark: float | None = None, group: str = "", what: str = "", at: float = 0.0,
) -> Point:  # fmt: skip
    """Return a rate that has a value as a point on its interval."""
    high = 1.0 if rate.high is None else rate.high
    return Point(label, rate.value or 0.0, rate.low or 0.0, high, told, series, mark, group, what, at)


def intervals(points: Sequence[Point], title: str, *, mark: str = "", ratios: bool = False) -> AnyChart:
    """Return values as points on their intervals, one below the other.

    Parameters
    ----------
    points
        From top to bottom.
    title
        What the values are.
    mark
        What the marks to compare with are called.
    ratios
        Whether the values are ratios: twice as much is then as far as half as much, and 1 is where nothing changed.
    """
    rows, tooltip = _values([_within(point) for point in points] if ratios else points)
    chart = alt.Chart(alt.InlineData(values=rows))
    y = alt.Y("label:N", sort=None, title=None, axis=alt.Axis(labelLimit=_LABEL), scale=alt.Scale(type="band"))
    several = len({point.series for point in points}) > 1
    y_offset: Any = alt.YOffset("series:N", sort=None) if several else alt.Undefined
    colour = _colour(points, mark if any(point.mark is not None for point in points) else "")
    chosen = alt.selection_point(name=CHOSEN, fields=["group", "what"])
    x = alt.X("value:Q", title=title, axis=_axis(ratios=ratios), scale=_scale(points, ratios=ratios))
    bright = alt.when(chosen).then(alt.value(1.0)).otherwise(alt.value(_PALE))
    lines = chart.mark_rule(strokeWidth=3).encode(x="low:Q", x2="high:Q", y=y, yOffset=y_offset, color=colour, opacity=bright)
    dots = chart.mark_point(size=110, filled=True, cursor="pointer").encode(
        x=x, y=y, yOffset=y_offset, color=colour, opacity=bright, tooltip=tooltip
    )
    layers: list[Any] = [lines, dots.add_params(chosen)]
    if mark:
        marks = chart.transform_calculate(series=alt.expr.toString(mark)).transform_filter("isValid(datum.mark)")
        layers.append(marks.mark_tick(thickness=3, size=20).encode(x="mark:Q", y=y, color=colour, tooltip=tooltip))
    if ratios:
        one = alt.Chart(alt.InlineData(values=[{"value": 1.0}])).mark_rule(strokeDash=[4, 4], opacity=0.7)
        layers.insert(0, one.encode(x="value:Q", color=alt.value(BESIDE)))
    return alt.layer(*layers).properties(height=_height(len(points)))


def _within(point: Point) -> Point:
    """Return a ratio that stays on the page; the tooltip says what it is."""
    value, low, high = (min(max(one, 1 / _FARTHEST), _FARTHEST) for one in (point.value, point.low, point.high))
    return replace(point, value=value, low=low, high=high)


def _scale(points: Sequence[Point], *, ratios: bool) -> alt.Scale:
    if ratios:
        return alt.Scale(type="log", base=2, domain=[1 / _FARTHEST, _FARTHEST])
    most = max((value for point in points for value in (point.high, point.mark or 0.0)), default=1.0)
    whole = _HALF < most <= 1
    return alt.Scale(domain=[0, 1.0 if whole else most * 1.05], nice=False)


def _axis(*, ratios: bool) -> alt.Axis:
    if ratios:
        return alt.Axis(values=[1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 8, 16], labelExpr="'×' + format(datum.value, '~r')")
    return alt.Axis(format="~%", tickCount=6)


def _colour(points: Sequence[Point], mark: str, chosen: Mapping[str, str] = MappingProxyType({})) -> Any:  # noqa: ANN401
    names = list(dict.fromkeys(point.series for point in points))
    shown = [*names, mark] if mark else names
    if shown == [""]:
        return alt.value(MAIN)
    usual = MAIN, COLOURS[Category.NEEDS_REVIEW], COLOURS[Category.SUBJECTIVE]
    colours = [chosen[name] for name in names] if chosen else list(usual[: len(names)])
    colours += [BESIDE] if mark else []
    legend = alt.Legend(orient="top", title=None, values=[name for name in shown if name], labelLimit=0)
    return alt.Color("series:N", scale=alt.Scale(domain=shown, range=colours), legend=legend)


def bars(rows: Sequence[Bar], title: str, *, share: bool = False, order: Sequence[str] = ()) -> AnyChart:
    """Return bars, one below the other, the parts of one label end to end.

    Parameters
    ----------
    rows
        The parts, from top to bottom.
    title
        What the length is.
    share
        Whether that is a share.
    order
        The labels from top to bottom, where that is not the order of the rows.
    """
    colours = {row.name: row.colour for row in rows}
    legend = alt.Legend(orient="top", title=None, columns=2, labelLimit=0) if len(colours) > 1 else None
    values, tooltip = _values(rows)
    chosen = alt.selection_point(name=CHOSEN, fields=["group", "what"])
    chart = alt.Chart(alt.InlineData(values=values)).mark_bar(cursor="pointer", cornerRadius=2)
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    chart = chart.encode(
        x=alt.X("count:Q", title=title, axis=alt.Axis(format="~%", tickCount=6) if share else _whole()),
        y=alt.Y("label:N", sort=list(order) or None, title=None, axis=alt.Axis(labelLimit=_LABEL)),
        color=alt.Color("name:N", scale=scale, legend=legend),
        order=alt.Order("place:Q"),
        opacity=alt.when(chosen).then(alt.value(1.0)).otherwise(alt.value(_PALE)),
        tooltip=tooltip,
    )
    height = _height(len({row.label for row in rows})) + (60 if legend else 0)
    drawn: AnyChart = chart.add_params(chosen).properties(height=height)
    return drawn


def columns(rows: Sequence[Bar], titles: tuple[str, str], edge: tuple[str, str] | None = None) -> AnyChart:
    """Return columns from left to right, the parts of one label one upon the other.

    Parameters
    ----------
    rows
        The parts.
    titles
        Of the two axes.
    edge
        The label before which a line stands, and what it is.
    """
    values, tooltip = _values(rows)
    colours = {row.name: row.colour for row in rows}
    chosen = alt.selection_point(name=CHOSEN, fields=["group", "what"])
    legend = alt.Legend(orient="top", title=None, columns=6, labelLimit=0)
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(cursor="pointer", width={"band": 0.8})
        .encode(
            x=alt.X("label:O", title=titles[0], axis=alt.Axis(labelAngle=0, labelOverlap="greedy")),
            y=alt.Y("count:Q", title=titles[1], axis=_whole()),
            color=alt.Color("name:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())), legend=legend),
            order=alt.Order("place:Q"),
            opacity=alt.when(chosen).then(alt.value(1.0)).otherwise(alt.value(_PALE)),
            tooltip=tooltip,
        )
        .add_params(chosen)
    )
    if edge is None:
        drawn: AnyChart = chart.properties(height=_COLUMNS)
        return drawn
    line = alt.Chart(alt.InlineData(values=[{"label": edge[0], "told": edge[1]}])).mark_rule(strokeDash=[4, 4], strokeWidth=2)
    line = line.encode(x=alt.X("label:O", bandPosition=0), color=alt.value(BESIDE), tooltip=alt.Tooltip("told:N", title=" "))
    return alt.layer(chart, line).properties(height=_COLUMNS)


def curve(points: Sequence[Point], titles: tuple[str, str], mark: str, colours: Mapping[str, str]) -> AnyChart:
    """Return shares by shares: values with their intervals by series, and what to compare them with beside.

    Parameters
    ----------
    points
        With `at`, a fraction.
    titles
        Of the two axes.
    mark
        What the marks to compare with are called.
    colours
        Of the series.
    """
    middle = (len(colours) - 1) / 2
    apart = {name: (place - middle) * _APART for place, name in enumerate(colours)}
    rows, tooltip = _values([replace(point, at=point.at + apart[point.series]) for point in points])
    chart = alt.Chart(alt.InlineData(values=rows))
    percent = alt.Axis(format="~%", tickCount=6)
    right = max(point.at for point in points) * 1.1
    x = alt.X("at:Q", title=titles[0], axis=percent, scale=alt.Scale(domain=[0, min(right, 1.0)], nice=False))
    colour = _colour(points, mark, colours)
    lines = chart.mark_rule(strokeWidth=3).encode(
        x=x, y=alt.Y("low:Q", title=titles[1], axis=percent, scale=alt.Scale(domain=[0, 1])), y2="high:Q", color=colour
    )
    dots = chart.mark_point(size=110, filled=True).encode(
        x=x, y="value:Q", color=colour, shape=_shapes(points), tooltip=tooltip
    )
    marks = chart.transform_calculate(series=alt.expr.toString(mark)).mark_tick(thickness=3, size=24, orient="horizontal")
    beside = marks.encode(x=x, y="mark:Q", color=colour, tooltip=tooltip)
    return alt.layer(lines, beside, dots).properties(height=_CURVE)


def _shapes(points: Sequence[Point]) -> alt.Shape:
    names = list(dict.fromkeys(point.series for point in points))
    return alt.Shape("series:N", scale=alt.Scale(domain=names, range=["circle", "square", "diamond", "cross"]), legend=None)


def _values(rows: Sequence[Point | Bar]) -> tuple[list[dict[str, Any]], list[alt.Tooltip]]:
    """Return rows as Vega takes them, and what their tooltips show."""
    titles = list(dict.fromkeys(title for row in rows for title in row.told))
    values = []
    for place, row in enumerate(rows):
        value = asdict(row) | {"place": place}
        told = value.pop("told")
        values.append(value | {f"told{n}": told.get(title, "–") for n, title in enumerate(titles)})
    return values, [alt.Tooltip(f"told{n}:N", title=title) for n, title in enumerate(titles)]


def _whole() -> alt.Axis:
    return alt.Axis(format=",.0f", tickMinStep=1, tickCount=6)


def _height(rows: int) -> int:
    return max(rows, 2) * _ROW + _FOOT
