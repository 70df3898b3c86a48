"""Charts as SVG to stand inside a page: stacked columns, bars, and values with their intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

from markupsafe import Markup, escape

_WIDTH, _LABEL, _TEXT, _ROW = 760, 210, 120, 26
_PLOT = _WIDTH - _LABEL - _TEXT
_HEIGHT, _FOOT, _LEFT = 220, 46, 36
_LONGEST = 30
COLOURS = {
    "quality": "#c0392b", "mismatch": "#d68910", "subjective": "#2471a3", "abuse": "#7d3c98", "other": "#aab7b8",
    "needs_review": "#5d6d7e",
}  # fmt: skip
_BLUE = "#2471a3"


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its interval, and another to compare it with; None where there is none."""

    label: str
    value: float
    low: float
    high: float
    text: str
    reference: float | None = None


def bars(rows: Sequence[tuple[str, float, str]]) -> Markup:
    """Return horizontal bars: a label, a value of nought or more, and what is written beside it."""
    most = max((value for _, value, _ in rows), default=0) or 1
    drawn = []
    for place, (label, value, text) in enumerate(rows):
        y, width = place * _ROW, _PLOT * value / most
        drawn.append(_label(label, y) + _rectangle(_LABEL, y + 5, max(width, 1), _ROW - 10, _BLUE))
        drawn.append(_words(_LABEL + width + 6, y + 17, text))
    return _svg(drawn, len(rows) * _ROW)


def intervals(rows: Sequence[Interval], ticks: Sequence[float], *, logarithmic: bool = False) -> Markup:
    """Return values as points on their intervals, the compared ones as upright marks.

    Parameters
    ----------
    rows
        From top to bottom.
    ticks
        Where lines stand, from the lowest to the highest; what lies beyond is cut off. Shares, or ratios where logarithmic.
    logarithmic
        Whether twice as much is as far as half as much.
    """
    first, last = (log2(ticks[0]), log2(ticks[-1])) if logarithmic else (ticks[0], ticks[-1])

    def x(value: float) -> float:
        at = value if not logarithmic else log2(max(value, ticks[0]))
        return _LABEL + _PLOT * (min(max(at, first), last) - first) / (last - first)

    foot, drawn = len(rows) * _ROW, []
    for tick in ticks:
        drawn.append(_line(x(tick), 0, x(tick), foot, "#888" if logarithmic and tick == 1 else "#e3e3e3"))
        drawn.append(_words(x(tick), foot + 15, f"{tick:g}×" if logarithmic else f"{tick:.0%}", "middle"))
    for place, row in enumerate(rows):
        y = place * _ROW + _ROW / 2
        drawn.append(_label(row.label, place * _ROW) + _line(x(row.low), y, x(row.high), y, _BLUE, 2))
        if row.reference is not None:
            drawn.append(_line(x(row.reference), y - 9, x(row.reference), y + 9, "#c0392b", 2))
        drawn.append(Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4.5" fill="{}"/>').format(x(row.value), y, _BLUE))
        drawn.append(_words(_LABEL + _PLOT + 8, y + 4, row.text))
    return _svg(drawn, foot + 22)


def columns(rows: Sequence[tuple[str, Mapping[str, int]]], names: Mapping[str, str]) -> Markup:
    """Return stacked columns: a label under each, and its parts by key; `names` says what the keys are called."""
    keys = [key for key in COLOURS if any(parts.get(key) for _, parts in rows)]
    most = max((sum(parts.values()) for _, parts in rows), default=0) or 1
    width, drawn = (_WIDTH - _LEFT) / max(len(rows), 1), []
    for share in (0, 0.5, 1):
        y = _HEIGHT * (1 - share)
        drawn.append(_line(_LEFT, y, _WIDTH, y, "#e3e3e3") + _words(_LEFT - 4, y + 4, f"{most * share:,.0f}", "end"))
    for place, (label, parts) in enumerate(rows):
        x, y = _LEFT + place * width, float(_HEIGHT)
        for key in keys:
            height = _HEIGHT * parts.get(key, 0) / most
            y -= height
            drawn.append(_rectangle(x + width * 0.1, y, width * 0.8, height, COLOURS[key], f"{label}: {parts.get(key, 0)}"))
        if place % (len(rows) // 8 + 1) == 0:
            drawn.append(_words(x, _HEIGHT + 16, label))
    for place, key in enumerate(keys):
        x = _LEFT + place * (_WIDTH - _LEFT) / len(keys)
        drawn.append(_rectangle(x, _HEIGHT + 28, 10, 10, COLOURS[key]) + _words(x + 14, _HEIGHT + 37, names[key]))
    return _svg(drawn, _HEIGHT + _FOOT)


def _svg(drawn: Sequence[Markup], height: float) -> Markup:
    start = Markup('<svg viewBox="0 -12 {} {:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">').format(_WIDTH, height + 14)
    return start + Markup("").join(drawn) + Markup("</svg>")


def _label(text: str, y: float) -> Markup:
    shown = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return _words(_LABEL - 8, y + 17, shown, "end", text)


def _words(x: float, y: float, text: str, anchor: str = "start", title: str = "") -> Markup:
    told = Markup("<title>{}</title>").format(title) if title else Markup("")
    start = Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">').format(x, y, anchor)
    return start + told + escape(text) + Markup("</text>")


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, width: int = 1) -> Markup:
    drawn = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" stroke="{}" stroke-width="{}"/>')
    return drawn.format(x, y, to_x, to_y, colour, width)


def _rectangle(x: float, y: float, width: float, height: float, colour: str, title: str = "") -> Markup:
    drawn = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"><title>{}</title></rect>')
    return drawn.format(x, y, width, height, colour, title)
