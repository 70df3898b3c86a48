"""From a figure back to its cases: which ones stand behind a group, a category, a cause, a place to put right, or a week."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from triage_ml.insights.causes import COMPLAINTS, load_causes, load_fixes
from triage_ml.insights.overview import Insights
from triage_ml.insights.records import ALL, COMPLAINT, Line
from triage_ml.insights.sums import newest
from triage_ml.messages import Category

# What all cases of a group are called.
ANY = ""


@dataclass(frozen=True, slots=True)
class Behind:
    """The cases that were recorded last, the newest first, and of how many; None where that was not counted."""

    case_ids: tuple[str, ...]
    cases: int | None


def cases_behind(insights: Insights, group: str = ALL, what: str = ANY) -> Behind:
    """Return the cases of the period behind something; none where there is no such thing.

    Parameters
    ----------
    insights
        What was counted.
    group
        As it stands in the lines; `ALL` for all groups together.
    what
        A category, a cause, a fix, `COMPLAINT`, or `ANY` for all.
    """
    lines = [line for line in insights.categories if line.group == group]
    if what == ANY:
        return Behind(_last(lines), sum(line.now.count for line in lines))
    causes = [line for line in insights.causes if line.group == group]
    if what == COMPLAINT:
        told = [line for line in causes if load_causes()[line.what].claim in COMPLAINTS]
        return Behind(_last(told), _complaints(insights, group))
    if what in load_fixes():
        told = [line for line in causes if load_causes()[line.what].fix == what]
        return Behind(_last(told), _to_put_right(insights, group, what))
    found = [line for line in (*lines, *causes) if line.what == what]
    return Behind(_last(found), sum(line.now.count for line in found))


def cases_of_week(insights: Insights, monday: date, category: Category) -> Behind:
    """Return the cases of one category that began in one week."""
    week = next((week for week in insights.weeks if week.monday == monday), None)
    return Behind(week.case_ids.get(category, ()), week.cases.get(category, 0)) if week else Behind((), 0)


def _last(lines: Iterable[Line]) -> tuple[str, ...]:
    return newest(case_id for line in lines for case_id in line.case_ids)


def _complaints(insights: Insights, group: str) -> int:
    """Return how many complaints there are; a case may have several causes, so those cannot be added up."""
    if group == ALL:
        return insights.complaints
    return next((trend.now.count for trend in insights.trends if (trend.group, trend.what) == (group, COMPLAINT)), 0)


def _to_put_right(insights: Insights, group: str, what: str) -> int | None:
    fix = next((fix for fix in insights.fixes if fix.fix == what), None)
    if fix is None or group == ALL:
        return fix.cases if fix else 0
    return next((one.cases for one in fix.groups if one.group == group), None)
