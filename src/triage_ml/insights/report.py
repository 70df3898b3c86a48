"""Insights to read: one HTML page that needs nothing else, with charts, in English or Chinese.

folder/report.html      everything on one page
       insights.json    the same figures
       *.csv            one table each (`triage_ml.insights.tables`)
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triage_ml.errors import CaseError
from triage_ml.insights.causes import load_causes
from triage_ml.insights.overview import Insights
from triage_ml.insights.rates import Basis, Rate
from triage_ml.insights.records import ALL, UNKNOWN, Trend, Verdict
from triage_ml.insights.tables import as_json, write_tables
from triage_ml.messages import Money

if TYPE_CHECKING:
    from markupsafe import Markup

LANGUAGES = ("en", "zh")
_FOLDER = files("triage_ml") / "data" / "insights"
# How many lines of a long table the page shows; the CSV tables hold all.
_SHOWN = 30
_RATIOS = (0.125, 0.25, 0.5, 1, 2, 4, 8)
_SHARES = (0, 0.2, 0.4, 0.6, 0.8, 1)


def write_report(insights: Insights, folder: Path, language: str = "en") -> Path:
    """Write page, tables and figures, and return the path of the page.

    Parameters
    ----------
    insights
        What to show.
    folder
        Made if it is not there; files of an earlier report are written over.
    language
        "en" or "zh".

    Raises
    ------
    CaseError
        For another language.
    """
    if language not in LANGUAGES:
        raise CaseError("report", f"the language {language!r}", "en or zh", "Choose one of them.")
    write_tables(insights, folder)
    (folder / "insights.json").write_text(json.dumps(as_json(insights), indent=2, ensure_ascii=False) + "\n", "utf-8")
    page = folder / "report.html"
    page.write_text(_Page(insights, language).html(), "utf-8")
    return page


class _Page:
    """What the template asks for: words of one language, numbers as a person reads them, and charts."""

    def __init__(self, insights: Insights, language: str) -> None:
        self.insights, self.language, self.words = insights, language, headings(language)
        self.shown = _SHOWN

    def html(self) -> str:
        from jinja2 import Environment, StrictUndefined

        # Buyers' words stand on this page: everything is escaped.
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        template = environment.from_string((_FOLDER / "report.html").read_text("utf-8"))
        return template.render(page=self, it=self.insights, w=self.words)

    # --- words -------------------------------------------------------------------------------------------------------

    def name(self, key: str) -> str:
        """Return what a category, a cause, a remedy or a verdict is called; of a group its name."""
        cause = load_causes().get(key)
        return cause.names[self.language] if cause else str(self.words["names"].get(key, key))

    def group(self, group: str) -> str:
        """Return what a group is called."""
        return str({ALL: self.words["all_groups"], UNKNOWN: self.words["unknown_group"]}.get(group, group))

    @property
    def by(self) -> str:
        """What cases are put together by."""
        return str(self.words[self.insights.by.value])

    @property
    def basis(self) -> str:
        """What the rates of all are set against."""
        lines = self.insights.categories
        return str(self.words["per_order" if lines and lines[0].now.basis is Basis.ORDERS else "per_case"])

    # --- numbers -----------------------------------------------------------------------------------------------------

    def percent(self, value: float | None) -> str:
        """Return a fraction in percent, with a digit behind the point below ten."""
        if value is None:
            return "–"
        return f"{value:.1%}" if abs(value) < 0.1 else f"{value:.0%}"

    def rate(self, rate: Rate) -> str:
        """Return a rate with its interval."""
        if rate.value is None:
            return f"{rate.count:,}"
        return f"{self.percent(rate.value)} ({self.percent(rate.low)} – {self.percent(rate.high)})"

    def times(self, value: float | None) -> str:
        """Return a ratio; ∞ where it has no upper end."""
        return "∞" if value is None else f"{value:.2f}×"

    def p(self, value: float | None) -> str:
        """Return a p value."""
        return "–" if value is None else "< 0.0001" if value < 0.0001 else f"{value:.4f}"

    def money(self, amounts: Sequence[Money]) -> str:
        """Return amounts of several currencies."""
        return " + ".join(map(str, amounts)) or "–"

    def first(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return the lines that are shown."""
        return rows[:_SHOWN]

    # --- choices -----------------------------------------------------------------------------------------------------

    @property
    def alarms(self) -> list[Trend]:
        """What changed."""
        return [trend for trend in self.insights.trends if trend.verdict in (Verdict.MORE, Verdict.LESS)]

    @property
    def tested(self) -> int:
        """How many tests were made."""
        return sum(trend.change is not None for trend in self.insights.trends)

    def of_all(self, lines: Sequence[Any]) -> list[Any]:
        """Return the lines of all groups together, the most frequent first."""
        return sorted((line for line in lines if line.group == ALL), key=lambda line: -line.now.count)

    def by_group(self, lines: Sequence[Any]) -> list[Any]:
        """Return the lines of single groups."""
        return [line for line in lines if line.group != ALL]

    # --- charts ------------------------------------------------------------------------------------------------------

    def chart(self, name: str) -> Markup | str:
        """Return a chart, nothing where it has nothing to show."""
        return _CHARTS[name](self)

    def fixes_chart(self) -> Markup | str:
        from triage_ml.insights.charts import bars

        rows = [(fix.names[self.language], fix.weight, self.percent(fix.share)) for fix in self.insights.fixes if fix.weight]
        return bars(rows) if rows else ""

    def trends_chart(self) -> Markup | str:
        from triage_ml.insights.charts import Interval, intervals

        rows = [
            Interval(
                f"{self.group(trend.group)}: {self.name(trend.what)}",
                _RATIOS[-1] if trend.change.ratio is None else trend.change.ratio,
                trend.change.low,
                _RATIOS[-1] if trend.change.high is None else trend.change.high,
                self.times(trend.change.ratio),
            )
            for trend in self.alarms[:_SHOWN]
            if trend.change
        ]
        return intervals(rows, _RATIOS, logarithmic=True) if rows else ""

    def weeks_chart(self) -> Markup | str:
        from triage_ml.insights.charts import columns

        rows = [
            (week.monday.isoformat(), {category.value: n for category, n in week.cases.items()}) for week in self.insights.weeks
        ]
        return columns(rows, self.words["names"]) if rows else ""

    def expectation_chart(self) -> Markup | str:
        return self._shares((self.group(one.group), one.share, one.trade) for one in self.insights.expectation[:12])

    def offers_chart(self) -> Markup | str:
        bands = self.insights.offers
        return self._shares(
            (f"{self.name(band.claim)}: {self.percent(band.mean_share)}", band.acceptance, band.trade) for band in bands
        )

    def remedies_chart(self) -> Markup | str:
        return self._shares((self.name(one.remedy), one.acceptance, None) for one in self.insights.remedies)

    def replies_chart(self) -> Markup | str:
        return self._shares((self.group(one.marketplace), one.within_day, None) for one in self.insights.replies[:12])

    def _shares(self, rows: Any) -> Markup | str:  # noqa: ANN401 - an iterable of label, rate and what to compare it with
        from triage_ml.insights.charts import Interval, intervals

        drawn = [
            Interval(label, rate.value, rate.low, rate.high, f"{self.percent(rate.value)} ({rate.count:,}/{rate.of:,})", mark)
            for label, rate, mark in rows
            if rate.value is not None
        ]
        return intervals(drawn, _SHARES) if drawn else ""


_CHARTS: Mapping[str, Callable[[_Page], Markup | str]] = {
    "fixes": _Page.fixes_chart,
    "trends": _Page.trends_chart,
    "weeks": _Page.weeks_chart,
    "expectation": _Page.expectation_chart,
    "offers": _Page.offers_chart,
    "remedies": _Page.remedies_chart,
    "replies": _Page.replies_chart,
}


def headings(language: str) -> Mapping[str, Any]:
    """Return what the report says in a language: headings, and the tables `names` and `notes`."""
    words: Mapping[str, Any] = _all_headings()[language]
    return words


@cache
def _all_headings() -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / "headings.toml").read_text("utf-8"))
